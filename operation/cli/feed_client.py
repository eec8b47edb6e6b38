"""Feed client: a socket that reconnects as the protocol asks, and passes on every message."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from urllib.parse import urlencode

import msgspec
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import WebSocketClientConnection, WebSocketError, websocket_connect

from operation.address import Address
from realtime.protocol import (
    CallStatusUpdate,
    Channel,
    CloseCode,
    ConnectionEstablished,
    Error,
    FeedStats,
    ServerDraining,
    Snapshot,
    SubscriptionConfirmed,
    TokenExpiring,
    UserRemoved,
    UserStatusUpdate,
)

BACKOFF_SECONDS = 0.5
BACKOFF_LIMIT_SECONDS = 30.0
CONNECT_SECONDS = 10.0

STAY_AWAY = 4500
"""From this close code on, reconnecting is of no use until something has changed."""

FINAL_STATUS = {401, 403, 404}
"""HTTP responses to an upgrade that a second attempt does not change."""

Received = (
    ConnectionEstablished
    | UserStatusUpdate
    | UserRemoved
    | Snapshot
    | FeedStats
    | CallStatusUpdate
    | SubscriptionConfirmed
    | TokenExpiring
    | ServerDraining
    | Error
)
_decoder = msgspec.json.Decoder(Received)


class TurnedAway(Exception):
    """The server, or whatever answers in its place, refuses us for good. The message says why."""


class FeedClient:
    """Connects, passes every message to `hear`, and reconnects until it is turned away.

    `say` is told about the connection in words, and nothing when all is well; `jitter` gives 0 ≤ x < 1.
    """

    def __init__(
        self,
        address: Address,
        channel: Channel,
        token: str,
        hear: Callable[[Received], None],
        say: Callable[[str], None],
        *,
        jitter: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._url = f"{address.ws}/ws/{channel}"
        self._channel = channel
        self._token = token
        self._hear = hear
        self._say = say
        self._jitter = jitter
        self._sleep = sleep
        self._connection: WebSocketClientConnection | None = None
        self._epoch: str | None = None
        """The numbering that `_since` belongs to; None until there was a complete snapshot."""
        self._coming_epoch = ""
        """The numbering of this connection, which becomes `_epoch` once the snapshot is complete."""
        self._since = 0
        """The last change that we know, together with all before it."""
        self._awaits_own = False
        """Whether the next update is our own status on connecting, which does not mean that we know all before it."""
        self._return_after: float | None = None
        """Seconds after which a draining server asked us to reconnect."""
        self._failures = 0
        self._refusal = ""

    async def follow(self) -> None:
        """Run until it is turned away. Raises TurnedAway, also when the first attempt gets no answer."""
        while True:
            self._return_after = None
            try:
                self._connection = await self._connect()
            except (OSError, HTTPClientError, WebSocketError, TimeoutError) as error:
                self._take_failure(error)
            else:
                await self._listen(self._connection)
            await self._sleep(self._pause())

    def close(self) -> None:
        """Close the connection for good."""
        if self._connection is not None:
            self._connection.close(CloseCode.NORMAL, "watch ended")

    async def _connect(self) -> WebSocketClientConnection:
        known = f"?{urlencode({'epoch': self._epoch, 'since': self._since})}" if self._epoch else ""
        request = HTTPRequest(
            self._url + known, headers={"Authorization": f"Bearer {self._token}"}, connect_timeout=CONNECT_SECONDS
        )
        # Our own pings, which notice a server that is gone without closing the connection.
        connection = await websocket_connect(request, ping_interval=25, ping_timeout=10)
        self._say("")
        return connection

    async def _listen(self, connection: WebSocketClientConnection) -> None:
        while (text := await connection.read_message()) is not None:
            try:
                message = _decoder.decode(text)
            except msgspec.MsgspecError:
                continue  # a type of message that a newer server knows
            await self._note(message, connection)
            self._hear(message)
        code, reason = connection.close_code, connection.close_reason or self._refusal or "no reason given"
        if code in (CloseCode.TOKEN_EXPIRED, CloseCode.TOO_BIG) or (code is not None and code >= STAY_AWAY):
            raise TurnedAway(f"the server closed the connection: {reason} ({code})")
        self._failures += 1
        self._say(f"connection lost ({code or 'no close code'}); reconnecting")

    async def _note(self, message: Received, connection: WebSocketClientConnection) -> None:
        """Keep track of what we know, so that the next connection resumes from there."""
        match message:
            case ConnectionEstablished():
                self._failures = 0
                self._awaits_own = message.user_id is not None  # a service key has no status
                self._coming_epoch = message.epoch
                if self._epoch is None:
                    subscribe = {"type": "subscribe", "subscription": self._channel, "snapshot": True}
                    await connection.write_message(msgspec.json.encode(subscribe).decode())
                elif not message.resumed:
                    self._epoch = None  # the server sends a snapshot without being asked
            case UserStatusUpdate() if self._awaits_own:
                self._awaits_own = False
            case UserStatusUpdate() | UserRemoved() if self._epoch is not None:
                self._since = message.seq
            case Snapshot(more=False):
                self._epoch, self._since = self._coming_epoch, message.seq
            case ServerDraining():
                self._return_after = message.reconnect_after_ms / 1000
            case Error():
                self._refusal = message.message
            case _:
                pass

    def _take_failure(self, error: Exception) -> None:
        """Raises TurnedAway when another attempt is of no use."""
        status = error.code if isinstance(error, HTTPClientError) else 0
        if status in FINAL_STATUS:
            raise TurnedAway(f"{self._url} answered {status}: {_answer(error)}")
        words = f"cannot connect to {self._url}: {error}"
        if self._epoch is None and not self._coming_epoch:
            raise TurnedAway(words)
        self._failures += 1
        self._say(f"{words}; retrying")

    def _pause(self) -> float:
        """What the server asked for, or backoff with full jitter."""
        if self._return_after is not None:
            return self._return_after
        return self._jitter() * min(BACKOFF_LIMIT_SECONDS, BACKOFF_SECONDS * 2.0 ** min(self._failures, 10))


class _ErrorBody(msgspec.Struct):
    message: str = ""


class _ErrorAnswer(msgspec.Struct):
    error: _ErrorBody


def _answer(error: Exception) -> str:
    """The server's message, or the name of the status."""
    body = error.response.body if isinstance(error, HTTPClientError) and error.response else b""
    try:
        return msgspec.json.decode(body, type=_ErrorAnswer).error.message
    except msgspec.MsgspecError:
        return str(error)
