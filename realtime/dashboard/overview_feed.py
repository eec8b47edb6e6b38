"""Overview feed: keeps every user's row encoded, and makes the snapshot and the updates that operators are sent."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from models.events import Event
from models.row_failures import RowFailures
from models.samples import Sample
from models.times import milliseconds
from realtime.calls.ongoing import OngoingCalls
from realtime.dashboard.event_log import EventLog
from realtime.dashboard.event_text import event_row
from realtime.dashboard.issues import IssueDetector
from realtime.dashboard.operator_messages import OverviewMessage, OverviewUpdate, encode_pieces
from realtime.dashboard.overview import Overview
from realtime.dashboard.row_builder import RowBuilder
from realtime.dashboard.rows import CallRow, Figures, Issue, SampleRow
from realtime.presence.registry import Registry
from realtime.presence.user_entry import UserEntry
from settings import Settings

ROWS_AT_ONCE = 1000
"""Rows encoded in one go: a few milliseconds of the loop."""

_encoder = msgspec.json.Encoder()


class RowCache:
    """Every user's row, encoded. Sending all rows costs one join; sending changes costs as much as has changed.

    `review` is called with each entry that has changed, and `forget` with each user who was deleted. While nobody
    watches, a changed row is only marked outdated.
    """

    def __init__(
        self,
        registry: Registry,
        row_builder: RowBuilder,
        review: Callable[[UserEntry], None],
        forget: Callable[[int], None],
        failures: RowFailures,
    ) -> None:
        self._registry = registry
        self._failures = failures
        self._row_builder = row_builder
        self._review = review
        self._forget = forget
        self._rows: dict[int, msgspec.Raw] = {}
        self._outdated: set[int] = set()
        """Rows to encode again before all rows are sent."""
        self._changed: set[int] = set()
        """Rows to encode again and send with the next update."""
        self._heard: set[int] = set()
        """Users of whom only the last sign of life has changed."""
        self._removed: list[int] = []
        """Users who were deleted since the last update."""

    def absorb(self, *, is_watched: bool) -> None:
        """Take over the users that changed since the last call."""
        users, heard = set(self._registry.changed), set(self._registry.heard)
        self._registry.changed.clear()
        self._registry.heard.clear()
        gone = {user_id for user_id in users if user_id not in self._registry}
        users -= gone
        self._remove(gone)
        for user_id in list(users):
            try:
                entry = self._registry.get(user_id)
                self._review(entry)
                users.update(self._row_builder.naming(entry))
            except Exception as error:
                self._failures.note("changed user", user_id, error)
        if is_watched:
            self._changed |= users
            self._outdated -= self._changed  # a row that is encoded again before it is sent would seem unchanged
            self._note_heard(heard - users)
        else:
            self._outdated |= self._changed | users | heard
            self._changed.clear()
            self._heard.clear()
            self._removed.clear()

    def warm(self) -> None:
        """Encode some outdated rows, so that few are left when all are asked for."""
        self._encode(_take(self._outdated, ROWS_AT_ONCE))

    def all(self) -> list[msgspec.Raw]:
        """Everyone's row as it is now."""
        self._encode(self._outdated)
        self._outdated.clear()
        return list(self._rows.values())

    def changed(self, *, everything: bool) -> list[msgspec.Raw]:
        """Rows that differ from before. Of very many, some wait for the next call unless everything is asked for."""
        return self._encode(_take(self._changed, len(self._changed) if everything else ROWS_AT_ONCE))

    def heard(self) -> list[tuple[int, int]]:
        """(user id, last seen) of users who gave a sign of life and have no changed row."""
        heard, self._heard = self._heard, set()
        self._outdated |= heard
        return [(user_id, milliseconds(self._registry.get(user_id).last_seen)) for user_id in sorted(heard)]

    def removed(self) -> list[int]:
        """Users who were deleted since the last call."""
        removed, self._removed = self._removed, []
        return removed

    def _remove(self, user_ids: set[int]) -> None:
        for waiting in (self._outdated, self._changed, self._heard):
            waiting -= user_ids
        for user_id in user_ids:
            self._forget(user_id)
            if self._rows.pop(user_id, None) is not None:
                self._removed.append(user_id)

    def _note_heard(self, user_ids: set[int]) -> None:
        for user_id in user_ids:
            # The row of a user without a socket says “heartbeat 20 s ago”, so it has changed.
            (self._heard if self._registry.get(user_id).sessions else self._changed).add(user_id)
        self._heard -= self._changed

    def _encode(self, user_ids: Iterable[int]) -> list[msgspec.Raw]:
        encoded: list[msgspec.Raw] = []
        for user_id in user_ids:
            try:
                row = msgspec.Raw(_encoder.encode(self._row_builder.user(self._registry.get(user_id))))
            except Exception as error:
                self._failures.note("row of a user", user_id, error)
                continue
            if row != self._rows.get(user_id):
                self._rows[user_id] = row
                encoded.append(row)
        return encoded


