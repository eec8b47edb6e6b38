"""Byte streams: the connection under a WebSocket, either the kernel's socket itself or a stream of Tornado's."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from functools import partial
from typing import Protocol, cast

from tornado.iostream import IOStream, SSLIOStream, StreamClosedError

READ_BYTES = 16 * 1024

Arrived = Callable[[bytes | None], None]
"""Is called with the next bytes, or with None when the connection has ended."""


class ByteStream(Protocol):
    """One connection."""

    @property
    def plain_socket(self) -> socket.socket | None:
        """The socket that takes bytes directly while nothing is kept. None if TLS has to encrypt them first."""

    def read(self, arrived: Arrived) -> None:
        """Call `arrived` once."""

    def write(self, data: bytes) -> asyncio.Future[None]:
        """Keep what the peer doesn't take now. The future is done once it has taken everything.

        Raises StreamClosedError, here or from the future.
        """
        ...

    def writing(self) -> bool:
        """Whether something is kept."""
        ...

    def close(self) -> None:
        """Close the connection at once. What is kept is lost."""


class TornadoStream:
    """A connection that Tornado read the upgrade from, with or without TLS."""

    __slots__ = ("__weakref__", "_stream", "close", "write", "writing")

    def __init__(self, stream: IOStream) -> None:
        self._stream = stream
        self.write = cast("Callable[[bytes], asyncio.Future[None]]", stream.write)
        self.writing = stream.writing
        self.close: Callable[[], None] = stream.close

    @property
    def plain_socket(self) -> socket.socket | None:
        """See ByteStream."""
        return None if isinstance(self._stream, SSLIOStream) else self._stream.socket

    def read(self, arrived: Arrived) -> None:
        """See ByteStream."""
        try:
            arriving = self._stream.read_bytes(READ_BYTES, partial=True)
        except StreamClosedError:
            arrived(None)
        else:
            cast("asyncio.Future[bytes]", arriving).add_done_callback(partial(_pass_on, arrived))


def _pass_on(arrived: Arrived, arriving: asyncio.Future[bytes]) -> None:
    arrived(arriving.result() if arriving.exception() is None else None)
