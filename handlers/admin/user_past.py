"""User past: reads from the stores what is known of one user's past."""

from __future__ import annotations

from datetime import datetime, timedelta

from models.calls import Call
from models.errors import UnusableStore
from models.events import Event
from models.recorded_spans import Span as RecordedSpan
from models.stores import Stores
from models.times import from_milliseconds, milliseconds
from realtime.clock import Clock
from realtime.dashboard.day_spans import ENDLESS, KnownCall, KnownState, Past
from realtime.dashboard.overview import Overview
from realtime.dashboard.pauses import RunningTime, pauses_of
from realtime.dashboard.span_text import NEVER
from realtime.presence.registry import Registry
from realtime.presence.user_entry import UserEntry
from settings import Settings

CHANGES_LIMIT = 10_000
"""Changes of state that are read: those of a user who changes once a minute for a week."""

CALLS_LIMIT = 5000
"""Calls that are read."""

RUNS_LIMIT = 200
"""Runs of servers that are read. Of a week with more restarts, the earliest pauses are not shown."""

CHECKPOINTS_LIMIT = 10
"""Checkpoints that are read, of the latest starts: some 10 ms each with 5,000 users."""

STATES = ("available", "busy", "offline")


class UserPasts:
    """The pasts of users, each over a day or a week."""

    def __init__(
        self, stores: Stores, overview: Overview, registry: Registry, clock: Clock, settings: Settings
    ) -> None:
        self._stores = stores
        self._overview = overview
        self._registry = registry
        self._clock = clock
        self._settings = settings

    async def between(self, user_id: int, start: int, end: int) -> Past:
        """What is known of the time between two moments. Raises NotFound, StoreUnavailable."""
        entry, first, last = self._registry.get(user_id), from_milliseconds(start), from_milliseconds(end)
        changes, recorded_since = await self._changes(user_id, first, last)
        calls = await self._stores.calls.overlapping(user_id, first, last, CALLS_LIMIT)
        running = await self._stores.recorded_spans.overlapping(first, last, RUNS_LIMIT)
        of_entry = _known_of_entry(entry, recorded_since)
        if any(event.at <= first for event in changes):  # which says more than that the user was new once
            of_entry = [each for each in of_entry if each.cause != NEVER]
        states = [*of_entry, *(_known_of_event(event) for event in changes)]
        for span in [each for each in running if first < each.began_at < last][:CHECKPOINTS_LIMIT]:
            # A state can have changed while no server was running.
            states += await self._known_at(user_id, span.began_at)
        if all(state.at > start for state in states):
            states += await self._known_at(user_id, first)
        return Past(
            states=states,
            calls=[self._known_call(call, user_id) for call in calls],
            pauses=pauses_of(_running_time(span) for span in running),
            recorded_since=milliseconds(recorded_since),
            created_at=milliseconds(entry.record.created_at),
        )

    async def _changes(self, user_id: int, first: datetime, last: datetime) -> tuple[list[Event], datetime]:
        """The changes between two moments and the nearest one outside, and the moment since which none is missing."""
        events = self._stores.events
        kept_since = self._clock.utc() - timedelta(days=self._settings.events_days)
        recorded_since = await events.complete_since(kept_since, self._settings.events_limit)
        changes = await events.states(user_id, first, last, CHANGES_LIMIT)
        if len(changes) == CHANGES_LIMIT:
            recorded_since = max(recorded_since, changes[-1].at)
        else:
            # The first change after these moments may tell what was before it.
            nearest = await events.state_before(user_id, first) or await events.state_after(user_id, first)
            changes += [] if nearest is None else [nearest]
        unsaved = self._overview.unsaved_events()
        changes += [event for event in unsaved if event.user_id == user_id and event.kind in STATES]
        return changes, recorded_since

    async def _known_at(self, user_id: int, at: datetime) -> list[KnownState]:
        """What the last checkpoint up to a moment says: the state then, and when it began."""
        checkpoint = await self._stores.checkpoints.last_until(at)
        if checkpoint is None:
            return []
        try:
            users, _ = await self._stores.checkpoints.rows(checkpoint)
        except UnusableStore:
            return []
        return [
            KnownState(moment, user.state, user.cause, user.by)
            for user in users
            if user.user_id == user_id
            for moment in (user.since, milliseconds(checkpoint.at))
        ]

    def _known_call(self, call: Call, user_id: int) -> KnownCall:
        other_id = call.other(user_id)
        return KnownCall(
            call_id=call.call_id,
            start=milliseconds(call.started_at),
            end=ENDLESS if call.ended_at is None else milliseconds(call.ended_at),
            other_id=other_id,
            other_name=self._registry.name(other_id),
        )


def _known_of_entry(entry: UserEntry, recorded_since: datetime) -> list[KnownState]:
    """The user's current state, and that of a new user if all changes since are recorded."""
    created_at, state = entry.record.created_at, entry.state
    known = [KnownState(milliseconds(state.since), state.state, NEVER if state.since == created_at else "")]
    if created_at >= recorded_since:
        known.append(KnownState(milliseconds(created_at), "offline", NEVER))
    return known


def _running_time(span: RecordedSpan) -> RunningTime:
    return RunningTime(milliseconds(span.began_at), milliseconds(span.until), span.server)


def _known_of_event(event: Event) -> KnownState:
    return KnownState(milliseconds(event.at), event.kind, event.cause, event.operator)  # type: ignore[arg-type]
