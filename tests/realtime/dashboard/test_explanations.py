"""Explanations: each state comes with its reason in words."""

from __future__ import annotations

import itertools
from datetime import timedelta

import msgspec
import pytest

from models.times import milliseconds
from realtime.clock import Clock
from realtime.dashboard.rows import Explanation
from tests.realtime.conftest import MakeWorld
from tests.realtime.operators import row
from tests.realtime.world import World


def because(world: World, user_id: int = 1) -> Explanation:
    return row(world, user_id).because


def now(world: World) -> int:
    return milliseconds(world.core.environment.clock.utc())


def left_seconds(world: World, cause: Explanation) -> float:
    assert cause.at is not None
    return (cause.at - now(world)) / 1000


def test_who_was_never_there_never_came_online(world: World) -> None:
    assert because(world) == Explanation("never came online")


def test_who_has_a_socket_is_connected(world: World) -> None:
    world.connect(1)
    assert because(world) == Explanation("connected")


def test_a_heartbeat_over_rest_says_how_long_ago_it_was(world: World) -> None:
    world.beat(1)
    at = now(world)
    world.advance(20)
    assert because(world) == Explanation("heartbeat", at, "up", " ago")


def test_a_lost_connection_says_how_much_grace_is_left(world: World) -> None:
    world.lose(world.connect(1))
    world.advance(6)
    cause = because(world)
    assert (cause.text, cause.counts, cause.tail) == ("connection lost,", "down", " of grace left")
    assert left_seconds(world, cause) == 9


def test_a_lost_connection_is_no_restart_although_time_passes_between_two_readings_of_the_clock(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    socket, now, readings = world.connect(1), Clock.now, itertools.count(1)
    monkeypatch.setattr(Clock, "now", lambda clock: now(clock) + next(readings) * 1e-5)
    world.lose(socket)
    assert because(world).text == "connection lost,"


def test_after_a_restart_it_says_how_long_the_user_is_held(world: World) -> None:
    world.connect(1)
    world.flush()
    world.crash()
    world.start()
    world.advance(15)
    cause = because(world)
    assert (cause.text, cause.counts, cause.tail) == ("held for", "down", " more after a restart")
    assert left_seconds(world, cause) == 30


def test_on_a_call_it_says_with_whom_and_since_when(world: World) -> None:
    world.connect(1)
    world.connect(2)
    call = world.call(1, 2)
    at = milliseconds(call.started_at)
    assert because(world, 1) == Explanation("on a call with user2,", at)
    assert because(world, 2) == Explanation("on a call with user1,", at)


def test_busy_without_the_call_says_so(world: World) -> None:
    world.connect(1)
    world.hold((1, 2), "gone")
    assert because(world) == Explanation("on a call that is not ongoing")


def test_busy_by_hand_says_until_when(world: World) -> None:
    world.connect(1)
    world.put(1, is_busy=True)
    assert because(world) == Explanation("set busy")
    until = world.time.wall() + timedelta(minutes=5)
    world.put(1, busy_until=until)
    assert because(world) == Explanation("set busy until", milliseconds(until), "clock")


def test_offline_by_hand_is_set_offline(world: World) -> None:
    world.connect(1)
    world.put(1, is_online=False)
    assert because(world) == Explanation("set offline")


def test_forced_offline_names_the_operator(world: World) -> None:
    from_the_desk(world)
    assert because(world) == Explanation("forced offline by maya")


def from_the_desk(world: World) -> None:
    """Force user 1 offline as the operator maya."""
    world.connect(1)
    world.put(1, is_online=False)
    blame_operator(world, "maya")


def blame_operator(world: World, name: str) -> None:
    """Make an operator the cause of user 1's state."""
    world.edit(1, state=msgspec.structs.replace(world.core.registry.get(1).state, reason="operator", by=name))


def test_who_was_disconnected_by_an_operator_says_by_whom(world: World) -> None:
    world.connect(1)
    world.lose(world.clients[0])
    world.advance(16)
    blame_operator(world, "")
    assert because(world) == Explanation("disconnected by an operator")
    blame_operator(world, "maya")
    assert because(world) == Explanation("disconnected by maya")


def test_lost_without_coming_back_is_disconnected(world: World) -> None:
    world.lose(world.connect(1))
    world.advance(16)
    assert because(world) == Explanation("disconnected")


def test_a_heartbeat_that_is_over_timed_out(world: World) -> None:
    world.beat(1)
    world.advance(91)
    assert because(world) == Explanation("timed out")


def test_another_cause_is_no_sign_of_life(world: World) -> None:
    world.beat(1)
    world.put(1, busy_until=world.time.wall() + timedelta(seconds=100))
    world.advance(110)
    assert because(world) == Explanation("no sign of life")


def test_a_disabled_user_is_disabled(world: World) -> None:
    world.connect(1)
    world.core.presence.disable(1)
    assert because(world) == Explanation("disabled")


def test_a_heartbeat_that_outlasts_the_grace_is_the_reason(make_world: MakeWorld) -> None:
    world = make_world(1)
    world.beat(1)
    world.lose(world.connect(1))
    assert because(world).text == "heartbeat"
