"""Switchboard: nobody stays busy, whatever the store does and whenever the process crashes."""

from __future__ import annotations

from typing import Any

import pytest

from models.calls import Call, CallLock
from models.errors import StoreUnavailable
from realtime.calls.call_store import CallStore
from tests.realtime.calling import busy, four_users, let_go, refused, start, step, told_calls
from tests.realtime.conftest import MakeWorld
from tests.realtime.stores import Fault
from tests.realtime.world import World


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    """Four users on sockets."""
    return four_users(make_world(4))


def test_a_drop_the_store_does_not_take_is_tried_again(world: World) -> None:
    world.call(1, 2)
    world.lose(world.clients[0])
    world.faults.is_down = True
    world.advance(95)
    assert busy(world) == [1, 2]
    world.faults.is_down = False
    world.advance(4)
    assert busy(world) == []


def test_a_drop_that_fails_after_the_call_was_ended_does_not_watch_the_next_call(world: World) -> None:
    call = world.call(1, 2)
    world.lose(world.clients[0])
    world.advance(89)
    world.faults.holds = True
    world.advance(2)
    world.faults.holds = False
    world.hang_up(2, call)
    world.beat(1)
    world.call(1, 2)
    step(world, "end", "refused")
    let_go(world)
    world.advance(92)
    assert busy(world) == []


@pytest.mark.parametrize("operation", ["lock", "insert"])
@pytest.mark.parametrize("fault", ["refused", "reply_lost", "half"])
def test_a_start_of_unknown_fate_is_settled_either_way(world: World, operation: str, fault: Fault) -> None:
    world.faults.script(operation, fault)
    with pytest.raises(StoreUnavailable):
        world.call(1, 2)
    world.advance(2)
    applied = operation == "insert" and fault == "reply_lost"
    assert busy(world) == ([1, 2] if applied else [])
    assert world.calls.locks.keys() == ({1, 2} if applied else set())
    assert told_calls(world, 2) == (["ongoing"] if applied else [])


def test_until_a_start_is_settled_both_are_taken(world: World) -> None:
    world.faults.script("insert", "reply_lost")
    with pytest.raises(StoreUnavailable):
        world.call(1, 2)
    assert refused(world, 3, 2) == "USER_BUSY"


def test_settling_is_tried_until_the_store_answers(world: World) -> None:
    world.faults.is_down = True
    with pytest.raises(StoreUnavailable):
        world.call(1, 2)
    world.advance(10)
    world.faults.is_down = False
    world.advance(2)
    assert world.call(1, 2).status == "ongoing"


def test_a_call_that_began_unseen_can_be_ended(world: World) -> None:
    world.faults.script("insert", "reply_lost")
    with pytest.raises(StoreUnavailable):
        world.call(1, 2)
    (call,) = world.calls.calls.values()
    assert world.hang_up(1, call).status == "completed"
    world.advance(3)
    assert busy(world) == []
    assert told_calls(world, 1) == []


def test_what_settling_read_before_the_end_begins_nothing(world: World) -> None:
    world.faults.script("insert", "reply_lost")
    with pytest.raises(StoreUnavailable):
        world.call(1, 2)
    (call,) = world.calls.calls.values()
    world.faults.holds = True
    world.advance(2)
    step(world, "get")
    world.faults.holds = False
    world.hang_up(1, call)
    let_go(world)
    assert busy(world) == []
    assert len(world.core.switchboard.ongoing) == 0


@pytest.mark.parametrize("operation", ["end", "unlock"])
@pytest.mark.parametrize("fault", ["refused", "reply_lost", "half"])
def test_an_end_of_unknown_fate_is_settled_either_way(world: World, operation: str, fault: Fault) -> None:
    call = world.call(1, 2)
    world.faults.script(operation, fault)
    with pytest.raises(StoreUnavailable):
        world.hang_up(1, call)
    world.advance(2)
    is_over = world.calls.calls[call.call_id].status != "ongoing"
    assert is_over is (operation == "unlock" or fault == "reply_lost")
    assert busy(world) == ([] if is_over else [1, 2])
    assert world.hang_up(1, call).status == "completed"
    assert (busy(world), world.calls.locks) == ([], {})


