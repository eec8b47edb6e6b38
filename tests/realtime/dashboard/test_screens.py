"""Screens on walls: their sockets are as those of operators, and last until the screen is revoked."""

from __future__ import annotations

import pytest

from realtime.protocol import CloseCode
from realtime.sockets.admission import LimitReached
from tests.realtime.conftest import MakeWorld
from tests.realtime.operators import pass_time, tell, wall_screen, watch, watch_as
from tests.realtime.world import World


def test_a_screen_is_told_what_operators_are_told(world: World) -> None:
    screen = watch_as(world, wall_screen(world.time.wall()))
    hello, overview = screen.messages()
    assert (hello["operator"], hello["role"], overview["type"]) == ("Lobby", "screen", "overview")
    operator = watch(world)
    world.connect(1)
    tell(world)
    assert screen.updates()[-1] == operator.updates()[-1]


def test_a_screen_stays_when_operators_are_signed_out_because_of_the_time(make_world: MakeWorld) -> None:
    world = make_world(operator_session_seconds=60, operator_idle_seconds=30)
    operator = watch(world)
    screen = watch_as(world, wall_screen(world.time.wall()))
    pass_time(world, 70, operator, screen)
    world.core.operator_sessions.sweep()
    assert operator.operator_session.close_code == CloseCode.TOKEN_EXPIRED
    assert screen.operator_session.is_open


def test_revoking_a_screen_closes_its_sockets_everywhere_and_no_others(world: World) -> None:
    sessions = world.core.operator_sessions
    revoked = wall_screen(world.time.wall())
    told: list[tuple[int, str]] = []
    sessions.tell_others = lambda operator_id, sign_in_id: told.append((operator_id, sign_in_id))
    first, second = watch_as(world, revoked), watch_as(world, revoked)
    other = watch_as(world, wall_screen(world.time.wall(), "Canteen", "fedcba9876543210"))
    operator = watch(world)
    sessions.end_screen(revoked)
    assert [each.operator_session.close_code for each in (first, second)] == [CloseCode.TOKEN_EXPIRED] * 2
    assert first.errors() == ["AUTH_ERROR"]
    assert other.operator_session.is_open
    assert operator.operator_session.is_open
    assert told == [(0, "screen:0123456789abcdef")]
    sessions.close_operator(1)
    assert list(sessions.screens()) == ["fedcba9876543210"]
    assert sessions.sign_ins() == set()


def test_the_sockets_of_one_screen_are_limited_and_count_for_itself_alone(make_world: MakeWorld) -> None:
    world = make_world(sockets_per_operator=2)
    lobby, canteen = wall_screen(world.time.wall()), wall_screen(world.time.wall(), "Canteen", "fedcba9876543210")
    for _ in range(2):
        watch_as(world, lobby)
        watch(world)
    with pytest.raises(LimitReached):
        watch_as(world, lobby)
    watch_as(world, canteen)
