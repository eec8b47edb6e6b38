"""Watch state: everyone's status with its reason and since when, and the latest changes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from models.calls import Call
from models.status import State, Status, differs, state_of
from operation.cli.formatting import REASONS
from operation.output import printable
from realtime.protocol import FeedCounts, UserStatusUpdate

LATEST = 200
"""How many changes are kept: more than any terminal shows."""


@dataclass(frozen=True)
class Row:
    """One user. `since` is when we heard of the last change; None while there was none."""

    status: Status
    reason: str
    since: datetime | None

    @property
    def name(self) -> str:
        return printable(self.status.username)

    @property
    def state(self) -> State:
        return state_of(self.status)


@dataclass(frozen=True)
class CallNews:
    """The watching user's own call began or ended."""

    at: datetime
    names: tuple[str, ...]
    text: str


News = Row | CallNews


class WatchState:
    """What the server's messages add up to. `now` gives aware local time."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._rows: dict[int, Row] = {}
        self.latest: deque[News] = deque(maxlen=LATEST)
        self.counts: FeedCounts | None = None
        self.is_filled = False
        """Whether there was a complete snapshot, so that a user who is missing here does not exist."""
        self._in_snapshot: set[int] = set()
        """The users in the pages of a snapshot that is not complete yet."""

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows.values())

    def connected(self) -> None:
        """A connection was opened. A snapshot that had not arrived completely never will."""
        self._in_snapshot.clear()

    def fold_update(self, update: UserStatusUpdate) -> Row | None:
        """Apply an update; the changed row, or None if nothing changed."""
        is_new = self.is_filled and update.reason == "set" and update.user_id not in self._rows
        return self._fold(update.status, "new user" if is_new else REASONS[update.reason])

    def fold_snapshot(self, users: Sequence[Status], *, is_last: bool) -> list[Row]:
        """Apply a page of a snapshot. Changes missed while disconnected are news; the first snapshot is not."""
        news = [row for status in users if self.is_filled and (row := self._fold(status, "changed meanwhile"))]
        for status in users:
            self._rows.setdefault(status.user_id, Row(status, "", None))
            self._in_snapshot.add(status.user_id)
        if is_last:
            self.is_filled = True
            for user_id in self._rows.keys() - self._in_snapshot:
                del self._rows[user_id]
            self._in_snapshot.clear()
        return news

    def fold_removal(self, user_id: int) -> None:
        """A user was deleted."""
        self._rows.pop(user_id, None)
        self._in_snapshot.discard(user_id)

    def fold_call(self, call: Call) -> CallNews:
        """Apply a change of the watching user's own call."""
        names = tuple(self._name(user_id) for user_id in call.participants)
        seconds = "" if call.duration_seconds is None else f" after {call.duration_seconds} s"
        news = CallNews(self._now(), names, f"{call.call_type} call, {call.status}{seconds}")
        self.latest.append(news)
        return news

    def _fold(self, status: Status, reason: str) -> Row | None:
        before = self._rows.get(status.user_id)
        if before is not None and not differs(before.status, status):
            return None
        row = self._rows[status.user_id] = Row(status, reason, self._now())
        if self._in_snapshot:
            self._in_snapshot.add(status.user_id)
        self.latest.append(row)
        return row

    def _name(self, user_id: int) -> str:
        row = self._rows.get(user_id)
        return row.name if row else str(user_id)
