"""WebSocket protocol: Tornado's, with limits on frames and fragments and the checks that Tornado leaves out."""

from __future__ import annotations

import asyncio
from typing import Protocol

from tornado.concurrent import Future
from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketHandler, WebSocketProtocol13

FRAMES_AT_A_STRETCH = 4
"""Frames read before other connections get a turn. Reading them takes about 0.07 ms, so that even 200 sockets that all
send a flood delay the others by only 15 ms."""

FRAGMENTS_LIMIT = 64
"""Fragments of one message. No client splits 4 KiB into more, and empty fragments never reach the limit of bytes."""

_FINAL, _CONTROL, _MASKED, _CLOSE = 0x80, 0x08, 0x80, 0x8
"""Bits and an opcode of a frame's first two bytes, RFC 6455 §5.2."""


class FrameListener(Protocol):
    """Is told about frames that Tornado does not report."""

    def on_empty_fragment(self) -> None:
        """A fragment without a payload arrived."""

    def on_too_many_fragments(self) -> None:
        """A message has more than FRAGMENTS_LIMIT fragments."""

    def on_bad_frame(self, reason: str, /) -> None:
        """A frame arrived that breaks RFC 6455. The connection is aborted after this call."""


class FairProtocol(WebSocketProtocol13):
    """Reads frames as Tornado does, with three differences.

    It yields to the loop between frames: Tornado keeps reading while the kernel has data, so a flood on one socket
    would delay everyone else. It reports fragments, which no rate limit would see otherwise. It fails the connection
    on unmasked frames and on close codes that must not be sent, as RFC 6455 requires.
    """

    def __init__(self, handler: WebSocketHandler, base: WebSocketProtocol13, listener: FrameListener) -> None:
        super().__init__(handler, base.mask_outgoing, base.params)
        self._listener = listener
        self._frames = 0
        self._fragments = 0
        self._at_head = False

    async def _receive_frame(self) -> None:
        self._at_head = True
        await super()._receive_frame()
        self._frames += 1
        if self._frames % FRAMES_AT_A_STRETCH == 0:
            await asyncio.sleep(0)
        if self._fragmented_message_buffer is None:
            self._fragments = 0
            return
        self._fragments += 1
        if self._fragments == FRAGMENTS_LIMIT:
            self._listener.on_too_many_fragments()

    async def _read_bytes(self, n: int) -> bytes:
        data = await super()._read_bytes(n)
        if self._at_head:
            self._at_head = False
            self._check_head(*data)
        return data

    def _check_head(self, first: int, second: int) -> None:
        """Check the first two bytes of a frame. Raises StreamClosedError if they end the connection."""
        if not second & _MASKED:
            self._fail("client frames must be masked")
            raise StreamClosedError
        if not first & (_FINAL | _CONTROL) and second == _MASKED:
            self._listener.on_empty_fragment()

    def _handle_message(self, opcode: int, data: bytes) -> Future[None] | None:
        if opcode == _CLOSE and not is_close_payload(data):
            self._fail("malformed close frame")
            return None
        return super()._handle_message(opcode, data)

    def _fail(self, reason: str) -> None:
        """Fail the connection (RFC 6455 §7.1.7): send a close frame and read nothing more."""
        self._listener.on_bad_frame(reason)
        self._abort()


def is_close_payload(data: bytes) -> bool:
    """Whether a close frame may carry this: nothing, or a code and a reason (RFC 6455 §5.5.1 and §7.4)."""
    if not data:
        return True
    code = int.from_bytes(data[:2], "big")
    if len(data) == 1 or not (1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999):
        return False
    try:
        data[2:].decode()
    except UnicodeDecodeError:
        return False
    return True
