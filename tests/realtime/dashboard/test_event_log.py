"""Event log: announced changes and calls become events, each once, with names, in order."""

from __future__ import annotations

from datetime import timedelta

import pytest

from realtime.dashboard import event_log
from realtime.dashboard.action_previews import ActionTarget
from realtime.presence.log import OperatorAction
from tests.realtime.calling import four_users
from tests.realtime.conftest import MakeWorld
from tests.realtime.world import World


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    """Four users, none of whom is connected yet."""
    return make_world(4)


def events(world: World) -> list[tuple[str, int, str]]:
    """Return (kind, user id, cause) of the events, oldest first."""
    return [(each.kind, each.user_id, each.cause) for each in reversed(world.core.event_log.latest())]


def test_what_changes_the_state_is_an_event_with_its_cause(world: World) -> None:
    world.connect(1)
    world.put(1, is_busy=True)
    world.put(1, is_busy=False)
    assert events(world) == [("available", 1, "connected"), ("busy", 1, "set"), ("available", 1, "set")]


def test_a_new_end_of_busy_is_no_event(world: World) -> None:
    world.connect(1)
    world.put(1, is_busy=True)
    world.put(1, busy_until=world.core.environment.clock.utc() + timedelta(minutes=5))
    assert len(events(world)) == 2


def test_a_call_is_an_event_at_its_start_and_at_its_end(world: World) -> None:
    four_users(world)
    call = world.call(1, 2)
    world.advance(65)
    world.hang_up(1, call)
    noted = [each for each in world.core.event_log.latest() if each.call_id]
    assert [(each.kind, each.cause, each.other_name, each.duration_seconds) for each in noted] == [
        ("call_ended", "completed", "user2", 65),
        ("call_started", "audio", "user2", None),
    ]


def test_what_an_operator_did_is_named(world: World) -> None:
    four_users(world)
    call = world.call(1, 2)

    world.run(
        world.core.actions.carry_out(
            "end_call", ActionTarget(call_id=call.call_id), "maya", now=False, entry_id="entry"
        )
    )
    named = [(each.kind, each.user_id, each.operator) for each in world.core.event_log.latest()[:3]]
    assert named == [("action", 2, "maya"), ("action", 1, "maya"), ("call_ended", 1, "maya")]


def test_damped_changes_are_one_event(world: World) -> None:
    world.connect(1)
    for _ in range(10):
        world.put(1, is_busy=True)
        world.put(1, is_busy=False)
    world.advance(2)
    assert len(events(world)) <= 6


def test_ids_rise_whatever_the_wall_clock_does(world: World) -> None:
    world.connect(1)
    world.time.jumped = timedelta(hours=-1)
    world.connect(2)
    ids = [each.event_id for each in world.core.event_log.latest()]
    assert ids == sorted(ids, reverse=True)


def test_events_wait_until_they_are_saved(world: World) -> None:
    world.connect(1)
    world.connect(2)
    heard = [event for event, _ in world.core.event_log.take_new()]
    first = world.core.event_log.unsaved(1)
    assert first == heard[:1]
    world.core.event_log.saved(first)
    assert world.core.event_log.unsaved(10) == heard[1:]


def test_beyond_its_room_the_oldest_are_given_up_and_counted(
    make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_log, "UNSAVED_EVENTS", 2)
    world = make_world(3)
    world.connect(1)
    under_way = world.core.event_log.unsaved(1)
    world.connect(2)
    world.connect(3)
    world.core.event_log.saved(under_way)
    assert [each.user_id for each in world.core.event_log.unsaved(9)] == [2, 3]
    assert world.core.event_log.given_up == 1


def test_the_latest_of_the_process_before_are_still_there(world: World) -> None:
    world.connect(1)
    before = world.core.event_log.latest()
    world.crash()
    world.start()
    world.core.event_log.restore(before)
    assert world.core.event_log.latest() == before


def test_what_concerns_nobody_known_is_no_event(world: World) -> None:
    four_users(world)
    call = world.call(1, 2)
    world.hang_up(1, call)
    count = len(events(world))
    del world.core.registry._entries[1]
    world.core.event_log.call_changed(call, True)
    world.core.event_log.acted(OperatorAction((1,), "sign_out", "maya"), True)
    assert len(events(world)) == count


def test_the_events_so_far_are_told_from_later_ones(world: World) -> None:
    log = world.core.event_log
    before_all = log.reached()
    world.connect(1)
    at_once = log.reached()  # in the same millisecond
    world.connect(2)
    world.advance(1)
    later = log.reached()
    world.connect(3)
    first, second, third = [each.event_id for each in reversed(log.latest())]
    assert before_all < first < at_once < second < later < third


def test_the_events_of_the_process_before_are_among_those_so_far(world: World) -> None:
    world.connect(1)
    (before,) = world.core.event_log.latest()
    world.crash()
    world.advance(1)
    world.start()
    reached = world.core.event_log.reached()
    world.connect(2)
    assert before.event_id < reached < world.core.event_log.latest()[0].event_id


def test_all_events_are_counted(world: World) -> None:
    world.connect(1)
    world.connect(2)
    world.core.event_log.saved(world.core.event_log.unsaved(2))
    assert world.core.event_log.noted == 2
