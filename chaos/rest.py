"""Rest: a small hand-written HTTP client that can choose its source address."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chaos.verbs import Verbs, error_code

PATIENCE_SECONDS = 10.0
"""How long to wait for an answer."""

REUSE_SECONDS = 5.0
"""A connection is reused only while the server is certain to still have it open: requests are never repeated."""

LOCALHOST = "127.0.0.1"


@dataclass(frozen=True)
class Answer:
    """An HTTP answer. Names of headers are in small letters; `cookies` are the Set-Cookie headers."""

    status: int
    headers: Mapping[str, str]
    cookies: tuple[str, ...]
    content: bytes

    @property
    def body(self) -> Any:
        """What its JSON says, or its text."""
        text = self.content.decode("utf-8", "replace")
        is_json = self.headers.get("content-type", "").startswith("application/json")
        return json.loads(text) if is_json and text else text

    @property
    def code(self) -> str | None:
        """The error's code, if it is an error."""
        return error_code(self.body)


class Connection:
    """One HTTP/1.1 connection that is kept open between requests."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._used_at = time.monotonic()
        self.is_open = True

    @classmethod
    async def open(cls, port: int, source: str = LOCALHOST) -> Connection:
        """Connect from an address of this machine. Raises OSError."""
        reader, writer = await asyncio.open_connection(LOCALHOST, port, local_addr=(source, 0), limit=2**22)
        return cls(reader, writer)

    @property
    def is_usable(self) -> bool:
        """Whether the server is certain to still have it open."""
        is_alive = not self._reader.at_eof() and self._reader.exception() is None
        return self.is_open and is_alive and time.monotonic() - self._used_at < REUSE_SECONDS

    async def ask(self, request: bytes, *, has_body: bool = True) -> Answer:
        """Send a whole request and read the answer. Raises OSError when the connection ends first."""
        try:
            self._writer.write(request)
            answer = await self._read(has_body=has_body)
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError, IndexError) as error:
            self.close()
            raise ConnectionResetError("the connection ended within an answer") from error
        except BaseException:
            self.close()
            raise
        self._used_at = time.monotonic()
        if answer.headers.get("connection", "").lower() == "close":
            self.close()
        return answer

    def close(self) -> None:
        """Close it."""
        self.is_open = False
        self._writer.transport.abort()

    async def _read(self, *, has_body: bool) -> Answer:
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        status = int(head[0].split(" ", 2)[1])
        headers: dict[str, str] = {}
        cookies: list[str] = []
        for line in head[1:-2]:
            name, _, value = line.partition(":")
            if name.lower() == "set-cookie":
                cookies.append(value.strip())
            headers[name.lower()] = value.strip()
        content = b""
        if has_body and status not in (204, 304):
            content = await self._read_content(headers)
        return Answer(status, headers, tuple(cookies), content)

    async def _read_content(self, headers: Mapping[str, str]) -> bytes:
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return b"".join([chunk async for chunk in self._chunks()])
        if "content-length" in headers:
            return await self._reader.readexactly(int(headers["content-length"]))
        return await self._reader.read()

    async def _chunks(self) -> Any:
        while size := int(await self._reader.readline(), 16):
            yield (await self._reader.readexactly(size + 2))[:-2]
        await self._reader.readline()


@dataclass
class Api(Verbs[Answer]):
    """The REST API of the server on `port`, as one caller uses it."""

    port: int
    token: str | None = None
    source: str = LOCALHOST
    """The address of this machine that it calls from."""
    _idle: list[Connection] = field(default_factory=list, repr=False)

    def with_token(self, token: str | None) -> Api:
        """The same API for another caller."""
        return Api(self.port, token, self.source)

    async def request(
        self, method: str, path: str, body: str | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Any request. Raises OSError, or TimeoutError when no answer comes."""
        wire = self.encode(method, path, body, headers)
        async with asyncio.timeout(PATIENCE_SECONDS):
            connection = self._idle_connection() or await Connection.open(self.port, self.source)
            answer = await connection.ask(wire, has_body=method != "HEAD")
        if connection.is_open:
            self._idle.append(connection)
        return answer

    def encode(
        self, method: str, path: str, body: str | None = None, headers: Mapping[str, str] | None = None
    ) -> bytes:
        """A request as it is sent."""
        content = (body or "").encode()
        lines = {"Host": f"127.0.0.1:{self.port}"}
        if self.token is not None:
            lines["Authorization"] = f"Bearer {self.token}"
        if content:
            lines["Content-Type"] = "application/json"
        if body is not None:
            lines["Content-Length"] = str(len(content))
        lines |= headers or {}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + content

    def close(self) -> None:
        """Close idle connections."""
        while self._idle:
            self._idle.pop().close()

    def _idle_connection(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_usable:
                return connection
            connection.close()
        return None


@dataclass
class Person(Api):
    """A user with a token: calls the API as that user."""

    user_id: int = 0
    username: str = ""
    password: str = field(default="", repr=False)

    def from_address(self, source: str) -> Person:
        """The same user at another address."""
        return Person(self.port, self.token, source, [], self.user_id, self.username, self.password)

    async def sign_in(self, password: str | None = None) -> Answer:
        """POST /auth/login."""
        given = {"username": self.username, "password": self.password if password is None else password}
        return await self.post("/auth/login", given)
