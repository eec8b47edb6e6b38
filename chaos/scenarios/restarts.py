"""The server is stopped, or killed, while a thousand sockets are open and clients write."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import time
from typing import Any

from chaos.check import Check, at_least, at_most, exactly, none
from chaos.crowd import Member, all_ended, enter, enter_all
from chaos.lab import Lab
from chaos.program import ServerProgram, until
from chaos.rest import Person

SOCKETS = 1000
CALLS = 100
ROUNDS, ROUNDS_ON_MONGODB = 20, 10
"""Fewer on MongoDB, which uses some of the same cores."""

LEAVING = 10
IN_FLIGHT = 20
READY_SECONDS = 3.0
CROWD: dict[str, Any] = {"grace_seconds": 6, "hold_seconds": 10, "call_lease_seconds": 30}
REQUESTS = 8
"""Hashed two at a time, so the last ones are still in progress well after the first is answered."""

EXIT_SECONDS = 10.0
LOST = ("disconnected", "timed_out")
"""Reasons for going offline that a server shutdown must not cause."""


async def sigterm(lab: Lab) -> list[Check]:
    """The server is asked to stop while a thousand sockets are open: each is told when to reconnect, and running
    requests finish.
    """
    server = lab.server(argon2_passes=3, argon2_memory_kib=64 * 1024)
    *people, watching = await lab.people(server, SOCKETS + 1)
    await server.start()
    everyone = await enter_all(server.port, people)
    watcher = await enter(server.port, watching, watches=True)
    everyone.append(watcher)
    under_way = [
        asyncio.create_task(server.api.post("/auth/register", {"username": f"new-{number}", "password": "x" * 16}))
        for number in range(REQUESTS)
    ]
    # Once one registration is done, the server has read the others: it hashes two at a time.
    await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
    open_requests = sum(not task.done() for task in under_way)
    began = time.monotonic()
    server.send_signal(signal.SIGTERM)
    status = await server.ended()
    seconds = time.monotonic() - began
    await all_ended(everyone)
    answers = await asyncio.gather(*under_way, return_exceptions=True)
    return [
        at_most("time until the server has exited", seconds, EXIT_SECONDS, "s"),
        exactly("exit code", status, 0),
        at_least("requests in progress at the signal", open_requests, 1),
        none("of these, not answered with 201", sum(getattr(answer, "status", 0) != 201 for answer in answers)),
        *_farewells(everyone),
        none("users announced as offline", sum(each["reason"] in LOST for each in watcher.told("user_status_update"))),
    ]


async def sigkill_under_sockets(lab: Lab) -> list[Check]:
    """The server is killed repeatedly with a thousand sockets, a hundred calls and writes in flight: everything is
    restored, and users who reconnect are not announced.
    """
    server = lab.server(**CROWD)
    people, (watching,) = await lab.people(server, SOCKETS), await lab.people(server, 1)
    rounds = Rounds(server, people, watching)
    await server.start()
    members = await enter_all(server.port, people)
    await rounds.start_calls()
    await until(server.is_saved, seconds=20)
    kills = ROUNDS if lab.store.kind == "embedded" or lab.is_long else ROUNDS_ON_MONGODB
    for number in range(kills):
        await rounds.kill_under_writes(number)
        await all_ended(members)
        members = await rounds.come_back()
    await rounds.leave(members[-LEAVING:])
    await rounds.end_calls()
    stats = (await watching.get("/feed/stats")).body
    return [
        at_most("slowest start", rounds.slowest_start, READY_SECONDS, "s"),
        at_least("writes acknowledged before a kill", rounds.acknowledged, kills),
        none("acknowledged statuses missing", rounds.missing_statuses),
        none("calls missing", rounds.missing_calls),
        none("announcements of users who reconnected", rounds.announcements),
        none("users wrongly shown online", stats["online"] - (SOCKETS - LEAVING + 1)),
        none("users stuck in a call", await rounds.busy_by_call()),
    ]


class Rounds:
    """A thousand users who reconnect after each kill, and what they find."""

    def __init__(self, server: ServerProgram, people: list[Person], watching: Person) -> None:
        self._server = server
        self._people = people
        self._watching = watching
        self._calls: dict[str, Person] = {}
        """The caller of each call, by the call's id."""
        self._busy: dict[int, bool] = {}
        """The last acknowledged status of the users who write."""
        self._watcher: Member | None = None
        self.slowest_start = 0.0
        self.acknowledged = 0
        self.missing_statuses = 0
        self.missing_calls = 0
        self.announcements = 0

    async def start_calls(self) -> None:
        """Start calls between pairs of the first users."""
        for caller, callee in zip(self._people[:CALLS], self._people[CALLS : 2 * CALLS], strict=True):
            answer = await caller.post("/calls/start", {"callee_id": callee.user_id, "call_type": "audio"})
            assert answer.status == 200, answer.body
            self._calls[answer.body["call_id"]] = caller

    async def kill_under_writes(self, number: int) -> None:
        """Kill the server while some users set their status, and restart it."""
        place = 2 * CALLS + number * IN_FLIGHT
        tasks = [asyncio.create_task(self._write_on(person)) for person in self._people[place : place + IN_FLIGHT]]
        await asyncio.sleep(random.uniform(0.1, 0.4))  # the moment of the kill is what varies
        self._server.kill()
        await asyncio.gather(*tasks)
        self.slowest_start = max(self.slowest_start, await self._server.start())

    async def come_back(self) -> list[Member]:
        """Reconnect everybody, and check that acknowledged writes and calls are still there."""
        self._watcher = await enter(self._server.port, self._watching, watches=True)
        members = await enter_all(self._server.port, self._people)
        ids = [person.user_id for person in self._people]
        statuses = await self._statuses(ids[: 2 * CALLS])
        self.missing_calls += sum(not status["is_busy"] for status in statuses)
        known = await self._statuses(list(self._busy)[-IN_FLIGHT:])
        self.missing_statuses += sum(status["is_busy"] != self._busy[status["user_id"]] for status in known)
        self.announcements += len(self._watcher.told("user_status_update")) - 1
        return members

    async def leave(self, leaving: list[Member]) -> None:
        """Disconnect some users for good, and wait until they are offline."""
        for member in leaving:
            member.drop()
        left = [member.person.user_id for member in leaving]
        await until(lambda: self._are_offline(left), seconds=30, every=0.2)  # slowly enough for the limit on requests

    async def end_calls(self) -> None:
        """End all calls."""
        for call_id, caller in self._calls.items():
            answer = await caller.post("/calls/end", {"call_id": call_id})
            self.missing_calls += answer.status != 200

    async def busy_by_call(self) -> int:
        """How many participants of calls are still busy."""
        return sum(status["is_busy"] for status in await self._statuses([p.user_id for p in self._people[: 2 * CALLS]]))

    async def _write_on(self, person: Person) -> None:
        """Write repeatedly. A write in progress when the server dies may or may not be applied, so only answered ones
        count.
        """
        with contextlib.suppress(OSError):
            for is_busy in (True, False) * 10:
                if not self._server.is_running:
                    return
                self._busy.pop(person.user_id, None)
                answer = await person.put("/users/me/status", {"is_busy": is_busy})
                if answer.status == 200:
                    self._busy[person.user_id] = is_busy
                    self.acknowledged += 1
                await asyncio.sleep(random.uniform(0, 0.05))

    async def _statuses(self, user_ids: list[int]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for start in range(0, len(user_ids), 100):
            ids = ",".join(map(str, user_ids[start : start + 100]))
            found += (await self._watching.get("/users/presence", user_ids=ids)).body
        return found

    async def _are_offline(self, user_ids: list[int]) -> bool:
        return not any(status["is_online"] for status in await self._statuses(user_ids))


def _farewells(members: list[Member]) -> list[Check]:
    told = [member.told("server_draining") for member in members]
    delays = [each[0]["reconnect_after_ms"] for each in told if each]
    return [
        none("sockets not told of the shutdown", len(members) - len(delays)),
        none("sockets given the same delay as another", len(delays) - len(set(delays))),
        none("sockets closed with a code other than 1012", sum(member.close_code != 1012 for member in members)),
    ]
