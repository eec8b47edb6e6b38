"""POST /calls/start, POST /calls/end, GET /calls/ongoing."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from tests.clients import Answer, Person
from tests.conftest import MakePerson, OpenSocket
from tests.running import RunningServer

pytestmark = pytest.mark.gen_test

CALL = {
    "call_id", "caller_id", "callee_id", "call_type", "status", "started_at", "ended_at", "duration_seconds",
    "end_reason", "ended_by",
}  # fmt: skip


async def start(caller: Person, callee: Person, call_type: str = "audio", key: str | None = None) -> Answer:
    """POST /calls/start."""
    headers = {"Idempotency-Key": key} if key else {}
    return await caller.post("/calls/start", {"callee_id": callee.user_id, "call_type": call_type}, headers)


async def end(person: Person, call: Answer, reason: str | None = None) -> Answer:
    """POST /calls/end."""
    return await person.post("/calls/end", {"call_id": call.body["call_id"], **({"reason": reason} if reason else {})})


async def online(user: MakePerson, *names: str) -> list[Person]:
    """Create users who are online by a heartbeat."""
    people = [await user(name) for name in names]
    for person in people:
        await person.post("/users/me/heartbeat")
    return people


async def is_busy(*people: Person) -> list[bool]:
    """Return which of these users are busy."""
    return [(await each.get("/users/me/status")).body["is_busy"] for each in people]


@pytest.mark.parametrize("call_type", ["audio", "video"])
async def test_a_call_starts(user: MakePerson, call_type: str) -> None:
    ada, bob = await online(user, "ada", "bob")
    answer = await start(ada, bob, call_type)
    assert answer.status == 200
    assert answer.body.keys() == CALL
    assert isinstance(answer.body["call_id"], str)
    told = {name: answer.body[name] for name in CALL - {"call_id", "started_at"}}
    assert told == {
        "caller_id": ada.user_id, "callee_id": bob.user_id, "call_type": call_type, "status": "ongoing",
        "ended_at": None, "duration_seconds": None, "end_reason": None, "ended_by": None,
    }  # fmt: skip
    assert await is_busy(ada, bob) == [True, True]


async def test_both_are_told_of_their_status_then_of_the_call_before_the_answer(
    user: MakePerson, socket: OpenSocket
) -> None:
    ada, bob = await user("ada"), await user("bob")
    sockets = [await socket(ada), await socket(bob, "/ws/presence")]
    for each in sockets:
        await each.settle()
    answer = await start(ada, bob)
    for each in sockets:
        told = [message for message in await each.told() if message["type"] != "feed_stats"]
        assert [message["type"] for message in told] == ["user_status_update"] * 2 + ["call_status_update"]
        assert {message["reason"] for message in told[:2]} == {"call_started"}
        assert told[2]["call"] == answer.body


async def test_others_are_not_told_of_the_call(user: MakePerson, socket: OpenSocket) -> None:
    ada, bob, carol = await online(user, "ada", "bob", "carol")
    other = await socket(carol)
    await end(ada, await start(ada, bob))
    assert {message["type"] for message in await other.told()} <= {"user_status_update", "feed_stats"}


async def test_nobody_calls_themselves(user: MakePerson) -> None:
    (ada,) = await online(user, "ada")
    answer = await start(ada, ada)
    assert (answer.status, answer.code) == (400, "INVALID_REQUEST")


async def test_nobody_calls_who_is_not_there(user: MakePerson) -> None:
    (ada,) = await online(user, "ada")
    answer = await ada.post("/calls/start", {"callee_id": 999, "call_type": "audio"})
    assert (answer.status, answer.code) == (404, "NOT_FOUND")


async def test_who_is_offline_is_not_called(user: MakePerson) -> None:
    (ada,), bob = await online(user, "ada"), await user("bob")
    answer = await start(ada, bob)
    assert (answer.status, answer.code) == (409, "USER_OFFLINE")
    assert await is_busy(ada, bob) == [False, False]


async def test_who_is_busy_by_hand_is_not_called(user: MakePerson) -> None:
    ada, bob = await online(user, "ada", "bob")
    await bob.put("/users/me/status", {"is_busy": True})
    answer = await start(ada, bob)
    assert (answer.status, answer.code) == (409, "USER_BUSY")


async def test_who_is_in_a_call_is_not_called_and_the_call_goes_on(user: MakePerson) -> None:
    ada, bob, carol = await online(user, "ada", "bob", "carol")
    first = await start(ada, bob)
    for callee in (ada, bob):
        answer = await start(carol, callee)
        assert (answer.status, answer.code) == (409, "USER_BUSY")
    assert await is_busy(ada, bob, carol) == [True, True, False]
    assert (await bob.get("/calls/ongoing")).body["items"] == [first.body]


async def test_who_is_in_a_call_starts_no_other(user: MakePerson) -> None:
    ada, bob, carol = await online(user, "ada", "bob", "carol")
    await start(ada, bob)
    for caller in (ada, bob):
        answer = await start(caller, carol)
        assert (answer.status, answer.code) == (409, "ALREADY_IN_CALL")
    assert await is_busy(carol) == [False]


async def test_who_is_busy_by_hand_may_call(user: MakePerson) -> None:
    ada, bob = await online(user, "ada", "bob")
    await ada.put("/users/me/status", {"is_busy": True})
    assert (await start(ada, bob)).status == 200


async def test_an_idempotency_key_starts_one_call_however_often_it_is_sent(user: MakePerson) -> None:
    ada, bob = await online(user, "ada", "bob")
    answers = [await start(ada, bob, key="key 1".replace(" ", "-")) for _ in range(3)]
    assert [answer.status for answer in answers] == [200] * 3
    assert len({answer.body["call_id"] for answer in answers}) == 1
    assert (await ada.get("/calls/history")).body["total"] == 1


async def test_an_idempotency_key_sent_ten_times_at_once_starts_one_call(user: MakePerson) -> None:
    ada, bob = await online(user, "ada", "bob")
    answers = await asyncio.gather(*(start(ada, bob, key="same") for _ in range(10)))
    assert [answer.status for answer in answers] == [200] * 10
    assert len({answer.body["call_id"] for answer in answers}) == 1


async def test_an_idempotency_key_answers_the_call_also_after_its_end_and_a_restart(
    server: RunningServer, user: MakePerson
) -> None:
    ada, bob = await online(user, "ada", "bob")
    ended = await end(ada, await start(ada, bob, key="same"))
    assert (await start(ada, bob, key="same")).body == ended.body
    await server.restart()
    assert (await start(ada, bob, key="same")).body == ended.body


async def test_an_idempotency_key_is_the_callers_own(user: MakePerson) -> None:
    ada, bob, carol = await online(user, "ada", "bob", "carol")
    first = await start(ada, bob, key="same")
    await end(ada, first)
    second = await start(carol, bob, key="same")
    assert second.status == 200
    assert second.body["call_id"] != first.body["call_id"]


async def test_an_idempotency_key_does_not_start_two_different_calls(user: MakePerson) -> None:
    ada, bob, carol = await online(user, "ada", "bob", "carol")
    await end(ada, await start(ada, bob, key="same"))
    for answer in (await start(ada, carol, key="same"), await start(ada, bob, "video", key="same")):
        assert (answer.status, answer.code) == (409, "IDEMPOTENCY_KEY_REUSED")
    assert await is_busy(ada, bob, carol) == [False] * 3


@pytest.mark.parametrize("key", ["a b", "k" * 256, "ключ".encode().decode("latin-1")])
async def test_an_idempotency_key_is_visible_ascii(user: MakePerson, key: str) -> None:
    ada, bob = await online(user, "ada", "bob")
    answer = await start(ada, bob, key=key)
    assert (answer.status, answer.code) == (400, "INVALID_REQUEST")


@pytest.mark.parametrize("reason", ["completed", "dropped", "cancelled", None])
async def test_a_participant_ends_the_call(user: MakePerson, reason: str | None) -> None:
    ada, bob = await online(user, "ada", "bob")
    call = await start(ada, bob)
    answer = await end(bob, call, reason)
    assert answer.status == 200
    assert answer.body.keys() == CALL
    assert (answer.body["status"], answer.body["end_reason"]) == (reason or "completed", reason or "completed")
    assert answer.body["ended_by"] == bob.user_id
    assert answer.body["duration_seconds"] == 0
    assert answer.body["ended_at"] >= answer.body["started_at"]
    assert await is_busy(ada, bob) == [False, False]


async def test_ending_is_told_once_however_often_it_is_asked(user: MakePerson, socket: OpenSocket) -> None:
    ada, bob = await online(user, "ada", "bob")
    call = await start(ada, bob)
    feed = await socket(ada)
    answers = await asyncio.gather(*(end(each, call, "dropped") for each in (ada, bob) * 5))
    assert [answer.status for answer in answers] == [200] * 10
    assert all(answer.body == answers[0].body for answer in answers)
    assert (await end(ada, call, "completed")).body == answers[0].body
    told = [message for message in await feed.told() if message["type"] != "feed_stats"]
    assert [message["type"] for message in told] == ["user_status_update"] * 2 + ["call_status_update"]
    assert told[2]["call"] == answers[0].body


async def test_a_stranger_does_not_end_a_call(user: MakePerson) -> None:
    ada, bob, carol = await online(user, "ada", "bob", "carol")
    call = await start(ada, bob)
    answer = await end(carol, call)
    assert (answer.status, answer.code) == (403, "NOT_A_PARTICIPANT")
    assert await is_busy(ada, bob) == [True, True]


async def test_a_call_that_is_not_there_is_404(user: MakePerson) -> None:
    answer = await (await user("ada")).post("/calls/end", {"call_id": "nothing"})
    assert (answer.status, answer.code) == (404, "NOT_FOUND")


async def test_the_claim_below_a_call_shows_again_after_it(user: MakePerson) -> None:
    ada, bob = await online(user, "ada", "bob")
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat(timespec="milliseconds")
    busy = (await ada.put("/users/me/status", {"busy_until": until})).body
    call = await start(ada, bob)
    assert (await ada.get("/users/me/status")).body["busy_until"] is None
    await end(bob, call)
    after = (await ada.get("/users/me/status")).body
    assert (after["is_busy"], after["busy_until"]) == (True, busy["busy_until"])
    assert await is_busy(bob) == [False]


async def test_setting_oneself_not_busy_does_not_end_a_call(user: MakePerson) -> None:
    ada, bob = await online(user, "ada", "bob")
    await start(ada, bob)
    assert (await ada.put("/users/me/status", {"is_busy": False})).body["is_busy"] is True


async def test_the_ongoing_call_is_the_callers_own(user: MakePerson) -> None:
    ada, bob, carol = await online(user, "ada", "bob", "carol")
    assert (await ada.get("/calls/ongoing")).body == {
        "items": [], "page": 1, "per_page": 20, "total": 0, "has_next": False,
    }  # fmt: skip
    call = await start(ada, bob)
    for each in (ada, bob):
        body = (await each.get("/calls/ongoing")).body
        assert (body["items"], body["total"]) == ([call.body], 1)
        assert (await each.get("/calls/ongoing", call_type="video")).body["total"] == 0
        assert (await each.get("/calls/ongoing", page=2)).body["items"] == []
    assert (await carol.get("/calls/ongoing")).body["items"] == []
    await end(ada, call)
    assert (await ada.get("/calls/ongoing")).body["items"] == []


async def test_a_call_goes_on_over_a_restart_and_can_be_ended(server: RunningServer, user: MakePerson) -> None:
    ada, bob = await online(user, "ada", "bob")
    call = await start(ada, bob)
    await server.restart()
    assert await is_busy(ada, bob) == [True, True]
    assert (await ada.get("/calls/ongoing")).body["items"] == [call.body]
    assert (await end(bob, call)).body["status"] == "completed"
    assert await is_busy(ada, bob) == [False, False]
    assert (await start(bob, ada)).status == 200


async def test_a_socket_that_is_lost_does_not_hang_up(user: MakePerson, socket: OpenSocket) -> None:
    ada, bob = await user("ada"), await user("bob")
    losing = await socket(ada)
    await bob.post("/users/me/heartbeat")
    await start(ada, bob)
    await losing.drop()
    assert len((await bob.get("/calls/ongoing")).body["items"]) == 1


@pytest.mark.settings(call_lease_seconds=0.3, grace_seconds=0.1, clean_close_seconds=0.1)
async def test_a_participant_who_is_gone_for_the_lease_drops_the_call_once(
    user: MakePerson, socket: OpenSocket
) -> None:
    ada, bob = await user("ada"), await user("bob")
    staying, losing = await socket(ada), await socket(bob)
    call = await start(ada, bob)
    await losing.drop()
    update = await staying.next("call_status_update", call=call.body)
    update = await staying.next("call_status_update")
    assert (update["call"]["status"], update["call"]["end_reason"], update["call"]["ended_by"]) == (
        "dropped", "dropped", None,
    )  # fmt: skip
    assert update["call"]["call_id"] == call.body["call_id"]
    assert await is_busy(ada, bob) == [False, False]
    await staying.quiet()


@pytest.mark.settings(call_lease_seconds=0.3, grace_seconds=0.1, hold_seconds=0.1, clean_close_seconds=0.1)
async def test_a_call_whose_participants_do_not_come_back_after_a_restart_is_dropped(
    server: RunningServer, user: MakePerson, socket: OpenSocket
) -> None:
    ada, bob, carol = await online(user, "ada", "bob", "carol")
    await start(ada, bob)
    await server.restart()
    watching = await socket(carol)
    ended = [await watching.next("user_status_update", reason="call_ended") for _ in "ab"]
    assert {each["user_id"] for each in ended} == {ada.user_id, bob.user_id}
    (call,) = (await ada.get("/calls/history")).body["items"]
    assert (call["status"], call["ended_by"]) == ("dropped", None)
