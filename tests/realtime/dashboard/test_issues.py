"""Issues: each is detected with its cause, says what its repair will do, and disappears when it is repaired."""

from __future__ import annotations

from datetime import timedelta

import pytest

from models.calls import Call
from models.times import milliseconds
from realtime.dashboard.rows import Explanation, Issue
from realtime.presence.log import OperatorAction
from tests.realtime.conftest import MakeWorld
from tests.realtime.operators import found, inspected
from tests.realtime.sockets.test_liveness import deaf
from tests.realtime.world import NOON, World


@pytest.fixture
def four(make_world: MakeWorld) -> World:
    """Users 1…4, all with a socket."""
    world = make_world(4)
    for user_id in range(1, 5):
        world.connect(user_id)
    return world


def now(world: World) -> int:
    return milliseconds(world.core.environment.clock.utc())


def the_one(contradictions: list[Issue]) -> Issue:
    (one,) = contradictions
    return one


def stray(world: World, caller_id: int = 1, callee_id: int = 2, call_id: str = "stray") -> Call:
    """Store an ongoing call, just begun, that the server doesn't know."""
    call = Call(call_id, caller_id, callee_id, "audio", "ongoing", world.time.wall())
    world.calls.calls[call_id] = call
    return call


def test_nothing_is_wrong_when_all_is_well(four: World) -> None:
    four.call(1, 2)
    four.put(3, busy_until=four.time.wall() + timedelta(seconds=60))
    assert found(four) == []
    assert inspected(four, 3) == []


def test_a_call_with_an_offline_party_says_who_and_why(four: World) -> None:
    call = four.call(1, 2)
    four.lose(four.clients[1])
    four.advance(16)
    since = four.core.registry.get(2).state.since
    assert the_one(found(four)) == Issue(
        key=f"call_with_offline:{call.call_id}",
        kind="call_with_offline",
        because=Explanation("user2 has been offline since", milliseconds(since), "clock", " (disconnected)"),
        since=milliseconds(since),
        username="user1 and user2",
        repair="end_call",
        effect="Ends the call. user1 becomes available, user2 stays offline",
        call_id=call.call_id,
    )


def test_a_call_with_two_offline_parties_names_both(four: World) -> None:
    four.call(1, 2)
    four.lose(four.clients[0])
    four.put(2, is_online=False)
    four.advance(16)
    one = the_one(found(four))
    assert one.because.text == "user1 and user2 have been offline since"
    assert one.because.tail == " (disconnected, set offline)"
    assert one.effect == "Ends the call. user1 and user2 stay offline"


def test_a_call_with_an_offline_party_is_right_again_when_the_party_is_back(four: World) -> None:
    four.call(1, 2)
    four.lose(four.clients[1])
    four.advance(16)
    assert [each.kind for each in found(four)] == ["call_with_offline"]
    four.advance(60)
    four.connect(2)
    assert found(four) == []


def test_a_long_call_is_found_after_its_time(make_world: MakeWorld) -> None:
    world = make_world(3, long_call_seconds=120.0)
    world.connect(1)
    world.connect(2)
    call = world.call(1, 2)
    began = milliseconds(call.started_at)
    world.advance(120)
    assert found(world) == []
    world.advance(1)
    assert the_one(found(world)) == Issue(
        key=f"long_call:{call.call_id}",
        kind="long_call",
        because=Explanation("On a call for", began, tail=" (limit 02:00)"),
        since=began + 120_000,
        username="user1 and user2",
        repair="end_call",
        effect="Ends the call. user1 and user2 become available",
        call_id=call.call_id,
    )
    world.hang_up(1, call)
    assert found(world) == []


def test_two_faults_of_one_call_are_one_issue(make_world: MakeWorld) -> None:
    world = make_world(4, long_call_seconds=60.0)
    world.connect(1)
    second = world.connect(2)
    call = world.call(1, 2)
    world.advance(61)
    since = the_one(found(world)).since
    world.advance(10)
    world.lose(second)
    world.advance(16)
    one = the_one(found(world))
    assert (one.key, one.since) == (f"call_with_offline:{call.call_id}", since)
    assert one.because.text == "user2 has been offline since"
    assert [each.text for each in one.also] == ["on a call for"]
    assert world.core.issues.user_ids == {1, 2}
    assert world.core.overview.figures().attention == 1


def test_a_fault_of_a_user_in_two_calls_covers_that_another_participant_is_offline(four: World) -> None:
    four.call(1, 2)
    stray(four, 3, 1)
    four.lose(four.clients[2])
    four.advance(16)
    one, *_ = inspected(four)
    assert (one.kind, [each.text for each in one.also]) == ("two_calls", ["user3 has been offline since"])


def test_a_fault_of_a_user_in_two_calls_covers_what_is_wrong_with_the_one_to_end(four: World) -> None:
    four.call(1, 2)
    four.calls.calls["old"] = Call("old", 3, 1, "audio", "ongoing", NOON - timedelta(days=1))
    one, *others = inspected(four)
    assert (one.kind, one.call_id, [each.text for each in one.also]) == ("two_calls", "old", ["on a call for"])
    assert others == []
    assert four.core.issues.user_ids == {1, 3}


