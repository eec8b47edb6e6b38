"""Three servers send each webhook once, also when the one that sends is stopped, killed or paused."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from tests.clients import Person
from tests.cluster.nodes import Nodes
from tests.program import ServerProgram
from tests.receiver import Receiver, new_secret

pytestmark = [pytest.mark.slow, pytest.mark.gen_test(timeout=120)]

QUICK: dict[str, Any] = {
    "lease_seconds": 2.5, "lease_renew_seconds": 0.5, "webhook_retry_first_seconds": 0.1,
    "webhook_retry_longest_seconds": 0.5, "announcements_per_second": 1000, "request_burst": 100_000,
}  # fmt: skip


@contextlib.asynccontextmanager
async def three(make: Callable[..., Nodes]) -> AsyncIterator[tuple[Nodes, Receiver, list[Person]]]:
    """Three servers that run, a receiver, and four users."""
    receiver = Receiver(new_secret())
    await receiver.start()
    nodes = make(webhook_url=receiver.url, webhook_secret=receiver.secret, **QUICK)
    people = await nodes.people(4)
    await nodes.start()
    try:
        yield nodes, receiver, people
    finally:
        await receiver.stop()


async def sender(nodes: Nodes) -> ServerProgram:
    """Return the server that sends."""
    async with asyncio.timeout(20):
        while True:
            for server in nodes.servers:
                if server.is_running and await server.metric("rollcall_webhook_sender") == 1:
                    return server
            await asyncio.sleep(0.1)


async def set_busy(nodes: Nodes, person: Person, times: int) -> list[bool]:
    """Change a user's status on one running server after another. Returns what was set."""
    running = [number for number, server in enumerate(nodes.servers) if server.is_running]
    given = []
    for place, number in zip(range(times), itertools.cycle(running), strict=False):
        answer = await nodes.on(number, person).put("/users/me/status", {"is_busy": place % 2 == 0})
        assert answer.status == 200, answer.body
        given.append(place % 2 == 0)
    return given


def told(receiver: Receiver, person: Person) -> list[bool]:
    """Return whether the user was busy, by each event."""
    return [
        event["data"]["status"]["is_busy"]
        for event in receiver.events
        if event["data"].get("user_id") == person.user_id
    ]


def check_each_once(receiver: Receiver) -> None:
    """Check that no event was sent under two ids, and that all are in the order of seq."""
    ids = [event["id"] for event in receiver.events]
    assert len(ids) == len(set(ids))
    assert [event["seq"] for event in receiver.events] == sorted(event["seq"] for event in receiver.events)


async def test_each_webhook_is_sent_once_whichever_server_was_asked(make: Callable[..., Nodes]) -> None:
    async with three(make) as (nodes, receiver, (ada, ben, cy, _)):
        given = await set_busy(nodes, ada, 30)
        for number, person in enumerate((ben, cy)):
            await nodes.on(number, person).post("/users/me/heartbeat")
        started = await nodes.on(1, ben).post("/calls/start", {"callee_id": cy.user_id, "call_type": "audio"})
        assert started.status == 200, started.body
        await nodes.on(2, cy).post("/calls/end", {"call_id": started.body["call_id"]})
        await receiver.until(lambda: len(receiver.of("call.ended")) == 1)
        assert told(receiver, ada) == given
        assert len(receiver.attempts) == len(receiver.received), "a webhook was sent twice"
        check_each_once(receiver)
        assert [await server.metric("rollcall_webhook_sender") for server in nodes.servers].count(1) == 1


async def test_the_next_server_goes_on_exactly_where_one_that_is_killed_stopped(make: Callable[..., Nodes]) -> None:
    async with three(make) as (nodes, receiver, (ada, ben, *_)):
        for _ in range(2):
            first = await sender(nodes)
            given = told(receiver, ada)
            writing = asyncio.create_task(_write(nodes, ada))
            await asyncio.sleep(0.3)
            first.kill()
            given += await writing
            given += await set_busy(nodes, ada, 4)
            await receiver.until(lambda given=given: len(told(receiver, ada)) >= len(given), 30)
            assert _without_repeats(told(receiver, ada)) == _without_repeats(given)
            check_each_once(receiver)
            await first.start()
        assert told(receiver, ben) == []


async def test_a_server_that_stops_hands_over_at_once(make: Callable[..., Nodes]) -> None:
    async with three(make) as (nodes, receiver, (ada, *_)):
        given = await set_busy(nodes, ada, 6)
        first = await sender(nodes)
        await first.stop()
        given += await set_busy(nodes, ada, 6)
        await receiver.until(lambda: len(told(receiver, ada)) == 12, 5)
        assert told(receiver, ada) == given
        check_each_once(receiver)


async def test_a_sender_that_was_paused_and_replaced_sends_nothing_twice_under_two_ids(
    make: Callable[..., Nodes],
) -> None:
    async with three(make) as (nodes, receiver, (ada, *_)):
        await set_busy(nodes, ada, 6)
        first = await sender(nodes)
        await receiver.until(lambda: len(told(receiver, ada)) == 6)
        first.pause()
        others = Nodes([server for server in nodes.servers if server is not first])
        await asyncio.sleep(3)
        await set_busy(others, ada, 6)
        await receiver.until(lambda: len(told(receiver, ada)) == 12, 30)
        first.resume()
        await asyncio.sleep(1)
        await set_busy(others, ada, 6)
        await receiver.until(lambda: len(told(receiver, ada)) == 18, 30)
        assert await first.metric("rollcall_webhook_sender") == 0
        check_each_once(receiver)


async def _write(nodes: Nodes, person: Person) -> list[bool]:
    """Change a user's status on the servers that stay, while another one is killed."""
    first = await sender(nodes)
    others = [number for number, server in enumerate(nodes.servers) if server is not first]
    given = []
    for place in range(40):
        number = others[place % 2]
        answer = await nodes.on(number, person).put("/users/me/status", {"is_busy": place % 2 == 0})
        if answer.status == 200:
            given.append(place % 2 == 0)
        await asyncio.sleep(0.02)
    return given


def _without_repeats(values: list[bool]) -> list[bool]:
    return [value for value, _ in itertools.groupby(values)]
