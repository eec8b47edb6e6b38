"""Watcher: one operator's socket, and what waits for it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from models.operator_auth import SignedInOperator
from realtime.counters import Counters
from realtime.protocol import CloseCode, Message, encode
from realtime.ratelimit import SlidingWindow, Strikes
from realtime.sockets.session import ABNORMAL
from realtime.sockets.transport import Transport


class OperatorSession:
    """Updates wait for a slow operator up to a limit; beyond it they are left out, and a fresh overview makes up.

    Made by `watchers`, which is told when one that missed updates has taken all that waited, and when one ended.
    """

    def __init__(
        self,
        session_id: str,
        signed_in: SignedInOperator,
        transport: Transport,
        now: Callable[[], float],
        errors: SlidingWindow,
        counters: Counters,
        *,
        limit_bytes: int,
    ) -> None:
        self.session_id = session_id
        self.signed_in = signed_in
        self.transport = transport
        self.errors = errors
        """Answers to invalid commands."""
        self.strikes = Strikes()
        """Refused commands by kind."""
        self.is_open = True
        self.close_code: int | None = None
        """The code it was closed with from this side."""
        self.heard_at = self.pinged_at = now()
        """Steady times of the last sign of life and the last ping; at first one moment, so that no pong is owed."""
        self.waiting_since: float | None = None
        """Steady time since when the peer took nothing; None while nothing waits on it."""
        self.is_behind = False
        """Whether updates were left out."""
        self.on_caught_up: Callable[[OperatorSession], None] = lambda _: None
        self.on_closed: Callable[[OperatorSession], None] = lambda _: None
        self._now = now
        self._counters = counters
        self._limit_bytes = limit_bytes
        self._pieces: deque[bytes] = deque()
        self._update_bytes = 0
        """Of updates among the pieces; what else waits is bounded by how often it is made."""
        self._lost = False

    def push(self, message: Message) -> None:
        """Send one message, behind what waits."""
        self._counters.messages_out[str(message.__struct_config__.tag)] += 1
        self.push_frames(encode(message))

    def push_frames(self, *pieces: bytes) -> None:
        """Send frames, behind what waits."""
        if self.is_open:
            self._pieces.extend(pieces)
            self._pump()

    def ping(self, frame: bytes) -> None:
        """Send a ping, before what waits: it may stand between the fragments of a message."""
        self.pinged_at = self._now()
        self._pieces.appendleft(frame)
        self._pump()

    def offer(self, update: list[bytes]) -> None:
        """Send an update, unless too much waits already."""
        size = sum(map(len, update))
        if self._pieces and self._update_bytes + size > self._limit_bytes:
            self.is_behind = True
        if not self.is_behind:
            self._update_bytes += size
            self.push_frames(*update)

    def close(self, code: CloseCode, reason: str) -> None:
        """End it from this side. Nothing is sent after the close frame."""
        if self.is_open:
            self.close_code = code
            self._end(code)
            self.transport.close(code, reason)

    def closed_by_peer(self, code: int | None) -> None:
        """The connection is gone; `code` is the peer's close code, if it sent one."""
        if self.is_open:
            self._end(code or ABNORMAL)

    def _end(self, code: int) -> None:
        self.is_open = False
        self._pieces.clear()
        self._counters.closes[code] += 1
        self.on_closed(self)

    def _pump(self) -> None:
        while self._pieces and self.waiting_since is None and not self._lost:
            if self.transport.is_busy():  # a pong of the protocol layer's own is on its way
                self._wait(b"")
            else:
                self._hand(self._pieces.popleft())
        if self._lost:
            self.close(CloseCode.UNRESPONSIVE, "connection lost")
        elif not self._pieces:
            self._update_bytes = 0

    def _hand(self, piece: bytes) -> None:
        try:
            taken = self.transport.take(piece)
        except BlockingIOError:
            taken = 0
        except OSError:
            self._lost = True
            return
        if taken < len(piece):
            self._wait(piece[taken:])

    def _wait(self, rest: bytes) -> None:
        self.waiting_since = self._now()
        self.transport.buffer(rest, self._drained)

    def _drained(self) -> None:
        self.waiting_since = None
        self.heard_at = self._now()  # who takes bytes is there, even if the pong comes late
        self._pump()
        if self.is_open and self.is_behind and not self._pieces and self.waiting_since is None:
            self.on_caught_up(self)
