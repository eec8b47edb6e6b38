"""Chronicle: from announced changes and calls to events, the latest of them at hand, the newest not yet saved."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import islice

from models.calls import Call
from models.events import Event, EventKind
from models.status import state_of
from realtime.clock import Clock
from realtime.presence.registry import Registry, UserEntry
from realtime.protocol import Reason

UNSAVED_EVENTS = 20_000
"""Kept for a store that cannot be reached: some minutes of a busy server. Then the oldest are given up."""

_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00Z")


class EventLog:
    """What happened. `tell` hears of each event as it is noted; `tag` tells two servers' events apart."""

    def __init__(self, registry: Registry, clock: Clock, tag: str, *, shown: int) -> None:
        self._registry = registry
        self._clock = clock
        self._tag = tag
        self._latest: deque[Event] = deque(maxlen=shown)
        self._unsaved: deque[Event] = deque(maxlen=UNSAVED_EVENTS)
        self._listeners: list[Callable[[Event], None]] = []
        self._millisecond = 0
        self._count = 0
        self._ending: dict[str, str] = {}
        """Calls that an operator is ending, and which operator."""
        self.given_up = 0
        """Events that were never saved."""

    def listen(self, listener: Callable[[Event], None]) -> None:
        """Be told of each event."""
        self._listeners.append(listener)

    def restore(self, newest_first: list[Event]) -> None:
        """At start: the latest events of the process before."""
        self._latest.extend(reversed(newest_first))

    def latest(self) -> list[Event]:
        """The latest events, newest first."""
        return list(reversed(self._latest))

    def status_announced(self, entry: UserEntry, reason: Reason) -> None:
        """A status was announced. An event is what changed the state; a new name is none."""
        state = state_of(entry.status)
        if state == entry.witnessed:
            return
        entry.witnessed = state
        by = entry.cause_by if reason == "operator" else ""
        self._note(state, entry, reason, operator=by)

    def call_changed(self, call: Call) -> None:
        """A call began or ended."""
        caller = self._registry.find(call.caller_id)
        if caller is None:
            return
        if call.status == "ongoing":
            self._note("call_started", caller, call.call_type, call)
        else:
            by = self._ending.pop(call.call_id, "")
            self._note("call_ended", caller, call.end_reason or "dropped", call, operator=by)

    def acted(self, user_ids: tuple[int, ...], action: str, operator: str) -> None:
        """An operator did something."""
        for user_id in user_ids:
            entry = self._registry.find(user_id)
            if entry is not None:
                self._note("action", entry, action, operator=operator)

    def ended_by_operator(self, call_id: str, operator: str) -> None:
        """The call's end that is about to be noted is an operator's doing."""
        self._ending[call_id] = operator

    def not_ended(self, call_id: str) -> None:
        """It did not come to it."""
        self._ending.pop(call_id, None)

    def unsaved(self, limit: int) -> list[Event]:
        """The oldest events that are not saved."""
        return list(islice(self._unsaved, limit))

    def saved(self, events: list[Event]) -> None:
        """These are in the store."""
        for event in events:
            if self._unsaved and self._unsaved[0] is event:  # else it was given up meanwhile
                self._unsaved.popleft()

    def _note(
        self, kind: EventKind, entry: UserEntry, cause: str, call: Call | None = None, *, operator: str = ""
    ) -> None:
        other = self._registry.find(call.callee_id) if call else None
        event = Event(
            event_id=self._next_id(),
            at=self._clock.utc(),
            kind=kind,
            user_id=entry.profile.user_id,
            username=entry.profile.username,
            cause=cause,
            other_id=call.callee_id if call else None,
            other_name=other.profile.username if other else "",
            call_id=call.call_id if call else "",
            duration_seconds=call.duration_seconds if call else None,
            operator=operator,
        )
        self.given_up += len(self._unsaved) == UNSAVED_EVENTS
        self._latest.append(event)
        self._unsaved.append(event)
        for listener in self._listeners:
            listener(event)

    def _next_id(self) -> str:
        """By milliseconds, then by number; a clock that goes back doesn't make later events earlier."""
        millisecond = (self._clock.utc() - _EPOCH) // timedelta(milliseconds=1)
        if millisecond > self._millisecond:
            self._millisecond, self._count = millisecond, 0
        else:
            self._count += 1
        return f"{self._millisecond:012x}{self._count:06x}{self._tag}"
