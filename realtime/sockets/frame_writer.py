"""Frame writer: writes whole frames to one connection, in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol


class Transport(Protocol):
    """The sending side of one connection. `take` is bound once and called for every frame."""

    on_busy: Callable[[], object]
    """Called when the transport has to keep bytes of its own, such as a pong, which `take` would overtake."""

    def take(self, data: bytes, /) -> int:
        """Hand bytes to the kernel and return how many it took. Raises BlockingIOError for none, OSError if lost.

        Only while the transport keeps nothing that it was given by `buffer`, or that it reported by `on_busy`.
        """
        ...

    def buffer(self, data: bytes, drained: Callable[[], None]) -> None:
        """Keep bytes until the peer reads them, then call `drained`. Empty bytes wait for those already kept."""
        ...

    def close(self, code: int, reason: str) -> None:
        """Send a close frame and end the connection."""
        ...


class Owner(Protocol):
    """Decides what a writer writes, and is told when it can't write, and when it can again."""

    def blocked(self) -> None:
        """The transport has to keep something until the peer reads."""

    def drained(self) -> None:
        """The peer has taken it."""


class FrameWriter:
    """Writes frames to one transport in order, and knows since when the peer has taken nothing.

    While the peer is slow, frames wait in a queue. The queue has no limit of its own: its owner decides what may wait.
    """

    __slots__ = ("_now", "_queue", "_transport", "lost", "owner", "queued_bytes", "waiting_since")

    def __init__(self, transport: Transport, now: Callable[[], float], owner: Owner | None = None) -> None:
        self._transport = transport
        self._now = now
        self._queue: deque[bytes] | None = None
        """The frames that wait. Most writers never need a queue, and an empty one takes 600 bytes."""
        self.owner = owner
        transport.on_busy = self._wait
        self.queued_bytes = 0
        self.waiting_since: float | None = None
        """Steady time since when the peer has taken nothing. None while the transport buffers nothing."""
        self.lost = False
        """Whether the transport reported that the peer is gone."""

    def is_idle(self) -> bool:
        """Whether a frame can be written now."""
        return not self.lost and self.waiting_since is None

    def write(self, data: bytes) -> None:
        """Write a frame. Only for an idle writer."""
        try:
            taken = self._transport.take(data)
        except BlockingIOError:
            taken = 0
        except OSError:
            self.lost = True
            return
        if taken < len(data):
            self.buffer(data[taken:])

    def buffer(self, rest: bytes) -> None:
        """Let the transport keep the rest of a frame, and wait until the peer has taken it.

        The rest is handed over at once, so that no pong or close frame lands inside a frame.
        """
        self.waiting_since = self._now()
        self._transport.buffer(rest, self._drained)
        if self.owner is not None:
            self.owner.blocked()

    def enqueue(self, *frames: bytes) -> None:
        """Put frames at the end of the queue."""
        self._queue = self._queue or deque()
        self._queue.extend(frames)
        self.queued_bytes += sum(map(len, frames))

    def enqueue_first(self, frame: bytes) -> None:
        """Put a frame at the front of the queue."""
        self._queue = self._queue or deque()
        self._queue.appendleft(frame)
        self.queued_bytes += len(frame)

    def next_queued(self) -> bytes | None:
        """Take the next frame off the queue."""
        if not self._queue:
            return None
        frame = self._queue.popleft()
        self.queued_bytes -= len(frame)
        if not self._queue:
            self._queue = None
        return frame

    def end(self) -> None:
        """Drop the queue, and refer to the owner no more: it must not be kept alive by a cycle."""
        self._queue = None
        self.queued_bytes = 0
        self.owner = None
        self._transport.on_busy = _nothing

    def _wait(self) -> None:
        """The transport has bytes of its own to write first."""
        if self.waiting_since is None:
            self.buffer(b"")

    def _drained(self) -> None:
        self.waiting_since = None
        if self.owner is not None:
            self.owner.drained()


def _nothing() -> None:
    """What the transport of an ended writer calls."""
