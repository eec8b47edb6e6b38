"""Flush: one batch of changes on its way to the sessions that watch everyone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from operator import length_hint

from realtime.presence.changelog import Change
from realtime.sockets.session import Session

BATCH_BYTES = 48 * 1024
"""Frames joined into one send. What a slow socket leaves of a batch still fits into its outbox."""

Take = Callable[[bytes], int]
"""The bound `take` of a session's transport."""


class Recipients:
    """The current sessions that watch everyone, in the order in which they are sent to."""

    __slots__ = ("sessions", "takes")

    def __init__(self, current: dict[Session, Take]) -> None:
        self.sessions = [session for session in current if session.outbox.interest.everyone]
        self.takes = [current[session] for session in self.sessions]
        for slot, session in enumerate(self.sessions):
            session.slot = slot

    def __len__(self) -> int:
        return len(self.takes)

    def leave_out(self, session: Session) -> None:
        """Send nothing more to a session that is not current any more."""
        if session.slot < len(self.sessions) and self.sessions[session.slot] is session:
            self.takes[session.slot] = len  # takes everything, and sends it nowhere


class Flush:
    """One batch of changes being sent: those with `before` < seq ≤ `upto`, as `data` for all who watch everyone."""

    __slots__ = ("before", "changes", "data", "messages", "narrowed", "recipients", "removals", "takes", "upto")

    def __init__(self, batch: list[Change], before: int, recipients: Recipients) -> None:
        self.before = before
        self.upto = batch[-1].seq
        self.changes = len(batch)
        frames = [change.frame for change in batch if not change.is_quiet]
        self.messages = len(frames)
        self.removals = sum(change.is_removal for change in batch)
        """How many of the messages tell that a user was deleted."""
        self.data = frames[0] if len(frames) == 1 else b"".join(frames)
        self.recipients = recipients
        self.takes: Iterator[Take] = iter(recipients.takes if frames else [])
        """The `take` of each session that is left. It sees who is left out meanwhile."""
        self.narrowed: dict[Session, bytes] = {}
        """What is left to be sent to current sessions that do not watch everyone."""

    @property
    def left(self) -> int:
        """How many sessions are still to be sent to."""
        return length_hint(self.takes)

    @property
    def cursor(self) -> int:
        """How many sessions have been sent to."""
        return len(self.recipients) - self.left

    def last_session(self) -> Session:
        """The session that was sent to last."""
        return self.recipients.sessions[self.cursor - 1]

    def position_of(self, session: Session) -> int:
        """How far a current session has its updates."""
        is_sent = session.slot < self.cursor if session.outbox.interest.everyone else session not in self.narrowed
        return self.upto if is_sent else self.before

    def leave_out(self, session: Session) -> None:
        """Send nothing more to a session that is not current any more."""
        self.recipients.leave_out(session)
        self.narrowed.pop(session, None)


def first_batch(pending: list[Change]) -> list[Change]:
    """As many of the pending changes as fit into one send, at least one."""
    size = 0
    for count, change in enumerate(pending):
        size += len(change.frame)
        if count and size > BATCH_BYTES:
            return pending[:count]
    return list(pending)