def test_a_call_the_store_has_lost_can_be_ended(world: World) -> None:
    call = world.call(1, 2)
    world.calls.calls.clear()
    assert world.hang_up(1, call).status == "completed"
    assert busy(world) == []


def test_a_call_the_store_lost_while_its_end_failed_is_dropped(world: World) -> None:
    call = world.call(1, 2)
    world.faults.script("end", "refused")
    with pytest.raises(StoreUnavailable):
        world.hang_up(1, call)
    world.calls.calls.clear()
    world.advance(2)
    assert busy(world) == []
    assert told_calls(world, 1) == ["ongoing", "dropped"]


def test_an_error_that_is_no_failure_of_the_store_frees_both(world: World) -> None:
    world.faults.script("insert", "broken")
    with pytest.raises(RuntimeError):
        world.call(1, 2)
    assert world.call(1, 2).status == "ongoing"


def test_an_ongoing_call_is_taken_up_after_a_crash(world: World) -> None:
    call = world.call(1, 2)
    world.crash()
    world.start()
    assert busy(world) == [1, 2]
    assert world.core.switchboard.ongoing.of_user(2) == call


def test_a_call_nobody_returns_to_is_dropped_after_the_lease(world: World) -> None:
    world.call(1, 2)
    world.crash()
    world.start()
    world.advance(91)
    assert (busy(world), world.calls.locks) == ([], {})


Leftover = dict[str, Any]


@pytest.mark.parametrize(
    "left",
    [
        {"claims": {1: "c"}, "call": None},
        {"claims": {1: "c", 2: "c"}, "call": None},
        {"claims": {1: "c", 2: "c"}, "call": "completed"},
        {"claims": {2: "c"}, "call": "completed"},
        {"claims": {1: "c"}, "call": "ongoing"},
        {"claims": {}, "call": "ongoing"},
    ],
)
def test_what_a_crash_left_half_done_is_cleared_away(world: World, left: Leftover) -> None:
    world.crash()
    world.calls.locks = dict(left["claims"])
    if left["call"]:
        world.calls.calls["c"] = Call("c", 1, 2, "audio", left["call"], world.time.wall())
    world.start()
    assert (busy(world), world.calls.locks) == ([], {})
    assert all(each.status != "ongoing" for each in world.calls.calls.values())


def test_a_call_whose_participant_nobody_knows_still_ends(world: World) -> None:
    world.crash()
    call = Call("c", 1, 99, "audio", "ongoing", world.time.wall())
    world.calls.calls["c"], world.calls.locks = call, {1: "c", 99: "c"}
    world.start()
    assert busy(world) == [1]
    assert world.hang_up(1, call).status == "completed"
    assert busy(world) == []


def test_a_drop_that_fails_once_the_call_was_ended_is_not_tried_again(world: World) -> None:
    call = world.call(1, 2)
    world.faults.holds = True
    world.core.switchboard.drop(1)
    world.faults.holds = False
    world.hang_up(2, call)
    world.faults.held[0].go("refused")
    let_go(world)
    assert ("lease", 1) not in world.core.timers


def test_giving_up_a_call_leaves_the_locks_of_other_calls(world: World) -> None:
    world.run(world.calls.lock("ended", (1, 2), "here"))
    world.run(world.calls.lock("other", (3, 4), "here"))
    environment = world.core.environment
    world.run(CallStore(world.calls, environment.clock, environment.incarnations).give_up("ended"))
    assert world.run(world.calls.all_locks()) == [CallLock(3, "other", "here"), CallLock(4, "other", "here")]


class Living:
    """Incarnations of which some are alive."""

    def __init__(self, own: str, *others: str) -> None:
        self.own = own
        self.alive = {own, *others}

    def is_lost(self, incarnation: str | None) -> bool:
        return incarnation not in self.alive


