"""The server is killed repeatedly while clients write."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from chaos.check import Check, at_most, none
from chaos.crowd import enter
from chaos.lab import Lab
from chaos.program import ServerProgram, until
from chaos.rest import Api, Person
from chaos.seeding import differences
from chaos.writer import Writer
from chaos.writers import (
    CallWriter,
    HeartbeatWriter,
    NameWriter,
    RegistrationWriter,
    StatusWriter,
)

ROUNDS = 30
WITHOUT_CALLS = 4
"""How many users, counted from the first, take part in no calls."""

GONE_SECONDS = 20.0
WRITING: dict[str, Any] = {
    "grace_seconds": 2,
    "hold_seconds": 5,
    "heartbeat_interval_seconds": 1,
    "heartbeat_life_seconds": 6,
    "call_lease_seconds": 8,
}


async def sigkill_under_writers(lab: Lab) -> list[Check]:
    """The server is killed thirty times while eight clients write: every acknowledged write survives, nobody is stuck
    in a call, and the store agrees with the server.
    """
    server = lab.server(**WRITING)
    people, ghosts = await lab.people(server, 9), await lab.people(server, ROUNDS)
    writers = _make_writers(server, people)
    calls = [writer for writer in writers if isinstance(writer, CallWriter)]
    lost: list[str] = []
    for ghost in ghosts:
        lost += await _start_and_check(server, people, writers)
        await enter(server.port, ghost)
        await _write_until_killed(server, writers)
    lost += await _start_and_check(server, people, writers)
    lost += await _missing([call.check_history for call in calls])
    for call in calls:
        await call.hang_up()
    await until(server.is_saved, seconds=10)
    lab.remarks += lost
    lab.note(writes=sum(writer.count for writer in writers), calls=sum(len(call.ended) for call in calls))
    return [
        none("acknowledged writes missing", len(lost)),
        none("differences between the store and the server", await differences(server, people)),
        none("users stuck in a call", await _busy(people[WITHOUT_CALLS:])),
        at_most("time until no absent user is online", await _until_all_are_gone(people[0]), GONE_SECONDS, "s"),
    ]


def _make_writers(server: ServerProgram, people: list[Person]) -> list[Writer]:
    """Eight of them. Two callers have the same callee."""
    return [
        StatusWriter(people[0]),
        StatusWriter(people[1]),
        HeartbeatWriter(people[2]),
        NameWriter(people[3]),
        CallWriter(people[4], people[5]),
        CallWriter(people[6], people[8], has_rivals=True),
        CallWriter(people[7], people[8], has_rivals=True),
        RegistrationWriter(Api(server.port)),
    ]


async def _start_and_check(server: ServerProgram, people: list[Person], writers: list[Writer]) -> list[str]:
    """Restart the server and bring the users who call back online. Returns the acknowledged writes that are missing."""
    await server.start()
    for person in people[WITHOUT_CALLS:]:
        answer = await person.post("/users/me/heartbeat")
        assert answer.status == 200, answer.body
    return await _missing([writer.check for writer in writers])


async def _missing(checks: Sequence[Callable[[], Awaitable[None]]]) -> list[str]:
    """What the checks find missing, in words."""
    missing: list[str] = []
    for check in checks:
        try:
            await check()
        except AssertionError as error:
            missing.append(f"{getattr(check, '__qualname__', check)}: {error}")
    return missing


async def _write_until_killed(server: ServerProgram, writers: list[Writer]) -> None:
    async def write_on(writer: Writer) -> None:
        with contextlib.suppress(OSError):
            while server.is_running:
                await writer.write()

    tasks = [asyncio.create_task(write_on(writer)) for writer in writers]
    await asyncio.sleep(random.uniform(0.1, 0.6))  # the moment of the kill is what varies
    server.kill()
    await asyncio.gather(*tasks)


async def _busy(people: list[Person]) -> int:
    statuses = [(await person.get("/users/me/status")).body for person in people]
    return sum(status["is_busy"] for status in statuses)


async def _until_all_are_gone(person: Person) -> float:
    """Seconds until nobody is online and no call is in progress."""

    async def are_gone() -> bool:
        stats = (await person.get("/feed/stats")).body
        return bool(stats["online"] == 0 and stats["ongoing_calls"] == 0)

    # Slowly enough for the limit on requests of one user.
    return await until(are_gone, seconds=GONE_SECONDS, every=0.2)
