"""Crowd: a thousand minimal WebSocket clients in one process."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

from tests.clients import Person

SIZE = int(os.environ.get("CHAOS_SOCKETS", "1000"))
"""The number of sockets in a crowd; set it higher for longer runs."""

PACE = max(1.0, SIZE / 1000)
"""The factor for time limits that depend on the size of the crowd."""

AT_ONCE = 100
"""The maximum number of concurrent upgrades."""

PATIENCE_SECONDS = 60.0
ABNORMAL = 1006

_UPDATE = b'{"type":"user_status_update"'


class Member(asyncio.Protocol):
    """A client that answers pings, unless it is `deaf`, and counts updates. With `watches`, it keeps them, too."""

    def __init__(self, port: int, person: Person, *, watches: bool = False, deaf: bool = False) -> None:
        self.person = person
        self._watches = watches
        self._deaf = deaf
        target = "/ws/feed?" + urlencode({"token": person.token})
        self._request = (
            f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        ).encode()
        self._buffer = bytearray()
        self._is_upgraded = False
        self._transport: asyncio.Transport | None = None
        self.messages: list[dict[str, Any]] = []
        """The messages received, in order. Of the updates, only the first, or all with `watches`."""
        self.updates = 0
        """The number of updates received after the first messages."""
        self.pings = 0
        self.close_code = ABNORMAL
        loop = asyncio.get_running_loop()
        self.entered: asyncio.Future[None] = loop.create_future()
        self.ended: asyncio.Future[None] = loop.create_future()

    @property
    def is_open(self) -> bool:
        return self.entered.done() and not self.ended.done()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Request the upgrade."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Split the received bytes into frames."""
        self._buffer += data
        if not self._is_upgraded:
            head, end, rest = bytes(self._buffer).partition(b"\r\n\r\n")
            if not end:
                return
            assert b" 101 " in head.partition(b"\r\n")[0], head
            self._is_upgraded = True
            self._buffer = bytearray(rest)
        start = 0
        while (frame := _frame(self._buffer, start)) is not None:
            opcode, payload, start = frame
            self._take(opcode, payload)
        del self._buffer[:start]

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that the connection ended."""
        self.ended.set_result(None)
        if not self.entered.done():
            self.entered.set_exception(ConnectionResetError("lost before the first messages"))
            self.entered.exception()

    def send(self, command: dict[str, Any]) -> None:
        """Send a command."""
        self._write(0x1, json.dumps(command).encode())

    def drop(self) -> None:
        """Drop the connection without a close frame, by a reset."""
        assert self._transport is not None
        self._transport.abort()

    def told(self, type: str) -> list[dict[str, Any]]:
        """Return the received messages of a type."""
        return [message for message in self.messages if message["type"] == type]

    def of(self, user_id: int) -> list[dict[str, Any]]:
        """Return the updates of a user, without the client's own first one. Needs `watches`."""
        return [message for message in self.told("user_status_update")[1:] if message["user_id"] == user_id]

    def _take(self, opcode: int, payload: bytes) -> None:
        if opcode == 0x8:
            self.close_code = int.from_bytes(payload[:2], "big")
            self._write(0x8, payload[:2])
        elif opcode == 0x9:
            self.pings += 1
            if not self._deaf:
                self._write(0xA, payload)
        elif payload.startswith(_UPDATE) and self.entered.done():
            self.updates += 1
            if self._watches:
                self.messages.append(json.loads(payload))
        else:
            self.messages.append(json.loads(payload))
            if len(self.messages) == 2 and not self.entered.done():
                self.entered.set_result(None)

    def _write(self, opcode: int, payload: bytes) -> None:
        """Write a frame masked with zeros, which RFC 6455 §5.3 allows."""
        assert self._transport is not None
        assert len(payload) < 126
        self._transport.write(bytes((0x80 | opcode, 0x80 | len(payload))) + bytes(4) + payload)


async def enter(port: int, person: Person, *, watches: bool = False, deaf: bool = False) -> Member:
    """Connect a client and wait for its first messages. Raises OSError."""
    member = Member(port, person, watches=watches, deaf=deaf)
    await asyncio.get_running_loop().create_connection(lambda: member, "127.0.0.1", port)
    async with asyncio.timeout(PATIENCE_SECONDS):
        await member.entered
    return member


async def enter_all(port: int, people: Iterable[Person]) -> list[Member]:
    """Connect many clients."""
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(person: Person) -> Member:
        async with turn:
            return await enter(port, person)

    return list(await asyncio.gather(*(one(person) for person in people)))


async def all_ended(members: Iterable[Member]) -> None:
    """Wait until all connections have ended."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        await asyncio.gather(*(member.ended for member in members))


async def answers(member: Member) -> bool:
    """Return whether a ping of the application gets its pong."""
    before = len(member.told("pong"))
    member.send({"type": "ping"})
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(member.told("pong")) == before and member.is_open:
                await asyncio.sleep(0.01)
    except TimeoutError:
        return False
    return member.is_open


def _frame(data: bytearray, start: int) -> tuple[int, bytes, int] | None:
    """Return (opcode, payload, start of the next) of the frame at `start`, or None while it is incomplete."""
    if len(data) < start + 2:
        return None
    size, body = data[start + 1], start + 2
    if size > 125:
        width = 2 if size == 126 else 8
        body += width
        if len(data) < body:
            return None
        size = int.from_bytes(data[body - width : body], "big")
    if len(data) < body + size:
        return None
    return data[start] & 0x0F, bytes(data[body : body + size]), body + size