def test_who_set_busy_below_a_call_stays_busy_after_it(make_world: MakeWorld) -> None:
    world = make_world(3, long_call_seconds=60.0)
    world.connect(1)
    world.connect(2)
    world.call(1, 2)
    world.put(2, is_busy=True)
    world.advance(61)
    assert the_one(found(world)).effect == "Ends the call. user1 becomes available, user2 stays busy: set busy"


def test_a_user_in_two_calls_shall_leave_the_one_that_the_server_does_not_know(four: World) -> None:
    call = four.call(1, 2)
    four.advance(1)
    stray(four, 3, 1)
    one = the_one(inspected(four))
    assert (one.kind, one.username, one.repair, one.call_id) == ("two_calls", "user1", "end_call", "stray")
    assert one.because == Explanation("In 2 calls at once, with user2 and with user3")
    assert one.effect == "Ends the call with user3. user1 stays in the other call"
    assert call.call_id != "stray"


def test_a_user_in_two_unknown_calls_shall_leave_the_older(four: World) -> None:
    stray(four, 1, 2, "younger")
    four.calls.calls["older"] = Call("older", 3, 1, "audio", "ongoing", NOON)
    by_kind = [each for each in inspected(four) if each.kind == "two_calls"]
    assert the_one(by_kind).call_id == "older"


def test_a_call_that_only_the_store_knows_is_found(four: World) -> None:
    call = stray(four)
    one = the_one(inspected(four))
    assert (one.key, one.kind) == ("busy_without_cause:stray", "busy_without_cause")
    assert one.because.text == "Saved as ongoing, but unknown to the server; started"
    assert one.because.at == milliseconds(call.started_at)
    assert one.effect == "Ends the call. user1 and user2 stay available"
    four.run(four.core.switchboard.force_end("stray"))
    assert inspected(four, 1) == []


def test_a_call_of_the_store_that_is_wrong_otherwise_is_found_once(four: World) -> None:
    four.put(1, is_online=False)
    stray(four, 1, 9)
    one = the_one(inspected(four))
    assert one.kind == "call_with_offline"
    assert one.because.text == "user1 and user 9 have been offline since"


def test_a_call_of_nobody_known_is_found(four: World) -> None:
    stray(four, 8, 9)
    one = the_one(inspected(four))
    assert one.because.tail == " (no such user)"
    assert one.username == "user 8 and user 9"


def test_a_claim_of_a_call_that_is_over_is_given_up_by_ending_the_call(four: World) -> None:
    four.calls.locks[1] = "gone"
    four.advance(5)
    one = the_one(inspected(four))
    assert one == Issue(
        key="busy_without_cause:1",
        kind="busy_without_cause",
        because=Explanation("Saved as busy because of a call that is not ongoing, but shown as available"),
        since=now(four),
        username="user1",
        repair="end_call",
        effect="Removes the leftover busy mark. user1 stays available",
        user_id=1,
        call_id="gone",
    )
    four.run(four.core.switchboard.force_end("gone"))
    assert inspected(four, 1) == []


def test_busy_by_a_call_that_memory_alone_holds_is_found(four: World) -> None:
    four.hold((1,), "gone")
    one = the_one(found(four))
    assert (one.kind, one.call_id) == ("busy_without_cause", "gone")
    assert one.because == Explanation("Busy because of a call that is not ongoing")
    assert one.effect == "Removes the leftover busy mark. user1 becomes available"
    four.run(four.core.switchboard.force_end("gone"))
    assert found(four) == []


def test_busy_in_the_store_alone_is_cleared(four: World) -> None:
    four.users.change(1, set_busy=True)
    four.users.change(2, set_busy=True, busy_until=four.time.wall() + timedelta(hours=1))
    one, other = inspected(four)
    assert (one.kind, other.kind) == ("busy_without_cause", "busy_without_cause")
    assert (one.key, one.repair, one.user_id) == ("busy_without_cause:1", "clear_busy", 1)
    assert one.because == Explanation("Saved as busy, but shown as available")
    assert one.effect == "Clears busy. user1 stays available"
    four.put(1, is_busy=False)
    four.put(2, is_busy=False)
    assert inspected(four, 1) == []


def test_what_the_store_alone_says_of_somebody_who_is_offline_does_not_call_them_available_or_busy(four: World) -> None:
    four.put(1, is_online=False)
    four.put(2, is_online=False)
    four.users.change(1, set_busy=True)
    four.calls.locks[2] = "gone"
    texts = {each.user_id: each.because.text for each in inspected(four) if each.because}
    assert texts == {
        1: "Saved as busy, but unknown to the server",
        2: "Saved as busy because of a call that is not ongoing",
    }


def test_a_busy_that_should_be_over_is_found_in_the_store(four: World) -> None:
    until = four.time.wall() - timedelta(minutes=1)
    four.users.change(1, set_busy=True, busy_until=until)
    one = the_one(inspected(four))
    assert (one.kind, one.repair, one.since) == ("busy_until_past", "clear_busy", milliseconds(until))
    assert one.because == Explanation("Set busy until", milliseconds(until), "clock", ", which has passed")


