"""Operator session: one socket of an operator or a screen, what waits for it, and the commands it may send."""

from __future__ import annotations

from collections.abc import Callable

from models.operator_auth import SignedInOperator
from models.screens import Screen
from realtime.counters import Counters
from realtime.dashboard.subjects import Subject
from realtime.limits import CommandGuard
from realtime.protocol import CloseCode, Error, ErrorCode, Message, Ping, decode, encode
from realtime.ratelimit import SlidingWindow, Strikes
from realtime.sockets.commands import pong_to
from realtime.sockets.frame_writer import FrameWriter, Transport
from realtime.sockets.session import ABNORMAL
from settings import Settings

Visitor = SignedInOperator | Screen
"""Who has the socket: an operator, by a sign-in, or a screen on a wall."""


class OperatorSession:
    """Updates wait for a slow operator up to a limit. Beyond it they are left out, and a new overview replaces them.

    `OperatorSessions` creates it, and is told when a session that missed updates has taken everything that waited, and
    when a session has ended.
    """

    def __init__(
        self,
        settings: Settings,
        session_id: str,
        visitor: Visitor,
        transport: Transport,
        now: Callable[[], float],
        counters: Counters,
    ) -> None:
        self.session_id = session_id
        self.visitor = visitor
        self.transport = transport
        self.strikes = Strikes()
        self.is_open = True
        self.close_code: int | None = None
        """The code that the server closed it with."""
        self.heard_at = now()
        """Steady time of the last sign of life."""
        self.awaits_pong = False
        """Whether the peer was pinged and has not answered yet."""
        self.is_behind = False
        """Whether updates were left out."""
        self.version = ""
        """The version of the static files when the page was opened."""
        self.subject: Subject | None = None
        """What the page is about, unless it shows everything."""
        self.epoch = ""
        """The epoch that the page was told."""
        self.on_caught_up: Callable[[OperatorSession], None] = lambda _: None
        self.on_closed: Callable[[OperatorSession], None] = lambda _: None
        self._now = now
        self._counters = counters
        self._errors = SlidingWindow(1, settings.error_interval_seconds)
        self._limit_bytes = settings.outbox_limit_bytes
        self._writer = FrameWriter(transport, now, self)
        self._update_bytes = 0
        """Bytes of updates in the queue. What else waits is bounded by how often it is made."""

    @property
    def waiting_since(self) -> float | None:
        """Steady time since when the peer has taken nothing; None while nothing waits for it."""
        return self._writer.waiting_since

    def push(self, message: Message) -> None:
        """Send one message after what is waiting."""
        self._counters.messages_out[str(message.__struct_config__.tag)] += 1
        self.push_frames(encode(message))

    def push_frames(self, *frames: bytes) -> None:
        """Send frames after what is waiting."""
        if self.is_open:
            self._writer.enqueue(*frames)
            self._pump()

    def ping(self, frame: bytes) -> None:
        """Send a ping before what is waiting: it may go between the fragments of a message."""
        if self.is_open:
            self.awaits_pong = True
            self._writer.enqueue_first(frame)
            self._pump()

    def offer(self, update: list[bytes]) -> None:
        """Send an update, unless too much is waiting already."""
        size = sum(map(len, update))
        if self._writer.queued_bytes and self._update_bytes + size > self._limit_bytes:
            self.is_behind = True
        if not self.is_behind:
            self._update_bytes += size
            self.push_frames(*update)

    def refuse(self, code: ErrorCode, message: str, now: float) -> None:
        """Answer with an error. In a flood of errors most are not answered, but the command is refused all the same."""
        if self._errors.take(now):
            self.push(Error(message=message, code=code))

    def close(self, code: CloseCode, reason: str) -> None:
        """End the session. Nothing is sent after the close frame."""
        if self.is_open:
            self.close_code = code
            self._end(code)
            self.transport.close(code, reason)

    def close_unresponsive(self) -> None:
        """End a session whose peer did not answer a ping."""
        self.close(CloseCode.UNRESPONSIVE, "no pong")

    def closed_by_peer(self, code: int | None) -> None:
        """The connection is gone. `code` is the peer's close code, if it sent one."""
        if self.is_open:
            self._end(code or ABNORMAL)

    def _end(self, code: int) -> None:
        self.is_open = False
        self._writer.end()
        self._counters.count_close(code)
        self.on_closed(self)

    def _pump(self) -> None:
        while self._writer.queued_bytes and self._writer.is_idle():
            frame = self._writer.next_queued()
            assert frame is not None, "bytes are queued"
            self._writer.write(frame)
        if self._writer.lost:
            self.close(CloseCode.UNRESPONSIVE, "connection lost")
        elif not self._writer.queued_bytes:
            self._update_bytes = 0

    def blocked(self) -> None:
        """See Owner. Updates are counted as they are offered."""

    def drained(self) -> None:
        """See Owner."""
        self.heard_at = self._now()  # a peer that takes bytes is alive, even if its pong comes late
        self._pump()
        if self.is_open and self.is_behind and not self._writer.queued_bytes and self.waiting_since is None:
            self.on_caught_up(self)


class OperatorCommands:
    """Operators' sockets accept only `ping`. Actions never go over a socket."""

    def __init__(self, guard: CommandGuard) -> None:
        self._guard = guard
        self._clock = guard.clock

    def dispatch(self, session: OperatorSession, text: str) -> None:
        """Carry out one message from an operator's socket, or answer with an error."""
        if not self.allow(session):
            return
        try:
            command = decode(text)
        except ValueError:
            command = None
        if isinstance(command, Ping):
            self._guard.counters.messages_in["ping"] += 1
            self._heard(session)
            session.push(pong_to(command, self._clock.utc()))
        else:
            self._refuse(session)

    def not_text(self, session: OperatorSession) -> None:
        """Refuse a binary message: commands are text."""
        if self.allow(session):
            self._refuse(session)

    def pong(self, session: OperatorSession) -> None:
        """Note the answer to a ping. A pong that nobody asked for counts as a command."""
        if session.awaits_pong or self.allow(session):
            session.awaits_pong = False
            self._heard(session)

    def allow(self, session: OperatorSession) -> bool:
        """Whether the socket may send a command now."""
        return session.is_open and self._guard.take(session, session.session_id)

    def _heard(self, session: OperatorSession) -> None:
        session.heard_at = self._clock.now()

    def _refuse(self, session: OperatorSession) -> None:
        self._guard.refuse_invalid(session, "Operators' sockets accept only pings")
