"""Crowd: a thousand WebSocket clients in one process, each with just the features it needs."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterable, Mapping
from typing import Any, Protocol, TypeVar
from urllib.parse import urlencode

from chaos.raw_frames import ABNORMAL

AT_ONCE = 100
"""How many upgrades are in progress at the same time."""

PATIENCE_SECONDS = 60.0
LOCALHOST = "127.0.0.1"

_UPDATE = b'{"type":"user_status_update"'


class HasToken(Protocol):
    """A user, as far as a socket needs to know one."""

    @property
    def user_id(self) -> int: ...
    @property
    def token(self) -> str | None: ...


class UpgradeRefused(ConnectionError):
    """The server answered the upgrade with an HTTP status."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the upgrade was answered with {status}")
        self.status = status


class Member(asyncio.Protocol):
    """One client. It answers pings, unless it is `deaf`, and counts the updates of others; a watcher keeps them too."""

    def __init__(
        self,
        port: int,
        person: HasToken,
        *,
        watches: bool = False,
        deaf: bool = False,
        query: Mapping[str, str | int] | None = None,
    ) -> None:
        self.person = person
        self._watches = watches
        self._deaf = deaf
        self._request = upgrade_request(port, "/ws/feed?" + urlencode({"token": person.token, **(query or {})}))
        self._buffer = bytearray()
        self._is_upgraded = False
        self._transport: asyncio.Transport | None = None
        self.messages: list[dict[str, Any]] = []
        """What it was told, in order: of the updates the own first one, and all if it watches."""
        self.updates = 0
        """How many updates it received after the first messages."""
        self.pings = 0
        self.close_code = ABNORMAL
        self.closed_at = 0.0
        """When the server's close frame arrived, by the monotonic clock."""
        loop = asyncio.get_running_loop()
        self.entered: asyncio.Future[None] = loop.create_future()
        self.ended: asyncio.Future[None] = loop.create_future()

    @property
    def is_open(self) -> bool:
        return self.entered.done() and not self.ended.done()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the upgrade."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Split what was received into frames."""
        self._buffer += data
        if not self._is_upgraded and not self._upgrade():
            return
        start = 0
        while (frame := next_frame(self._buffer, start)) is not None:
            opcode, payload, start = frame
            self._take(opcode, payload)
        del self._buffer[:start]

    def connection_lost(self, _exc: Exception | None) -> None:
        """The connection is over."""
        if not self.ended.done():
            self.ended.set_result(None)
        self._fail(ConnectionResetError("lost before the first messages"))

    def send(self, command: dict[str, Any]) -> None:
        """Send a command."""
        self.write(0x1, json.dumps(command).encode())

    def write(self, opcode: int, payload: bytes) -> None:
        """A frame masked with zeros, which RFC 6455 §5.3 allows."""
        assert self._transport is not None
        assert len(payload) < 126
        self._transport.write(bytes((0x80 | opcode, 0x80 | len(payload))) + bytes(4) + payload)

    def drop(self) -> None:
        """Drop the connection with a reset and without a close frame."""
        assert self._transport is not None
        self._transport.abort()

    def told(self, type: str) -> list[dict[str, Any]]:
        """The messages of one type that it received."""
        return [message for message in self.messages if message["type"] == type]

    def of(self, user_id: int) -> list[dict[str, Any]]:
        """The updates about a user that a watcher received, without its own first one."""
        return [message for message in self.told("user_status_update")[1:] if message["user_id"] == user_id]

    def take_message(self, message: dict[str, Any]) -> None:
        """Keep a message that is not an update of another user."""
        self.messages.append(message)

    def take_other(self, payload: bytes) -> None:
        """Read a message that is one of the first, or no update."""
        self.take_message(json.loads(payload))
        if len(self.messages) == 2 and not self.entered.done():
            self.entered.set_result(None)

    def take_update(self, payload: bytes) -> None:
        """Read an update that came after the first messages; only a watcher does."""
        if self._watches:
            self.note_update(json.loads(payload))

    def note_update(self, message: dict[str, Any]) -> None:
        """Keep an update of another user; a watcher's alone."""
        self.messages.append(message)

    def _upgrade(self) -> bool:
        head, end, rest = bytes(self._buffer).partition(b"\r\n\r\n")
        if not end:
            return False
        status = int(head.split(b" ", 2)[1])
        if status != 101:
            self._fail(UpgradeRefused(status))
            self.drop()
            return False
        self._is_upgraded = True
        self._buffer = bytearray(rest)
        return True

    def _fail(self, error: ConnectionError) -> None:
        if not self.entered.done():
            self.entered.set_exception(error)
            self.entered.exception()

    def _take(self, opcode: int, payload: bytes) -> None:
        if opcode == 0x8:
            self.close_code = int.from_bytes(payload[:2], "big")
            self.closed_at = time.monotonic()
            self.write(0x8, payload[:2])
        elif opcode == 0x9:
            self.pings += 1
            if not self._deaf:
                self.write(0xA, payload)
        elif payload.startswith(_UPDATE) and self.entered.done():
            self.updates += 1
            self.take_update(payload)
        else:
            self.take_other(payload)


M = TypeVar("M", bound=Member)


async def enter(
    port: int, person: HasToken, *, watches: bool = False, deaf: bool = False, source: str = LOCALHOST
) -> Member:
    """Connect one, up to its first messages. Raises OSError, UpgradeRefused among them."""
    return await join(Member(port, person, watches=watches, deaf=deaf), port, source)


async def join(member: M, port: int, source: str = LOCALHOST) -> M:
    """Connect this one, up to its first messages. Raises OSError, UpgradeRefused among them."""
    await asyncio.get_running_loop().create_connection(lambda: member, LOCALHOST, port, local_addr=(source, 0))
    async with asyncio.timeout(PATIENCE_SECONDS):
        await member.entered
    return member


async def enter_all(port: int, people: Iterable[HasToken]) -> list[Member]:
    """Connect many."""
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(person: HasToken) -> Member:
        async with turn:
            return await enter(port, person)

    return list(await asyncio.gather(*(one(person) for person in people)))


async def all_ended(members: Iterable[Member]) -> None:
    """Wait until the connections are over."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        await asyncio.gather(*(member.ended for member in members))


async def answers(member: Member) -> bool:
    """Whether an application-level ping gets its pong."""
    before = len(member.told("pong"))
    member.send({"type": "ping"})
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(member.told("pong")) == before and member.is_open:
                await asyncio.sleep(0.01)
    except TimeoutError:
        return False
    return member.is_open


def upgrade_request(port: int, target: str, headers: str = "") -> bytes:
    """The request for a WebSocket. `headers` are whole lines."""
    return (
        f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{headers}\r\n"
    ).encode("latin-1")


def next_frame(data: bytearray, start: int) -> tuple[int, bytes, int] | None:
    """(opcode, payload, where the next starts) of the frame at `start`; None while a part of it is missing."""
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
