"""Stream transport: how frames reach a WebSocket through its socket and Tornado's stream."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial

from tornado.concurrent import Future
from tornado.iostream import StreamClosedError

from handlers.sockets.byte_streams import ByteStream
from handlers.sockets.websocket_protocol import WebSocketProtocol


class StreamTransport:
    """Writes to the socket directly, and passes what the kernel does not take at once to Tornado's stream."""

    __slots__ = ("_first_take", "_head", "_protocol", "_stream", "on_busy", "take")

    def __init__(self, stream: ByteStream, protocol: WebSocketProtocol) -> None:
        self._protocol = protocol
        self._stream = stream
        self._head = b""
        """The head of the answer to the upgrade, until it is sent."""
        self._first_take: Callable[[bytes], int] | None = None
        self.on_busy: Callable[[], object] = _ignore
        self.take: Callable[[bytes], int] = self._plain_take()

    def begin(self, head: bytes, first_take: Callable[[bytes], int] | None = None) -> None:
        """Send the head of the answer to the upgrade in one packet with the first frames, which follow at once.

        `first_take` hands them to the kernel, if that is not to be done as for all others.
        """
        self._head = head
        self._first_take = first_take
        self.take = self._take_first

    def send_head(self) -> None:
        """Send the head now, because no frames follow."""
        if self._head:
            with suppress(OSError):
                self.take(b"")

    def _plain_take(self) -> Callable[[bytes], int]:
        connection = self._stream.plain_socket
        return partial(_write, self._stream) if connection is None else connection.send

    def _take_first(self, data: bytes) -> int:
        self.take, head, self._head = self._plain_take(), self._head, b""
        first_take, self._first_take = self._first_take or self.take, None
        try:
            taken = first_take(head + data)
        except BlockingIOError:
            taken = 0
        if taken < len(head):
            self._stream.write(head[taken:])
        return max(0, taken - len(head))

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
