"""Stream transport: how frames reach a WebSocket through its socket and Tornado's stream."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from functools import partial

from tornado.concurrent import Future
from tornado.iostream import StreamClosedError

from handlers.sockets.byte_streams import ByteStream
from handlers.sockets.websocket_protocol import WebSocketProtocol

_MORE = socket.MSG_MORE if sys.platform == "linux" else 0
"""Tells Linux to wait for more before it sends a packet."""


class StreamTransport:
    """Writes to the socket directly, and passes what the kernel does not take at once to Tornado's stream."""

    __slots__ = ("_protocol", "_stream", "on_busy", "take")

    def __init__(self, stream: ByteStream, protocol: WebSocketProtocol) -> None:
        self._protocol = protocol
        self._stream = stream
        self.on_busy: Callable[[], object] = _ignore
        connection = stream.plain_socket
        self.take: Callable[[bytes], int] = partial(_write, stream) if connection is None else connection.send

    def begin(self, head: bytes) -> None:
        """Send the head of the answer to the upgrade, in one packet with the first frames, which follow at once."""
        connection = self._stream.plain_socket
        try:
            if connection is None:
                self._stream.write(head)
            elif (taken := connection.send(head, _MORE)) < len(head):
                self._stream.write(head[taken:])
        except (OSError, StreamClosedError):
            self._stream.close()

    def buffer(self, data: bytes, drained: Callable[[], None]) -> None:
        """See Transport. If the stream closes first, the connection ends, and `drained` is not called."""

        def written(future: Future[None]) -> None:
            if future.exception() is None:
                drained()

        try:
            self._stream.write(data).add_done_callback(written)
        except StreamClosedError:
            return

    def close(self, code: int, reason: str) -> None:
        """See Transport."""
        self._protocol.close(code, reason)


def _write(stream: ByteStream, data: bytes) -> int:
    """TLS has its own records, so everything goes through the stream."""
    if stream.writing():
        raise BlockingIOError
    try:
        stream.write(data)
    except StreamClosedError as error:
        raise ConnectionResetError from error
    return len(data)


def _ignore() -> None:
    """Nobody writes yet, or any more."""
