"""Proxy: sits between the server and its database and imitates network failures."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from dataclasses import dataclass
from enum import Enum, auto

CHUNK_BYTES = 64 * 1024
STOP_SECONDS = 5.0

_RESET_AT_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER, on and 0 seconds: closing sends RST instead of FIN."""


class Mode(Enum):
    """What happens to bytes and connections now."""

    PASS = auto()
    SWALLOW = auto()
    """Bytes are silently dropped in both directions."""
    LOSE_REPLIES = auto()
    """Requests arrive, and no reply comes back."""
    RESET = auto()
    """Connections are accepted, and reset as soon as they send something."""


@dataclass(eq=False)
class Link:
    """One connection of the server, and the one to the database behind it."""

    near: asyncio.StreamWriter
    far: asyncio.StreamWriter | None = None
    is_spoilt: bool = False
    """Bytes of it were lost, so that it cannot go on."""

    def reset(self) -> None:
        """Both ends see a reset."""
        for writer in (self.near, self.far):
            if writer is not None:
                _reset(writer)


class Proxy:
    """Listens on `port` of 127.0.0.1 for a database at another address."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._listener: asyncio.Server | None = None
        self._links: set[Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._mode = Mode.PASS
        self.port = 0

    async def start(self) -> None:
        """Listen."""
        self._listener = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._listener.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """End everything."""
        self.refuse()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=STOP_SECONDS)

    def refuse(self) -> None:
        """Reset all connections and accept no more: a database that is down."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        self._reset_all()

    def swallow(self) -> None:
        """Stop passing anything on: a database whose network is gone."""
        self._mode = Mode.SWALLOW

    def reset(self) -> None:
        """Reset all connections, and each new one as soon as it sends something."""
        self._mode = Mode.RESET
        self._reset_all()

    def lose_replies(self) -> None:
        """Pass requests to the database, but drop its replies."""
        self._mode = Mode.LOSE_REPLIES

    async def let_through(self) -> None:
        """Let everything through again. Connections that lost data meanwhile are reset."""
        self._mode = Mode.PASS
        for link in list(self._links):
            if link.is_spoilt:
                link.reset()
        if self._listener is None:
            await self.start()

    def move(self, host: str, port: int) -> None:
        """Send new connections to another database, and reset those to the one before."""
        self._target = (host, port)
        self._reset_all()

    def _reset_all(self) -> None:
        for link in list(self._links):
            link.reset()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        link = Link(writer)
        self._links.add(link)
        back: asyncio.Task[None] | None = None
        try:
            far_reader, link.far = await asyncio.open_connection(*self._target)
            back = asyncio.create_task(self._relay(far_reader, link, link.near, is_reply=True))
            await self._relay(reader, link, link.far, is_reply=False)
        except OSError:
            pass  # the database refuses, and so do we
        finally:
            if back is not None:
                back.cancel()
                await asyncio.gather(back, return_exceptions=True)
            self._links.discard(link)
            self._tasks.discard(task)
            link.reset()

    async def _relay(
        self, reader: asyncio.StreamReader, link: Link, writer: asyncio.StreamWriter, *, is_reply: bool
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK_BYTES):
                if self._mode is Mode.RESET:
                    link.reset()
                    return
                if self._mode is Mode.SWALLOW or (is_reply and self._mode is Mode.LOSE_REPLIES):
                    link.is_spoilt = True
                    continue
                writer.write(data)
                await writer.drain()
        if not is_reply or not link.is_spoilt:
            writer.close()


def _reset(writer: asyncio.StreamWriter) -> None:
    connection = writer.get_extra_info("socket")
    if connection is not None and connection.fileno() != -1:
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_CLOSE)
    writer.transport.abort()
