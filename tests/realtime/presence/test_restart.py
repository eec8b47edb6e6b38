"""Restart: users who were online are held, and acknowledged changes remain."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.realtime.conftest import MakeWorld, told


def test_after_a_restart_who_was_online_is_held(make_world: MakeWorld) -> None:
    world = make_world(3)
    world.connect(1)
    world.flush()
    world.crash()
    world.start()
    assert world.status(1).is_online
    world.advance(44)
    assert world.status(1).is_online
    world.advance(2)
    assert not world.status(1).is_online


def test_who_returns_within_the_hold_is_not_announced(make_world: MakeWorld) -> None:
    world = make_world(3)
    world.connect(1)
    world.flush()
    world.crash()
    world.start()
    operator_session = world.connect(3)
    world.advance(40)
    world.connect(1)
    world.advance(60)
    assert told(world, operator_session) == []


def test_who_does_not_return_within_the_hold_timed_out(make_world: MakeWorld) -> None:
    world = make_world(3)
    world.connect(1)
    world.flush()
    world.crash()
    world.start()
    operator_session = world.connect(3)
    world.advance(46)
    assert told(world, operator_session) == [(1, False, False, "timed_out")]


def test_a_heartbeat_over_a_socket_prolongs_no_hold(make_world: MakeWorld) -> None:
    world = make_world(1)
    world.send(world.connect(1), "heartbeat")
    world.flush()
    world.crash()
    world.start()
    world.advance(46)
    assert not world.status(1).is_online


def test_a_rest_heartbeat_that_an_explicit_offline_ended_counts_no_more_after_a_restart(make_world: MakeWorld) -> None:
    world = make_world(1)
    world.connect(1)
    world.beat(1)
    world.put(1, is_online=False)
    world.flush()
    world.crash()
    world.start()
    world.send(world.connect(1), "heartbeat")
    world.lose(world.clients[-1])
    world.advance(14)
    assert world.status(1).is_online
    world.advance(2)
    assert not world.status(1).is_online


def test_a_rest_heartbeat_lives_on_after_a_restart(make_world: MakeWorld) -> None:
    world = make_world(1)
    world.beat(1)
    world.flush()
    world.advance(10)
    world.crash()
    world.start()
    world.advance(79)
    assert world.status(1).is_online
    world.advance(2)
    assert not world.status(1).is_online


def test_an_explicit_offline_outlives_a_restart(make_world: MakeWorld) -> None:
    world = make_world(1)
    world.beat(1)
    world.put(1, is_online=False)
    world.flush()
    world.crash()
    world.start()
    assert not world.status(1).is_online


def test_an_explicit_offline_outlives_a_restart_after_the_wall_clock_went_back(make_world: MakeWorld) -> None:
    world = make_world(1)
    world.beat(1)
    world.flush()
    world.time.jumped = timedelta(hours=-1)
    world.put(1, is_online=False)
    world.crash()
    world.start()
    assert not world.status(1).is_online


@pytest.mark.parametrize("over_socket", [True, False])
def test_an_explicit_offline_that_a_heartbeat_ended_stays_ended_after_a_restart(
    make_world: MakeWorld, over_socket: bool
) -> None:
    world = make_world(1)
    world.connect(1)
    world.put(1, is_online=False)
    world.beat(1, over_socket=over_socket)
    world.flush()
    world.crash()
    world.start()
    assert world.status(1).is_online


def test_busy_outlives_a_restart_and_still_ends(make_world: MakeWorld) -> None:
    world = make_world(1)
    world.put(1, busy_until=world.time.wall() + timedelta(seconds=30))
    world.crash()
    world.start()
    assert world.status(1).is_busy
    world.advance(31)
    assert not world.status(1).is_busy


def test_a_heartbeat_that_was_over_is_not_fresh_again_because_the_wall_clock_went_back(make_world: MakeWorld) -> None:
    world = make_world(1)
    world.beat(1)
    world.advance(91)
    world.flush()
    world.crash()
    world.time.jumped = timedelta(hours=-1)
    world.start()
    assert not world.status(1).is_online
