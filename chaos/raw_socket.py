"""RawSocket: a hand-written WebSocket over TCP, for what a good client never does."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from urllib.parse import quote

from chaos.crowd import LOCALHOST, HasToken, upgrade_request
from chaos.raw_frames import PATIENCE_SECONDS, FrameReader, frame

CHUNK_BYTES = 64 * 1024


class RawSocket(FrameReader):
    """A connection after its upgrade was answered with `status`, 101 if it was accepted."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, status: int) -> None:
        self.reader = reader
        self.writer = writer
        self.status = status

    @classmethod
    async def open(
        cls, port: int, target: str, *, source: str = LOCALHOST, headers: str = "", receive_bytes: int = 0
    ) -> RawSocket:
        """Connect and ask for the upgrade. `receive_bytes` is the size of the kernel's buffer. Raises OSError."""
        connection = socket.socket()
        if receive_bytes:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        connection.setblocking(False)
        connection.bind((source, 0))
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await asyncio.get_running_loop().sock_connect(connection, (LOCALHOST, port))
                reader, writer = await asyncio.open_connection(sock=connection, limit=2**20)
        except BaseException:
            connection.close()
            raise
        raw = cls(reader, writer, 0)
        writer.write(upgrade_request(port, target, headers))
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                raw.status = int((await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)[1])
        except (asyncio.IncompleteReadError, IndexError) as error:
            raw.end()
            raise ConnectionResetError("the connection ended within the upgrade") from error
        except BaseException:
            raw.end()
            raise
        return raw

    @classmethod
    async def of(cls, port: int, person: HasToken, *, source: str = LOCALHOST, receive_bytes: int = 0) -> RawSocket:
        """The feed, as a user."""
        return await cls.open(port, f"/ws/feed?token={quote(person.token or '')}", source=source,
                              receive_bytes=receive_bytes)  # fmt: skip

    def send(self, opcode: int, payload: bytes = b"", *, masked: bool = True) -> None:
        """One frame of less than 126 bytes."""
        self.writer.write(frame(opcode, payload, masked=masked))

    async def send_all(self, data: bytes) -> None:
        """Write a lot of data piece by piece, and stop once the server has ended the connection."""
        with contextlib.suppress(OSError):
            for start in range(0, len(data), CHUNK_BYTES):
                self.writer.write(data[start : start + CHUNK_BYTES])
                await self.writer.drain()

    async def seconds_until_closed(self, limit: float) -> float:
        """How long the server takes to close, by a close frame or the end; infinity when it doesn't in that time."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(limit):
                await self.close_code()
        except TimeoutError:
            return float("inf")
        return time.monotonic() - began

    def stop_reading(self) -> None:
        """Stop reading from the kernel."""
        self.writer.transport.pause_reading()  # type: ignore[attr-defined]

    def end(self) -> None:
        """Drop the connection."""
        self.writer.transport.abort()
