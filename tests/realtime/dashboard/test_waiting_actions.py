"""Actions that wait for the end of a call: one for each user, and each ends with an outcome in the audit log."""

from __future__ import annotations

import pytest

from models.calls import Call
from models.errors import Conflict, StoreUnavailable
from realtime.dashboard.action_previews import ActionTarget
from realtime.dashboard.actions import ActionOutcome
from realtime.dashboard.rows import ActionName
from realtime.dashboard.waiting_actions import RETRY_SECONDS, TRIES
from tests.realtime.calling import four_users
from tests.realtime.conftest import MakeWorld
from tests.realtime.world import World


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    """Four users on sockets."""
    return four_users(make_world(4))


@pytest.fixture
def call(world: World) -> Call:
    """A call between users 1 and 2."""
    return world.call(1, 2)


def act(
    world: World, entry_id: str, action: ActionName = "force_offline", user_id: int = 1, *, now: bool = False
) -> ActionOutcome:
    world.audit.begin(entry_id, world.time.wall(), action, user_id)
    return world.run(
        world.core.actions.carry_out(action, ActionTarget(user_id=user_id), "maya", now=now, entry_id=entry_id)
    )


def outcome(world: World, entry_id: str) -> str:
    return world.audit.entries[entry_id].outcome


def restart(world: World) -> None:
    """Crash the process and start another one. Users who were online are held."""
    world.flush()
    world.crash()
    world.start()
    world.settle()


def end(world: World, call: Call) -> None:
    world.hang_up(2, call)
    world.settle()


def test_a_waiting_action_is_in_the_store_before_the_operator_is_told(world: World, call: Call) -> None:
    assert act(world, "first").outcome == "waiting"
    entry = world.audit.entries["first"]
    assert (entry.outcome, entry.call_id) == ("waiting", call.call_id)


def test_a_second_action_that_would_wait_for_the_same_user_is_refused_and_names_the_first(
    world: World, call: Call
) -> None:
    act(world, "first")
    world.put(1, is_busy=True)
    with pytest.raises(Conflict, match="“Force offline”, by maya") as refusal:
        act(world, "second", "clear_busy")
    assert refusal.value.code == "ACTION_WAITING"
    end(world, call)
    assert outcome(world, "first") == "done"
    assert not world.status(1).is_online


def test_actions_on_both_participants_wait_side_by_side(world: World, call: Call) -> None:
    act(world, "first", user_id=1)
    act(world, "second", user_id=2)
    end(world, call)
    assert [outcome(world, each) for each in ("first", "second")] == ["done", "done"]


def test_the_same_action_carried_out_now_takes_the_place_of_the_one_that_waits(world: World, call: Call) -> None:
    act(world, "first")
    assert act(world, "second", now=True).outcome == "done"
    world.settle()
    assert outcome(world, "first") == "superseded"
    assert world.core.actions.waiting(1) == ""


def test_an_action_whose_substitute_fails_goes_on_waiting(world: World, call: Call) -> None:
    act(world, "first")
    world.faults.script("end", "refused")
    with pytest.raises(StoreUnavailable):
        act(world, "second", now=True)
    assert world.core.actions.waiting(1) == "force offline, by maya"
    end(world, call)
    assert outcome(world, "first") == "done"


def test_a_waiting_action_survives_a_restart(world: World, call: Call) -> None:
    act(world, "first")
    restart(world)
    assert world.core.actions.waiting(1) == "force offline, by maya"
    assert outcome(world, "first") == "waiting"
    with pytest.raises(Conflict, match="already waiting"):
        act(world, "second")
    end(world, call)
    assert outcome(world, "first") == "done"
    assert not world.status(1).is_online


def test_an_action_whose_call_ended_while_no_server_was_running_is_carried_out_at_the_start(
    world: World, call: Call
) -> None:
    act(world, "first")
    world.faults.script("save_claims", "refused")
    end(world, call)
    assert outcome(world, "first") == "waiting"
    restart(world)
    assert outcome(world, "first") == "done"
    assert not world.status(1).is_online


def test_an_action_that_an_older_server_forgot_has_failed(world: World) -> None:
    world.audit.begin("old", world.time.wall(), "force_offline", 1)
    world.run(world.audit.wait("old", ""))
    restart(world)
    assert outcome(world, "old") == "failed: SERVER_STOPPED"