def test_a_busy_that_should_be_over_is_found_in_memory(four: World) -> None:
    four.put(1, busy_until=four.time.wall() + timedelta(minutes=10))
    found(four)
    four.time.jumped = timedelta(minutes=11)
    one = the_one(found(four))
    assert (one.kind, one.effect) == ("busy_until_past", "Clears busy. user1 becomes available")
    four.put(1, is_busy=False)
    assert found(four) == []


def test_a_busy_that_ends_in_time_is_never_found(four: World) -> None:
    four.put(1, busy_until=four.time.wall() + timedelta(seconds=3))
    for _ in range(8):
        four.advance(0.5)
        assert found(four) == []
        assert inspected(four, 1) == []
        four.flush()


def test_a_silent_socket_is_found_before_it_is_closed(world: World) -> None:
    silent = deaf(world)
    world.connect(2)
    world.advance(29)
    assert found(world) == []
    heard = now(world) - 29_000
    world.advance(2)
    one = the_one(found(world))
    assert one == Issue(
        key=f"silent_socket:{silent.session.session_id}",
        kind="silent_socket",
        because=Explanation("Silent for", heard, "up", " on tests"),
        since=heard,
        username="user1",
        repair="disconnect",
        effect="Closes 1 connection. The app stays disconnected until it is reopened",
        user_id=1,
        session_id=silent.session.session_id,
    )
    world.connect(1)
    assert the_one(found(world)).effect == "Closes 1 connection. user1 keeps 1 more"
    world.advance(6)
    assert found(world) == []


def test_a_silent_socket_of_a_client_that_says_nothing_of_itself(world: World) -> None:
    silent = deaf(world)
    silent.session.device = ""
    world.advance(31)
    assert the_one(found(world)).because.tail == ""


def test_the_same_contradiction_stays_as_it_was_first_seen(world: World) -> None:
    deaf(world)
    world.advance(31)
    first = found(world)
    world.time.jumped = timedelta(milliseconds=7)
    world.advance(1)
    assert found(world) is first


def test_four_changes_in_a_minute_are_flapping(world: World) -> None:
    world.connect(1)
    for is_busy in (True, False, True):
        world.put(1, is_busy=is_busy)
        world.advance(1)
    one = the_one(found(world))
    assert (one.kind, one.repair, one.user_id) == ("flapping", "force_offline", 1)
    assert one.because == Explanation("Changed state 4 times in the last minute")
    assert one.effect == "Shows user1 as offline until the next heartbeat"
    world.advance(61)
    assert found(world) == []


def test_who_was_seen_to_is_not_flapping_any_more(world: World) -> None:
    world.connect(1)
    for is_busy in (True, False, True):
        world.put(1, is_busy=is_busy)
        world.advance(1)
    assert len(found(world)) == 1
    world.core.event_log.acted(OperatorAction((1,), "force_offline", "maya"), True)
    assert found(world) == []


def test_calls_are_no_changes_of_state_themselves(four: World) -> None:
    four.hang_up(1, four.call(1, 2))
    assert found(four) == []


def test_the_oldest_comes_first(four: World) -> None:
    four.users.change(1, set_busy=True, busy_until=four.time.wall() - timedelta(minutes=1))
    four.calls.locks[2] = "gone"
    assert [each.user_id for each in inspected(four)] == [1, 2]


def test_both_parties_of_a_call_need_attention(make_world: MakeWorld) -> None:
    world = make_world(4, long_call_seconds=60.0)
    world.connect(1)
    world.connect(2)
    world.call(1, 2)
    world.users.change(3, set_busy=True)
    world.advance(61)
    inspected(world)
    assert world.core.issues.user_ids == {1, 2, 3}
    assert world.core.overview.figures().attention == 2


@pytest.mark.parametrize(
    ("seconds", "text"), [(7200.0, "2:00"), (4500.0, "1:15"), (75.0, "01:15"), (0.5, "0.5 s"), (3600.0, "1:00")]
)
def test_a_limit_is_said_like_the_time_beside_it(make_world: MakeWorld, seconds: float, text: str) -> None:
    world = make_world(2, long_call_seconds=seconds)
    world.connect(1)
    world.connect(2)
    call = world.call(1, 2)
    world.time.jumped = timedelta(seconds=seconds + 1)
    assert [each.because for each in found(world) if each.kind == "long_call"] == [
        Explanation("On a call for", milliseconds(call.started_at), tail=f" (limit {text})")
    ]


@pytest.mark.parametrize(
    ("seconds", "text"), [(60.0, "minute"), (3600.0, "hour"), (120.0, "2 min"), (7200.0, "2 h"), (90.0, "90 s")]
)
def test_the_span_of_flapping_is_said_in_its_largest_unit(make_world: MakeWorld, seconds: float, text: str) -> None:
    world = make_world(1, flapping_changes=2, flapping_seconds=seconds)
    world.connect(1)
    world.put(1, is_busy=True)
    assert the_one(found(world)).because.text == f"Changed state 2 times in the last {text}"
