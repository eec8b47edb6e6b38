"""Change log: numbers the announced changes, and keeps the latest change of each user."""

from __future__ import annotations

import msgspec

from models.status import Status
from realtime.protocol import Reason, UserStatusUpdate, encode


class Change(msgspec.Struct, frozen=True):
    """One announced change, with its frame."""

    seq: int
    user_id: int
    reason: Reason
    frame: bytes


class ChangeLog:
    """The latest change of each user, oldest first.

    Recovery needs no more than that: a client that has been away since some `seq`, or reads too slowly, gets the
    changes after it, each user once. So a slow session's backlog is one number, and the log holds one change per user.
    """

    def __init__(self, epoch: str) -> None:
        self.epoch = epoch
        self.seq = 0
        self._latest: dict[int, Change] = {}

    def append(self, status: Status, reason: Reason, seq: int = 0) -> Change:
        """Keep a change as its user's latest. It has the next number, unless `seq` is given."""
        self.seq = seq or self.seq + 1
        message = UserStatusUpdate(user_id=status.user_id, status=status, seq=self.seq, reason=reason)
        change = Change(self.seq, status.user_id, reason, encode(message))
        self._latest.pop(status.user_id, None)  # keeps the dictionary in the order of seq
        self._latest[status.user_id] = change
        return change

    def begin(self, epoch: str, seq: int) -> None:
        """Count on from `seq` in a new epoch. Clients that resume with the old one get a snapshot."""
        self.epoch = epoch
        self.seq = seq

    def forget(self) -> None:
        """Forget all changes: they are read anew."""
        self._latest.clear()

    def latest_seq(self, user_id: int) -> int:
        """The `seq` of the user's latest change, or 0 if there was none in this epoch."""
        change = self._latest.get(user_id)
        return change.seq if change else 0

    def since(self, seq: int) -> list[Change]:
        """The changes after `seq`, in order, each user once. The cost grows with what is returned."""
        changes: list[Change] = []
        for change in reversed(self._latest.values()):
            if change.seq <= seq:
                break
            changes.append(change)
        changes.reverse()
        return changes

    def can_resume(self, epoch: str | None, since: int | None) -> bool:
        """Whether a client that knows everything up to `since` can be brought up to date by changes alone."""
        return epoch == self.epoch and since is not None and 0 <= since <= self.seq