@pytest.mark.parametrize(("maker", "is_given_up"), [(None, True), ("dead", True), ("living", False), ("own", True)])
def test_a_stale_lock_is_given_up_unless_its_maker_is_another_living_process(
    world: World, maker: str | None, is_given_up: bool
) -> None:
    world.calls.locks[1] = "stale"
    if maker is not None:
        world.calls.makers[1] = maker
    store = CallStore(world.calls, world.core.environment.clock, Living("own", "living"))
    call = Call("new", 1, 2, "audio", "ongoing", world.time.wall())
    assert world.run(store.begin(call, lambda call_id: False)) == (None if is_given_up else 1)
    assert world.calls.locks == ({1: "new", 2: "new"} if is_given_up else {1: "stale"})


def test_the_lock_of_a_call_that_this_process_is_about_to_write_is_not_given_up(world: World) -> None:
    world.run(world.calls.lock("starting", (1, 3), "own"))
    store = CallStore(world.calls, world.core.environment.clock, Living("own"))
    call = Call("new", 1, 2, "audio", "ongoing", world.time.wall())
    assert world.run(store.begin(call, lambda call_id: call_id == "starting")) == 1
    assert world.calls.locks == {1: "starting", 3: "starting"}


def test_recovery_leaves_the_locks_that_a_living_process_holds_before_it_writes_its_call(world: World) -> None:
    for user_id, maker in ((1, "dead"), (2, "living")):
        world.calls.locks[user_id], world.calls.makers[user_id] = f"call of {maker}", maker
    store = CallStore(world.calls, world.core.environment.clock, Living("own", "living"))
    assert world.run(store.recover()) == []
    assert world.calls.locks == {2: "call of living"}


def test_a_lock_names_no_process_any_more_once_its_call_is_written(world: World) -> None:
    call = world.call(1, 2)
    assert world.run(world.calls.all_locks()) == [CallLock(1, call.call_id), CallLock(2, call.call_id)]


@pytest.mark.parametrize("fault", ["refused", "reply_lost"])
def test_a_call_whose_locks_may_not_be_confirmed_begins_once_they_are(world: World, fault: Fault) -> None:
    world.faults.script("confirm", fault)
    with pytest.raises(StoreUnavailable):
        world.call(1, 2)
    world.advance(3)
    assert busy(world) == [1, 2]


@pytest.mark.parametrize("fault", ["none", "refused"])
def test_a_call_that_was_written_after_its_locks_were_given_up_is_ended(world: World, fault: Fault) -> None:
    world.faults.holds = True
    task = start(world, 1, 2)
    step(world, "lock")
    step(world, "lock")
    world.calls.locks.clear()
    world.faults.script("confirm", fault)
    let_go(world)
    world.advance(3)
    assert isinstance(task.exception(), StoreUnavailable)
    assert [call.status for call in world.calls.calls.values()] == ["dropped"]
    assert (busy(world), world.calls.locks, len(world.core.switchboard.ongoing)) == ([], {}, 0)
    assert world.call(1, 2).status == "ongoing"


def test_each_process_locks_with_an_incarnation_of_its_own(world: World) -> None:
    world.faults.script("insert", "refused")
    with pytest.raises(StoreUnavailable):
        world.call(1, 2)
    first = world.calls.makers[1]
    assert first == world.core.environment.incarnations.own
    world.crash()
    world.start()
    assert world.core.environment.incarnations.own != first
    assert world.core.environment.incarnations.is_lost(first)


def test_settling_leaves_the_locks_of_another_server_that_is_about_to_write_the_same_call(world: World) -> None:
    world.faults.script("lock", "refused")
    with pytest.raises(StoreUnavailable):
        world.call(1, 2, key="the same on both servers")
    call_id = world.core.switchboard.ongoing.call_id_of(1)
    assert call_id
    world.calls.locks.update({1: call_id, 2: call_id})
    world.calls.makers.update({1: "another server", 2: "another server"})
    world.advance(2)
    assert world.calls.locks == {1: call_id, 2: call_id}
