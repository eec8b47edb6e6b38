"""Board: what a watcher knows. Everyone's status, why and since when, and the latest changes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from models.calls import Call
from models.status import Status, differs
from operation.cli.formatting import BECAUSE, State, printable, state_of
from realtime.protocol import FeedCounts, UserStatusUpdate

LATEST = 200
"""Changes kept; more than any terminal shows."""


@dataclass(frozen=True)
class Row:
    """One user. `since` is when the watcher heard of it; None while nothing changed under its eyes."""

    status: Status
    because: str
    since: datetime | None

    @property
    def name(self) -> str:
        return printable(self.status.username)

    @property
    def state(self) -> State:
        return state_of(self.status)


@dataclass(frozen=True)
class CallNews:
    """A call of the watcher's own began or ended."""

    at: datetime
    names: str
    words: str


News = Row | CallNews


class WatchState:
    """Folds what the server sends. `now` gives aware local time."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._rows: dict[int, Row] = {}
        self.latest: deque[News] = deque(maxlen=LATEST)
        self.counts: FeedCounts | None = None
        self.is_filled = False
        """Whether a whole snapshot came, so that whoever is not here does not exist."""

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows.values())

    def fold_update(self, update: UserStatusUpdate) -> Row | None:
        """Take in an update; the changed row, or None when it was known already."""
        is_new = self.is_filled and update.reason == "set" and update.user_id not in self._rows
        return self._fold(update.status, "new here" if is_new else BECAUSE[update.reason])

    def fold_snapshot(self, users: Sequence[Status], *, is_last: bool) -> list[Row]:
        """Take in a page of everyone. What changed while nobody listened is news; the very first picture is not."""
        news = [row for status in users if self.is_filled and (row := self._fold(status, "changed meanwhile"))]
        for status in users:
            self._rows.setdefault(status.user_id, Row(status, "", None))
        self.is_filled = self.is_filled or is_last
        return news

    def fold_call(self, call: Call) -> CallNews:
        """Take in a call of the watcher's own."""
        names = " → ".join(self._name(user_id) for user_id in call.participants)
        seconds = "" if call.duration_seconds is None else f" after {call.duration_seconds} s"
        news = CallNews(self._now(), names, f"{call.call_type} call, {call.status}{seconds}")
        self.latest.append(news)
        return news

    def _fold(self, status: Status, because: str) -> Row | None:
        before = self._rows.get(status.user_id)
        if before is not None and not differs(before.status, status):
            return None
        row = self._rows[status.user_id] = Row(status, because, self._now())
        self.latest.append(row)
        return row

    def _name(self, user_id: int) -> str:
        row = self._rows.get(user_id)
        return row.name if row else str(user_id)
