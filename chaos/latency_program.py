"""Latency program: users come online or change their status on one server, and sockets on it and on another are told.

It reads what it needs as one line of JSON, and prints when each was told as one line. It is a process of its own, so
that nothing else delays it. All times are taken by the same clock.
"""

from __future__ import annotations

import asyncio
import gc
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from itertools import chain, cycle
from typing import Any
from urllib.parse import urlencode

from chaos.crowd import LOCALHOST, Member, join, upgrade_request
from chaos.rest import Person

CONNECTIONS = 40
WARM_UP_SECONDS = 3.0
CLOSE = b"\x88\x82" + bytes(4) + b"\x03\xe8"
"""A close frame with 1000, masked with zeros: the user goes offline a second later."""

LAST_SECONDS = 1.0


class TimingMember(Member):
    """A client that notes when it is told of each user's latest change."""

    def __init__(self, port: int, person: Person, sent_ns: dict[int, int], mark: bytes) -> None:
        super().__init__(port, person)
        self._sent_ns = sent_ns
        self._mark = mark
        """What an update that counts contains."""
        self._received_ns = 0
        self.told_ns: dict[tuple[int, int], int] = {}
        """When it was told of a change, by the user and the time the change was sent."""

    def data_received(self, data: bytes) -> None:
        """Take the time before anything else."""
        self._received_ns = time.monotonic_ns()
        super().data_received(data)

    def take_update(self, payload: bytes) -> None:
        """Note an update."""
        if self._mark not in payload:
            return
        user_id = int(payload[payload.index(b'"user_id":') + 10 : payload.index(b",", 38)])
        sent_ns = self._sent_ns.get(user_id)
        if sent_ns is not None:
            self.told_ns.setdefault((user_id, sent_ns), self._received_ns)

    def take_other(self, payload: bytes) -> None:
        """Read the first messages only."""
        if not self.entered.done():
            super().take_other(payload)


class Requester(asyncio.Protocol):
    """One connection for requests, one after another."""

    def __init__(self, idle: list[Requester], answers: Counter[str]) -> None:
        self._idle = idle
        self._answers = answers
        self._transport: asyncio.Transport | None = None
        self._received = b""
        self._sent_ns = 0
        self.seconds: list[float] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ready for the first request."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._idle.append(self)

    def ask(self, request: bytes) -> int:
        """Send a request. Returns the time."""
        assert self._transport is not None
        self._sent_ns = time.monotonic_ns()
        self._transport.write(request)
        return self._sent_ns

    def data_received(self, data: bytes) -> None:
        """Take an answer, all of which has arrived."""
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        if not end or len(body) < int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0]):
            return
        self.seconds.append((time.monotonic_ns() - self._sent_ns) / 1e9)
        self._answers[head[9:12].decode()] += 1
        self._received = b""
        self._idle.append(self)