class OverviewFeed:
    """What changed in the overview since operators were last told. While nobody watches, a change costs a set's add."""

    def __init__(
        self,
        settings: Settings,
        overview: Overview,
        registry: Registry,
        calls: OngoingCalls,
        row_builder: RowBuilder,
        issues: IssueDetector,
        event_log: EventLog,
        failures: RowFailures,
    ) -> None:
        self._overview = overview
        self._calls = calls
        self._row_builder = row_builder
        self._issues = issues
        self._event_log = event_log
        self._rows = RowCache(registry, row_builder, issues.review, issues.forget, failures)
        self.seq = 0
        """Rises by one with each update."""
        self.is_watched = False
        """Whether any operator receives updates. Only `OperatorSessions` sets it."""
        self._events: deque[Event] = deque(maxlen=settings.events_shown)
        """Events not sent yet. Older ones than a page shows need not be sent."""
        self._samples: list[SampleRow] = []
        self._sent_figures = Figures(0, 0, 0, 0, 0)
        self._sent_calls: dict[str, CallRow] = {}
        self._sent_issues: list[Issue] = []

    def refresh(self) -> None:
        """Once a second: find what needs attention, and bring some rows up to date."""
        self._absorb()
        self._rows.warm()
        self._issues.detect()

    def take_sample(self) -> Sample:
        """Sample the figures, for the history and for the next update."""
        sample, row = self._overview.add_sample()
        if self.is_watched:
            self._samples.append(row)
        return sample

    def snapshot(self) -> OverviewMessage:
        """Everything. Flush pending updates to those who already watch first."""
        self._absorb()
        self._events.clear()
        self._event_log.take_renamed()
        self._samples.clear()
        self._sent_figures, self._sent_issues = self._overview.figures(), self._issues.found
        calls = self._overview.calls()
        self._sent_calls = {row.call_id: row for row in calls}
        return OverviewMessage(
            seq=self.seq,
            now=self._overview.now,
            figures=self._sent_figures,
            users=self._rows.all(),
            calls=calls,
            history=self._overview.history(),
            events=self._overview.events(),
            contradictions=self._sent_issues,
        )

    def update(self, *, is_due: bool = False, everything: bool = False) -> list[bytes] | None:
        """What changed since the last update, as frames. None if nothing did, unless a sign of life is due.

        Of very many changed rows, some wait for the next update unless everything is asked for.
        """
        self._absorb()
        changes = self._changes(everything)
        if not changes and not is_due:
            return None
        self.seq += 1
        return encode_pieces(OverviewUpdate(seq=self.seq, now=self._overview.now, **changes))

    def _absorb(self) -> None:
        """Take over what has happened since the last call."""
        self._rows.absorb(is_watched=self.is_watched)
        for event, at in self._event_log.take_new():
            self._issues.note_event(event, at)
            self._events.append(event)

    def _changes(self, everything: bool) -> dict[str, Any]:
        """The fields of the update that are not empty. From now on they count as sent."""
        changes: dict[str, Any] = {
            "users": self._rows.changed(everything=everything),
            "removed": self._rows.removed(),
            "heard": self._rows.heard(),
            "calls": self._changed_calls(),
            "ended": self._ended_calls(),
            "samples": self._samples,
            "events": [event_row(event) for event in self._events],
        }
        if self._event_log.take_renamed():
            changes["all_events"], changes["events"] = self._overview.events(), []
        self._samples = []
        self._events.clear()
        changes = {name: rows for name, rows in changes.items() if rows}
        if (figures := self._overview.figures()) != self._sent_figures:
            changes["figures"] = self._sent_figures = figures
        if (found := self._issues.found) is not self._sent_issues:
            changes["contradictions"] = self._sent_issues = found
        return changes

    def _changed_calls(self) -> list[CallRow]:
        """Calls that started, and calls with a participant who was renamed."""
        changed: list[CallRow] = []
        for call in self._calls.all():
            sent = self._sent_calls.get(call.call_id)
            if sent is None or not self._row_builder.is_current(sent):
                changed.append(self._row_builder.call(call))
        self._sent_calls |= {row.call_id: row for row in changed}
        return changed

    def _ended_calls(self) -> list[str]:
        ended = [call_id for call_id in self._sent_calls if call_id not in self._calls]
        for call_id in ended:
            del self._sent_calls[call_id]
        return ended


def _take(waiting: set[int], limit: int) -> list[int]:
    return [waiting.pop() for _ in range(min(limit, len(waiting)))]
