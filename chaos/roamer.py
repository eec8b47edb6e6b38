"""Roamer: a client that reconnects and resumes, as applications do, and keeps a copy of everyone's state."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from chaos.crowd import Member, join
from chaos.rest import Person

UNKNOWN, OFFLINE, AVAILABLE, BUSY = range(4)
"""The states in a copy, one byte for each user."""

SNAPSHOT = b'{"type":"snapshot"'

PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 16.0
CACHED_MESSAGES = 20_000


@dataclass(frozen=True)
class Decoded:
    """One message: its `seq`, and the state of each user in it, by the user's place."""

    seq: int
    states: tuple[tuple[int, int], ...]
    is_last: bool = True
    """Whether no further pages of a snapshot follow."""


@dataclass
class Tally:
    """What happened to all roamers together. They share one cache too: thousands of them are told the same."""

    first_id: int
    users: int
    reconnects: int = 0
    resumed: int = 0
    refused: list[str] = field(default_factory=list)
    """Attempts to connect that failed, each with its cause."""
    offlines: set[tuple[int, int]] = field(default_factory=set)
    """The announcements that a user is offline: `seq` and the user's place."""
    _cache: dict[bytes, Decoded] = field(default_factory=dict)

    def decoded(self, payload: bytes) -> Decoded:
        """An update or a page of a snapshot."""
        found = self._cache.get(payload)
        if found is None:
            if len(self._cache) >= CACHED_MESSAGES:
                self._cache.clear()
            found = self._cache[payload] = self._decode(json.loads(payload))
        return found

    def _decode(self, message: dict[str, Any]) -> Decoded:
        if message["type"] == "snapshot":
            states = tuple(self._state(status) for status in message["users"])
            return Decoded(message["seq"], states, is_last=not message["more"])
        place, state = self._state(message["status"])
        if state == OFFLINE:
            self.offlines.add((message["seq"], place))
        return Decoded(message["seq"], ((place, state),))

    def _state(self, status: dict[str, Any]) -> tuple[int, int]:
        state = OFFLINE if not status["is_online"] else BUSY if status["is_busy"] else AVAILABLE
        return status["user_id"] - self.first_id, state


class RoamingMember(Member):
    """One connection of a roamer."""

    def __init__(self, port: int, roamer: Roamer) -> None:
        super().__init__(port, roamer.person, query=roamer.resumption())
        self._roamer = roamer
        self.reconnect_after_seconds: float | None = None

    def take_other(self, payload: bytes) -> None:
        """Take over a page of a snapshot without reading it again for each client."""
        if payload.startswith(SNAPSHOT):
            self._roamer.take_page(payload)
        else:
            super().take_other(payload)

    def take_message(self, message: dict[str, Any]) -> None:
        """Keep the first two messages, and take over what concerns the copy."""
        if not self.entered.done():
            super().take_message(message)
        self._roamer.take(message)
        if message["type"] == "server_draining":
            self.reconnect_after_seconds = message["reconnect_after_ms"] / 1000

    def take_update(self, payload: bytes) -> None:
        """Take over a change."""
        self._roamer.take_change(payload)


class Roamer:
    """A user at one of several ports. `next_port` gives the one for the next attempt."""

    def __init__(self, person: Person, next_port: Callable[[], int], tally: Tally) -> None:
        self.person = person
        self._next_port = next_port
        self._tally = tally
        self.picture = bytearray(tally.users)
        self._epoch = ""
        self._since = 0
        self._paged: list[Decoded] | None = None
        """Changes that came between the pages of a snapshot."""
        self.member: RoamingMember | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def is_connected(self) -> bool:
        return self.member is not None and self.member.is_open

    @property
    def is_complete(self) -> bool:
        """Whether its copy has all users."""
        return UNKNOWN not in self.picture

    async def enter(self) -> None:
        """Connect, and stay connected from then on."""
        await self._connect()
        self._task = asyncio.create_task(self._stay())

    async def leave(self) -> None:
        """Drop the connection for good."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self.is_connected:
            assert self.member is not None
            self.member.drop()

    def ask_for_snapshot(self) -> None:
        """Ask for everyone's status."""
        assert self.member is not None
        self.member.send({"type": "subscribe", "subscription": "feed", "snapshot": True})

    def resumption(self) -> dict[str, str | int]:
        """The query with which it resumes."""
        return {"epoch": self._epoch, "since": self._since} if self._epoch else {}

    def take(self, message: dict[str, Any]) -> None:
        """A message that is not a change of another user."""
        if message["type"] == "connection_established":
            self._tally.resumed += message["resumed"]
            if not message["resumed"]:
                self._epoch, self._since = message["epoch"], message["seq"]
        elif message["type"] == "user_status_update":
            self._apply(self._tally.decoded(json.dumps(message).encode()))

    def take_change(self, payload: bytes) -> None:
        """A change of anyone."""
        change = self._tally.decoded(payload)
        self._since = max(self._since, change.seq)
        if self._paged is not None:
            self._paged.append(change)
        else:
            self._apply(change)

    def take_page(self, payload: bytes) -> None:
        """A page of a snapshot."""
        page = self._tally.decoded(payload)
        self._apply(page)
        if not page.is_last:
            self._paged = self._paged or []
            return
        for change in self._paged or ():
            if change.seq > page.seq:
                self._apply(change)
        self._paged = None

    def _apply(self, decoded: Decoded) -> None:
        for place, state in decoded.states:
            if 0 <= place < len(self.picture):
                self.picture[place] = state

    async def _connect(self) -> None:
        port = self._next_port()
        self.member = RoamingMember(port, self)
        self._paged = None
        await join(self.member, port)

    async def _stay(self) -> None:
        failures = 0
        while True:
            if self.is_connected:
                assert self.member is not None
                await self.member.ended
                failures = 0
                pause = self.member.reconnect_after_seconds
            else:
                pause = None
            if pause is None:
                pause = random.random() * min(PAUSE_SECONDS * 2**failures, LONGEST_PAUSE_SECONDS)
            await asyncio.sleep(pause)
            self._tally.reconnects += 1
            try:
                await self._connect()
            except OSError as error:  # UpgradeRefused and TimeoutError are
                failures += 1
                self._tally.refused.append(str(error) or type(error).__name__)


@asynccontextmanager
async def connected(roamers: Sequence[Roamer], *, at_once: int = 50) -> AsyncIterator[None]:
    """Connect roamers, and drop their connections at the end."""
    turn = asyncio.Semaphore(at_once)

    async def one(roamer: Roamer) -> None:
        async with turn:
            await roamer.enter()

    try:
        await asyncio.gather(*(one(roamer) for roamer in roamers))
        yield
    finally:
        await asyncio.gather(*(roamer.leave() for roamer in roamers))
