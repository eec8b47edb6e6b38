"""Actions: previewed, carried out once, and announced to everyone with the reason `operator`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from models.calls import Call
from models.errors import Conflict, NotFound, StoreUnavailable
from models.status import StatusChange
from realtime.dashboard.action_previews import ActionPreview, ActionTarget
from realtime.dashboard.actions import ActionOutcome
from realtime.dashboard.rows import ActionName
from realtime.protocol import CloseCode
from tests.realtime.calling import busy, four_users
from tests.realtime.conftest import MakeWorld, told
from tests.realtime.operators import inspected
from tests.realtime.world import NOON, World


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    """Four users on sockets."""
    return four_users(make_world(4))


def act(world: World, action: ActionName, *, now: bool = False, **target: Any) -> ActionOutcome:
    """Carry out an action as the operator maya."""
    return world.run(world.core.actions.carry_out(action, ActionTarget(**target), "maya", now=now, entry_id="entry"))


def plan(world: World, action: ActionName, **target: Any) -> ActionPreview:
    """Return the preview of an action."""
    return world.core.actions.preview(action, ActionTarget(**target))


def test_a_user_forced_offline_is_announced_so_until_the_next_heartbeat(world: World) -> None:
    operator_session = world.connect(3, "presence")
    assert act(world, "force_offline", user_id=1) == ActionOutcome(
        "done", "available, 1 connection", "offline, 1 connection"
    )
    world.beat(1, over_socket=True)
    assert told(world, operator_session) == [(1, False, False, "operator"), (1, True, False, "heartbeat")]


def test_a_forced_offline_is_on_disk_and_names_its_operator_after_a_restart(world: World) -> None:
    act(world, "force_offline", user_id=1)
    world.flush()
    world.crash()
    world.start()
    entry = world.core.registry.get(1)
    assert (entry.status.is_online, entry.state.reason, entry.state.by) == (False, "operator", "maya")


def test_an_operators_doing_is_no_sign_of_life_of_the_user(world: World) -> None:
    world.put(1, is_busy=True)
    seen = world.status(1).last_seen
    world.advance(5)
    act(world, "force_offline", user_id=1)
    act(world, "clear_busy", user_id=1)
    assert world.status(1).last_seen == seen


def test_an_operators_change_that_the_store_refuses_is_no_sign_of_life_either(world: World) -> None:
    seen = world.status(1).last_seen
    world.advance(5)
    world.faults.is_down = True
    with pytest.raises(StoreUnavailable):
        act(world, "force_offline", user_id=1)
    assert (world.status(1).last_seen, world.status(1).is_online) == (seen, True)


def test_who_is_offline_already_is_not_forced_offline(world: World) -> None:
    world.put(1, is_online=False)
    with pytest.raises(Conflict, match="already offline"):
        act(world, "force_offline", user_id=1)


def test_force_offline_in_a_call_waits_for_its_end(world: World) -> None:
    call = world.call(1, 2)
    world.audit.begin("entry", world.time.wall(), "force_offline", 1)
    assert plan(world, "force_offline", user_id=1).waits
    assert act(world, "force_offline", user_id=1).outcome == "waiting"
    assert world.status(1).is_online
    assert world.core.actions.waiting(1) == "force offline, by maya"
    world.hang_up(2, call)
    world.settle()
    assert not world.status(1).is_online
    assert world.status(2).is_available
    assert world.core.actions.waiting(1) == ""
    entry = world.audit.entries["entry"]
    assert (entry.outcome, entry.after) == ("done", "offline, 1 connection")


def test_force_offline_now_ends_the_call_first(world: World) -> None:
    world.call(1, 2)
    outcome = act(world, "force_offline", user_id=1, now=True)
    assert outcome.before == "busy, 1 connection, 1 call with user2"
    assert outcome.after == "offline, 1 connection"
    assert world.status(2).is_available


def test_an_ended_call_with_nobody_waiting_changes_nothing_more(world: World) -> None:
    world.hang_up(1, world.call(1, 2))
    world.settle()
    assert world.status(1).is_available


def test_clear_busy_makes_available(world: World) -> None:
    world.put(1, is_busy=True)
    assert plan(world, "clear_busy", user_id=1).effect == "user1 will be shown as available."
    outcome = act(world, "clear_busy", user_id=1)
    assert outcome == ActionOutcome("done", "busy, 1 connection, busy set by hand", "available, 1 connection")


def test_clear_busy_in_a_call_waits_and_then_who_was_busy_by_hand_is_available(world: World) -> None:
    world.put(1, is_busy=True)
    call = world.call(1, 2)
    made = plan(world, "clear_busy", user_id=1)
    assert made.effect == "Waits until the call with user2 ends. Then the busy status set by hand is cleared."
    assert "stays busy until the call with user2 ends" in made.effect_now
    assert act(world, "clear_busy", user_id=1).outcome == "waiting"
    world.hang_up(1, call)
    world.settle()
    assert world.status(1).is_available


def test_clear_busy_of_who_is_offline_says_so(make_world: MakeWorld) -> None:
    world = make_world(1)
    world.put(1, is_busy=True, is_online=False)
    assert "stays offline" in plan(world, "clear_busy", user_id=1).effect


def test_who_is_not_set_busy_is_not_cleared_unless_the_store_says_so(world: World) -> None:
    with pytest.raises(Conflict, match="user1 has not been set busy"):
        act(world, "clear_busy", user_id=1)
    world.users.change(1, set_busy=True)
    inspected(world)
    outcome = act(world, "clear_busy", user_id=1)
    assert outcome == ActionOutcome("done", "available, 1 connection, saved as busy", "available, 1 connection")


def test_the_audit_says_what_was_left_of_a_call(world: World) -> None:
    world.calls.locks[1] = "gone"
    world.calls.calls["stray"] = Call("stray", 2, 3, "audio", "ongoing", NOON)
    inspected(world)
    assert act(world, "end_call", call_id="stray").before == "ongoing only in the store"
    assert plan(world, "end_call", call_id="stray").before == "not ongoing"
    outcome = act(world, "end_call", call_id="gone")
    assert outcome == ActionOutcome("done", "not ongoing, but keeps user1 busy", "not ongoing")


def test_disconnect_closes_all_sockets_of_the_user_with_4501(world: World) -> None:
    second = world.connect(1)
    made = plan(world, "disconnect", user_id=1)
    assert (made.hits, "user1 is then shown as offline" in made.effect) == (["2 connections"], True)
    act(world, "disconnect", user_id=1)
    assert second.session.close_code == 4501
    assert world.core.hub.of_user(1) == []
    world.advance(2)
    assert (world.status(1).is_online, world.core.registry.get(1).state.reason) == (False, "operator")


def test_disconnect_of_one_socket_leaves_the_others(world: World) -> None:
    second = world.connect(1)
    made = plan(world, "disconnect", user_id=1, session_id=second.session.session_id)
    assert (made.hits, "offline" in made.effect) == (["1 connection"], False)
    act(world, "disconnect", user_id=1, session_id=second.session.session_id)
    assert [each is second.session for each in world.core.hub.of_user(1)] == [False]
    assert world.status(1).is_online


def test_a_socket_that_is_gone_is_not_disconnected(world: World) -> None:
    with pytest.raises(Conflict, match="no longer has this connection"):
        act(world, "disconnect", user_id=1, session_id="gone")
    act(world, "disconnect", user_id=1)
    with pytest.raises(Conflict, match="user1 has no connections"):
        act(world, "disconnect", user_id=1)


def test_sign_out_kills_tokens_in_memory_and_store_and_closes_sockets(world: World) -> None:
    identity = world.clients[0].session.identity
    act(world, "sign_out", user_id=1)
    assert world.clients[0].session.close_code == 4501
    assert world.core.authenticator.is_revoked(identity)
    assert world.users.rows[1].token_version == world.core.registry.get(1).record.token_version == 1
    assert world.logins.revoked == [1]


def test_signing_out_a_user_whose_document_is_gone_still_ends_the_logins(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def find_nobody(_user_id: int, _at: datetime) -> None:
        """Find no document."""

    monkeypatch.setattr(world.users, "revoke_tokens", find_nobody)
    act(world, "sign_out", user_id=1)
    assert world.logins.revoked == [1]


def test_sign_out_says_what_it_hits(world: World) -> None:
    world.call(1, 2)
    made = plan(world, "sign_out", user_id=1)
    assert (made.title, made.hits) == ("Sign out everywhere: user1", ["1 connection", "1 call with user2"])
    assert "The call with user2 is dropped if user1 is not back within 90 s." in made.effect


def test_a_disabled_user_is_signed_out_already(world: World) -> None:
    act(world, "disable_user", user_id=1)
    with pytest.raises(Conflict, match="user1 is disabled, and so already signed out everywhere"):
        act(world, "sign_out", user_id=1)


def test_end_call_frees_and_tells_both(world: World) -> None:
    call = world.call(1, 2)
    made = plan(world, "end_call", call_id=call.call_id)
    assert (made.title, made.before) == ("End call: user1 and user2", "ongoing")
    assert made.effect == "Ends the call for both. user1 and user2 become available."
    assert act(world, "end_call", call_id=call.call_id) == ActionOutcome("done", "ongoing", "not ongoing")
    assert busy(world) == []
    assert world.calls.calls[call.call_id].status == "dropped"


def test_a_call_that_only_the_store_knows_is_ended_there(world: World) -> None:
    world.calls.calls["by-hand"] = Call("by-hand", 1, 2, "audio", "ongoing", NOON)
    world.calls.locks[1] = "by-hand"
    assert "store still holds" in plan(world, "end_call", call_id="by-hand").effect
    act(world, "end_call", call_id="by-hand")
    assert (world.calls.calls["by-hand"].status, world.calls.locks) == ("dropped", {})


def test_a_claim_of_no_call_is_given_up(world: World) -> None:
    world.calls.locks[1] = "nothing"
    act(world, "end_call", call_id="nothing")
    assert world.calls.locks == {}


def test_a_claim_in_memory_of_a_call_that_is_over_is_given_up(world: World) -> None:
    world.hold((1, 2), "over")
    act(world, "end_call", call_id="over")
    assert busy(world) == []


def test_a_user_nobody_knows_is_not_found(world: World) -> None:
    for action in ("force_offline", "disconnect", "sign_out", "clear_busy"):
        with pytest.raises(NotFound):
            act(world, action, user_id=99)


def test_a_call_with_a_user_who_is_not_known_any_more_is_still_named(world: World) -> None:
    call = world.call(1, 2)
    del world.core.registry._entries[2]
    assert plan(world, "end_call", call_id=call.call_id).title == "End call: user1 and user 2"


def test_an_end_that_the_store_refuses_names_nobody_at_the_next(world: World) -> None:
    call = world.call(1, 2)
    world.faults.is_down = True
    with pytest.raises(StoreUnavailable):
        act(world, "end_call", call_id=call.call_id)
    world.faults.is_down = False
    world.advance(5)
    world.hang_up(1, call)
    assert [each.operator for each in world.core.event_log.latest() if each.kind == "call_ended"] == [""]


def test_what_a_backend_does_is_done_even_if_there_is_nothing_to_do_and_is_an_event(world: World) -> None:
    client, target = world.connect(1), ActionTarget(user_id=1)
    for _ in range(2):
        world.run(world.core.actions.carry_out_at_once("disconnect", target, "key:backend"))
    assert client.session.close_code == CloseCode.REVOKED
    events = [event for event in world.core.event_log.latest() if event.kind == "action"]
    assert [(event.cause, event.operator) for event in events] == [("disconnect", "key:backend")] * 2


def test_a_backend_sets_a_status_with_the_reason_that_a_user_has(world: World) -> None:
    watching = world.connect(3, "presence")
    world.run(world.core.presence.change(1, StatusChange(is_busy=True), by="key:backend", reason="set"))
    world.arrive()
    assert [each["reason"] for each in watching.news()] == ["set"]
