"""Store check: errors in the stores are found at the second check, and changes in progress are not reported."""

from __future__ import annotations

from datetime import timedelta

import pytest

from models.calls import Call
from models.errors import StoreUnavailable
from realtime.dashboard.store_check import StoreCheck
from tests.realtime.calling import let_go, start
from tests.realtime.world import NOON, World


def look(world: World, times: int = 1) -> StoreCheck:
    for _ in range(times):
        world.run(world.core.store_check.compare())
    return world.core.store_check


def stray(world: World, call_id: str = "stray") -> Call:
    """Store an ongoing call that the server doesn't know."""
    call = Call(call_id, 1, 2, "audio", "ongoing", NOON)
    world.calls.calls[call_id] = call
    return call


def test_a_call_of_the_store_alone_is_found_at_the_second_look(world: World) -> None:
    call = stray(world)
    assert look(world).stray_calls == {}
    assert look(world).stray_calls == {"stray": call}


def test_a_claim_of_a_call_that_is_not_ongoing_is_found(world: World) -> None:
    world.calls.locks[1] = "gone"
    assert look(world).dead_locks == {}
    assert look(world).dead_locks == {1: "gone"}


def test_busy_in_the_store_alone_is_found(world: World) -> None:
    until = NOON + timedelta(days=1)
    world.users.change(1, set_busy=True)
    world.users.change(2, set_busy=True, busy_until=until)
    assert look(world).stored_busy == {}
    assert look(world).stored_busy == {1: None, 2: until}


def test_what_is_mended_is_gone_at_the_next_look(world: World) -> None:
    stray(world)
    world.calls.locks[1] = "gone"
    world.users.change(1, set_busy=True)
    look(world, 2)
    world.calls.calls.clear()
    world.calls.locks.clear()
    world.users.change(1, set_busy=False)
    store_check = look(world)
    assert (store_check.stray_calls, store_check.dead_locks, store_check.stored_busy) == ({}, {}, {})


def test_what_comes_and_goes_is_never_found(world: World) -> None:
    for call_id in ("one", "two", "three"):
        world.calls.locks[1] = call_id
        assert look(world).dead_locks == {}


def test_what_the_server_knows_is_right(world: World) -> None:
    for user_id in (1, 2, 3):
        world.connect(user_id)
    world.call(1, 2)
    world.put(3, is_busy=True)
    store_check = look(world, 3)
    assert (store_check.stray_calls, store_check.dead_locks, store_check.stored_busy) == ({}, {}, {})


def test_a_call_that_is_being_started_is_not_found(world: World) -> None:
    world.connect(1)
    world.connect(2)
    world.faults.holds = True
    starting = start(world, 1, 2)
    while not world.calls.locks:
        world.faults.held[0].go()
        world.settle()
    world.faults.holds = False
    look(world)
    let_go(world)
    assert starting.result().status == "ongoing"
    assert look(world).dead_locks == {}


def test_of_users_who_are_not_here_yet_nothing_is_said(world: World) -> None:
    world.users.add(9, NOON)
    world.users.change(9, set_busy=True)
    assert look(world, 2).stored_busy == {}


def test_a_store_that_cannot_be_reached_changes_no_finding(world: World) -> None:
    world.calls.locks[1] = "gone"
    look(world, 2)
    world.faults.is_down = True
    with pytest.raises(StoreUnavailable):
        look(world)
    assert world.core.store_check.dead_locks == {1: "gone"}
