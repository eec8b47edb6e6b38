"""Change log: numbers the announced changes, and keeps the latest change of each user."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

import msgspec

from models.status import Status
from realtime.protocol import Reason, UserRemoved, UserStatusUpdate, encode


class Change(msgspec.Struct, frozen=True):
    """One announced change, with its frame."""

    seq: int
    user_id: int
    reason: Reason
    frame: bytes
    tags: tuple[str, ...] = ()
    """The user's tags after it."""
    tags_before: tuple[str, ...] = ()
    """The user's tags before it, as they were announced last."""
    is_quiet: bool = False
    """Whether nothing but the tags has changed. Only sessions that watch by tags are told."""
    is_removal: bool = False
    """Whether the user was deleted."""

    @property
    def removal(self) -> bytes:
        """The frame for a session that does not watch the user any more."""
        return encode(UserRemoved(user_id=self.user_id, seq=self.seq))


class ChangeLog:
    """The latest change of each user, oldest first.

    Recovery needs no more than that: a client that has been away since some `seq`, or reads too slowly, gets the
    changes after it, each user once. So a slow session's backlog is one number, and the log holds one change per user.

    Sessions that watch by tags also have to know who has left a tag, which the latest change does not tell. So changes
    of tags are kept beside the others, all of them, until every session has come past them.
    """

    def __init__(self, epoch: str) -> None:
        self.epoch = epoch
        self.seq = 0
        self._latest: dict[int, Change] = {}
        self._moves: deque[Change] = deque()
        """The changes of tags, oldest first."""

    @property
    def moves(self) -> Sequence[Change]:
        """The changes of tags that are kept, oldest first."""
        return self._moves

    def append(
        self,
        status: Status,
        reason: Reason,
        seq: int = 0,
        *,
        tags: tuple[str, ...] = (),
        tags_before: tuple[str, ...] = (),
        is_quiet: bool = False,
    ) -> Change:
        """Keep a change as its user's latest, unless it is quiet. It has the next number, unless `seq` is given."""
        self.seq = seq or self.seq + 1
        message = UserStatusUpdate(user_id=status.user_id, status=status, seq=self.seq, reason=reason)
        change = Change(self.seq, status.user_id, reason, encode(message), tags, tags_before, is_quiet)
        if not is_quiet:
            self._keep(change)
        if tags != tags_before:
            self._moves.append(change)
        return change

    def append_removal(self, user_id: int, reason: Reason, seq: int, *, tags_before: tuple[str, ...] = ()) -> Change:
        """Keep as the last change of a user that the user was deleted."""
        self.seq = seq
        frame = encode(UserRemoved(user_id=user_id, seq=seq))
        change = Change(seq, user_id, reason, frame, tags_before=tags_before, is_removal=True)
        self._keep(change)
        return change

    def begin(self, epoch: str, seq: int) -> None:
        """Count on from `seq` in a new epoch. Clients that resume with the old one get a snapshot."""
        self.epoch = epoch
        self.seq = seq

    def forget(self) -> None:
        """Forget the latest changes: they are read anew. Sessions may still have to be told of changes of tags."""
        self._latest.clear()

    def forget_moves(self, upto: int) -> None:
        """Forget the changes of tags that every session has come past, and those of an epoch that was lost."""
        while self._moves and self._moves[0].seq <= upto:
            self._moves.popleft()
        while self._moves and self._moves[-1].seq > self.seq:
            self._moves.pop()

    def latest_seq(self, user_id: int) -> int:
        """The `seq` of the user's latest change, or 0 if there was none in this epoch."""
        change = self._latest.get(user_id)
        return change.seq if change else 0

    def since(self, seq: int) -> list[Change]:
        """The changes after `seq`, in order, each user once. The cost grows with what is returned."""
        return _after(seq, reversed(self._latest.values()))

    def since_with_moves(self, seq: int) -> list[Change]:
        """The same with all changes of tags, for a session that watches by tags."""
        by_seq = {change.seq: change for change in (*self.since(seq), *_after(seq, reversed(self._moves)))}
        return [by_seq[each] for each in sorted(by_seq)]

    def can_resume(self, epoch: str | None, since: int | None) -> bool:
        """Whether a client that knows everything up to `since` can be brought up to date by changes alone."""
        return epoch == self.epoch and since is not None and 0 <= since <= self.seq

    def _keep(self, change: Change) -> None:
        self._latest.pop(change.user_id, None)  # keeps the dictionary in the order of seq
        self._latest[change.user_id] = change


def _after(seq: int, newest_first: Iterable[Change]) -> list[Change]:
    changes: list[Change] = []
    for change in newest_first:
        if change.seq <= seq:
            break
        changes.append(change)
    changes.reverse()
    return changes
