"""Victim program: ten clients in a process of their own, who ping, sign in and write, and note how long that takes.

It reads what it has to know as one line of JSON, prints a line when all are connected, goes on until its standard
input ends, and prints what it measured. A process of its own, so that what floods the server does not delay it.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from typing import Any

from chaos.crowd import Member, join
from chaos.rest import Person

PINGS_PER_SECOND = 2.0
"""Of each client: what the default limit of commands allows."""

WRITE_SECONDS = 0.25
SIGN_IN_SECONDS = 1.0
GOOD_SECONDS = 1.0
"""What a client may wait for a write or a sign-in."""

LAST_PONGS_SECONDS = 1.0
"""How long to wait for the last pongs."""


class PingingMember(Member):
    """A client that measures its pings."""

    def __init__(self, port: int, person: Person) -> None:
        super().__init__(port, person)
        self._sent: dict[str, float] = {}
        self.seconds: list[float] = []

    def ping(self) -> None:
        """Send one."""
        mark = str(len(self.seconds) + len(self._sent))
        self._sent[mark] = time.monotonic()
        self.send({"type": "ping", "timestamp": mark})

    def take_message(self, message: dict[str, Any]) -> None:
        """Measure a pong; of all else only the first messages matter."""
        sent = self._sent.pop(message["timestamp"], None) if message["type"] == "pong" else None
        if sent is not None:
            self.seconds.append(time.monotonic() - sent)
        elif not self.entered.done():
            super().take_message(message)

    def unanswered(self) -> list[float]:
        """How long unanswered pings have been waiting."""
        return [time.monotonic() - sent for sent in self._sent.values()]


class Timed:
    """Requests of one kind: how long each took, and what it was answered."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.answers: Counter[str] = Counter()
        self.good = 0
        """Those that were answered with 2xx within a second."""

    async def measure(self, request: Any) -> None:
        """One request."""
        began = time.monotonic()
        try:
            status = (await request).status
        except OSError as error:  # TimeoutError is one
            self._note(type(error).__name__, time.monotonic() - began)
        except asyncio.CancelledError:
            # The end of the measurement. What has waited too long already counts, what was only just sent doesn't.
            if time.monotonic() - began > GOOD_SECONDS:
                self._note("no answer", time.monotonic() - began)
            raise
        else:
            self._note(str(status), time.monotonic() - began)

    def _note(self, answer: str, seconds: float) -> None:
        self.seconds.append(seconds)
        self.answers[answer] += 1
        self.good += answer.startswith("2") and seconds <= GOOD_SECONDS

    def report(self) -> dict[str, Any]:
        """What was measured."""
        return {"seconds": self.seconds, "good": self.good, "answers": dict(self.answers)}


async def main() -> None:
    """Measure until standard input ends."""
    lines = await _standard_input()
    given = json.loads(await lines.readline())
    people = [Person(given["port"], *each) for each in given["people"]]
    members = [await join(PingingMember(given["port"], person), given["port"]) for person in people]
    print(json.dumps({"event": "ready"}), flush=True)
    writes, sign_ins = Timed(), Timed()
    tasks = [asyncio.create_task(_ping(member, place / len(members))) for place, member in enumerate(members)]
    tasks.append(asyncio.create_task(_write(people, writes)))
    if given["signs_in"]:
        tasks.append(asyncio.create_task(_sign_in(people, sign_ins)))
    await lines.read()
    lost = sum(not member.is_open for member in members)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.sleep(LAST_PONGS_SECONDS)
    pings = [seconds for member in members for seconds in [*member.seconds, *member.unanswered()]]
    print(json.dumps({"pings": pings, "lost": lost, "writes": writes.report(), "sign_ins": sign_ins.report()}))


async def _ping(member: PingingMember, delay: float) -> None:
    await asyncio.sleep(delay / PINGS_PER_SECOND)
    while member.is_open:
        member.ping()
        await asyncio.sleep(1 / PINGS_PER_SECOND)


async def _write(people: list[Person], timed: Timed) -> None:
    number = 0
    while True:
        person, is_busy = people[number % len(people)], number // len(people) % 2 == 0
        await timed.measure(person.put("/users/me/status", {"is_busy": is_busy}))
        number += 1
        await asyncio.sleep(WRITE_SECONDS)


async def _sign_in(people: list[Person], timed: Timed) -> None:
    number = 0
    while True:
        await timed.measure(people[number % len(people)].sign_in())
        number += 1
        await asyncio.sleep(SIGN_IN_SECONDS)


async def _standard_input() -> asyncio.StreamReader:
    reader = asyncio.StreamReader(limit=2**22)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


if __name__ == "__main__":
    asyncio.run(main())
