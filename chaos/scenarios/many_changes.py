"""Rapid status changes: clients that do not read them, and one user who keeps toggling."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from typing import Any

from chaos.check import Check, at_most, exactly, none
from chaos.crowd import Member, enter_all, join
from chaos.lab import ATTACKER, Lab
from chaos.program import ServerProgram, until
from chaos.raw_socket import RawSocket
from chaos.rest import Person

WRITERS, AT_ONCE = 500, 16
IMAGE = "https://example.org/" + "x" * 2000
"""Makes each change large, so that the kernel's buffers of a few megabytes fill up quickly."""

CHANGE_SECONDS = 5.0
SLOW_LIMIT_SECONDS = 5.0
SWEEP_SECONDS = 1.0
"""How often the server looks for slow sockets, and so how late it may close one."""

STILL_READERS = 100
STILL_MEBIBYTES = 30.0
CALM_P99_MILLISECONDS = 10.0
"""Any percentile below this is treated as this one, because even twice as much is negligible."""

WATCHING, SOCKETS_PER_USER = 50, 10
TOGGLES_PER_SECOND, TOGGLE_SECONDS = 50, 5.0
ANNOUNCEMENTS_PER_SECOND = 4


async def slow_readers(lab: Lab) -> list[Check]:
    """One socket, then a hundred, read nothing while statuses change as fast as possible: memory stays bounded, they
    are disconnected in time, and other clients hardly notice.
    """
    server = lab.server(slow_limit_seconds=SLOW_LIMIT_SECONDS)
    writers, still = await lab.people(server, WRITERS, image=IMAGE), await lab.attackers(server, STILL_READERS + 1)
    victims = await lab.victims(server)
    await server.start()
    async with lab.beside(server, victims, signs_in=False) as watch:
        rate = await _change(writers, asyncio.create_task(asyncio.sleep(CHANGE_SECONDS)))
    calm = max(watch.victim.ping_p99, CALM_P99_MILLISECONDS)
    checks: list[Check] = []
    for count in (1, STILL_READERS):
        async with lab.beside(server, victims, signs_in=False) as watch:
            cut = asyncio.create_task(_until_cut(server, still[:count]))
            del still[:count]
            rate = min(rate, await _change(writers, cut))
        name = "one" if count == 1 else f"{count}"
        over = await cut - SLOW_LIMIT_SECONDS
        checks += [
            at_most(f"{name}: disconnected after the limit by", over, SWEEP_SECONDS, "s"),
            at_most(f"{name}: victim's 99th percentile, as a multiple", watch.victim.ping_p99 / calm, 2),
            *([at_most(f"{name}: memory growth", watch.meter.growth, STILL_MEBIBYTES, "MiB")] if count > 1 else []),
            *watch.checks(),
        ]
    lab.note(changes_per_second=rate)
    return _distinct(checks)


async def toggles(lab: Lab) -> list[Check]:
    """One user toggles their status fifty times a second while five hundred sockets watch: at most four changes a
    second are announced.
    """
    server = lab.server()
    (toggling,) = await lab.attackers(server)
    people = await lab.people(server, WATCHING)
    victims = await lab.victims(server)
    await server.start()
    observer = await join(TimedMember(server.port, people[0], toggling.user_id), server.port)
    crowd = await enter_all(server.port, [person for person in people for _ in range(SOCKETS_PER_USER)][1:])
    async with lab.beside(server, victims) as watch:
        last, answered = await _toggle(toggling)
        await until(lambda: observer.last_busy() == last, seconds=2)
    lab.note(answered_200=answered[200], answered_429=answered[429])
    return [
        at_most("announcements per second", observer.rate(), ANNOUNCEMENTS_PER_SECOND, "/s"),
        exactly("last announced state is the last one set", observer.last_busy() == last, 1),
        none("watchers' sockets lost", sum(not member.is_open for member in [*crowd, observer])),
        at_most("toggles accepted", answered[200], 60 + 20 * (TOGGLE_SECONDS + 1)),
        *watch.checks(),
    ]


class TimedMember(Member):
    """A client that records when it receives updates about one user."""

    def __init__(self, port: int, person: Person, user_id: int) -> None:
        super().__init__(port, person, watches=True)
        self._user_id = user_id
        self.times: list[float] = []

    def note_update(self, message: dict[str, Any]) -> None:
        """Keep an update, and the time it arrived."""
        super().note_update(message)
        if message["user_id"] == self._user_id:
            self.times.append(time.monotonic())

    def last_busy(self) -> bool | None:
        """The last state it received."""
        updates = [message for message in self.told("user_status_update") if message["user_id"] == self._user_id]
        return bool(updates[-1]["status"]["is_busy"]) if updates else None

    def rate(self) -> float:
        """Updates about that user per second. A sliding window lets the first second's share through at once."""
        return len(self.times) / (self.times[-1] - self.times[0] + 1) if self.times else 0.0


async def _change(writers: list[Person], end: asyncio.Task[Any]) -> float:
    """Change statuses as fast as the server can save them, until `end` is done. Returns changes per second."""
    began, done = time.monotonic(), 0
    busy = dict.fromkeys((person.user_id for person in writers), False)

    async def write(share: list[Person]) -> None:
        nonlocal done
        while not end.done():
            person = random.choice(share)
            busy[person.user_id] = not busy[person.user_id]
            done += (await person.put("/users/me/status", {"is_busy": busy[person.user_id]})).status == 200

    await asyncio.gather(*(write(writers[place::AT_ONCE]) for place in range(AT_ONCE)))
    await end
    return done / (time.monotonic() - began)


async def _until_cut(server: ServerProgram, people: list[Person]) -> float:
    """Seconds from the moment when all of these have fallen behind until all of them are closed as slow."""
    before = await server.metric("rollcall_closes_total", 'code="4002"')
    sockets = [await RawSocket.of(server.port, person, source=ATTACKER, receive_bytes=4096) for person in people]
    for raw in sockets:
        raw.stop_reading()

    async def are_behind() -> bool:
        return await server.metric("rollcall_sockets_behind") >= len(people)

    async def are_cut() -> bool:
        return await server.metric("rollcall_closes_total", 'code="4002"') - before >= len(people)

    behind = await until(are_behind, seconds=30)
    seconds = await until(are_cut, seconds=SLOW_LIMIT_SECONDS + 10) if behind < float("inf") else behind
    for raw in sockets:
        raw.end()
    return seconds


async def _toggle(person: Person) -> tuple[bool | None, Counter[int]]:
    """The last acknowledged state, and how often each status was received."""
    last: bool | None = None
    answered: Counter[int] = Counter()
    began = time.monotonic()
    for number in range(int(TOGGLES_PER_SECOND * TOGGLE_SECONDS)):
        await asyncio.sleep(max(0.0, began + number / TOGGLES_PER_SECOND - time.monotonic()))
        is_busy = number % 2 == 0
        answer = await person.put("/users/me/status", {"is_busy": is_busy})
        answered[answer.status] += 1
        if answer.status == 200:
            last = is_busy
    return last, answered


def _distinct(checks: list[Check]) -> list[Check]:
    """Keep the worst value of each check that was measured several times."""
    worst: dict[str, Check] = {}
    for check in checks:
        known = worst.get(check.what)
        if known is None or (known.holds and (not check.holds or check.value > known.value)):
            worst[check.what] = check
    return list(worst.values())
