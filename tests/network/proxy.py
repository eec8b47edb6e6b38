"""Proxy: a TCP proxy in front of the server that disturbs connections as networks do."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

CHUNK_BYTES = 64 * 1024
CLOSE = 0x8

_RESET_AT_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER on, with 0 seconds: closing sends RST instead of FIN."""

LOGIN_PAGE = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<h1>Please sign in</h1>"
"""The response of a captive portal to any request."""


@dataclass
class Weather:
    """What currently happens to bytes and to new connections."""

    delay_seconds: float = 0.0
    """How much later each chunk arrives, in both directions."""
    swallows: bool = False
    """Bytes are lost in both directions, and new connections get no answer, as in a tunnel."""
    refuses: bool = False
    """New connections are reset at once."""
    shows_login_page: bool = False
    """New connections are answered with HTML by a device in between."""
    cuts: bool = False
    """The next messages to a socket lose their last byte, then the connection ends: a cut within a frame."""


@dataclass(eq=False)
class Link:
    """A client's connection, and the one to the server that belongs to it."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter | None = None
    is_socket: bool = False
    """Whether the client requested a WebSocket."""
    is_over: bool = False
    """Whether the client has sent a close frame, or is gone."""
    frames: ClientFrames = field(default_factory=lambda: ClientFrames())

    def reset(self) -> None:
        """Reset the connections to both ends."""
        for writer in (self.client, self.server):
            if writer is not None:
                _reset(writer)


class ClientFrames:
    """Watches a client's bytes for its close frame (RFC 6455 §5.2; frames of clients are masked)."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._is_upgraded = False

    def feed(self, data: bytes) -> bool:
        """Return whether the close frame has come."""
        self._buffer += data
        if not self._is_upgraded:
            _, end, rest = bytes(self._buffer).partition(b"\r\n\r\n")
            if not end:
                return False
            self._is_upgraded, self._buffer = True, bytearray(rest)
        while len(self._buffer) >= 2:
            size, head = self._buffer[1] & 0x7F, 6
            if size == 126:
                size, head = int.from_bytes(self._buffer[2:4], "big"), 8
            if len(self._buffer) < head + size:
                return False
            if self._buffer[0] & 0x0F == CLOSE:
                return True
            del self._buffer[: head + size]
        return False


class Proxy:
    """Listens on `port` for clients of the server on `server_port`."""

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._listener: asyncio.Server | None = None
        self._links: set[Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0
        self.weather = Weather()
        self.sockets = 0
        """The number of WebSockets requested so far."""
        self.most_at_once = 0
        """The most WebSockets at one time whose client had neither sent a close frame nor gone."""

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    async def start(self) -> None:
        """Listen on a free port."""
        self._listener = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._listener.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and end every connection."""
        assert self._listener is not None
        self._listener.close()
        self.reset()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def reset(self) -> None:
        """Reset every connection."""
        for link in list(self._links):
            link.reset()

    def hang_up(self) -> None:
        """End every connection without a close frame, by a FIN to both sides."""
        for link in list(self._links):
            for writer in (link.client, link.server):
                if writer is not None:
                    writer.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.weather.refuses:
            _reset(writer)
            return
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        link = Link(writer)
        self._links.add(link)
        with contextlib.suppress(OSError):
            await self._relay(reader, link)
        self._links.discard(link)
        self._tasks.discard(task)
        link.reset()

    async def _relay(self, reader: asyncio.StreamReader, link: Link) -> None:
        """Forward from the client to the server; another task forwards the other way."""
        back: asyncio.Task[None] | None = None
        try:
            while data := await reader.read(CHUNK_BYTES):
                self._watch(link, data)
                if self.weather.shows_login_page and link.server is None:
                    link.client.write(LOGIN_PAGE)
                    await link.client.drain()
                    return
                if self.weather.swallows:
                    continue
                if link.server is None:
                    from_server, link.server = await asyncio.open_connection("127.0.0.1", self._server_port)
                    back = asyncio.create_task(self._return(from_server, link))
                await asyncio.sleep(self.weather.delay_seconds)
                link.server.write(data)
        finally:
            link.is_over = True
            if back is not None:
                back.cancel()
                await asyncio.gather(back, return_exceptions=True)

    async def _return(self, reader: asyncio.StreamReader, link: Link) -> None:
        """Forward from the server to the client. In a tunnel, the client doesn't learn of the end either."""
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK_BYTES):
                await asyncio.sleep(self.weather.delay_seconds)
                if self.weather.swallows:
                    continue
                if self.weather.cuts and link.is_socket and _has_messages(data):
                    self.weather.cuts = False
                    link.client.write(data[:-1])
                    await link.client.drain()
                    return _half_reset(link)
                link.client.write(data)
        if not self.weather.swallows:
            link.client.close()
        return None

    def _watch(self, link: Link, data: bytes) -> None:
        """Count the open WebSockets."""
        if not link.is_socket and data.startswith(b"GET /ws/"):
            link.is_socket = True
            self.sockets += 1
            live = sum(each.is_socket and not each.is_over for each in self._links)
            self.most_at_once = max(self.most_at_once, live)
        if link.is_socket and link.frames.feed(data):
            link.is_over = True


@asynccontextmanager
async def proxy_to(server_port: int) -> AsyncIterator[Proxy]:
    """Run a proxy, and stop it at the end."""
    proxy = Proxy(server_port)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.stop()


def _has_messages(data: bytes) -> bool:
    """Return whether the data holds more than the response to the upgrade."""
    return not data.startswith(b"HTTP/") or not data.endswith(b"\r\n\r\n")


def _half_reset(link: Link) -> None:
    """Close the client's side so that it still reads what was written, and reset the server's side."""
    link.client.close()
    if link.server is not None:
        _reset(link.server)


def _reset(writer: asyncio.StreamWriter) -> None:
    connection = writer.get_extra_info("socket")
    if connection is not None and connection.fileno() != -1:
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_CLOSE)
    writer.transport.abort()
