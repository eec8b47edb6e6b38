"""Presence: what users set themselves is saved before it is announced."""

from __future__ import annotations

from datetime import timedelta

import pytest

from models.errors import Invalid, NotFound, StoreUnavailable
from models.status import Profile, StatusChange
from tests.realtime.client import Client
from tests.realtime.conftest import told
from tests.realtime.world import World


def test_an_explicit_offline_stands_above_live_sockets(world: World, operator_session: Client) -> None:
    world.connect(1)
    told(world, operator_session)
    assert not world.put(1, is_online=False).is_online
    assert told(world, operator_session) == [(1, False, False, "set")]


def test_a_new_socket_does_not_end_an_explicit_offline(world: World) -> None:
    world.put(1, is_online=False)
    world.connect(1)
    assert not world.status(1).is_online


@pytest.mark.parametrize("over_socket", [True, False])
def test_a_heartbeat_ends_an_explicit_offline(world: World, over_socket: bool) -> None:
    world.connect(1)
    world.put(1, is_online=False)
    assert world.beat(1, over_socket=over_socket).is_online


def test_asking_to_be_online_counts_as_a_heartbeat(world: World) -> None:
    assert world.put(1, is_online=True).is_online
    world.advance(89)
    assert world.status(1).is_online
    world.advance(2)
    assert not world.status(1).is_online


def test_an_explicit_offline_ends_a_rest_heartbeat(world: World) -> None:
    world.beat(1)
    world.put(1, is_online=False)
    world.advance(1)
    world.beat(1, over_socket=True)
    assert not world.core.registry.get(1).alive


def test_busy_by_hand_is_announced_and_lasts(world: World, operator_session: Client) -> None:
    world.connect(1)
    told(world, operator_session)
    world.put(1, is_busy=True)
    world.advance(600)
    assert told(world, operator_session) == [(1, True, True, "set")]


def test_busy_until_ends_by_itself(world: World, operator_session: Client) -> None:
    world.connect(1)
    world.put(1, busy_until=world.time.wall() + timedelta(seconds=30))
    told(world, operator_session)
    world.advance(29.5)
    assert world.status(1).is_busy
    world.advance(1)
    assert told(world, operator_session) == [(1, True, False, "busy_expired")]


def test_a_later_busy_takes_the_place_of_an_earlier_until(world: World) -> None:
    world.put(1, busy_until=world.time.wall() + timedelta(seconds=30))
    world.put(1, is_busy=True)
    world.advance(60)
    assert world.status(1).is_busy


def test_the_same_again_announces_nothing(world: World, operator_session: Client) -> None:
    world.connect(1)
    world.put(1, is_busy=True)
    told(world, operator_session)
    world.put(1, is_busy=True)
    assert told(world, operator_session) == []


def test_a_change_that_makes_no_sense_changes_nothing(world: World) -> None:
    with pytest.raises(Invalid):
        world.put(1)
    assert world.faults.calls.count("save_claims") == 0


def test_an_unknown_user_is_not_found(world: World) -> None:
    with pytest.raises(NotFound):
        world.put(99, is_busy=True)


def test_a_change_is_saved_before_anyone_is_told(world: World, operator_session: Client) -> None:
    world.faults.script("save_claims", "refused")
    with pytest.raises(StoreUnavailable):
        world.put(1, is_busy=True)
    assert told(world, operator_session) == []
    assert not world.status(1).is_busy


def test_changes_of_one_user_are_made_in_the_order_they_were_asked(world: World) -> None:
    world.faults.holds = True
    presence = world.core.presence
    tasks = [world.begin(presence.change(1, StatusChange(is_busy=busy))) for busy in (True, False)]
    assert [each.operation for each in world.faults.held] == ["save_claims"]
    while world.faults.held:
        world.faults.held[0].go()
        world.settle()
    assert [task.result().is_busy for task in tasks] == [True, False]
    assert not world.users.rows[1].set_busy


def test_a_rename_is_announced(world: World, operator_session: Client) -> None:
    world.rename(Profile(1, "Ada", "https://example.com/ada.png"))
    assert told(world, operator_session) == [(1, False, False, "set")]
    assert world.status(1).username == "Ada"


def test_a_new_user_is_announced_once(world: World, operator_session: Client) -> None:
    user = world.users.add(4, world.time.wall())
    world.core.loader.add(user)
    world.core.loader.add(user)
    assert told(world, operator_session) == [(4, False, False, "set")]


def test_a_disabled_user_is_offline_whatever_the_evidence(world: World, operator_session: Client) -> None:
    world.connect(1)
    world.beat(1)
    told(world, operator_session)
    world.core.presence.disable(1)
    assert told(world, operator_session) == [(1, False, False, "operator")]
    assert not world.beat(1).is_online


def test_a_change_of_something_else_leaves_the_end_of_busy_where_it_was(world: World) -> None:
    world.put(1, busy_until=world.time.wall() + timedelta(seconds=30))
    world.put(1, is_online=True)
    world.advance(29)
    assert world.status(1).is_busy
    world.advance(2)
    assert not world.status(1).is_busy


def test_a_busy_whose_end_passed_during_a_pause_ends_at_once(world: World) -> None:
    world.connect(1)
    world.put(1, busy_until=world.time.wall() + timedelta(seconds=30))
    world.stall(3600)
    assert world.status(1).is_available


@pytest.mark.parametrize("jump", [timedelta(hours=1), timedelta(days=1)])
def test_a_busy_ends_when_the_corrected_clock_says_so(world: World, jump: timedelta) -> None:
    world.put(1, busy_until=world.time.wall() + timedelta(seconds=30))
    world.time.jumped = jump
    world.advance(1)
    assert not world.status(1).is_busy


def test_a_busy_lasts_as_long_as_a_clock_that_was_set_back_says(world: World) -> None:
    until = world.time.wall() + timedelta(seconds=30)
    world.put(1, busy_until=until)
    world.time.jumped = timedelta(hours=-1)
    world.advance(60)
    assert world.status(1).is_busy
    world.time.jumped = timedelta()
    world.advance(1)
    assert not world.status(1).is_busy