def test_of_two_that_wait_in_the_store_the_older_one_counts(world: World, call: Call) -> None:
    act(world, "first")
    world.audit.begin("second", world.time.wall(), "clear_busy", 1)
    world.run(world.audit.wait("second", call.call_id))
    restart(world)
    assert (outcome(world, "first"), outcome(world, "second")) == ("waiting", "superseded")


def test_an_action_that_has_nothing_left_to_do_is_refused_and_says_why(world: World, call: Call) -> None:
    act(world, "first")
    world.put(1, is_online=False)
    end(world, call)
    assert outcome(world, "first") == "refused: NOTHING_TO_DO"


def test_while_the_store_is_down_it_is_tried_again(world: World, call: Call) -> None:
    act(world, "first")
    world.faults.script("save_claims", "refused", "refused")
    end(world, call)
    assert world.core.actions.waiting(1) != ""
    world.advance(2.5 * RETRY_SECONDS)
    assert outcome(world, "first") == "done"
    assert not world.status(1).is_online
    assert world.core.actions.waiting(1) == ""


def test_after_a_minute_without_the_store_it_has_failed(world: World, call: Call) -> None:
    act(world, "first")
    world.faults.script("save_claims", *["refused"] * TRIES)
    end(world, call)
    world.advance((TRIES + 1) * RETRY_SECONDS)
    assert outcome(world, "first") == "failed: STORE_UNAVAILABLE"
    assert world.core.actions.waiting(1) == ""


def test_an_outcome_that_cannot_be_written_is_written_later(world: World, call: Call) -> None:
    act(world, "first")
    world.faults.script("finish", "refused", "refused")
    end(world, call)
    assert outcome(world, "first") == "waiting"
    world.advance(2.5 * RETRY_SECONDS)
    assert outcome(world, "first") == "done"


def test_an_unexpected_error_ends_it_too(world: World, call: Call) -> None:
    act(world, "first")
    world.faults.script("save_claims", "broken")
    end(world, call)
    assert outcome(world, "first") == "failed: SERVER_ERROR"
    assert [str(world.broken.pop())] == ["save_claims"]


@pytest.mark.parametrize("fault", ["refused", "reply_lost"])
def test_an_action_that_could_not_be_saved_does_not_wait_and_does_not_come_back(
    world: World, call: Call, fault: str
) -> None:
    world.faults.script("wait", "refused" if fault == "refused" else "reply_lost")
    with pytest.raises(StoreUnavailable):
        act(world, "first")
    assert world.core.actions.waiting(1) == ""
    restart(world)
    end(world, call)
    assert outcome(world, "first") == "refused: STORE_UNAVAILABLE"
    assert world.status(1).is_online


def test_a_call_that_ends_while_its_action_is_being_saved_lets_it_be_carried_out(world: World, call: Call) -> None:
    world.audit.begin("first", world.time.wall(), "force_offline", 1)
    world.faults.holds = True
    work = world.core.actions.carry_out("force_offline", ActionTarget(user_id=1), "maya", now=False, entry_id="first")
    adding = world.begin(work)
    (held,) = world.faults.held
    world.faults.holds = False
    end(world, call)
    assert outcome(world, "first") == "started"
    held.go()
    world.settle()
    held.go()
    world.settle()
    assert adding.result().outcome == "waiting"
    assert outcome(world, "first") == "done"


def test_a_user_who_is_on_another_call_by_then_is_left_alone_until_its_end(world: World, call: Call) -> None:
    act(world, "first")
    world.faults.script("save_claims", "refused")
    end(world, call)
    another = world.call(1, 3)
    world.advance(2 * RETRY_SECONDS)
    assert world.status(1).is_busy
    world.hang_up(3, another)
    world.settle()
    assert outcome(world, "first") == "done"


def test_a_user_who_is_gone_by_then_is_not_found(world: World, call: Call) -> None:
    world.put(1, is_busy=True)
    act(world, "first", "clear_busy")
    del world.core.registry._entries[1]
    end(world, call)
    assert outcome(world, "first") == "refused: NOT_FOUND"
