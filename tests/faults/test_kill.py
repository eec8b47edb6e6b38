"""The server is killed while clients write."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
from typing import Any

import pytest
from tornado.httpclient import HTTPClientError

from chaos.crowd import enter
from chaos.writer import Writer
from chaos.writers import CallWriter, RegistrationWriter, StatusWriter
from tests.clients import Person
from tests.program import MakeProgram, ServerProgram, until

ROUNDS = int(os.environ.get("CHAOS_ROUNDS", "8"))
"""The number of kills. `make chaos` has a longer run of its own."""

pytestmark = [pytest.mark.slow, pytest.mark.gen_test(timeout=60 + 12 * ROUNDS)]

SCALED: dict[str, Any] = {
    "grace_seconds": 2,
    "hold_seconds": 5,
    "heartbeat_interval_seconds": 1,
    "heartbeat_life_seconds": 6,
    "call_lease_seconds": 8,
}


async def test_what_was_acknowledged_survives_kill_9_and_nobody_stays_busy_or_online(
    program: MakeProgram, store: dict[str, Any]
) -> None:
    server = program(**SCALED, **store)
    people = await server.populate(10)
    ghosts = await server.populate(ROUNDS)
    calls = [
        CallWriter(people[3], people[4]),
        CallWriter(people[5], people[6]),
        CallWriter(people[7], people[9], has_rivals=True),
        CallWriter(people[8], people[9], has_rivals=True),
    ]
    writers = [*(StatusWriter(person) for person in people[:3]), *calls, RegistrationWriter(server.api)]
    for ghost in ghosts:
        await server.start()
        await heartbeats(people[3:])
        for writer in writers:
            await writer.check()
        await check_busy(people)
        await enter(server.port, ghost)
        await write_until_killed(server, writers)
    await server.start()
    await heartbeats(people[3:])
    for writer in writers:
        await writer.check()
    for call in calls:
        await call.check_history()
        await call.hang_up()
    assert all(call.ended for call in calls[:2])
    await check_busy(people)
    await everyone_can_call(calls)
    await everyone_goes(server, people)


async def test_a_refresh_whose_answer_was_lost_in_a_kill_9_is_answered_the_same_again(
    program: MakeProgram, store: dict[str, Any]
) -> None:
    server = program(**store)
    await server.start()
    registered = await server.api.post("/auth/register", {"username": "ada", "password": "x" * 16})
    chain = [registered.body["refresh_token"]]
    for _ in range(3):
        answer = await server.api.post("/auth/refresh", {"refresh_token": chain[-1]})
        server.kill()
        await server.start()
        again = await server.api.post("/auth/refresh", {"refresh_token": chain[-1]})
        assert again.body["refresh_token"] == answer.body["refresh_token"]
        chain.append(again.body["refresh_token"])
    first = await server.api.post("/auth/refresh", {"refresh_token": chain[0]})
    assert (first.status, first.body["refresh_token"]) == (200, chain[1])


async def write_until_killed(server: ServerProgram, writers: list[Writer]) -> None:
    async def write_on(writer: Writer) -> None:
        with contextlib.suppress(OSError, HTTPClientError):
            while True:
                await writer.write()

    tasks = [asyncio.create_task(write_on(writer)) for writer in writers]
    await asyncio.sleep(random.uniform(0.1, 0.6))  # a random moment for the kill
    server.kill()
    await asyncio.gather(*tasks)


async def heartbeats(people: list[Person]) -> None:
    for person in people:
        assert (await person.post("/users/me/heartbeat")).status == 200


async def check_busy(people: list[Person]) -> None:
    """Check that exactly the users on a call are busy, and that both parties are on it."""
    ongoing = {each.user_id: (await each.get("/calls/ongoing")).body["items"] for each in people}
    for person in people[3:]:
        status = (await person.get("/users/me/status")).body
        mine = ongoing[person.user_id]
        assert status["is_busy"] == bool(mine), (status, mine)
        for call in mine:
            assert ongoing[call["caller_id"]] == ongoing[call["callee_id"]] == mine


async def everyone_can_call(calls: list[CallWriter]) -> None:
    for call in calls:
        body = {"callee_id": call.callee.user_id, "call_type": "video"}
        started = await call.caller.post("/calls/start", body)
        assert started.status == 200, started.body
        assert (await call.caller.post("/calls/end", {"call_id": started.body["call_id"]})).status == 200


async def everyone_goes(server: ServerProgram, people: list[Person]) -> None:
    """Check that abandoned calls end, and that only connected users are online."""
    left = await people[3].post("/calls/start", {"callee_id": people[4].user_id, "call_type": "audio"})
    assert left.status == 200
    server.kill()
    await server.start()
    operator_session = await enter(server.port, people[9])

    async def is_quiet() -> bool:
        stats = (await people[9].get("/feed/stats")).body
        return stats["online"] == 1 and stats["ongoing_calls"] == 0

    await until(is_quiet)
    assert operator_session.is_open
    await check_busy(people)
