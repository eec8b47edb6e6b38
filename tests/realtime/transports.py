"""FakeTransport: an in-memory connection, whose peer reads, reads slowly, or is gone."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from realtime.protocol import PING_FRAME

_FIN = 0x80

Soon = Callable[[Callable[[], None]], None]
"""Runs an action in the loop's next turn."""


class FakeTransport:
    """The kernel's buffer holds `kernel_bytes`; a peer that reads empties it at once, otherwise it fills up.

    The test fails if the core violates the contract of Transport: bytes out of order, or after the close.
    """

    def __init__(self, soon: Soon, *, kernel_bytes: int = 1 << 20) -> None:
        self.kernel_bytes = kernel_bytes
        self.reads = True
        self.is_reset = False
        self.closed: tuple[int, str] | None = None
        """The close code and reason the server gave."""
        self.takes = 0
        self.on_take: Callable[[], None] = lambda: None
        self.pings = 0
        """The number of ping frames that reached the peer."""
        self.on_busy: Callable[[], object] = lambda: None
        self._soon = soon
        self._kernel = bytearray()
        self._buffered = bytearray()
        self._drained: list[Callable[[], None]] = []
        self._received = bytearray()
        self._fragments = bytearray()
        """The fragments of a message that is incomplete."""
        self._messages: list[dict[str, Any]] = []

    def take(self, data: bytes, /) -> int:
        """See Transport."""
        assert not self._buffered, "take would overtake what waits"
        assert self.closed is None, "bytes after the close"
        self.takes += 1
        self.on_take()
        if self.is_reset:
            raise ConnectionResetError
        room = self.kernel_bytes - len(self._kernel)
        if room <= 0:
            raise BlockingIOError
        self._kernel += data[:room]
        self._read_if_reading()
        return min(room, len(data))

    def buffer(self, data: bytes, drained: Callable[[], None]) -> None:
        """See Transport."""
        assert self.closed is None, "bytes after the close"
        self._buffered += data
        self._drained.append(drained)
        self._soon(self.flow)

    def close(self, code: int, reason: str) -> None:
        """See Transport."""
        assert self.closed is None, "closed twice"
        self.closed = code, reason

    @property
    def buffered_bytes(self) -> int:
        """The number of bytes that wait for the kernel."""
        return len(self._buffered)

    def write_of_another(self, data: bytes) -> None:
        """Write as the protocol layer does, for example to send a pong."""
        self._buffered += data
        self.on_busy()

    def stall(self) -> None:
        """Make the peer stop reading."""
        self.reads = False

    def resume(self) -> None:
        """Make the peer read again."""
        self.reads = True
        self._soon(self.flow)

    def read(self, size: int) -> None:
        """Make the peer read some bytes, and no more."""
        self._received += self._kernel[:size]
        del self._kernel[:size]
        self._soon(self.flow)

    def reset(self) -> None:
        """Break the connection: waiting bytes are lost, and the next write raises an error."""
        self.is_reset = True
        self._buffered.clear()
        self._drained.clear()

    def flow(self) -> None:
        """Move as many waiting bytes as there is room for, and call back when none are left."""
        if self.is_reset:
            return
        while True:
            self._read_if_reading()
            room = self.kernel_bytes - len(self._kernel)
            if room <= 0 or not self._buffered:
                break
            self._kernel += self._buffered[:room]
            del self._buffered[:room]
        if not self._buffered:
            told, self._drained = self._drained, []
            for each in told:
                each()

    def messages(self) -> list[dict[str, Any]]:
        """Return all messages that the peer has received, decoded."""
        while (size := _frame_size(self._received)) is not None:
            raw = bytes(self._received[:size])
            del self._received[:size]
            if raw == PING_FRAME:
                self.pings += 1
                continue
            self._fragments += _payload(raw)
            if raw[0] & _FIN:
                self._messages.append(json.loads(self._fragments))
                self._fragments.clear()
        return self._messages

    def _read_if_reading(self) -> None:
        if self.reads:
            self._received += self._kernel
            self._kernel.clear()


def _frame_size(data: bytearray) -> int | None:
    """Return the length of the first frame, or None while it is incomplete."""
    if len(data) < 2:
        return None
    start = {126: 4, 127: 10}.get(data[1], 2)
    if len(data) < start:
        return None
    size = start + (int.from_bytes(data[2:start], "big") if start > 2 else data[1])
    return size if len(data) >= size else None


def _payload(raw: bytes) -> bytes:
    assert raw[0] in (0x81, 0x01, 0x00, 0x80), "a text frame, or a fragment of one"
    return raw[{126: 4, 127: 10}.get(raw[1], 2) :]
