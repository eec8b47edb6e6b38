"""Switchboard: the same request sent twice makes one call."""

from __future__ import annotations

import pytest

from models.calls import Call
from models.errors import Conflict, StoreUnavailable
from tests.realtime.calling import busy, four_users, let_go, refused, start, step, told_calls
from tests.realtime.conftest import MakeWorld
from tests.realtime.world import World


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    """Four users on sockets."""
    return four_users(make_world(4))


def test_the_same_key_gives_the_same_call(world: World) -> None:
    first = world.call(1, 2, "key")
    assert world.call(1, 2, "key") == first
    assert told_calls(world, 1) == ["ongoing"]


def test_the_same_key_gives_the_same_call_also_when_it_is_over(world: World) -> None:
    call = world.call(1, 2, "key")
    ended = world.hang_up(1, call)
    assert world.call(1, 2, "key") == ended
    assert busy(world) == []


def test_the_same_key_of_another_caller_is_another_key(world: World) -> None:
    assert world.call(1, 2, "key").call_id != world.call(3, 4, "key").call_id


def test_a_key_used_for_another_call_is_refused(world: World) -> None:
    world.call(1, 2, "key")
    assert refused(world, 1, 3, "key") == "IDEMPOTENCY_KEY_REUSED"


def test_a_key_that_another_process_used_is_refused_and_frees_both(world: World) -> None:
    world.faults.holds = True
    task = start(world, 1, 2, "key")
    step(world, "get")
    step(world, "get")
    stored = Call(next(iter(world.core.switchboard._starting)), 1, 3, "audio", "completed", world.time.wall())
    world.calls.calls[stored.call_id] = stored
    let_go(world)
    assert isinstance(task.exception(), Conflict)
    assert world.calls.locks == {}
    assert world.call(1, 2).status == "ongoing"


def test_the_same_request_twice_at_once_is_one_call(world: World) -> None:
    world.faults.holds = True
    tasks = [start(world, 1, 2, "key") for _ in range(2)]
    let_go(world)
    assert tasks[0].result() == tasks[1].result()
    assert told_calls(world, 1) == ["ongoing"]


def test_the_same_request_while_the_first_is_written_waits_for_it(world: World) -> None:
    world.faults.holds = True
    first = start(world, 1, 2, "key")
    step(world, "get")
    step(world, "get")
    second = start(world, 1, 2, "key")
    let_go(world)
    assert first.result() == second.result()


def test_a_request_whose_twin_is_refused_is_refused_alike(world: World) -> None:
    other = Call("other", 2, 9, "audio", "ongoing", world.time.wall())
    world.calls.calls["other"], world.calls.locks[2] = other, "other"
    world.faults.holds = True
    tasks = [start(world, 1, 2, "key") for _ in range(2)]
    let_go(world)
    assert [getattr(task.exception(), "code", None) for task in tasks] == ["USER_BUSY", "USER_BUSY"]


def test_the_same_key_after_a_lost_reply_gives_the_call_that_began(world: World) -> None:
    world.faults.script("insert", "reply_lost")
    with pytest.raises(StoreUnavailable):
        world.call(1, 2, "key")
    assert world.call(1, 2, "key").status == "ongoing"
    assert busy(world) == [1, 2]
    world.advance(3)
    assert told_calls(world, 1) == ["ongoing"]


def test_the_same_key_before_a_failed_start_is_settled_is_told_to_come_later(world: World) -> None:
    world.faults.script("insert", "refused")
    with pytest.raises(StoreUnavailable):
        world.call(1, 2, "key")
    with pytest.raises(StoreUnavailable):
        world.call(1, 2, "key")
    world.advance(2)
    assert world.call(1, 2, "key").status == "ongoing"
