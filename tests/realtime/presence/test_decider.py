"""Decider: announcements per user are limited, and the last state is always announced."""

from __future__ import annotations

from tests.realtime.conftest import MakeWorld
from tests.realtime.world import World


def busy_told(world: World, times: int) -> list[bool]:
    """Return what a watcher is told while user 1 turns busy and back in quick succession."""
    world.connect(1)
    operator_session = world.connect(2)
    world.advance(2)
    for number in range(times):
        world.put(1, is_busy=number % 2 == 0)
    world.advance(0.5)
    return [each["status"]["is_busy"] for each in operator_session.updates()]


def test_as_many_as_are_allowed_are_told_at_once(world: World) -> None:
    assert busy_told(world, 4) == [True, False, True, False]


def test_more_than_a_user_may_cause_wait(world: World) -> None:
    assert busy_told(world, 50) == [True, False, True, False]


def test_the_last_state_is_told_when_there_is_room(world: World) -> None:
    busy_told(world, 51)
    world.advance(1)
    assert world.clients[1].updates()[-1]["status"]["is_busy"]
    assert len(world.clients[1].updates()) == 5


def test_whoever_looked_in_between_learns_that_the_state_went_back(world: World) -> None:
    busy_told(world, 5)
    late = world.connect(3)
    world.send(late, "subscribe", subscription="feed", snapshot=True)
    world.put(1, is_busy=False)
    world.advance(2)
    late.fold()
    assert late.picture == world.picture()


def test_nobody_is_told_more_often_than_the_limit(make_world: MakeWorld) -> None:
    world = make_world(2, announcements_per_second=2)
    world.connect(1)
    operator_session = world.connect(2)
    world.advance(2)
    for number in range(80):
        world.put(1, is_busy=number % 2 == 0)
        world.advance(1 / 16)
    world.advance(2)
    assert len(operator_session.updates()) <= 2 * 6
    assert not operator_session.updates()[-1]["status"]["is_busy"]


def test_what_was_left_out_is_counted(world: World) -> None:
    busy_told(world, 6)
    assert world.core.counters.dropped == 2


def test_one_user_who_changes_often_delays_no_other(world: World) -> None:
    busy_told(world, 50)
    world.put(3, is_busy=True)
    world.arrive()
    assert world.clients[1].updates()[-1]["user_id"] == 3


def test_an_offline_taken_back_soon_counts_as_false(world: World) -> None:
    world.lose(world.connect(1))
    world.advance(20)
    world.connect(1)
    assert world.core.counters.false_offlines == 1


def test_an_offline_taken_back_late_was_true(world: World) -> None:
    world.lose(world.connect(1))
    world.advance(90)
    world.connect(1)
    assert world.core.counters.false_offlines == 0


def test_an_offline_that_was_asked_for_is_never_false(world: World) -> None:
    world.connect(1)
    world.put(1, is_online=False)
    world.beat(1)
    assert world.core.counters.false_offlines == 0


def test_announcements_are_counted_by_reason(world: World) -> None:
    world.connect(1)
    world.put(1, is_busy=True)
    assert world.core.counters.announced == {"connected": 1, "set": 1}
