"""Clients: HTTP and WebSocket clients of the server, and the users they act for."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol, Self

import websockets
from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from chaos.raw_frames import FrameReader
from chaos.verbs import Verbs, error_code
from models.service_keys import ServiceKey
from tests.secrets_seen import SecretsSeen

PATIENCE_SECONDS = 20.0
"""How long to wait for something that must happen; only a failing test waits this long."""

Message = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """An HTTP response. `body` is the decoded JSON, or the text."""

    status: int
    body: Any
    headers: Mapping[str, str]

    @property
    def code(self) -> str | None:
        """The error code, if the response is an error."""
        return error_code(self.body)


class Balancer(Protocol):
    """Distributes requests and sockets over several servers that behave as one."""

    async def next_port(self) -> int:
        """Return the port of the server whose turn it is, once all servers have applied what any of them has."""

    async def caught_up(self) -> None:
        """Wait until all servers have applied what any of them has."""


class Api(Verbs[Answer]):
    """The REST API for one caller, with or without a token. A balancer replaces the port of each request."""

    def __init__(
        self,
        base_url: str,
        http: AsyncHTTPClient,
        seen: SecretsSeen,
        token: str | None = None,
        balancer: Balancer | None = None,
    ) -> None:
        self.base_url = base_url
        self.balancer = balancer
        self._http = http
        self._seen = seen
        self.token = token

    def with_token(self, token: str | None) -> Api:
        """The same API for another caller."""
        return Api(self.base_url, self._http, self._seen, token, self.balancer)

    async def request(
        self, method: str, path: str, body: str | bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send any request, with the body as given."""
        self._note_secrets(body)
        base_url = self.base_url
        if self.balancer is not None:
            base_url = f"{base_url.rpartition(':')[0]}:{await self.balancer.next_port()}"
        all_headers = {"Authorization": f"Bearer {self.token}"} if self.token is not None else {}
        if body:
            all_headers["Content-Type"] = "application/json"
        all_headers.update(headers or {})
        response = await self._http.fetch(
            HTTPRequest(
                base_url + path,
                method,
                all_headers,
                body,
                allow_nonstandard_methods=True,
                follow_redirects=False,
                request_timeout=PATIENCE_SECONDS,
            ),
            raise_error=False,
        )
        self._note_secrets(response.body)
        kind = response.headers.get("Content-Type", "")
        is_json = kind.startswith("application/json")
        text = response.body.decode("latin-1" if kind in ("image/png", "application/gzip") else "utf-8")
        return Answer(response.code, json.loads(text) if is_json and text else text, response.headers)

    def _note_secrets(self, body: str | bytes | None) -> None:
        try:
            said = json.loads(body or "null")
        except (ValueError, RecursionError):
            return
        for name in ("password", "old_password", "new_password", "access_token", "refresh_token", "ticket"):
            if isinstance(said, dict) and isinstance(said.get(name), str):
                self._seen.note(said[name])


class Person(Api):
    """A user with a token, who calls the API as that user."""

    def __init__(self, api: Api, user_id: int, username: str, token: str) -> None:
        super().__init__(api.base_url, api._http, api._seen, token, api.balancer)
        self._seen.note(token)
        self.user_id = user_id
        self.username = username
        self.token: str = token


class Backend(Api):
    """An app's backend, which calls the API with a service key."""

    def __init__(self, api: Api, key: ServiceKey, text: str) -> None:
        super().__init__(api.base_url, api._http, api._seen, text, api.balancer)
        self._seen.note(text)
        self.key = key
        self.token: str = text


