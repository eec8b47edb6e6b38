"""Simulated user: a made-up user of the demo, who uses the server as any client does, over HTTP and a socket."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

import msgspec
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from models.calls import Call
from models.status import Status
from operation.address import Address
from realtime.protocol import CloseCode

REQUEST_SECONDS = 5.0

DEVICES = (
    "Example/3.1 (Android 14)", "Example/2.9 (Android 13)", "Example/3.2 (iPhone; iOS 18)",
    "Example/3.1 (iPhone; iOS 17)",
    "Mozilla/5.0 (Windows NT 10.0) Firefox/128.0",
)  # fmt: skip
"""The User-Agent headers of the made-up users' apps."""

Mint = Callable[[int], str]
"""A fresh access token of a user."""

T = TypeVar("T")


class CallPage(msgspec.Struct):
    """The part of a page of calls that is needed here."""

    items: list[Call]


class SimulatedUser:
    """A client of the demo's own server. Refusals and lost connections raise OSError or HTTPClientError."""

    def __init__(
        self, user_id: int, address: Address, http: AsyncHTTPClient, mint: Mint, *, uses_sockets: bool
    ) -> None:
        self.user_id = user_id
        self._address = address
        self._http = http
        self._mint = mint
        self._uses_sockets = uses_sockets
        self._socket: WebSocketClientConnection | None = None
        self.beats = False
        """Whether the user is online without a socket, and so has to send heartbeats."""

    async def come(self) -> None:
        """Go online, by a socket or by heartbeats alone."""
        if not self._uses_sockets:
            await self.heartbeat()
            self.beats = True
        elif self._socket is None:
            request = self._request("GET", self._address.ws + "/ws/presence")
            self._socket = await websocket_connect(request, on_message_callback=self._hear)
            self._command({"type": "unsubscribe", "subscription": "presence"})
        else:
            # Offline with an open socket: set so by the user or by an operator.
            self._command({"type": "heartbeat"})

    async def go(self) -> None:
        """Go offline: close the socket, or set the status."""
        if self._socket is not None:
            self._socket.close(CloseCode.NORMAL, "going")
            self._socket = None
        elif not self._uses_sockets:
            self.beats = False
            await self.set_status(is_online=False)

    async def heartbeat(self) -> None:
        """Send a heartbeat over HTTP."""
        await self._ask("POST", "/users/me/heartbeat", Status, {})

    async def set_status(self, **changes: bool | datetime) -> None:
        """Change the user's own status."""
        await self._ask("PUT", "/users/me/status", Status, changes)

    async def statuses_of(self, user_ids: list[int]) -> list[Status]:
        """The statuses of up to 100 users."""
        joined = ",".join(map(str, user_ids))
        return await self._ask("GET", f"/users/presence?user_ids={joined}", list[Status])

    async def call(self, callee_id: int, call_type: str) -> Call:
        """Start a call."""
        return await self._ask("POST", "/calls/start", Call, {"callee_id": callee_id, "call_type": call_type})

    async def hang_up(self, call_id: str) -> None:
        """End a call."""
        await self._ask("POST", "/calls/end", Call, {"call_id": call_id})

    async def ongoing(self) -> list[Call]:
        """The call that the user is in, if any."""
        return (await self._ask("GET", "/calls/ongoing", CallPage)).items

    def leave(self) -> None:
        """Close the socket without waiting for anything."""
        if self._socket is not None:
            self._socket.close(CloseCode.NORMAL, "the demo ends")

    def _hear(self, message: str | bytes | None) -> None:
        """React to the two messages that matter: the socket is gone, or its token is about to expire."""
        if message is None:
            self._socket = None
        elif b"token_expiring" in (message if isinstance(message, bytes) else message.encode()):
            self._command({"type": "refresh", "token": self._mint(self.user_id)})

    def _command(self, command: dict[str, str]) -> None:
        if self._socket is not None:
            self._socket.write_message(msgspec.json.encode(command).decode())

    async def _ask(self, method: str, path: str, answer: type[T], body: object = None) -> T:
        request = self._request(method, self._address.http + path, None if body is None else msgspec.json.encode(body))
        response = await self._http.fetch(request)
        return msgspec.json.decode(response.body, type=answer)

    def _request(self, method: str, url: str, body: bytes | None = None) -> HTTPRequest:
        return HTTPRequest(
            url,
            method,
            headers={
                "Authorization": f"Bearer {self._mint(self.user_id)}",
                "User-Agent": DEVICES[self.user_id % len(DEVICES)],
            },
            body=body,
            request_timeout=REQUEST_SECONDS,
            # This process itself answers, whatever name is in its certificate.
            validate_cert=False,
        )


REQUEST_ERRORS = (HTTPClientError, OSError, TimeoutError)
"""What a request may raise; the demo then does something else."""