class Visitor(asyncio.Protocol):
    """A user who opens a socket, and closes it once the server has accepted it."""

    def __init__(
        self, port: int, person: Person, accepted: dict[tuple[int, int], int], sent_ns: dict[int, int]
    ) -> None:
        self._request = upgrade_request(port, "/ws/presence?" + urlencode({"token": person.token}))
        self._user_id = person.user_id
        self._accepted = accepted
        self._sent_ns = sent_ns
        self._transport: asyncio.Transport | None = None
        self._is_accepted = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the upgrade."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._sent_ns[self._user_id] = time.monotonic_ns()
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Note the time of the first message, which says that the user is online, and close."""
        if not self._is_accepted and b"connection_established" in data:
            self._is_accepted = True
            self._accepted[self._user_id, self._sent_ns[self._user_id]] = time.monotonic_ns()
            assert self._transport is not None
            self._transport.write(CLOSE)


class Measurement:
    """Changes of one kind on the server at `port`, and the two sockets that are told."""

    def __init__(self, given: dict[str, Any]) -> None:
        self._port: int = given["port"]
        self._kind: str = given["kind"]
        self._people = [Person(self._port, token, user_id=user_id) for token, user_id in given["people"]]
        self._sent_ns: dict[int, int] = {}
        """When each user's latest change was sent."""
        self._done_ns: dict[tuple[int, int], int] = {}
        """When the server had accepted a socket, by the user and the time at which it was asked."""
        self._sockets: list[TimingMember] = []
        self._idle: list[Requester] = []
        self._requesters: list[Requester] = []
        self._answers: Counter[str] = Counter()
        self._opening: set[asyncio.Task[Any]] = set()
        self._changes = cycle(self._people) if self._kind == "join" else _requests(self._people)
        self._late: list[float] = []

    async def connect(self, ports: list[int], tokens: list[str]) -> None:
        """Connect the sockets, and for requests some connections."""
        mark = b'"is_online":true' if self._kind == "join" else b""
        for port, token in zip(ports, tokens, strict=True):
            self._sockets.append(await join(TimingMember(port, Person(port, token), self._sent_ns, mark), port))
        loop = asyncio.get_running_loop()
        for _ in range(CONNECTIONS):
            await loop.create_connection(lambda: Requester(self._idle, self._answers), LOCALHOST, self._port)
        self._requesters = list(self._idle)

    def forget(self) -> None:
        """Forget what was measured so far."""
        for socket in self._sockets:
            socket.told_ns.clear()
        for requester in self._requesters:
            requester.seconds.clear()
        self._done_ns.clear()
        self._answers.clear()
        self._late.clear()

    async def change(self, seconds: float, rate: float) -> None:
        """Send changes at random moments."""
        began = when = time.monotonic()
        while when < began + seconds:
            when += random.expovariate(rate)
            await asyncio.sleep(max(0.0, when - time.monotonic()))
            self._late.append(time.monotonic() - when)
            await self._begin(next(self._changes))
        await asyncio.sleep(LAST_SECONDS)

    def report(self) -> dict[str, Any]:
        """Seconds from a change to each socket, and more."""
        here, there = (socket.told_ns for socket in self._sockets)
        return {
            "here": self._seconds(here), "there": self._seconds(there), "late": self._late,
            "between": [1e-9 * (there[key] - at) for key, at in here.items() if key in there],
            "answered": [1e-9 * (done - key[1]) for key, done in self._done_ns.items()]
            or [each for requester in self._requesters for each in requester.seconds],
            "good": len(self._done_ns) or self._answers["200"],
        }  # fmt: skip

    async def _begin(self, change: Any) -> None:
        loop = asyncio.get_running_loop()
        if self._kind == "join":
            made = partial(Visitor, self._port, change, self._done_ns, self._sent_ns)
            task = asyncio.ensure_future(loop.create_connection(made, LOCALHOST, self._port))
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)
            return
        while not self._idle:
            await asyncio.sleep(0.001)
        user_id, request = change
        self._sent_ns[user_id] = self._idle.pop(0).ask(request)

    def _seconds(self, told_ns: dict[tuple[int, int], int]) -> list[float]:
        """From when a request was sent, or a socket was accepted."""
        return [1e-9 * (at - self._done_ns.get(key, key[1])) for key, at in told_ns.items()]


def _requests(people: list[Person]) -> Iterator[tuple[int, bytes]]:
    """Without end: a user, and the request that sets the user busy or free in turn."""
    requests = [
        [
            (each.user_id, each.encode("PUT", "/users/me/status", json.dumps({"is_busy": is_busy})))
            for each in people
        ]
        for is_busy in (True, False)
    ]  # fmt: skip
    return chain.from_iterable(cycle(requests))


async def main() -> None:
    """Measure, and print the result."""
    given: dict[str, Any] = json.loads(sys.stdin.readline())
    measurement = Measurement(given)
    await measurement.connect([given["port"], given["other_port"]], given["watching"])
    gc.collect()
    gc.disable()
    await measurement.change(WARM_UP_SECONDS, given["rate"])
    measurement.forget()
    print(json.dumps({"event": "measuring"}), flush=True)
    began, cpu = time.monotonic(), time.process_time()
    await measurement.change(given["seconds"], given["rate"])
    used = {"seconds": time.monotonic() - began - LAST_SECONDS, "cpu_seconds": time.process_time() - cpu}
    print(json.dumps({**measurement.report(), **used}), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