class Socket:
    """A WebSocket client that uses the library `websockets`, and the messages it received, in order."""

    _marks = itertools.count(1)

    def __init__(self, connection: ClientConnection, balancer: Balancer | None = None) -> None:
        self.connection = connection
        self._balancer = balancer

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        subprotocols: list[str] | None = None,
        tls: ssl.SSLContext | None = None,
        balancer: Balancer | None = None,
    ) -> Socket:
        """Connect. Raises websockets.InvalidStatus when the upgrade is refused."""
        connection = await connect(
            url,
            compression=None,
            proxy=None,
            additional_headers=headers,
            subprotocols=[Subprotocol(each) for each in subprotocols] if subprotocols else None,
            ping_interval=None,
            max_queue=None,
            max_size=2**24,
            close_timeout=1,
            ssl=tls,
        )
        return cls(connection, balancer)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.close()

    async def take(self) -> Message:
        """Return the next message of any type. Raises ConnectionClosed."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            message: Message = json.loads(await self.connection.recv())
        return message

    async def next(self, type: str, **fields: Any) -> Message:
        """Return the next message with this type and these fields, and skip the ones before it."""
        passed: list[str] = []
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while True:
                    message = await self.take()
                    if message["type"] == type and all(message.get(name) == value for name, value in fields.items()):
                        return message
                    passed.append(json.dumps(message))
        except TimeoutError:
            raise AssertionError(f"no {type} {fields or ''} came, only {passed}") from None

    async def update(self, user_id: int) -> Message:
        """Return the next status update of a user."""
        return await self.next("user_status_update", user_id=user_id)

    async def send(self, command: Message | str | bytes) -> None:
        """Send a command, or arbitrary text or bytes."""
        await self.connection.send(json.dumps(command) if isinstance(command, dict) else command)

    async def ask(self, command: Message, reply: str) -> Message:
        """Send a command and return its reply."""
        await self.send(command)
        return await self.next(reply)

    async def told(self) -> list[Message]:
        """Return all messages sent so far, that is, all that come before the pong to a new ping.

        If there are several servers, these include what the others have caused.
        """
        if self._balancer is None:
            return await self._until_pong()
        caused_here = await self._until_pong()
        await self._balancer.caught_up()
        return caused_here + await self._until_pong()

    async def _until_pong(self) -> list[Message]:
        mark = f"mark {next(self._marks)}"
        await self.send({"type": "ping", "timestamp": mark})
        messages: list[Message] = []
        while True:
            message = await self.take()
            if message["type"] == "pong" and message["timestamp"] == mark:
                return messages
            messages.append(message)

    async def quiet(self) -> None:
        """Check that no message has come except statistics."""
        said = [message for message in await self.told() if message["type"] != "feed_stats"]
        assert said == []

    async def settle(self) -> Self:
        """Skip the messages sent so far."""
        await self.told()
        return self

    async def closed(self) -> int:
        """Return the server's close code, and skip the messages before it."""
        try:
            while True:
                await self.take()
        except websockets.ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 1006

    async def close(self, code: int = 1000) -> None:
        """Close the connection, cleanly unless another code is given."""
        await self.connection.close(code)

    async def drop(self) -> None:
        """Drop the connection without a close frame, by a reset."""
        self.connection.transport.abort()
        await self.connection.wait_closed()


async def connect_raw(port: int, request: bytes, *, early: bool) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect and send a request. If it is `early`, a server in this loop finds it as it accepts the connection.

    Otherwise its first byte comes alone, so that it is left to Tornado.
    """
    if early:
        connection = socket.create_connection(("127.0.0.1", port))
        connection.sendall(request)
        return await asyncio.open_connection(sock=connection, limit=2**20)
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
    writer.write(request[:1])
    await asyncio.sleep(0.005)
    writer.write(request[1:])
    return reader, writer


@dataclass
class RawSocket(FrameReader):
    """A hand-written WebSocket over TCP, for what a correct client never does."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @classmethod
    async def open(cls, port: int, target: str, *, early: bool = False, **headers: str) -> tuple[RawSocket, int]:
        """Connect and request an upgrade. Returns the socket and HTTP status. `Sec_Fetch_Site` is `Sec-Fetch-Site`."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        lines = {
            "Host": f"127.0.0.1:{port}",
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
            "Sec-WebSocket-Version": "13",
            **given,
        }
        head = f"GET {target} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        reader, writer = await connect_raw(port, head.encode("latin-1") + b"\r\n", early=early)
        raw = cls(reader, writer)
        async with asyncio.timeout(PATIENCE_SECONDS):
            status = int((await reader.readline()).split()[1])
            while await reader.readline() not in (b"\r\n", b""):
                pass
        return raw, status

    def write_frame(self, opcode: int, payload: bytes = b"", *, final: bool = True) -> None:
        """Write a masked frame (RFC 6455 §5.2) of less than 64 KiB."""
        mask = os.urandom(4)
        size = bytes((0x80 | len(payload),)) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2, "big")
        masked = bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))
        self.writer.write(bytes((final << 7 | opcode,)) + size + mask + masked)

    def end(self) -> None:
        """Drop the connection."""
        self.writer.transport.abort()


async def eventually(holds: Callable[[], bool]) -> None:
    """Wait for a condition that no message announces."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not holds():
            await asyncio.sleep(0.005)
