"""Streams: how what is sent goes through Tornado's stream to a WebSocket, and how one is turned away."""

from __future__ import annotations

from collections.abc import Callable

from tornado.concurrent import Future
from tornado.iostream import IOStream, SSLIOStream, StreamClosedError
from tornado.websocket import WebSocketHandler

from realtime.protocol import CloseCode, Error, encode

SUBPROTOCOL = "rollcall.v1"


class StreamTransport:
    """Writes straight to the socket, and through Tornado's stream what the kernel doesn't take at once."""

    def __init__(self, handler: WebSocketHandler, stream: IOStream) -> None:
        self._handler = handler
        self._stream = stream
        connection = stream.socket
        assert connection is not None, "a stream that isn't closed has a socket"
        self.is_busy: Callable[[], bool] = stream.writing
        self.take: Callable[[bytes], int] = self._write if isinstance(stream, SSLIOStream) else connection.send

    def buffer(self, data: bytes, drained: Callable[[], None]) -> None:
        """See Transport. When the stream closes first, `on_close` tells, not `drained`."""

        def written(future: Future[None]) -> None:
            if future.exception() is None:
                drained()

        try:
            self._stream.write(data).add_done_callback(written)
        except StreamClosedError:
            return

    def close(self, code: int, reason: str) -> None:
        """See Transport."""
        self._handler.close(code, reason)

    def _write(self, data: bytes) -> int:
        """TLS keeps records of its own, so all goes through the stream."""
        try:
            self._stream.write(data)
        except StreamClosedError as error:
            raise ConnectionResetError from error
        return len(data)


def stream_of(handler: WebSocketHandler) -> IOStream:
    """The connection's stream; inside `open` there always is one."""
    stream = None if handler.ws_connection is None else handler.ws_connection.stream
    assert stream is not None, "an open WebSocket has a stream"
    return stream


def turn_away(handler: WebSocketHandler, stream: IOStream, code: CloseCode, message: str) -> None:
    """Say why, then close with a code that says what to do."""
    # Not by `write_message`: it makes a task, which fails aloud when the peer is gone.
    StreamTransport(handler, stream).buffer(encode(Error(message=message, code="AUTH_ERROR")), lambda: None)
    handler.close(code, message)
