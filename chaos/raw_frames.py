"""Raw frames: WebSocket frames and upgrade requests, byte by byte, for what a correct client never sends."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Iterable

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
"""Opcodes, RFC 6455 §5.2."""

ABNORMAL = 1006
"""The connection ended without a close frame, RFC 6455 §7.1.5."""

PATIENCE_SECONDS = 10.0
"""How long to wait for a frame."""

MASK = b"\x0b\xad\xf0\x0d"

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
"""The key of RFC 6455 §1.3, whose accept value is known."""

ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
"""The Sec-WebSocket-Accept that answers KEY."""

HEADERS = {
    "Host": "localhost",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": KEY,
    "Sec-WebSocket-Version": "13",
    "Authorization": "Bearer TOKEN",
}


def frame(
    opcode: int,
    payload: bytes = b"",
    *,
    final: bool = True,
    masked: bool = True,
    rsv: int = 0,
    length_bytes: int | None = None,
    length: int | None = None,
) -> bytes:
    """Return a frame. `length_bytes` (0, 2 or 8) selects the form of the length; `length` may be a false length."""
    size = len(payload) if length is None else length
    if length_bytes is None:
        length_bytes = 0 if size < 126 else 2 if size < 65536 else 8
    short = {0: size, 2: 126, 8: 127}[length_bytes]
    extended = size.to_bytes(length_bytes, "big") if length_bytes else b""
    head = bytes((final << 7 | rsv << 4 | opcode, masked << 7 | short)) + extended
    return head + MASK + masked_bytes(payload) if masked else head + payload


def masked_bytes(payload: bytes) -> bytes:
    """Return the payload masked with MASK."""
    return bytes(byte ^ MASK[place % 4] for place, byte in enumerate(payload))


def close(code: int | None = None, reason: bytes = b"", *, masked: bool = True) -> bytes:
    """Return a close frame, which is empty if the code is None."""
    return frame(CLOSE, b"" if code is None else struct.pack("!H", code) + reason, masked=masked)


def upgrade(
    *changed: str,
    line: str = "GET /ws/presence HTTP/1.1",
    without: Iterable[str] = (),
    extra: Iterable[str] = (),
    end: str = "\r\n",
) -> bytes:
    """Return an upgrade request with some headers `changed` or left out, and `extra` ones at its end.

    TOKEN in it stands for an access token.
    """
    headers = {**HEADERS, **dict(each.split(": ", 1) for each in changed)}
    lines = [f"{name}: {value}" for name, value in headers.items() if name not in without]
    return end.join([line, *lines, *extra, "", ""]).encode("latin-1")


class FrameReader:
    """Reads the frames of a server from `reader`, in order. No ping is answered."""

    reader: asyncio.StreamReader

    async def read_frame(self) -> tuple[int, bytes]:
        """Return (opcode, payload) of the next frame. Raises IncompleteReadError at the end, TimeoutError."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            first, size = await self.reader.readexactly(2)
            if size == 126:
                size = int.from_bytes(await self.reader.readexactly(2), "big")
            elif size == 127:
                size = int.from_bytes(await self.reader.readexactly(8), "big")
            return first & 0x0F, await self.reader.readexactly(size)

    async def close_code(self) -> int:
        """Return the server's close code, or 1006 if the connection ends without a close frame."""
        try:
            while True:
                opcode, payload = await self.read_frame()
                if opcode == CLOSE:
                    return int.from_bytes(payload[:2], "big")
        except (asyncio.IncompleteReadError, ConnectionError):
            return ABNORMAL
