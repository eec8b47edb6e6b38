"""Receiver: an HTTP server that gets webhooks, verifies them, and fails in the ways that a test asks for."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable
from typing import Any, NamedTuple

from chaos.ports import free_port

SECRET = "whsec_" + base64.b64encode(b"rollcall's tests sign with this.").decode()


class Webhook(NamedTuple):
    """One attempt, as it arrived."""

    id: str
    timestamp: int
    events: list[dict[str, Any]]
    path: str
    headers: dict[str, str]
    body: bytes
    status: int | None
    """What was answered; None if nothing was."""


Answer = int | float | None | bytes
"""A status, seconds to wait before 200, None to close the connection without an answer, or a whole answer."""


class Receiver:
    """Answers 200 unless a test says otherwise. `received` has what it acknowledged, `attempts` has everything."""

    def __init__(self, secret: str = SECRET, port: int = 0) -> None:
        self.secret = secret
        self.port = port or free_port()
        self.attempts: list[Webhook] = []
        self.answer: Callable[[list[dict[str, Any]]], Answer] = lambda _events: 200
        self._key = base64.b64decode(secret.removeprefix("whsec_"))
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._changed = asyncio.Event()
        self.tls: Any = None

    @property
    def url(self) -> str:
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self.port}/hooks"

    @property
    def received(self) -> list[Webhook]:
        """The webhooks that were acknowledged, each once, in the order of their first acknowledgement."""
        first: dict[str, Webhook] = {}
        for each in self.attempts:
            if each.status is not None and 200 <= each.status < 300:
                first.setdefault(each.id, each)
        return list(first.values())

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events in them."""
        return [event for each in self.received for event in each.events]

    def of(self, type: str) -> list[dict[str, Any]]:
        """The data of the events of one type."""
        return [event["data"] for event in self.events if event["type"] == type]

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=self.tls)

    async def stop(self) -> None:
        """Die: refuse connections, and cut those that are open."""
        if self._server is not None:
            self._server.close()
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            self._server = None

    async def until(self, condition: Callable[[], object], seconds: float = 20.0) -> None:
        """Wait until a condition is true. It is checked after each attempt."""
        async with asyncio.timeout(seconds):
            while not condition():
                self._changed.clear()
                try:
                    await asyncio.wait_for(self._changed.wait(), 0.1)
                except TimeoutError:
                    continue

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await self._answer(reader, writer)
        finally:
            self._tasks.discard(task)
            writer.transport.abort() if task.cancelling() else writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers["content-length"]))
        self._verify(headers, body)
        parsed = json.loads(body)
        assert parsed["type"] == "events"
        answer = self.answer(parsed["events"])
        status = answer if isinstance(answer, int) else 200 if isinstance(answer, float) else None
        if isinstance(answer, float):
            await asyncio.sleep(answer)
        if isinstance(answer, bytes):
            status = int(answer.split(b" ", 2)[1])
        self.attempts.append(
            Webhook(
                headers["webhook-id"], int(headers["webhook-timestamp"]), parsed["events"], head[0].split(" ")[1],
                headers, body, status,
            )
        )  # fmt: skip
        self._changed.set()
        if answer is None:
            writer.transport.abort()
            return
        writer.write(
            answer if isinstance(answer, bytes) else f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n".encode()
        )
        await writer.drain()

    def _verify(self, headers: dict[str, str], body: bytes) -> None:
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        expected = base64.b64encode(hmac.new(self._key, signed, hashlib.sha256).digest()).decode()
        assert f"v1,{expected}" in headers["webhook-signature"].split(" "), "the signature is wrong"


def new_secret() -> str:
    """Return a random secret of Standard Webhooks."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
