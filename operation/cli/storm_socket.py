"""Storm socket: a WebSocket client that costs so little that one process can have thousands of them."""

from __future__ import annotations

import asyncio
import base64
import os
import ssl
from collections.abc import Callable

from operation.address import Address

SWITCHED = b" 101 "
_END = b"\r\n\r\n"
_TEXT, _CLOSE, _PING = 0x81, 0x88, 0x89
_OPCODE = 0x0F
_MASK = b"\0\0\0\0"
"""Clients must mask what they send, RFC 6455 §5.3. A mask of zeros leaves the bytes as they are."""

_LONGEST_ANSWER = 16 * 1024
_SHORT = 126
"""Payloads below this have a header of two bytes, RFC 6455 §5.2."""


class UpgradeRefused(Exception):
    """The server did not open the socket. The message is the first line of its answer."""


class StormSocket(asyncio.Protocol):
    """One connection. `hear` is called with the payload of each text message, `lost` when the connection has ended."""

    __slots__ = ("_buffer", "_hear", "_is_open", "_lost", "_opened", "_request", "_transport")

    def __init__(self, request: bytes, hear: Callable[[bytes], None], lost: Callable[[], None]) -> None:
        self._request = request
        self._hear = hear
        self._lost = lost
        self._buffer = b""
        self._is_open = False
        self._opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._transport: asyncio.Transport | None = None

    async def opened(self) -> None:
        """Wait until the server has upgraded the connection. Raises UpgradeRefused, ConnectionError."""
        await self._opened

    def say(self, text: str) -> None:
        """Send a short text message."""
        self._write(_TEXT, text.encode())

    def close(self) -> None:
        """Close the socket as a client that leaves on purpose: with code 1000."""
        self._write(_CLOSE, (1000).to_bytes(2, "big"))
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """End the connection at once, like a network that is gone."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        self._buffer += data
        if self._is_open or self._take_answer():
            self._take_frames()

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        if not self._opened.done():
            self._opened.set_exception(exc or ConnectionResetError("the server closed the connection"))
        elif self._is_open:
            self._is_open = False
            self._lost()

    def _take_answer(self) -> bool:
        """Read the response to the upgrade. Returns whether the socket is open."""
        head, end, rest = self._buffer.partition(_END)
        if not end and len(head) < _LONGEST_ANSWER:
            return False
        first = head.partition(b"\r\n")[0]
        if self._opened.done():
            return False
        if SWITCHED not in first:
            self._opened.set_exception(UpgradeRefused(first[:80].decode(errors="replace")))
            self.abort()
            return False
        self._buffer, self._is_open = rest, True
        self._opened.set_result(None)
        return True

    def _take_frames(self) -> None:
        buffer, at = self._buffer, 0
        while (found := _frame(buffer, at)) is not None:
            start, end = found
            opcode = buffer[at] & _OPCODE
            if opcode == _TEXT & _OPCODE:
                self._hear(buffer[start:end])
            elif opcode == _PING & _OPCODE:
                self._write(0x8A, buffer[start:end])
            elif opcode == _CLOSE & _OPCODE:
                self.abort()
            at = end
        self._buffer = buffer[at:]

    def _write(self, head: int, payload: bytes) -> None:
        if self._transport is None or self._transport.is_closing() or len(payload) >= _SHORT:
            return
        self._transport.write(bytes((head, 0x80 | len(payload))) + _MASK + payload)


async def open_storm_socket(
    address: Address, token: str, hear: Callable[[bytes], None], lost: Callable[[], None], tls: ssl.SSLContext | None
) -> StormSocket:
    """Open a socket on the feed. Raises UpgradeRefused, OSError."""
    host, port = address.host_and_port()
    request = _request(address, token)
    _, protocol = await asyncio.get_running_loop().create_connection(
        lambda: StormSocket(request, hear, lost), host, port, ssl=tls
    )
    try:
        await protocol.opened()
    except BaseException:
        protocol.abort()
        raise
    return protocol


def _request(address: Address, token: str) -> bytes:
    key = base64.b64encode(os.urandom(16)).decode()
    return (
        f"GET /ws/feed HTTP/1.1\r\nHost: {address.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nAuthorization: Bearer {token}\r\n\r\n"
    ).encode()


def _frame(buffer: bytes, at: int) -> tuple[int, int] | None:
    """Where the payload of the frame at `at` begins and ends, or None if it is not complete. Servers do not mask."""
    if len(buffer) < at + 2:
        return None
    length, start = buffer[at + 1], at + 2
    if length == 126:
        length, start = int.from_bytes(buffer[at + 2 : at + 4], "big"), at + 4
    elif length == 127:
        length, start = int.from_bytes(buffer[at + 2 : at + 10], "big"), at + 10
    end = start + length
    return (start, end) if start <= len(buffer) and end <= len(buffer) else None
