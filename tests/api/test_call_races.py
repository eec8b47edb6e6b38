"""Concurrent calls: a user is in at most one call, and nobody stays busy afterwards."""

from __future__ import annotations

import asyncio

import pytest

from tests.clients import Answer, Person
from tests.conftest import MakePerson
from tests.running import RunningServer

pytestmark = [pytest.mark.gen_test, pytest.mark.also_clustered]


async def online(user: MakePerson, count: int) -> list[Person]:
    """Create users who are online by a heartbeat."""
    people = [await user(f"user {number}") for number in range(count)]
    for person in people:
        await person.post("/users/me/heartbeat")
    return people


async def start(caller: Person, callee: Person) -> Answer:
    return await caller.post("/calls/start", {"callee_id": callee.user_id, "call_type": "video"})


async def busy(people: list[Person]) -> list[int]:
    """Return which of these users are busy."""
    return [each.user_id for each in people if (await each.get("/users/me/status")).body["is_busy"]]


async def locked(server: RunningServer) -> set[int]:
    """Return the ids of the users with a call lock in the store."""
    return {lock.user_id for lock in await server.stores.calls.all_locks()}


async def test_of_fifty_callers_for_one_callee_one_wins_and_nobody_is_stuck(
    server: RunningServer, user: MakePerson
) -> None:
    callee, *callers = await online(user, 51)
    answers = await asyncio.gather(*(start(caller, callee) for caller in callers))
    assert sorted(answer.status for answer in answers) == [200] + [409] * 49
    assert {answer.code for answer in answers} == {None, "USER_BUSY"}
    (call,) = (answer.body for answer in answers if answer.status == 200)
    assert sorted(await busy([callee, *callers])) == sorted([callee.user_id, call["caller_id"]])
    assert await locked(server) == {callee.user_id, call["caller_id"]}
    assert (await callee.post("/calls/end", {"call_id": call["call_id"]})).status == 200
    assert await busy([callee, *callers]) == []
    assert await locked(server) == set()
    assert (await callee.get("/feed/stats")).body["ongoing_calls"] == 0


async def test_of_two_who_call_each_other_one_gets_through(server: RunningServer, user: MakePerson) -> None:
    ada, bob = await online(user, 2)
    answers = await asyncio.gather(start(ada, bob), start(bob, ada))
    assert sorted(answer.status for answer in answers) == [200, 409]
    assert await busy([ada, bob]) == [ada.user_id, bob.user_id]
    assert len(server.core.switchboard.ongoing) == 1


async def test_of_ten_calls_of_one_caller_one_starts(user: MakePerson) -> None:
    caller, *callees = await online(user, 11)
    answers = await asyncio.gather(*(start(caller, callee) for callee in callees))
    assert sorted(answer.status for answer in answers) == [200] + [409] * 9
    (call,) = (answer.body for answer in answers if answer.status == 200)
    assert await busy([caller, *callees]) == sorted([caller.user_id, call["callee_id"]])


async def test_everyone_calls_everyone_and_each_is_in_one_call(server: RunningServer, user: MakePerson) -> None:
    people = await online(user, 10)
    answers = await asyncio.gather(*(start(a, b) for a in people for b in people if a is not b))
    calls = [answer.body for answer in answers if answer.status == 200]
    taking_part = [user_id for call in calls for user_id in (call["caller_id"], call["callee_id"])]
    assert len(taking_part) == len(set(taking_part))
    assert await busy(people) == sorted(taking_part)
    assert await locked(server) == set(taking_part)


async def test_start_and_end_at_once_leave_nobody_stuck(server: RunningServer, user: MakePerson) -> None:
    ada, bob, carol = await online(user, 3)
    call = (await start(ada, bob)).body
    await asyncio.gather(
        ada.post("/calls/end", {"call_id": call["call_id"]}),
        start(carol, bob),
        bob.post("/calls/end", {"call_id": call["call_id"]}),
        start(carol, ada),
    )
    ongoing = (await carol.get("/calls/ongoing")).body["items"]
    for each in ongoing:
        await carol.post("/calls/end", {"call_id": each["call_id"]})
    assert await busy([ada, bob, carol]) == []
    assert await locked(server) == set()
    assert (await start(ada, bob)).status == 200
