"""Webhooks while the server or the receiver is killed, hangs, fails or answers late."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tornado.httpclient import HTTPClientError

from tests.clients import Person
from tests.program import MakeProgram, ServerProgram
from tests.receiver import Receiver, new_secret

ROUNDS = int(os.environ.get("CHAOS_ROUNDS", "4"))
"""The number of kills; set it higher for longer runs."""

pytestmark = [pytest.mark.slow, pytest.mark.gen_test(timeout=60 + 12 * ROUNDS)]

HASTY: dict[str, Any] = {
    "webhook_retry_first_seconds": 0.1, "webhook_retry_longest_seconds": 0.5, "webhook_deadline_seconds": 1.0,
    "announcements_per_second": 1000,
}  # fmt: skip


@contextlib.asynccontextmanager
async def listening() -> AsyncIterator[Receiver]:
    """A receiver with a secret of its own."""
    receiver = Receiver(new_secret())
    await receiver.start()
    try:
        yield receiver
    finally:
        await receiver.stop()


def hooked(program: MakeProgram, receiver: Receiver, **settings: Any) -> ServerProgram:
    """A server that sends to the receiver."""
    server = program(webhook_url=receiver.url, webhook_secret=receiver.secret, **{**HASTY, **settings})
    server._seen.note(receiver.secret)
    server._seen.note(receiver.secret.removeprefix("whsec_"))
    return server


class Acknowledged:
    """What the server has acknowledged to its clients."""

    def __init__(self, people: list[Person]) -> None:
        self.people = people
        self.statuses: dict[int, dict[str, Any]] = {}
        self._minutes = itertools.count(1)

    async def write_until(self, kill: float, server: ServerProgram) -> None:
        """Write until the server is killed."""
        first, *pairs = self.people
        tasks = [asyncio.create_task(self._until_refused(self._set(person))) for person in (first, pairs[-1])]
        tasks.append(asyncio.create_task(self._until_refused(self._call(pairs[0], pairs[1]))))
        await asyncio.sleep(kill)
        server.kill()
        await asyncio.gather(*tasks)

    async def _until_refused(self, work: Any) -> None:
        with contextlib.suppress(OSError, HTTPClientError):
            await work

    async def _set(self, person: Person) -> None:
        while True:
            until = f"2150-01-01T{next(self._minutes) // 60 % 24:02}:{next(self._minutes) % 60:02}:00Z"
            answer = await person.put("/users/me/status", {"is_online": True, "busy_until": until})
            assert answer.status == 200, answer.body
            self.statuses[person.user_id] = answer.body

    async def _call(self, caller: Person, callee: Person) -> None:
        for person in (caller, callee):
            await person.post("/users/me/heartbeat")
        while True:
            answer = await caller.post("/calls/start", {"callee_id": callee.user_id, "call_type": "audio"})
            if answer.status == 200:
                await callee.post("/calls/end", {"call_id": answer.body["call_id"]})
            elif answer.status == 409:
                ongoing = (await caller.get("/calls/ongoing")).body["items"]
                for call in ongoing:
                    await caller.post("/calls/end", {"call_id": call["call_id"]})


async def calls_of(person: Person) -> dict[str, dict[str, Any]]:
    """Return all calls of a user by id."""
    found: dict[str, dict[str, Any]] = {}
    for page in itertools.count(1):
        items = (await person.get("/calls/history", page=page, per_page=100)).body["items"]
        found |= {call["call_id"]: call for call in items}
        if not items:
            return found
    return found


def told_statuses(receiver: Receiver) -> dict[int, dict[str, Any]]:
    """Return the last status that was told of each user."""
    return {
        event["data"]["user_id"]: event["data"]["status"]
        for event in receiver.events
        if event["type"] in ("status.changed", "user.created")
    }


def told_calls(receiver: Receiver) -> list[tuple[str, str]]:
    """Return the ids of the calls of which a start or an end was told."""
    return [
        (event["type"], event["data"]["call"]["call_id"])
        for event in receiver.events
        if event["type"].startswith("call.")
    ]


async def current(people: list[Person]) -> dict[int, tuple[Any, ...]]:
    """Return what the API answers about the users."""
    answers = [(await person.get("/users/me/status")).body for person in people]
    return {each["user_id"]: shown(each) for each in answers}


def shown(status: dict[str, Any]) -> tuple[Any, ...]:
    return status["is_online"], status["is_busy"], status["busy_until"]


async def check_everything_told(receiver: Receiver, people: list[Person]) -> None:
    """Wait until the receiver knows everything, and check that it was told in order and under the same ids."""

    async def knows_all() -> bool:
        known = {user_id: shown(status) for user_id, status in told_statuses(receiver).items()}
        calls = await calls_of(people[1])
        wanted = {("call.started", each) for each in calls}
        wanted |= {("call.ended", each) for each, call in calls.items() if call["status"] != "ongoing"}
        now = await current(people)
        return all(known.get(each) == status for each, status in now.items()) and wanted <= set(told_calls(receiver))

    async with asyncio.timeout(20):
        while not await knows_all():
            await asyncio.sleep(0.1)
    by_id: dict[str, list[str]] = {}
    for attempt in receiver.attempts:
        by_id.setdefault(attempt.id, []).append(repr(attempt.events))
    assert all(len(set(bodies)) == 1 for bodies in by_id.values()), "one id with two contents"
    told = told_calls(receiver)
    assert len(told) == len(set(told)), "an event was told under two ids"
    starts = {call_id: place for place, (type, call_id) in enumerate(told) if type == "call.started"}
    assert all(starts[call_id] < place for place, (type, call_id) in enumerate(told) if type == "call.ended")
    seqs: dict[str, list[int]] = {}
    for event in receiver.events:
        seqs.setdefault(event["epoch"], []).append(event["seq"])
    assert all(each == sorted(each) for each in seqs.values()), "not in the order of seq"


async def test_kill_9_of_the_server_loses_nothing(program: MakeProgram, store: dict[str, Any]) -> None:
    async with listening() as receiver:
        server = hooked(program, receiver, **store)
        people = await server.populate(4)
        acknowledged = Acknowledged(people)
        for _ in range(ROUNDS):
            await server.start()
            await acknowledged.write_until(random.uniform(0.2, 1.2), server)
        await server.start()
        await check_everything_told(receiver, people)
        for user_id, status in acknowledged.statuses.items():
            assert told_statuses(receiver)[user_id]["busy_until"] >= status["busy_until"][:10]
        await server.stop()
        assert receiver.secret not in server.log.read_text()


async def test_a_server_and_a_receiver_that_are_killed_at_random_lose_nothing(
    program: MakeProgram, store: dict[str, Any]
) -> None:
    async with listening() as receiver:
        server = hooked(program, receiver, **store)
        people = await server.populate(4)
        acknowledged = Acknowledged(people)

        is_over = asyncio.Event()

        async def trouble() -> None:
            while not is_over.is_set():
                answers = random.choice([200, 500, 503, 0.2, 1.5, None, 302])
                receiver.answer = lambda _events, answers=answers: answers  # type: ignore[misc]
                await asyncio.sleep(random.uniform(0.05, 0.4))
                await receiver.stop()
                await asyncio.sleep(random.uniform(0.0, 0.2))
                await receiver.start()

        troubled = asyncio.create_task(trouble())
        for _ in range(ROUNDS):
            await server.start()
            await acknowledged.write_until(random.uniform(0.2, 1.2), server)
        is_over.set()
        await troubled
        receiver.answer = lambda _events: 200
        await server.start()
        await check_everything_told(receiver, people)


async def test_a_receiver_that_hangs_slows_nothing_and_is_told_all_of_it_later(
    program: MakeProgram, store: dict[str, Any]
) -> None:
    async with listening() as receiver:
        server = hooked(program, receiver, webhook_deadline_seconds=30.0, **store)
        people = await server.populate(4)
        await server.start()
        receiver.answer = lambda _events: 100.0
        for number in range(100):
            assert (await people[0].put("/users/me/status", {"is_busy": number % 2 == 0})).status == 200
        assert receiver.attempts == [], "a webhook was answered meanwhile"
        async with asyncio.timeout(10):
            while await server.metric("rollcall_webhook_backlog_events") < 100:
                await asyncio.sleep(0.05)
        assert await server.metric("rollcall_webhook_backlog_seconds") > 0
        assert await server.metric("rollcall_webhook_sender") == 1
        receiver.answer = lambda _events: 200
        await receiver.stop()
        await receiver.start()
        await receiver.until(lambda: len(receiver.events) == 100)
        assert [event["data"]["status"]["is_busy"] for event in receiver.events] == [True, False] * 50
        assert await server.stop() == 0


async def test_a_server_that_stops_tells_what_happened_before(program: MakeProgram, store: dict[str, Any]) -> None:
    async with listening() as receiver:
        server = hooked(program, receiver, webhook_interval_seconds=60.0, **store)
        (ada,) = await server.populate(1)
        await server.start()
        await ada.put("/users/me/status", {"is_busy": True})
        await ada.put("/users/me/status", {"is_busy": False})
        await server.stop()
        assert receiver.attempts == []
        await server.start()
        await receiver.until(lambda: len(receiver.events) == 2)
        assert [event["data"]["status"]["is_busy"] for event in receiver.events] == [True, False]
