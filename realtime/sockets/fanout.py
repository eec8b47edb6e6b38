"""Fan-out: one change reaches every session that watches. Encoded once, framed once, sent straight to the sockets."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from realtime.counters import Counters
from realtime.presence.changelog import Change, ChangeLog
from realtime.sockets.session import Session

CallLater = Callable[[float, Callable[[], None]], object]

BATCH_BYTES = 48 * 1024
"""Frames joined for one send; what a slow socket leaves of it still fits the outbox."""

_STRIDE = 64
"""Sockets between two looks at the time."""

Recipient = tuple[Session, Callable[[bytes], int], Callable[[], bool]]


class Flush:
    """One batch of changes on its way: `before` < seq ≤ `upto`, as `data` for all who watch everyone."""

    __slots__ = ("before", "cursor", "data", "messages", "recipients", "upto")

    def __init__(self, batch: list[Change], before: int, recipients: list[Recipient]) -> None:
        self.before = before
        self.upto = batch[-1].seq
        self.messages = len(batch)
        self.data = batch[0].frame if len(batch) == 1 else b"".join([change.frame for change in batch])
        self.recipients = recipients
        self.cursor = 0


class FanOut:
    """Keeps sessions current.

    A session is *current* (it has all up to the last flush and is handed the next) or *behind* (`outbox.since` says up
    to where it has the updates). Whoever joins, is slow, or is written to in between is behind, catches up from the
    change log, and becomes current when no flush is under way and it is as far as the last one; so nobody gets an
    update twice, late or never.

    The first change after a quiet moment goes out at once; changes that follow gather for `interval_seconds`, or for
    as long as the last flush took, so that other work always gets its half of the loop.
    """

    def __init__(
        self,
        log: ChangeLog,
        counters: Counters,
        call_later: CallLater,
        elapsed: Callable[[], float],
        *,
        interval_seconds: float,
        slice_seconds: float,
    ) -> None:
        self._log = log
        self._counters = counters
        self._call_later = call_later
        self._elapsed = elapsed
        self._interval_seconds = interval_seconds
        self._slice_seconds = slice_seconds
        self._pending: list[Change] = []
        self._flushed = log.seq
        self._flush: Flush | None = None
        self._scheduled = False
        self._next_at = 0.0
        self._busy_seconds = 0.0
        self._current: dict[Session, Recipient] = {}
        self._recipients: list[Recipient] | None = None
        self._behind: set[Session] = set()
        self._subscribers: dict[int, set[Session]] = {}

    def __len__(self) -> int:
        return len(self._current) + len(self._behind)

    def behind(self) -> list[Session]:
        """Sessions that do not have everything yet."""
        return list(self._behind)

    def add(self, session: Session) -> None:
        """A new session; its `outbox.since` says what it has."""
        session.outbox.on_drained = lambda: self.catch_up(session)
        self._behind.add(session)
        self.catch_up(session)

    def remove(self, session: Session) -> None:
        """A session ended."""
        session.outbox.current = False
        self._drop_current(session)
        self._behind.discard(session)
        self._watch_only(session, frozenset())

    def watch(self, session: Session, *, everyone: bool, user_ids: frozenset[int]) -> None:
        """Change which users' updates a session gets, from the next one on."""
        self.detach(session)
        self._watch_only(session, frozenset() if everyone else user_ids)
        session.interest.everyone = everyone
        session.interest.user_ids = user_ids

    def detach(self, session: Session) -> None:
        """Take a session out of the flushes, so that what it lacks can be written before something else is."""
        if session.outbox.current:
            self._fall_behind(session, self._position(session))

    def bring_up(self, session: Session) -> None:
        """Write all that was announced up to now, so that what is pushed next comes after it."""
        self.detach(session)
        session.outbox.pump()

    def catch_up(self, session: Session) -> None:
        """Write what a session lacks. It becomes current once it has everything and nothing is on its way."""
        outbox = session.outbox
        if session not in self._behind and not outbox.current:
            return
        complete = outbox.pump(self._flushed)
        session.end_if_stuck()
        ahead = outbox.since > self._flushed
        if complete and session.is_open and not outbox.current and self._flush is None and not ahead:
            self._behind.discard(session)
            outbox.current = True
            self._current[session] = (session, session.transport.take, session.transport.is_busy)
            self._recipients = None

    def publish(self, changes: Sequence[Change]) -> None:
        """Send changes to all who watch: now, or with what comes within the interval."""
        self._pending.extend(changes)
        if self._flush is not None or self._scheduled:
            return
        wait = self._next_at - self._elapsed()
        if wait <= 0:
            self._start()
        else:
            self._schedule(wait)

    def _schedule(self, wait: float) -> None:
        self._scheduled = True
        self._call_later(wait, self._run)

    def _run(self) -> None:
        self._scheduled = False
        if self._flush is not None:
            self._send_slice(self._flush)
        elif self._pending:
            self._start()

    def _start(self) -> None:
        batch = self._take_batch()
        self._busy_seconds = 0.0
        self._flush = flush = Flush(batch, self._flushed, self._everyone())
        self._counters.messages_out["user_status_update"] += flush.messages * len(flush.recipients)
        self._send_narrowed(batch, flush)
        self._send_slice(flush)

    def _take_batch(self) -> list[Change]:
        size = count = 0
        for change in self._pending:
            size += len(change.frame)
            if count and size > BATCH_BYTES:
                break
            count += 1
        batch, self._pending = self._pending[:count], self._pending[count:]
        return batch

    def _everyone(self) -> list[Recipient]:
        if self._recipients is None:
            self._recipients = [recipient for recipient in self._current.values() if recipient[0].interest.everyone]
            for slot, recipient in enumerate(self._recipients):
                recipient[0].slot = slot
        return self._recipients

    def _send_narrowed(self, batch: list[Change], flush: Flush) -> None:
        """Those who watch some users get the changes of these, before the first slice."""
        frames: dict[Session, list[bytes]] = {}
        for change in batch:
            for session in self._subscribers.get(change.user_id, ()):
                if session.outbox.current:
                    frames.setdefault(session, []).append(change.frame)
        for session, wanted in frames.items():
            self._counters.messages_out["user_status_update"] += len(wanted)
            self._send(self._current[session], b"".join(wanted), flush)

    def _send_slice(self, flush: Flush) -> None:
        started = self._elapsed()
        recipients, data = flush.recipients, flush.data
        while flush.cursor < len(recipients):
            stop = flush.cursor + _STRIDE
            for recipient in recipients[flush.cursor : stop]:
                self._send(recipient, data, flush)
            flush.cursor = stop
            if self._elapsed() - started > self._slice_seconds and stop < len(recipients):
                self._busy_seconds += self._elapsed() - started
                self._schedule(0)
                return
        self._busy_seconds += self._elapsed() - started
        self._finish(flush)

    def _send(self, recipient: Recipient, data: bytes, flush: Flush) -> None:
        session, take, is_busy = recipient
        if not session.outbox.current:  # it ended, or was taken out to be written something else
            return
        if is_busy():
            self._fall_behind(session, flush.before)
            return
        try:
            taken = take(data)
        except BlockingIOError:
            taken = 0
        except OSError:
            session.outbox.lost = True
            session.end_if_stuck()
            return
        if taken < len(data):
            self._fall_behind(session, flush.upto)
            session.outbox.keep_rest(data[taken:])

    def _finish(self, flush: Flush) -> None:
        self._flushed = flush.upto
        self._flush = None
        self._next_at = self._elapsed() + max(self._interval_seconds, self._busy_seconds)
        if self._pending:
            self._schedule(max(self._interval_seconds, self._busy_seconds))
        for session in list(self._behind):
            if session.outbox.waiting_since is None:
                self.catch_up(session)

    def _fall_behind(self, session: Session, since: int) -> None:
        session.outbox.since = since
        session.outbox.current = False
        self._drop_current(session)
        self._behind.add(session)
        self._counters.conflated += session.outbox.waiting_since is not None

    def _position(self, session: Session) -> int:
        """Up to where a current session has its updates, also in the middle of a flush."""
        if self._flush is None:
            return self._flushed
        sent = not session.interest.everyone or session.slot < self._flush.cursor
        return self._flush.upto if sent else self._flush.before

    def _drop_current(self, session: Session) -> None:
        if self._current.pop(session, None) is not None:
            self._recipients = None

    def _watch_only(self, session: Session, user_ids: frozenset[int]) -> None:
        before = frozenset[int]() if session.interest.everyone else session.interest.user_ids
        for user_id in before - user_ids:
            watching = self._subscribers[user_id]
            watching.discard(session)
            if not watching:
                del self._subscribers[user_id]
        for user_id in user_ids - before:
            self._subscribers.setdefault(user_id, set()).add(session)
