"""Storm: many sockets that lose their connection at the same moment and all come back at once."""

from __future__ import annotations

import asyncio
import random
import ssl
import time
from collections.abc import Callable, Sequence
from typing import Literal

import msgspec

from operation.address import Address
from operation.cli.storm_socket import StormSocket, UpgradeRefused, open_storm_socket

FIRST_MESSAGES = 2
"""`connection_established` and the user's own status."""

GENTLY = 50
"""Sockets that connect at the same time before the storm."""

OBSERVERS = 20
"""Sockets that stay connected during the storm."""

PING_SECONDS = 1.0
"""How often each of them sends a ping. A user may send two commands per second."""

STORM_SECONDS = 120.0
"""After this long, the sockets that are still missing are given up."""

CONNECT_SECONDS = 30.0
BACKOFF_SECONDS = 0.5
BACKOFF_LIMIT_SECONDS = 10.0

_CONNECT_ERRORS = (OSError, UpgradeRefused, TimeoutError)

_PING = '{"type":"ping","timestamp":0}'

Phase = Literal["connecting", "coming back"]


class StormReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a storm showed."""

    sockets: int
    back: int
    """Sockets that came back in time."""
    seconds: float
    """From the loss of all connections until the last of these had its first messages."""
    p99_seconds: float
    failed_attempts: int
    false_offlines: int
    """How often one of the users was announced as offline, although all of them came back at once."""
    pings: int
    slowest_ping_seconds: float

    @property
    def is_passed(self) -> bool:
        """Whether everybody came back and nobody was announced as offline."""
        return self.back == self.sockets and self.false_offlines == 0


class StormFailed(Exception):
    """The storm could not begin. The message says why."""


class _Heard(msgspec.Struct):
    type: str
    user_id: int = 0
    status: dict[str, object] = {}


_decoder = msgspec.json.Decoder(_Heard)


class Observer:
    """A socket that stays. It sends pings, and counts who is announced as offline."""

    def __init__(self, storm_users: frozenset[int]) -> None:
        self._storm_users = storm_users
        self._asked_at: float | None = None
        self.socket: StormSocket | None = None
        self.times: list[float] = []
        self.offlines = 0

    def hear(self, payload: bytes) -> None:
        """Take a message."""
        message = _decoder.decode(payload)
        if message.type == "pong":
            self.end_ping()
        elif message.type == "user_status_update" and message.user_id in self._storm_users:
            self.offlines += message.status.get("is_online") is False

    def ping(self) -> None:
        """Send a ping, unless the last one still has no answer."""
        if self._asked_at is None and self.socket is not None:
            self._asked_at = time.monotonic()
            self.socket.say(_PING)

    def end_ping(self) -> None:
        """Note how long the last ping has taken; also one without an answer, at the end."""
        if self._asked_at is not None:
            self.times.append(time.monotonic() - self._asked_at)
            self._asked_at = None


class Storm:
    """One storm. `tokens` has a user id and a token for each socket; the first few sockets are the observers.

    `progress` is called with the phase and how many sockets are connected.
    """

    def __init__(
        self,
        address: Address,
        tokens: Sequence[tuple[int, str]],
        progress: Callable[[Phase, int], None],
        *,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._address = address
        self._progress = progress
        self._tls = tls
        self._crowd = tokens[OBSERVERS:]
        users = frozenset(user_id for user_id, _ in self._crowd)
        self._observers = [(Observer(users), token) for _, token in tokens[:OBSERVERS]]
        self._sockets: list[StormSocket] = []
        self._failed_attempts = 0

    async def run(self) -> StormReport:
        """Connect everyone gently, let all connections break, and measure how they come back. Raises StormFailed."""
        try:
            await self._connect_gently()
            return await self._storm()
        finally:
            for socket in [*self._sockets, *(each.socket for each, _ in self._observers if each.socket)]:
                socket.close()
            await asyncio.sleep(0.1)

    async def _connect_gently(self) -> None:
        gate = asyncio.Semaphore(GENTLY)

        async def connect(token: str) -> None:
            async with gate:
                self._sockets.append(await self._arrive(token))
                self._progress("connecting", len(self._sockets))

        try:
            for observer, token in self._observers:
                observer.socket = await open_storm_socket(self._address, token, observer.hear, _ignore, self._tls)
            async with asyncio.TaskGroup() as group:
                for _, token in self._crowd:
                    group.create_task(connect(token))
        except _CONNECT_ERRORS as error:
            raise StormFailed(_cannot_begin(error)) from None
        except ExceptionGroup as group:
            expected, others = group.split(_CONNECT_ERRORS)
            if others is not None or expected is None:
                raise
            raise StormFailed(_cannot_begin(_first(expected))) from None

    async def _storm(self) -> StormReport:
        pinging = asyncio.create_task(self._ping())
        before, self._sockets = self._sockets, []
        arrivals: list[float] = []
        began = time.monotonic()
        for socket in before:
            socket.abort()

        async def come_back(token: str) -> None:
            self._sockets.append(await self._return(token))
            arrivals.append(time.monotonic() - began)
            self._progress("coming back", len(arrivals))

        returning = [asyncio.create_task(come_back(token)) for _, token in self._crowd]
        _, missing = await asyncio.wait(returning, timeout=STORM_SECONDS)
        for task in missing:
            task.cancel()
        await asyncio.gather(*returning, return_exceptions=True)
        pinging.cancel()
        return self._report(sorted(arrivals))

    async def _return(self, token: str) -> StormSocket:
        """Connect, again and again with backoff, as clients do."""
        attempt = 0
        while True:
            try:
                return await self._arrive(token)
            except _CONNECT_ERRORS:
                self._failed_attempts += 1
                pause = min(BACKOFF_LIMIT_SECONDS, BACKOFF_SECONDS * 2.0 ** min(attempt, 10))
                await asyncio.sleep(random.random() * pause)  # noqa: S311  (spread, not secrecy)
                attempt += 1

    async def _arrive(self, token: str) -> StormSocket:
        """Open a socket and wait for its first messages. Raises OSError, UpgradeRefused, TimeoutError."""
        complete: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        left = FIRST_MESSAGES

        def hear(_payload: bytes) -> None:
            nonlocal left
            left -= 1
            if left == 0 and not complete.done():
                complete.set_result(None)

        def lost() -> None:
            if not complete.done():
                complete.set_exception(ConnectionResetError("the server closed the socket"))

        async with asyncio.timeout(CONNECT_SECONDS):
            socket = await open_storm_socket(self._address, token, hear, lost, self._tls)
            try:
                await complete
            except BaseException:
                socket.abort()
                raise
        return socket

    async def _ping(self) -> None:
        """Let the observers send pings, spread over the interval."""
        while True:
            for observer, _ in self._observers:
                observer.ping()
                await asyncio.sleep(PING_SECONDS / len(self._observers))

    def _report(self, arrivals: list[float]) -> StormReport:
        for observer, _ in self._observers:
            observer.end_ping()
        times = [each for observer, _ in self._observers for each in observer.times]
        return StormReport(
            sockets=len(self._crowd),
            back=len(arrivals),
            seconds=arrivals[-1] if arrivals else 0.0,
            p99_seconds=arrivals[len(arrivals) * 99 // 100] if arrivals else 0.0,
            failed_attempts=self._failed_attempts,
            false_offlines=max(observer.offlines for observer, _ in self._observers),
            pings=len(times),
            slowest_ping_seconds=max(times, default=0.0),
        )


def _ignore() -> None:
    pass


def _cannot_begin(error: Exception) -> str:
    return f"not every socket could connect before the storm: {str(error) or 'no answer in time'}"


def _first(group: ExceptionGroup[Exception]) -> Exception:
    """The first error in a group."""
    first = group.exceptions[0]
    return _first(first) if isinstance(first, ExceptionGroup) else first
