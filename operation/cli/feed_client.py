"""Follower: a socket that keeps coming back, as the protocol asks of a client, and tells what it heard."""

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
    UserStatusUpdate,
)

BACKOFF_SECONDS = 0.5
BACKOFF_LIMIT_SECONDS = 30.0
CONNECT_SECONDS = 10.0

STAY_AWAY = 4500
"""Close codes from here on say: don't come back until something changed."""

FINAL_STATUS = {401, 403, 404}
"""HTTP answers to an upgrade that a second try does not change."""

Heard = (
    ConnectionEstablished
    | UserStatusUpdate
    | Snapshot
    | FeedStats
    | CallStatusUpdate
    | SubscriptionConfirmed
    | TokenExpiring
    | ServerDraining
    | Error
)
_decoder = msgspec.json.Decoder(Heard)


class TurnedAway(Exception):
    """The server, or what answers in its place, does not want us back. Says why."""


class FeedClient:
    """Connects, hands every message to `hear`, and reconnects until it is turned away.

    `say` hears in words what becomes of the connection; `jitter` gives 0 ≤ x < 1.
    """

    def __init__(
        self,
        address: Address,
        channel: Channel,
        token: str,
        hear: Callable[[Heard], None],
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
        """The numbering that `_since` belongs to; None until a whole picture came."""
        self._coming_epoch = ""
        """The numbering of this connection, to be `_epoch` once the picture is whole."""
        self._since = 0
        """Up to where we know everything."""
        self._awaits_own = False
        """Whether the next update is the own status at connecting, which says nothing about what came before it."""
        self._return_after: float | None = None
        """Seconds after which a draining server wants us back."""
        self._failures = 0
        self._refusal = ""

    async def follow(self) -> None:
        """Until it is turned away. Raises TurnedAway; at the first attempt also when nobody answers."""
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
        """End the connection, as one who leaves on purpose."""
        if self._connection is not None:
            self._connection.close(CloseCode.NORMAL, "watched enough")

    async def _connect(self) -> WebSocketClientConnection:
        known = f"?{urlencode({'epoch': self._epoch, 'since': self._since})}" if self._epoch else ""
        request = HTTPRequest(
            self._url + known, headers={"Authorization": f"Bearer {self._token}"}, connect_timeout=CONNECT_SECONDS
        )
        # The client's own pings: a server that is gone without a word is noticed, too.
        connection = await websocket_connect(request, ping_interval=25, ping_timeout=10)
        self._say("")
        return connection

    async def _listen(self, connection: WebSocketClientConnection) -> None:
        while (text := await connection.read_message()) is not None:
            try:
                message = _decoder.decode(text)
            except msgspec.MsgspecError:
                continue  # a kind of message that came into the protocol later
            await self._note(message, connection)
            self._hear(message)
        code, reason = connection.close_code, connection.close_reason or self._refusal or "no reason given"
        if code in (CloseCode.TOKEN_EXPIRED, CloseCode.TOO_BIG) or (code is not None and code >= STAY_AWAY):
            raise TurnedAway(f"the server ended the connection: {reason} ({code})")
        self._failures += 1
        self._say(f"the connection is gone ({code or 'no close code'}); reconnecting")

    async def _note(self, message: Heard, connection: WebSocketClientConnection) -> None:
        """Keep count of what we know, so that the next connection goes on from there."""
        match message:
            case ConnectionEstablished():
                self._failures = 0
                self._awaits_own = True
                self._coming_epoch = message.epoch
                if self._epoch is None:
                    subscribe = {"type": "subscribe", "subscription": self._channel, "snapshot": True}
                    await connection.write_message(msgspec.json.encode(subscribe).decode())
                elif not message.resumed:
                    self._epoch = None  # a snapshot comes unasked
            case UserStatusUpdate() if self._awaits_own:
                self._awaits_own = False
            case UserStatusUpdate() if self._epoch is not None:
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
        """Raises TurnedAway when trying again is of no use."""
        status = error.code if isinstance(error, HTTPClientError) else 0
        if status in FINAL_STATUS:
            raise TurnedAway(f"{self._url} answers {status}: {_answer(error)}")
        words = f"cannot connect to {self._url}: {error}"
        if self._epoch is None and not self._coming_epoch:
            raise TurnedAway(words)
        self._failures += 1
        self._say(f"{words}; trying again")

    def _pause(self) -> float:
        """The server's own wish, or backoff with full jitter."""
        if self._return_after is not None:
            return self._return_after
        return self._jitter() * min(BACKOFF_LIMIT_SECONDS, BACKOFF_SECONDS * 2.0 ** min(self._failures, 10))


class _ErrorBody(msgspec.Struct):
    message: str = ""


class _ErrorAnswer(msgspec.Struct):
    error: _ErrorBody


def _answer(error: Exception) -> str:
    """What the server said, or what the status is called."""
    body = error.response.body if isinstance(error, HTTPClientError) and error.response else b""
    try:
        return msgspec.json.decode(body, type=_ErrorAnswer).error.message
    except msgspec.MsgspecError:
        return str(error)
