"""Stream transport: how frames reach a WebSocket through its socket and Tornado's stream, and how one is rejected."""

from __future__ import annotations

from collections.abc import Callable

from tornado.concurrent import Future
from tornado.iostream import IOStream, SSLIOStream, StreamClosedError
from tornado.websocket import WebSocketHandler

from realtime.protocol import CloseCode, Error, encode

SUBPROTOCOL = "rollcall.v1"


class StreamTransport:
    """Writes to the socket directly, and passes what the kernel does not take at once to Tornado's stream."""

    def __init__(self, handler: WebSocketHandler, stream: IOStream) -> None:
        self._handler = handler
        self._stream = stream
        connection = stream.socket
        assert connection is not None, "an open stream has a socket"
        self.is_busy: Callable[[], bool] = stream.writing
        self.take: Callable[[bytes], int] = self._write if isinstance(stream, SSLIOStream) else connection.send

    def buffer(self, data: bytes, drained: Callable[[], None]) -> None:
        """See Transport. If the stream closes first, `on_close` is called, not `drained`."""

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
        """TLS has its own records, so everything goes through the stream."""
        try:
            self._stream.write(data)
        except StreamClosedError as error:
            raise ConnectionResetError from error
        return len(data)


def stream_of(handler: WebSocketHandler) -> IOStream:
    """The connection's stream. Inside `open` there always is one."""
    stream = None if handler.ws_connection is None else handler.ws_connection.stream
    assert stream is not None, "an open WebSocket has a stream"
    return stream


def reject(handler: WebSocketHandler, stream: IOStream, code: CloseCode, message: str) -> None:
    """Send an error with the reason, then close with a code that tells the client what to do."""
    # `write_message` would create a task, which logs an exception if the peer has gone.
    StreamTransport(handler, stream).buffer(encode(Error(message=message, code="AUTH_ERROR")), lambda: None)
    handler.close(code, message)
