"""User locks: granted in the order requested, separately for each user."""

from __future__ import annotations

import asyncio

from realtime.presence.writeback import UserLocks
from tests.realtime.world import World


class Visitor:
    """Takes a user's lock and holds it until told to leave."""

    def __init__(self, world: World, user_locks: UserLocks, user_id: int) -> None:
        self.has_turn = False
        self.leave: asyncio.Future[None] = world._loop.create_future()
        self.task = world.begin(self._visit(user_locks, user_id))

    async def _visit(self, user_locks: UserLocks, user_id: int) -> None:
        async with user_locks.of(user_id):
            self.has_turn = True
            await self.leave


def test_one_user_is_served_one_at_a_time_in_order(world: World) -> None:
    user_locks = UserLocks()
    visitors = [Visitor(world, user_locks, 1) for _ in range(3)]
    order: list[list[bool]] = []
    for visitor in visitors:
        order.append([each.has_turn for each in visitors])
        visitor.leave.set_result(None)
        world.settle()
    assert order == [[True, False, False], [True, True, False], [True, True, True]]


def test_users_do_not_wait_for_each_other(world: World) -> None:
    user_locks = UserLocks()
    Visitor(world, user_locks, 1)
    assert Visitor(world, user_locks, 2).has_turn


def test_nothing_is_kept_of_users_who_are_done(world: World) -> None:
    user_locks = UserLocks()
    visitors = [Visitor(world, user_locks, 1) for _ in range(2)]
    assert len(user_locks) == 1
    for visitor in visitors:
        visitor.leave.set_result(None)
        world.settle()
    assert len(user_locks) == 0


def test_who_gives_up_waiting_lets_the_next_one_in(world: World) -> None:
    user_locks = UserLocks()
    first, second, third = (Visitor(world, user_locks, 1) for _ in range(3))
    second.task.cancel()
    first.leave.set_result(None)
    world.settle()
    assert third.has_turn
    third.leave.set_result(None)
    world.settle()
    assert len(user_locks) == 0
