"""Overview: everything that the operators' pages show, as it is now."""

from __future__ import annotations

from collections import deque

from models.errors import NotFound
from models.events import Event
from models.external_ids import external_id_of
from models.samples import Sample
from models.times import milliseconds
from realtime.calls.ongoing import OngoingCalls
from realtime.clock import Clock
from realtime.dashboard.event_log import EventLog
from realtime.dashboard.event_text import event_row
from realtime.dashboard.issues import IssueDetector
from realtime.dashboard.row_builder import RowBuilder
from realtime.dashboard.rows import CallRow, EventRow, Figures, Issue, SampleRow, SessionRow, UserRow
from realtime.dashboard.session_list import SessionList
from realtime.dashboard.user_query import UserFilter, UserQuery, UserSort
from realtime.presence.registry import Registry
from settings import Settings

UNSAVED_SHOWN = 10_000
"""Unsaved events that a page looks through. More can only wait while the store is down, and then pages do not work."""

SHOWN_SECONDS = 900.0
"""The span of the chart on the live page."""


class SampleHistory:
    """The samples of the last 15 minutes, oldest first."""

    def __init__(self, interval_seconds: float) -> None:
        self._samples: deque[SampleRow] = deque(maxlen=max(1, round(SHOWN_SECONDS / interval_seconds)))

    def add(self, sample: Sample) -> SampleRow:
        """Keep one more sample."""
        row = SampleRow(milliseconds(sample.at), sample.available, sample.busy, sample.offline, sample.calls)
        self._samples.append(row)
        return row

    def rows(self, now: int) -> list[SampleRow]:
        """The samples of the 15 minutes before `now`, in milliseconds. There are none for times without a server."""
        since = now - SHOWN_SECONDS * 1000
        return [row for row in self._samples if row.at >= since]


class Overview:
    """Read by the pages, and by the feed that keeps them up to date."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        registry: Registry,
        calls: OngoingCalls,
        sessions: SessionList,
        row_builder: RowBuilder,
        issues: IssueDetector,
        event_log: EventLog,
    ) -> None:
        self._clock = clock
        self._registry = registry
        self._calls = calls
        self._sessions = sessions
        self._row_builder = row_builder
        self._issues = issues
        self._event_log = event_log
        self._history = SampleHistory(settings.sample_interval_seconds)
        self._user_query = UserQuery(registry)

    @property
    def now(self) -> int:
        """Wall time in milliseconds, as in all rows."""
        return milliseconds(self._clock.utc())

    def add_sample(self) -> tuple[Sample, SampleRow]:
        """Take a sample of the figures and add it to the history."""
        figures = self.figures()
        sample = Sample(self._clock.utc(), figures.available, figures.busy, figures.offline, figures.calls)
        return sample, self._history.add(sample)

    def restore(self, samples: list[Sample]) -> None:
        """At start: take over the last samples of the last process, oldest first."""
        for sample in samples:
            self._history.add(sample)

    def figures(self) -> Figures:
        """The five figures."""
        online, available = self._registry.online, self._registry.available
        return Figures(
            available=available,
            busy=online - available,
            offline=len(self._registry) - online,
            calls=len(self._calls),
            attention=len(self._issues.found),
        )

    def user_id_of(self, name: str) -> int:
        """The user with an external id, given as `external:…`. Raises Invalid, NotFound."""
        entry = self._registry.find_external(external_id_of(name) or "")
        if entry is None:
            raise NotFound("There is no such user.")
        return entry.profile.user_id

    def row(self, user_id: int) -> UserRow:
        """The row of one user. Raises NotFound."""
        return self._row_builder.user(self._registry.get(user_id))

    def exists(self, user_id: int) -> bool:
        """Whether there is such a user."""
        return self._registry.find(user_id) is not None

    def name(self, user_id: int) -> str:
        """The name of a user, also of one who has been deleted."""
        return self._registry.name(user_id)

    def page(
        self, *, state: UserFilter, q: str, sort: UserSort, skip: int, limit: int, tag: str = ""
    ) -> tuple[list[UserRow], int]:
        """One page of users, and how many match. `q` is a search text. With a tag, only users who have it match."""
        entries, total = self._user_query.page(
            self._issues.user_ids, state=state, q=q, sort=sort, skip=skip, limit=limit, tag=tag
        )
        return [self._row_builder.user(entry) for entry in entries], total

    def tag_counts(self) -> dict[str, int]:
        """All tags, each with the number of its users."""
        return self._registry.tag_counts()

    def calls(self) -> list[CallRow]:
        """Ongoing calls, the longest first."""
        ongoing = sorted(self._calls.all(), key=lambda call: call.started_at)
        return [self._row_builder.call(call) for call in ongoing]

    def sessions(self, user_id: int) -> list[SessionRow]:
        """A user's sockets, the newest first."""
        return self._sessions.of_user(user_id)

    def issues(self) -> list[Issue]:
        """What needs attention, the oldest first."""
        return self._issues.found

    @property
    def unattended(self) -> int:
        """How many issues nobody deals with."""
        return sum(issue.acknowledged is None for issue in self._issues.found)

    def issues_about(self, user_id: int, call_id: str) -> list[Issue]:
        """The issues of a user and of a call. Either may be empty."""
        about = {user_id, call_id} - {0, ""}
        return [each for each in self._issues.found if {each.user_id, each.call_id} & about]

    def history(self) -> list[SampleRow]:
        """The figures of the last 15 minutes, oldest first."""
        return self._history.rows(self.now)

    def events(self) -> list[EventRow]:
        """The latest events, newest first."""
        return [event_row(event) for event in self._event_log.latest()]

    def unsaved_events(self) -> list[Event]:
        """Events that are not in the store yet, oldest first."""
        return self._event_log.unsaved(UNSAVED_SHOWN)
