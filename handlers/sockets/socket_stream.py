"""Socket stream: a connection without TLS, read from and written to through the kernel's socket itself."""

from __future__ import annotations

import asyncio
import socket
from collections import deque

from tornado.iostream import StreamClosedError

from handlers.sockets.byte_streams import READ_BYTES, Arrived
from handlers.sockets.readable_sockets import ReadableSockets


class SocketStream:
    """See ByteStream. Does what Tornado's stream does for a WebSocket, in a fifth of its memory."""

    __slots__ = (
        "__weakref__",
        "_arrived",
        "_begun",
        "_is_watching",
        "_loop",
        "_readable",
        "_socket",
        "_total_bytes",
        "_write_buffer",
        "_written",
    )

    def __init__(self, connection: socket.socket, readable: ReadableSockets, begun: bytes = b"") -> None:
        self._begun = begun
        """What was read of the connection before."""
        self._loop = asyncio.get_running_loop()
        self._readable = readable
        self._socket: socket.socket | None = connection
        self._arrived: Arrived | None = None
        self._is_watching = False
        """Whether it is reported when there is something to read."""
        self._write_buffer = bytearray()
        self._total_bytes = 0
        """What was given to `write` in all."""
        self._written: deque[tuple[int, asyncio.Future[None]]] | None = None
        """The futures that are not done, each with `_total_bytes` after it. An empty deque has 600 bytes."""

    @property
    def plain_socket(self) -> socket.socket | None:
        """See ByteStream."""
        return self._socket

    def read(self, arrived: Arrived) -> None:
        """See ByteStream."""
        if self._socket is None:
            arrived(None)
            return
        self._arrived = arrived
        if self._begun:
            self._loop.call_soon(self._pass_on_begun)
        elif not self._is_watching:
            self._is_watching = True
            self._readable.add(self._socket.fileno(), self._on_readable)

    def write(self, data: bytes) -> asyncio.Future[None]:
        """See ByteStream."""
        if self._socket is None:
            raise StreamClosedError
        self._write_buffer += data
        self._total_bytes += len(data)
        future = self._loop.create_future()
        self._written = self._written or deque()
        self._written.append((self._total_bytes, future))
        if len(self._write_buffer) == len(data):
            self._send()
            if self._write_buffer:
                self._loop.add_writer(self._socket.fileno(), self._on_writable)
        return future

    def writing(self) -> bool:
        """See ByteStream."""
        return bool(self._write_buffer)

    def close(self) -> None:
        """See ByteStream."""
        connection, self._socket = self._socket, None
        if connection is None:
            return
        if self._is_watching:
            self._readable.remove(connection.fileno())
        if self._write_buffer:
            self._loop.remove_writer(connection.fileno())
        connection.close()
        self._write_buffer.clear()
        arrived, self._arrived = self._arrived, None
        if arrived is not None:
            self._loop.call_soon(arrived, None)
        written, self._written = self._written, None
        for _, future in written or ():
            if not future.done():
                future.set_exception(StreamClosedError())
                future.exception()  # nobody has to ask for it

    def _pass_on_begun(self) -> None:
        """Pass on what was read before, unless the connection has been closed since."""
        begun, self._begun = self._begun, b""
        arrived, self._arrived = self._arrived, None
        if arrived is not None:
            arrived(begun)

    def _on_readable(self) -> None:
        connection, arrived = self._socket, self._arrived
        assert connection is not None, "nothing is reported of a closed socket"
        if arrived is None:
            self._is_watching = False
            self._readable.remove(connection.fileno())
            return
        try:
            data = connection.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._arrived = None
            arrived(data)
        else:
            self.close()

    def _on_writable(self) -> None:
        self._send()
        if self._socket is not None and not self._write_buffer:
            self._loop.remove_writer(self._socket.fileno())

    def _send(self) -> None:
        assert self._socket is not None, "the loop reports nothing of a closed socket"
        try:
            taken = self._socket.send(self._write_buffer) if self._write_buffer else 0
        except BlockingIOError:
            return
        except OSError:
            self.close()
            return
        del self._write_buffer[:taken]
        taken_bytes = self._total_bytes - len(self._write_buffer)
        while self._written and self._written[0][0] <= taken_bytes:
            future = self._written.popleft()[1]
            if not future.done():
                future.set_result(None)
        self._written = self._written or None
