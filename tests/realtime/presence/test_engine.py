"""Presence: a user is online while there is a reason for it, and changes are announced exactly once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from models.calls import Call
from models.errors import StoreUnavailable
from tests.realtime.client import Client
from tests.realtime.conftest import told
from tests.realtime.world import World


def test_the_first_socket_brings_its_user_online(world: World, operator_session: Client) -> None:
    world.connect(1)
    assert told(world, operator_session) == [(1, True, False, "connected")]


def test_a_second_socket_announces_nothing(world: World, operator_session: Client) -> None:
    world.connect(1)
    told(world, operator_session)
    world.connect(1)
    assert told(world, operator_session) == []


def test_join_and_leave_say_which_socket_was_first_and_last(world: World) -> None:
    presence = world.core.presence
    assert [presence.join(1), presence.join(1)] == [True, False]
    assert [presence.leave(1, "disconnected", clean=False) for _ in range(2)] == [False, True]


def test_closing_some_sockets_of_a_user_announces_nothing(world: World, operator_session: Client) -> None:
    phones = [world.connect(1) for _ in range(3)]
    told(world, operator_session)
    world.leave(phones[0])
    world.lose(phones[1])
    world.advance(60)
    assert told(world, operator_session) == []


def test_a_reconnect_within_the_grace_period_announces_nothing(world: World, operator_session: Client) -> None:
    phone = world.connect(1)
    told(world, operator_session)
    world.lose(phone)
    world.advance(14.5)
    world.connect(1)
    world.advance(60)
    assert told(world, operator_session) == []


def test_a_lost_connection_is_announced_when_the_grace_period_is_over(world: World, operator_session: Client) -> None:
    phone = world.connect(1)
    told(world, operator_session)
    world.lose(phone)
    world.advance(14.75)
    assert told(world, operator_session) == []
    world.advance(0.5)
    assert told(world, operator_session) == [(1, False, False, "disconnected")]


def test_a_longer_absence_is_one_offline_and_one_online(world: World, operator_session: Client) -> None:
    phone = world.connect(1)
    told(world, operator_session)
    world.lose(phone)
    world.advance(30)
    world.connect(1)
    world.advance(30)
    assert told(world, operator_session) == [(1, False, False, "disconnected"), (1, True, False, "connected")]


def test_a_clean_close_is_offline_after_a_second(world: World, operator_session: Client) -> None:
    phone = world.connect(1)
    told(world, operator_session)
    world.leave(phone)
    world.advance(0.75)
    assert told(world, operator_session) == []
    world.advance(0.5)
    assert told(world, operator_session) == [(1, False, False, "disconnected")]


def test_a_reload_announces_nothing(world: World, operator_session: Client) -> None:
    page = world.connect(1)
    told(world, operator_session)
    world.leave(page)
    world.advance(0.5)
    world.connect(1)
    world.advance(10)
    assert told(world, operator_session) == []


def test_a_grace_timer_of_an_old_loss_does_not_cut_a_newer_one_short(world: World, operator_session: Client) -> None:
    phone = world.connect(1)
    world.lose(phone)
    world.advance(10)
    world.lose(world.connect(1))
    told(world, operator_session)
    world.advance(10)
    assert told(world, operator_session) == []
    world.advance(6)
    assert told(world, operator_session) == [(1, False, False, "disconnected")]


def test_a_heartbeat_brings_its_user_online_for_its_life(world: World, operator_session: Client) -> None:
    world.beat(1)
    assert told(world, operator_session) == [(1, True, False, "heartbeat")]
    world.advance(89.5)
    assert told(world, operator_session) == []
    world.advance(1)
    assert told(world, operator_session) == [(1, False, False, "timed_out")]


def restart(world: World) -> None:
    """Kill the process, and start another one on the same store."""
    world.crash()
    world.start()


def test_a_heartbeat_that_brings_its_user_online_survives_a_kill(world: World) -> None:
    assert world.beat(1).is_online
    restart(world)
    assert world.status(1).is_online


def test_a_heartbeat_beside_a_socket_that_is_not_saved_yet_survives_a_kill(
    world: World, operator_session: Client
) -> None:
    world.connect(1)
    told(world, operator_session)
    assert world.beat(1).is_online
    assert told(world, operator_session) == []
    restart(world)
    assert world.status(1).is_online


def test_a_heartbeat_after_one_on_a_socket_that_ended_an_explicit_offline_survives_a_kill(world: World) -> None:
    world.connect(1)
    world.put(1, is_online=False)
    world.beat(1, over_socket=True)
    assert world.beat(1).is_online
    restart(world)
    assert world.status(1).is_online


def test_a_heartbeat_after_an_offline_that_was_saved_without_a_reply_survives_a_kill(world: World) -> None:
    phone = world.connect(1)
    world.flush()
    world.leave(phone)
    world.advance(2)
    world.faults.script("save_evidence", "reply_lost")
    with pytest.raises(StoreUnavailable):
        world.flush()
    world.connect(1)
    assert world.beat(1).is_online
    restart(world)
    assert world.status(1).is_online


def test_a_heartbeat_that_cannot_be_saved_brings_nobody_online(world: World) -> None:
    world.faults.script("save_evidence", "refused")
    with pytest.raises(StoreUnavailable):
        world.beat(1)
    assert not world.status(1).is_online


def test_a_heartbeat_of_a_user_whom_the_store_shows_as_online_does_not_wait_for_the_store(world: World) -> None:
    world.connect(1)
    world.flush()
    world.faults.is_down = True
    with pytest.raises(StoreUnavailable):
        world.flush()
    assert world.beat(1).is_online


def test_heartbeats_of_an_online_user_announce_nothing(world: World, operator_session: Client) -> None:
    world.beat(1)
    told(world, operator_session)
    for _ in range(10):
        world.advance(60)
        world.beat(1)
    assert told(world, operator_session) == []


def test_a_heartbeat_moves_last_seen(world: World) -> None:
    world.beat(1)
    world.advance(30)
    assert world.beat(1).last_seen == world.core.environment.clock.utc()


def test_a_rest_heartbeat_outlives_the_socket(world: World, operator_session: Client) -> None:
    phone = world.connect(1)
    world.beat(1)
    world.leave(phone)
    told(world, operator_session)
    world.advance(89)
    assert told(world, operator_session) == []
    world.advance(2)
    assert told(world, operator_session) == [(1, False, False, "timed_out")]


def test_a_heartbeat_over_a_socket_ends_with_the_socket(world: World, operator_session: Client) -> None:
    phone = world.connect(1)
    world.send(phone, "heartbeat")
    world.leave(phone)
    told(world, operator_session)
    world.advance(2)
    assert told(world, operator_session) == [(1, False, False, "disconnected")]


def test_a_loss_that_is_forgiven_longer_than_the_heartbeat_lives_is_a_disconnect(
    world: World, operator_session: Client
) -> None:
    phone = world.connect(1)
    world.beat(1)
    world.advance(80)
    told(world, operator_session)
    world.lose(phone)
    world.advance(14)
    assert told(world, operator_session) == []
    world.advance(2)
    assert told(world, operator_session) == [(1, False, False, "disconnected")]


def test_no_jump_of_the_wall_clock_is_taken_for_silence(world: World, operator_session: Client) -> None:
    world.connect(1)
    world.beat(2)
    told(world, operator_session)
    for jump in (timedelta(hours=1), timedelta(hours=-1), timedelta(days=1), timedelta(days=-1)):
        world.time.jumped = jump
        world.advance(10)
    assert told(world, operator_session) == []


def test_last_seen_never_goes_backwards(world: World) -> None:
    before = world.beat(1).last_seen
    world.time.jumped = timedelta(hours=-1)
    assert world.beat(1).last_seen == before


def test_a_stall_of_the_server_marks_nobody_offline(world: World, operator_session: Client) -> None:
    world.beat(1)
    told(world, operator_session)
    world.advance(80)
    world.stall(600)
    assert told(world, operator_session) == []


def test_silence_is_counted_from_the_last_evidence_and_not_with_a_socket(world: World) -> None:
    phone = world.connect(1)
    world.advance(20)
    assert world.core.registry.get(1).silent_for(world.core.environment.clock.now()) == 0.0
    world.lose(phone)
    world.advance(5)
    assert world.core.registry.get(1).silent_for(world.core.environment.clock.now()) == 5.0


def test_a_call_restored_for_a_user_who_is_gone_is_nothing(world: World) -> None:
    world.core.loader.restore_calls([Call("call", 98, 99, "audio", "ongoing", world.time.wall())])
    assert 99 not in world.core.registry
