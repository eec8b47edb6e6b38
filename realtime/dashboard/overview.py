"""Overview: what operators see, whole, and what changed in it since they were last told."""

from __future__ import annotations

from collections import deque
from typing import Any

from models.events import Event
from models.samples import Sample
from realtime.calls.switchboard import Switchboard
from realtime.clock import Clock, milliseconds
from realtime.dashboard.event_log import EventLog
from realtime.dashboard.event_text import event_row
from realtime.dashboard.issues import IssueDetector
from realtime.dashboard.operator_messages import OverviewMessage, OverviewUpdate, encode_pieces
from realtime.dashboard.row_builder import RowBuilder
from realtime.dashboard.row_cache import RowCache
from realtime.dashboard.rows import CallRow, EventRow, Figures, Issue, SampleRow, SessionRow, UserRow
from realtime.dashboard.user_query import UserFilter, UserQuery, UserSort
from realtime.presence.registry import Registry
from realtime.sockets.hub import Hub

UNSAVED_SHOWN = 10_000
"""Pages look through so many; more wait only while the store is down, and then there are no such pages."""


class Overview:
    """Pages read it; `watchers` sends it. While nobody watches, a change costs its place in a set."""

    def __init__(
        self,
        registry: Registry,
        switchboard: Switchboard,
        hub: Hub,
        clock: Clock,
        row_builder: RowBuilder,
        rows: RowCache,
        attention: IssueDetector,
        event_log: EventLog,
        history: History,
        *,
        events_shown: int,
    ) -> None:
        self._registry = registry
        self._switchboard = switchboard
        self._hub = hub
        self._clock = clock
        self._row_builder = row_builder
        self._rows = rows
        self._attention = attention
        self._event_log = event_log
        self._history = history
        self._user_query = UserQuery(registry)
        self.seq = 0
        """Rises by one with each update."""
        self.is_watched = False
        """Whether anybody is told of updates; `watchers` alone sets it."""
        self._events: deque[Event] = deque(maxlen=events_shown)
        """Not told yet, like the samples; older ones than are shown needn't be."""
        self._samples: list[SampleRow] = []
        self._told_figures = Figures(0, 0, 0, 0, 0)
        self._told_calls: dict[str, CallRow] = {}
        self._told_contradictions: list[Issue] = []

    @property
    def now(self) -> int:
        """Wall time in milliseconds, as in all rows."""
        return milliseconds(self._clock.utc())

    def note_event(self, event: Event) -> None:
        """Something happened."""
        self._attention.note_event(event)
        self._events.append(event)

    def look(self) -> None:
        """Once a second: see what needs attention, and bring some rows up to date."""
        self._rows.absorb(is_watched=self.is_watched)
        self._rows.warm()
        self._attention.look()

    def take_sample(self) -> Sample:
        """The figures now, which from now on belong to the history."""
        figures = self.figures()
        sample = Sample(self._clock.utc(), figures.available, figures.busy, figures.offline, figures.calls)
        self._samples.append(self._history.add(sample))
        if not self.is_watched:
            self._samples.clear()
        return sample

    def restore(self, samples: list[Sample]) -> None:
        """At start: the last samples of the process before, oldest first."""
        for sample in samples:
            self._history.add(sample)

    def figures(self) -> Figures:
        """The five figures."""
        online, available = self._registry.online, self._registry.available
        return Figures(
            available=available,
            busy=online - available,
            offline=len(self._registry) - online,
            calls=len(self._switchboard),
            attention=len(self._attention.found),
        )

    def row(self, user_id: int) -> UserRow:
        """One user. Raises NotFound."""
        return self._row_builder.user(self._registry.get(user_id))

    def page(self, *, state: UserFilter, q: str, sort: UserSort, skip: int, limit: int) -> tuple[list[UserRow], int]:
        """One page of users, and how many match. `q` is literal: part of a name, or an id."""
        entries, total = self._user_query.page(
            self._attention.user_ids, state=state, q=q, sort=sort, skip=skip, limit=limit
        )
        return [self._row_builder.user(entry) for entry in entries], total

    def calls(self) -> list[CallRow]:
        """Ongoing calls, the longest first."""
        ongoing = sorted(self._switchboard.ongoing(), key=lambda call: call.started_at)
        return [self._row_builder.call(call) for call in ongoing]

    def sessions(self, user_id: int) -> list[SessionRow]:
        """A user's sockets, the newest first."""
        sessions = sorted(self._hub.of_user(user_id), key=lambda each: each.opened_at, reverse=True)
        return [self._row_builder.session(each) for each in sessions]

    def contradictions(self) -> list[Issue]:
        """What needs attention, the oldest first."""
        return self._attention.found

    def history(self) -> list[SampleRow]:
        """The figures of the last 15 minutes, oldest first."""
        return self._history.rows(self.now)

    def events(self) -> list[EventRow]:
        """What happened, latest first."""
        return [event_row(event) for event in self._event_log.latest()]

    def unsaved_events(self) -> list[Event]:
        """What happened and is not in the store yet, oldest first."""
        return self._event_log.unsaved(UNSAVED_SHOWN)

    def snapshot(self) -> list[bytes]:
        """Everything, as frames. Whoever watches already must have been told everything before."""
        self._rows.absorb(is_watched=self.is_watched)
        self._events.clear()
        self._samples.clear()
        self._told_figures, self._told_contradictions = self.figures(), self._attention.found
        calls = self.calls()
        self._told_calls = {row.call_id: row for row in calls}
        return encode_pieces(
            OverviewMessage(
                seq=self.seq,
                now=self.now,
                figures=self._told_figures,
                users=self._rows.all(),
                calls=calls,
                history=self.history(),
                events=self.events(),
                contradictions=self._told_contradictions,
            )
        )

    def update(self, *, is_due: bool = False, everything: bool = False) -> list[bytes] | None:
        """What changed since the last time, as frames. None when nothing did, unless a sign of life is due.

        Of very many changed rows some wait for the next time, unless everything is asked for.
        """
        self._rows.absorb(is_watched=self.is_watched)
        changes = self._changes(everything)
        if not changes and not is_due:
            return None
        self.seq += 1
        return encode_pieces(OverviewUpdate(seq=self.seq, now=self.now, **changes))

    def _changes(self, everything: bool) -> dict[str, Any]:
        """The fields of an update that say something, and note that they are told."""
        changes: dict[str, Any] = {
            "users": self._rows.changed(everything=everything),
            "heard": self._rows.heard(),
            "calls": self._changed_calls(),
            "ended": self._ended_calls(),
            "samples": self._samples,
            "events": [event_row(event) for event in self._events],
        }
        self._samples = []
        self._events.clear()
        changes = {name: rows for name, rows in changes.items() if rows}
        if (figures := self.figures()) != self._told_figures:
            changes["figures"] = self._told_figures = figures
        if (found := self._attention.found) is not self._told_contradictions:
            changes["contradictions"] = self._told_contradictions = found
        return changes

    def _changed_calls(self) -> list[CallRow]:
        """Calls that began, and those of which a name changed."""
        changed: list[CallRow] = []
        for call in self._switchboard.ongoing():
            told = self._told_calls.get(call.call_id)
            if told is None or not self._row_builder.is_current(told):
                changed.append(self._row_builder.call(call))
        self._told_calls |= {row.call_id: row for row in changed}
        return changed

    def _ended_calls(self) -> list[str]:
        ended = [call_id for call_id in self._told_calls if self._switchboard.find(call_id) is None]
        for call_id in ended:
            del self._told_calls[call_id]
        return ended


SHOWN_SECONDS = 900.0
"""What the chart of the live page shows."""


class History:
    """The samples of the last 15 minutes, oldest first."""

    def __init__(self, interval_seconds: float) -> None:
        self._samples: deque[SampleRow] = deque(maxlen=max(1, round(SHOWN_SECONDS / interval_seconds)))

    def add(self, sample: Sample) -> SampleRow:
        """Keep one more."""
        row = SampleRow(milliseconds(sample.at), sample.available, sample.busy, sample.offline, sample.calls)
        self._samples.append(row)
        return row

    def rows(self, now: int) -> list[SampleRow]:
        """Those of the 15 minutes before `now`, in milliseconds: there are none of a time when no server ran."""
        since = now - SHOWN_SECONDS * 1000
        return [row for row in self._samples if row.at >= since]
