"""Fan-out: sends each change to every session that wants it. A change is encoded and framed once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice

from realtime.counters import Counters
from realtime.presence.changelog import Change, ChangeLog
from realtime.protocol import CloseCode
from realtime.sockets.flush import Flush, Recipients, Take, first_batch
from realtime.sockets.interest import Interest
from realtime.sockets.session import Session
from realtime.sockets.subscribers import Subscribers
from settings import Settings

CallLater = Callable[[float, Callable[[], None]], object]

_STRIDE = 64
"""Sockets sent to between two checks of the time."""

MOVES_KEPT = 10_000
"""Changes of tags that a session which watches by tags may be behind. It is closed as too slow beyond that."""


class FanOut:
    """Keeps sessions up to date.

    A session is either *current*, which means that it has everything up to the last flush and will be handed the next,
    or *behind*, which means that its `outbox.since` says how far it has come. A session falls behind when it joins,
    reads slowly, or is sent something else in between. It catches up from the change log, and becomes current again
    when it has everything and no flush is running. So no session misses an update or gets one twice.

    The first change after a quiet moment goes out at once. Changes that follow are gathered for
    `flush_interval_seconds`, or for as long as the last flush took, so that other work gets its half of the loop. While
    the loop has more to do than that, as when a crowd comes back, they are gathered for longer and longer, up to
    `flush_gather_seconds`: the more is sent at once, the more of the loop is left for those who connect.
    """

    def __init__(
        self,
        settings: Settings,
        log: ChangeLog,
        counters: Counters,
        call_later: CallLater,
        elapsed: Callable[[], float],
    ) -> None:
        self.log = log
        self._counters = counters
        self._call_later = call_later
        self._elapsed = elapsed
        self._interval_seconds = settings.flush_interval_seconds
        self._gather_seconds = settings.flush_gather_seconds
        self._slice_seconds = settings.flush_slice_seconds
        self._pending: list[Change] = []
        self._flushed = log.seq
        self._flush: Flush | None = None
        self._scheduled = False
        self._next_at = 0.0
        self._busy_seconds = 0.0
        self._pause_seconds = 0.0
        """How long changes are gathered after the last flush."""
        self._least_pause_seconds = 0.0
        self._current: dict[Session, Take] = {}
        self._recipients: Recipients | None = None
        self._behind: set[Session] = set()
        self._is_catching_up = False
        """Whether more of them are to catch up as soon as other work has had its turn."""
        self._subscribers = Subscribers()
        self._on_blocked, self._on_drained = self._blocked, self.catch_up  # bound once, for all sessions

    def __len__(self) -> int:
        return len(self._current) + len(self._behind)

    def behind(self) -> list[Session]:
        """The sessions that do not have everything yet."""
        return list(self._behind)

    def common_seq(self) -> int:
        """The `seq` up to which every session has its updates."""
        flushed = self._flush.before if self._flush else self._flushed
        return min([flushed, *(session.outbox.since for session in self._behind)])

    def add(self, session: Session) -> None:
        """Add a new session. Its `outbox.since` says what it has."""
        session.on_blocked, session.on_drained = self._on_blocked, self._on_drained
        session.outbox.attach(session)
        self._behind.add(session)
        self.catch_up(session)

    def remove(self, session: Session) -> None:
        """Remove a session that ended."""
        session.outbox.end()
        if session.outbox.current:
            self._leave_out(session)
        self._behind.discard(session)
        self._subscribers.leave(session)

    def watch(self, session: Session, interest: Interest) -> None:
        """Change which users' updates a session gets, from the next update on."""
        self.detach(session)
        self._subscribers.move(session, interest)

    def detach(self, session: Session) -> None:
        """Take a session out of the flushes, so that what it lacks can be written before something else."""
        if session.outbox.current:
            self._fall_behind(session, self._flush.position_of(session) if self._flush else self._flushed)

    def bring_up(self, session: Session) -> None:
        """Write everything announced so far, so that what is pushed next comes after it."""
        self.detach(session)
        session.outbox.pump()

    def catch_up(self, session: Session) -> None:
        """Write what a session lacks. It becomes current once it has everything and no flush is running."""
        outbox = session.outbox
        if session not in self._behind and not outbox.current:
            return
        complete = outbox.pump(self._flushed)
        session.end_if_stuck()
        ahead = outbox.since > self._flushed
        if complete and session.is_open and not outbox.current and self._flush is None and not ahead:
            self._behind.discard(session)
            outbox.current = True
            self._current[session] = session.transport.take
            self._recipients = None

    def publish(self, changes: Sequence[Change]) -> None:
        """Send changes to all who watch: now, or together with those that come within the interval."""
        self._pending.extend(changes)
        if self._flush is not None or self._scheduled:
            return
        wait = self._next_at - self._elapsed()
        if wait <= 0:
            self._start()
        else:
            self._schedule(wait)

    def catch_up_all(self) -> None:
        """Let every session write what it lacks: the change log has changes that were not published here."""
        for session in list(self._current):
            self.detach(session)
        self._pending.clear()
        self._flushed = self.log.seq
        self._catch_up_ready()
        self._forget_moves()

    def _schedule(self, wait: float) -> None:
        self._scheduled = True
        self._call_later(wait, self._run)

    def _run(self) -> None:
        self._scheduled = False
        if self._flush is not None:
            self._send_slice(self._flush)
        elif self._pending:
            self._start(is_late=self._elapsed() - self._next_at > self._slice_seconds)

    def _start(self, *, is_late: bool = False) -> None:
        """Begin a flush. If it begins late, the loop was busy, and the next changes are gathered for longer."""
        longer = min(2 * self._pause_seconds, self._gather_seconds) if is_late else 0.0
        self._least_pause_seconds = max(self._interval_seconds, longer)
        batch = first_batch(self._pending)
        self._pending = self._pending[len(batch) :]
        self._busy_seconds = 0.0
        self._flush = flush = Flush(batch, self._flushed, self._everyone())
        self._counters.messages_out["user_status_update"] += (flush.messages - flush.removals) * len(flush.recipients)
        if flush.removals:
            self._counters.messages_out["user_removed"] += flush.removals * len(flush.recipients)
        if self._subscribers:
            self._gather_narrowed(batch, flush)
        self._send_slice(flush)

    def _everyone(self) -> Recipients:
        if self._recipients is None:
            self._recipients = Recipients(self._current)
        return self._recipients

    def _gather_narrowed(self, batch: list[Change], flush: Flush) -> None:
        """Sessions that do not watch everyone get those of the changes that concern them, before the others."""
        out = self._counters.messages_out
        for group, told in self._subscribers.told(batch).items():
            current = [session for session in group.sessions if session.outbox.current]
            flush.narrowed.update(dict.fromkeys(current, b"".join(told.frames)))
            out["user_status_update"] += (len(told.frames) - told.removals) * len(current)
            out["user_removed"] += told.removals * len(current)

    def _send_slice(self, flush: Flush) -> None:
        """Send to the next sessions, until all have been sent to or the time is up.

        When the time is up and less is left than was sent, that is sent too: a pause would only delay the last ones.
        """
        started, first = self._elapsed(), flush.cursor
        if flush.narrowed and not self._send_narrowed(flush, started):
            return
        while flush.left:
            self._send_stride(flush)
            if self._elapsed() - started > self._slice_seconds and flush.left >= flush.cursor - first:
                self._go_on_later(started)
                return
        self._busy_seconds += self._elapsed() - started
        self._finish(flush)

    def _send_stride(self, flush: Flush) -> None:
        """Send to the next `_STRIDE` sessions, or up to the first one that can't be sent to.

        This loop is most of what the server does under load, so it does nothing but send. Which session it has come to
        is only worked out for one that fails or falls short.
        """
        data, size = flush.data, len(flush.data)
        try:
            for take in islice(flush.takes, _STRIDE):
                taken = take(data)
                if taken < size:
                    self._fall_short(flush.last_session(), data[taken:], flush)
        except OSError as error:
            self._failed(flush.last_session(), error, data, flush)

    def _send_narrowed(self, flush: Flush, started: float) -> bool:
        """Send to the next sessions that do not watch everyone. Returns whether none of them is left."""
        sent = 0
        while flush.narrowed:
            session, data = flush.narrowed.popitem()
            try:
                taken = self._current[session](data)
            except OSError as error:
                self._failed(session, error, data, flush)
            else:
                if taken < len(data):
                    self._fall_short(session, data[taken:], flush)
            sent += 1
            if sent % _STRIDE == 0 and self._elapsed() - started > self._slice_seconds:
                self._go_on_later(started)
                return False
        return True

    def _go_on_later(self, started: float) -> None:
        self._busy_seconds += self._elapsed() - started
        self._schedule(0)

    def _failed(self, session: Session, error: OSError, data: bytes, flush: Flush) -> None:
        """A session took nothing, or has gone."""
        if isinstance(error, BlockingIOError):
            self._fall_short(session, data, flush)
        else:
            session.outbox.mark_lost()
            session.end_if_stuck()

    def _fall_short(self, session: Session, rest: bytes, flush: Flush) -> None:
        """A session did not take everything. The rest waits, and the session is behind until it is taken."""
        self._counters.conflated += 1
        self._fall_behind(session, flush.upto)
        session.outbox.keep_rest(rest)

    def _finish(self, flush: Flush) -> None:
        self._flushed = max(self._flushed, flush.upto)
        self._flush = None
        is_piling_up = len(self._pending) > flush.changes  # then there is nothing to gain from gathering more
        least = self._interval_seconds if is_piling_up else self._least_pause_seconds
        self._pause_seconds = pause = max(least, self._busy_seconds)
        self._next_at = self._elapsed() + pause
        if self._pending:
            self._schedule(pause)
        self._catch_up_ready()
        if self.log.moves:
            self._forget_moves()

    def _forget_moves(self) -> None:
        """Forget the changes of tags that every session which watches by tags has come past.

        One that reads too slowly is closed, or else what is kept for it would grow without end.
        """
        slow = [session for session in self._behind if session.outbox.interest.by_tags]
        self.log.forget_moves(min([self._flushed, *(session.outbox.since for session in slow)]))
        surplus = len(self.log.moves) - MOVES_KEPT
        if surplus > 0:
            oldest = self.log.moves[surplus].seq
            for session in slow:
                if session.outbox.since < oldest:
                    session.close(CloseCode.SLOW_CONSUMER, "slow consumer")

    def _catch_up_ready(self) -> None:
        """Let sessions write what they lack. After a crowd joined during a flush they are many, so this takes turns."""
        started = self._elapsed()
        for session in [each for each in self._behind if self._is_ready(each)]:
            self.catch_up(session)
            if self._elapsed() - started > self._slice_seconds:
                self._catch_up_later()
                return

    def _is_ready(self, session: Session) -> bool:
        """Whether a session that is behind can do something about it: its peer reads, and it has less than others."""
        return session.outbox.waiting_since is None and session.outbox.since <= self._flushed

    def _catch_up_later(self) -> None:
        if not self._is_catching_up:
            self._is_catching_up = True
            self._call_later(0, self._go_on_catching_up)

    def _go_on_catching_up(self) -> None:
        self._is_catching_up = False
        if self._flush is None:  # otherwise its end will let them
            self._catch_up_ready()

    def _blocked(self, session: Session) -> None:
        """Something else than an update has to wait, so updates would overtake it."""
        if session.outbox.current:
            self._counters.conflated += 1
            self.detach(session)

    def _fall_behind(self, session: Session, since: int) -> None:
        session.outbox.since = since
        self._leave_out(session)
        self._behind.add(session)

    def _leave_out(self, session: Session) -> None:
        session.outbox.current = False
        del self._current[session]
        self._recipients = None
        if self._flush is not None:
            self._flush.leave_out(session)
