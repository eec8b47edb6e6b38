"""Event log: turns announced changes, calls and operators' actions into events, and keeps those not yet saved."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import datetime
from itertools import islice

import msgspec

from models.calls import Call
from models.events import Event, EventKind
from models.status import state_of
from models.user_documents import anonymous_name
from realtime.clock import Clock
from realtime.event_ids import EventIds
from realtime.presence.log import OperatorAction
from realtime.presence.record import Record
from realtime.presence.registry import Registry
from realtime.presence.user_entry import UserEntry
from realtime.protocol import Reason

UNSAVED_EVENTS = 20_000
"""Kept while the store cannot be reached: a few minutes on a busy server. Beyond it the oldest are dropped."""


RECENT_EVENTS = 2000
"""Kept to tell pages what they missed while they were not connected: some seconds on a very busy server."""


class EventLog:
    """What happened, as events. It hears of a change only after the change was sent to the sockets."""

    def __init__(
        self,
        registry: Registry,
        clock: Clock,
        tag: str,
        *,
        shown: int,
        entry_id: Callable[[], str] = str,
        position: Callable[[], str] = str,
    ) -> None:
        self._registry = registry
        self._clock = clock
        self._ids = EventIds(clock, tag, entry_id, position)
        self._shown = shown
        self._recent: deque[Event] = deque(maxlen=max(shown, RECENT_EVENTS))
        self._began_at = clock.utc()
        self._unsaved: deque[Event] = deque(maxlen=UNSAVED_EVENTS)
        self._new: deque[tuple[Event, float]] = deque(maxlen=UNSAVED_EVENTS)
        self._has_renamed = False
        self._ending: dict[str, str] = {}
        """Calls that an operator is ending, with the operator's name."""
        self.given_up = 0
        """Events that were dropped before they could be saved."""
        self.noted = 0
        """All events so far, also those that other servers save."""
        self.renamings = 0
        """How often names have disappeared from events."""

    def reached(self) -> str:
        """A text between the ids of the events so far and those of later ones."""
        return self._ids.reached()

    def restore(self, newest_first: list[Event]) -> None:
        """At start: take over the latest events of the last process. They may still name users who were deleted."""
        self._recent.extend(self._anonymous(event) for event in reversed(newest_first))
        if newest_first:
            self._began_at = newest_first[-1].at

    def latest(self) -> list[Event]:
        """The latest events, newest first, as many as a page shows."""
        return list(islice(reversed(self._recent), self._shown))

    def recent(self) -> list[Event]:
        """The events that are still in memory, oldest first."""
        return list(self._recent)

    def after(self, noted: int) -> list[Event]:
        """The events since `noted` had this value, oldest first. Of very many, the oldest are missing."""
        return list(islice(reversed(self._recent), self.noted - noted))[::-1]

    @property
    def complete_since(self) -> datetime:
        """Every event after this moment is still in memory."""
        return self._recent[0].at if len(self._recent) == self._recent.maxlen else self._began_at

    def take_new(self) -> list[tuple[Event, float]]:
        """The events since the last call, oldest first, each with its steady time."""
        new = list(self._new)
        self._new.clear()
        return new

    def take_renamed(self) -> bool:
        """Whether names have disappeared from events since the last call."""
        has_renamed, self._has_renamed = self._has_renamed, False
        return has_renamed

    def status_announced(self, entry: UserEntry, reason: Reason, is_own: bool) -> None:
        """A status was announced. Only a change of state is an event; a new name is not.

        The event is saved by the server that appended the change to the log.
        """
        state = state_of(entry.status)
        if state == entry.logged_state:
            return
        entry.logged_state = state
        by = entry.state.by if reason == "operator" else ""
        self._note(state, entry.profile.user_id, reason, operator=by, is_own=is_own)

    def call_changed(self, call: Call, is_own: bool) -> None:
        """A call began or ended. The server that appended that saves the event."""
        if not self._registry.has_known(call.caller_id):
            return
        if call.status == "ongoing":
            self._note("call_started", call.caller_id, call.call_type, call, is_own=is_own)
        else:
            by = self._ending.pop(call.call_id, "")
            self._note("call_ended", call.caller_id, call.end_reason or "dropped", call, operator=by, is_own=is_own)

    def acted(self, action: OperatorAction, is_own: bool) -> None:
        """An operator did something. The server where that was saves the events."""
        for user_id in action.user_ids:
            if user_id in self._registry:
                self._note("action", user_id, action.action, operator=action.operator, is_own=is_own)

    def user_removed(self, entry: UserEntry, _before: Record, _is_own: bool) -> None:
        """A user was deleted, whose name disappears from the events here."""
        user_id, name = entry.profile.user_id, entry.profile.username
        for events in (self._recent, self._unsaved):
            for place, event in enumerate(events):
                events[place] = _renamed(event, user_id, name)
        self._new = deque(((_renamed(event, user_id, name), at) for event, at in self._new), UNSAVED_EVENTS)
        self._has_renamed = True
        self.renamings += 1

    def ended_by_operator(self, call_id: str, operator: str) -> None:
        """An operator is about to end this call."""
        self._ending[call_id] = operator

    def not_ended(self, call_id: str) -> None:
        """The operator did not end the call after all."""
        self._ending.pop(call_id, None)

    def unsaved(self, limit: int) -> list[Event]:
        """The oldest events that are not saved yet."""
        return list(islice(self._unsaved, limit))

    def saved(self, events: list[Event]) -> None:
        """These events are in the store."""
        for event in events:
            # Otherwise it was dropped in the meantime.
            if self._unsaved and self._unsaved[0].event_id == event.event_id:
                self._unsaved.popleft()

    def _anonymous(self, event: Event) -> Event:
        for user_id in (event.user_id, event.other_id):
            if user_id in self._registry.deleted:
                event = _renamed(event, user_id, anonymous_name(user_id))
        return event

    def _note(
        self,
        kind: EventKind,
        user_id: int,
        cause: str,
        call: Call | None = None,
        *,
        operator: str = "",
        is_own: bool,
    ) -> None:
        event = Event(
            event_id=self._ids.next(),
            at=self._clock.utc(),
            kind=kind,
            user_id=user_id,
            username=self._registry.name(user_id),
            cause=cause,
            other_id=call.callee_id if call else None,
            other_name=self._registry.name(call.callee_id) if call and self._registry.has_known(call.callee_id) else "",
            call_id=call.call_id if call else "",
            duration_seconds=call.duration_seconds if call else None,
            operator=operator,
        )
        self._recent.append(event)
        self.noted += 1
        if is_own:
            self.given_up += len(self._unsaved) == UNSAVED_EVENTS
            self._unsaved.append(event)
        self._new.append((event, self._clock.now()))


def _renamed(event: Event, user_id: int, name: str) -> Event:
    """The event with another name of a user."""
    if event.user_id == user_id:
        event = msgspec.structs.replace(event, username=name)
    return msgspec.structs.replace(event, other_name=name) if event.other_id == user_id else event
