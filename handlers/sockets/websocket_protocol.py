"""WebSocket protocol: reads a client's frames, answers pings and closes, and ends connections that break RFC 6455.

Tornado's own protocol keeps five coroutines, a task and a large object for each socket. Nearly all sockets are idle
nearly all the time, so this one keeps what RFC 6455 §5 needs between two frames, and nothing else.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

import structlog
from tornado.iostream import StreamClosedError

from handlers.sockets.byte_streams import ByteStream
from handlers.sockets.frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    CONTROL,
    FINAL,
    PING,
    PONG,
    TEXT,
    BadFrame,
    Frame,
    TooBig,
    is_close_payload,
    next_frame,
)
from realtime.protocol import frame

FRAMES_AT_A_STRETCH = 4
"""Frames read before other connections get a turn. Reading them takes about 0.07 ms, so that even 200 sockets that all
send a flood delay the others by only 15 ms."""

FRAGMENTS_LIMIT = 64
"""Fragments of one message. No client splits 4 KiB into more, and empty fragments never reach the limit of bytes."""

CLOSE_SECONDS = 5.0
"""How long a peer may take to answer a close frame."""

_TOO_BIG = 1009

_log = structlog.stdlib.get_logger("rollcall.sockets")


class FrameListener(Protocol):
    """Is told what the client sent."""

    def on_text(self, text: str, /) -> None: ...
    def on_binary(self) -> None: ...
    def on_ping(self) -> None: ...
    def on_pong(self) -> None: ...

    def on_busy(self) -> None:
        """A pong or close frame has to wait until the peer reads."""

    def on_empty_fragment(self) -> None:
        """A fragment without a payload arrived."""

    def on_too_many_fragments(self) -> None:
        """A message has more than FRAGMENTS_LIMIT fragments."""

    def on_bad_frame(self, reason: str, /) -> None:
        """A frame arrived that breaks RFC 6455. The connection is aborted after this call."""

    def on_closed(self, code: int | None, /) -> None:
        """The connection has ended. `code` is the client's close code, if it sent one. Called once, after `start`."""


