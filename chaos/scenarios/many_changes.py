"""Statuses that change as fast as possible: readers that don't read, and one user who toggles."""

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
"""Makes each change long, so that the kernel's buffers, of some megabytes, are soon full."""

CHANGE_SECONDS = 5.0
SLOW_LIMIT_SECONDS = 5.0
SWEEP_SECONDS = 1.0
"""How exact the server's look at slow sockets is."""

STILL_READERS = 100
STILL_MEBIBYTES = 30.0
CALM_P99_MILLISECONDS = 10.0
"""A percentile below this is as good as this one: twice as much is still nothing."""

WATCHING, SOCKETS_PER_USER = 50, 10
TOGGLES_PER_SECOND, TOGGLE_SECONDS = 50, 5.0
ANNOUNCEMENTS_PER_SECOND = 4


async def slow_readers(lab: Lab) -> list[Check]:
    """One socket, then a hundred, never read while statuses change as fast as they can: memory stays bounded, they are
    cut in time, and others hardly notice.
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
            at_most(f"{name}: cut later than the limit", over, SWEEP_SECONDS, "s"),
            at_most(f"{name}: victim's 99th percentile, as a multiple", watch.victim.ping_p99 / calm, 2),
            *([at_most(f"{name}: memory growth", watch.meter.growth, STILL_MEBIBYTES, "MiB")] if count > 1 else []),
            *watch.checks(),
        ]
    lab.note(changes_per_second=rate)
    return _distinct(checks)


async def toggles(lab: Lab) -> list[Check]:
    """One user toggles fifty times a second under five hundred watching sockets: four announcements a second."""
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
        at_most("announcements a second", observer.rate(), ANNOUNCEMENTS_PER_SECOND, "/s"),
        exactly("last state told is the last one set", observer.last_busy() == last, 1),
        none("sockets of watchers lost", sum(not member.is_open for member in [*crowd, observer])),
        at_most("toggles that a user got through", answered[200], 60 + 20 * (TOGGLE_SECONDS + 1)),
        *watch.checks(),
    ]


class TimedMember(Member):
    """A client that notes when it is told of one user."""

    def __init__(self, port: int, person: Person, user_id: int) -> None:
        super().__init__(port, person, watches=True)
        self._user_id = user_id
        self.times: list[float] = []

    def note_update(self, message: dict[str, Any]) -> None:
        """Keep it, and when it came."""
        super().note_update(message)
        if message["user_id"] == self._user_id:
            self.times.append(time.monotonic())

    def last_busy(self) -> bool | None:
        """What it was told last."""
        updates = [message for message in self.told("user_status_update") if message["user_id"] == self._user_id]
        return bool(updates[-1]["status"]["is_busy"]) if updates else None

    def rate(self) -> float:
        """Updates of that user a second. Of a window that slides, the first second has its share at once."""
        return len(self.times) / (self.times[-1] - self.times[0] + 1) if self.times else 0.0


async def _change(writers: list[Person], end: asyncio.Task[Any]) -> float:
    """Change statuses as fast as the server can save them, until `end` is done. Changes a second."""
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
    """Seconds from the moment that all of these wait to catch up until all of them are closed as slow."""
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
    """The last state that was acknowledged, and how often each status was answered."""
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
    """Of what is measured several times, the worst."""
    worst: dict[str, Check] = {}
    for check in checks:
        known = worst.get(check.what)
        if known is None or (known.holds and (not check.holds or check.value > known.value)):
            worst[check.what] = check
    return list(worst.values())