class WebSocketProtocol:
    """The server's side of one WebSocket after its upgrade."""

    __slots__ = (
        "__weakref__",
        "_close_timer",
        "_data",
        "_fragments",
        "_has_received_close",
        "_has_sent_close",
        "_listener",
        "_message",
        "_message_limit",
        "_message_opcode",
        "_next_pong",
        "_pong",
        "_stream",
        "close_code",
    )

    def __init__(self, stream: ByteStream, listener: FrameListener, message_limit: int) -> None:
        self._stream = stream
        self._listener: FrameListener | None = listener
        self._message_limit = message_limit
        self._data = b""
        """The beginning of the next frame."""
        self._message: bytearray | None = None
        """The payloads of an unfinished message."""
        self._message_opcode = 0
        self._fragments = 0
        self._pong: asyncio.Future[None] | None = None
        """The last pong, while the peer has not taken it."""
        self._next_pong: bytes | None = None
        """The payload of the newest ping since then. RFC 6455 §5.5.3 allows to answer only that one."""
        self._has_received_close = False
        """Whether nothing more is read."""
        self._has_sent_close = False
        """Whether nothing more is written."""
        self._close_timer: asyncio.TimerHandle | None = None
        self.close_code: int | None = None
        """The client's close code, if it sent one."""

    def start(self) -> None:
        """Read frames from now on."""
        self._read()

    def close(self, code: int | None, reason: str = "") -> None:
        """Send a close frame, and close the connection when the client has sent one or has taken too long."""
        if not self._has_sent_close:
            payload = b"" if code is None else code.to_bytes(2, "big") + reason.encode()
            self._write(CLOSE, payload)
            self._has_sent_close = True
        if self._has_received_close:
            self._close_stream()
        elif self._close_timer is None:
            self._close_timer = asyncio.get_running_loop().call_later(CLOSE_SECONDS, self.abort)

    def abort(self) -> None:
        """End the connection without a close frame."""
        self._has_received_close = self._has_sent_close = True
        self._close_stream()

    def _close_stream(self) -> None:
        if self._close_timer is not None:
            self._close_timer.cancel()
            self._close_timer = None
        self._stream.close()

    def _read(self) -> None:
        self._stream.read(self._arrived)

    def _arrived(self, data: bytes | None) -> None:
        if data is None:
            self._lose()
            return
        self._data += data
        self._take_frames()

    def _take_frames(self) -> None:
        """Take frames, but after a few of them let other connections have their turn."""
        try:
            for _ in range(FRAMES_AT_A_STRETCH):
                is_taken = not self._has_received_close and self._take_frame()
                if self._has_received_close:
                    self._end()
                    return
                if not is_taken:
                    self._read()
                    return
        except Exception:
            _log.exception("unexpected error on a socket")
            self._lose()
        else:
            asyncio.get_running_loop().call_soon(self._take_frames)

    def _take_frame(self) -> bool:
        """Take the next frame. False if it has not arrived completely."""
        before = 0 if self._message is None else len(self._message)
        try:
            taken = next_frame(self._data, self._message_limit - before)
        except BadFrame as error:
            self._fail(str(error))
            return True
        except TooBig:
            self.close(_TOO_BIG, "message too big")
            self.abort()
            return True
        if taken is None:
            return False
        self._data = self._data[taken.size :]
        self._handle(taken)
        return True

    def _handle(self, taken: Frame) -> None:
        if not taken.opcode & CONTROL:
            self._handle_fragment(taken)
        elif taken.is_final:
            self._handle_control(taken.opcode, taken.payload)
        else:
            self.abort()
        if self._message is None:
            self._fragments = 0
            return
        self._fragments += 1
        if self._fragments == FRAGMENTS_LIMIT and self._listener is not None:
            self._listener.on_too_many_fragments()

    def _handle_fragment(self, taken: Frame) -> None:
        """A whole message, or a part of one."""
        if not (taken.is_final or taken.payload) and self._listener is not None:
            self._listener.on_empty_fragment()
        if (taken.opcode == CONTINUATION) == (self._message is None):
            self.abort()  # nothing to continue, or a new message within another
        elif self._message is not None:
            self._message += taken.payload
            if taken.is_final:
                payload, self._message = bytes(self._message), None
                self._handle_message(self._message_opcode, payload)
        elif taken.is_final:
            self._handle_message(taken.opcode, taken.payload)
        else:
            self._message_opcode, self._message = taken.opcode, bytearray(taken.payload)

    def _handle_message(self, opcode: int, payload: bytes) -> None:
        listener = self._listener
        if listener is None:
            return
        if opcode == TEXT:
            try:
                text = payload.decode()
            except UnicodeDecodeError:
                self.abort()
            else:
                listener.on_text(text)
        elif opcode == BINARY:
            listener.on_binary()
        else:
            self.abort()

    def _handle_control(self, opcode: int, payload: bytes) -> None:
        listener = self._listener
        if listener is None:
            return
        if opcode == PING:
            self._answer_ping(payload)
            listener.on_ping()
        elif opcode == PONG:
            listener.on_pong()
        elif opcode != CLOSE:
            self.abort()
        elif not is_close_payload(payload):
            self._fail("malformed close frame")
        else:
            self._has_received_close = True
            self.close_code = int.from_bytes(payload[:2], "big") if payload else None
            self.close(self.close_code)

    def _answer_ping(self, payload: bytes) -> None:
        """Send a pong, or do so later: a peer that reads no pongs must not make them pile up."""
        if self._pong is not None and not self._pong.done():
            self._next_pong = payload
        elif not self._has_sent_close:
            self._pong = self._write(PONG, payload)
            if self._pong is not None:
                self._pong.add_done_callback(self._pong_taken)

    def _pong_taken(self, pong: asyncio.Future[None]) -> None:
        if self._pong is pong:
            self._pong = None
        payload, self._next_pong = self._next_pong, None
        if payload is not None and pong.exception() is None:
            self._answer_ping(payload)

    def _write(self, opcode: int, payload: bytes) -> asyncio.Future[None] | None:
        """Write a control frame. None if the connection is gone."""
        try:
            written = self._stream.write(frame(payload, FINAL | opcode))
        except StreamClosedError:
            return None
        if self._stream.writing() and self._listener is not None:
            self._listener.on_busy()
        return written

    def _fail(self, reason: str) -> None:
        """Fail the connection (RFC 6455 §7.1.7): send a close frame if there is a reason, and read nothing more."""
        if reason and self._listener is not None:
            self._listener.on_bad_frame(reason)
        self.abort()

    def _lose(self) -> None:
        self.abort()
        self._end()

    def _end(self) -> None:
        """Tell the listener, and refer to it no more: it refers to this object, and together they would be a cycle."""
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.on_closed(self.close_code)
