"""Recorder: keeps the events that are not stored for webhooks yet."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice

from models.calls import Call
from realtime.clock import Clock
from realtime.event_ids import EventIds
from realtime.presence.changelog import ChangeLog
from realtime.presence.log import OperatorAction
from realtime.presence.record import Record
from realtime.presence.registry import Registry
from realtime.presence.user_entry import UserEntry
from realtime.protocol import Reason
from realtime.webhooks.event import (
    ActionData,
    DeletedData,
    EventData,
    EventType,
    IssueData,
    StatusData,
    WebhookEvent,
    call_data,
    changed_data,
    deleted_data,
    user_ref,
)
from settings import Settings


class Recorder:
    """What has happened and was not stored yet, in the order in which it happened.

    Every server records everything, but only one of them tells it. The others keep the latest events, so that one of
    them can go on where the teller stopped. If the teller has more to store than fits into memory, it drops all of it:
    a comparison of what is with what was told then finds the latest states.
    """

    def __init__(self, settings: Settings, registry: Registry, changes: ChangeLog, clock: Clock, ids: EventIds) -> None:
        self._limit = settings.webhook_unsaved_events
        self._registry = registry
        self._changes = changes
        self._clock = clock
        self._ids = ids
        self._events: deque[WebhookEvent] = deque()
        self._known: set[int] = set()
        """The users who were there at the start, or were told of since. Others are new."""
        self._dropped_id = ""
        """The id of the newest event that was dropped because there were too many."""
        self.is_telling = False
        """Whether this is the server that tells."""
        self.has_lost = False
        """Whether events were dropped that nobody else tells. Until a comparison begins, nothing is recorded."""
        self.has_skipped = False
        """Whether records were taken into memory without the entries that led to them."""
        self.touched: set[object] | None = None
        """During a comparison: the subjects of all events since it began, and of those that waited then.

        Each is there alone and with the type of the event.
        """
        self.on_event: Callable[[], object] = _ignore
        """Called when there is something to tell."""

    def __len__(self) -> int:
        return len(self._events)

    def start(self) -> None:
        """Everyone who is known now is not new."""
        self._known = {entry.profile.user_id for entry in self._registry}

    def status_announced(self, entry: UserEntry, reason: Reason, _is_own: bool) -> None:
        """A user's status was announced."""
        user_id, status = entry.profile.user_id, entry.record.status
        if user_id not in self._known:
            self._known.add(user_id)
            self._note("user.created", StatusData(user_id, status))
            return
        self._note("status.changed", changed_data(status, reason, entry.state.by))

    def user_removed(self, _entry: UserEntry, before: Record, _is_own: bool) -> None:
        """A user was deleted. `before` is the record with the user's name."""
        user_id = before.profile.user_id
        self._known.discard(user_id)
        self._note("user.deleted", deleted_data(user_id, before.profile.external_id))

    def call_changed(self, call: Call, _is_own: bool) -> None:
        """A call started or ended."""
        self._note("call.started" if call.status == "ongoing" else "call.ended", call_data(self._registry, call))

    def acted(self, action: OperatorAction, _is_own: bool) -> None:
        """An operator did something."""
        users = [user_ref(self._registry, user_id) for user_id in action.user_ids]
        self._note("operator.acted", ActionData(action.action, action.operator, users))

    def issue_changed(self, type: EventType, issue: IssueData, unique: str) -> None:
        """An issue began, was acknowledged, or ended. Only the server that tells says so.

        Each server finds issues by itself, so their events have no place in the log, and ids of their own.
        """
        self._note(type, issue, self._ids.apart(unique))

    def skipped(self) -> None:
        """Records were read anew: there may have been changes of which no event tells."""
        self.has_skipped = True

    @property
    def must_compare(self) -> bool:
        """Whether only a comparison finds all that has happened."""
        return self.has_lost or self.has_skipped

    def first(self, limit: int) -> list[WebhookEvent]:
        """The oldest events."""
        return list(islice(self._events, limit))

    def stored(self, events: Sequence[WebhookEvent]) -> None:
        """These events, the oldest, are in the store."""
        for event in events:
            if self._events and self._events[0] is event:  # otherwise it was dropped in the meantime
                self._events.popleft()

    def begin_telling(self, last_event_id: str) -> None:
        """This server tells from now on. Everything up to this event was stored already."""
        if self._dropped_id > last_event_id:
            self._events.clear()
        while self._events and self._events[0].id <= last_event_id:
            self._events.popleft()
        self.is_telling, self.has_lost = True, False

    def stop_telling(self) -> None:
        """Another server tells now."""
        self.is_telling = self.has_lost = False

    def begin_comparison(self) -> int:
        """Note what changes from now on. Returns the `seq` of what is found to be different."""
        self.has_lost = self.has_skipped = False
        self.touched = set()
        for event in self._events:
            self._touch(event)
        return self._events[0].seq if self._events else self._changes.seq

    def end_comparison(self) -> None:
        """The comparison is over."""
        self.touched = None

    def is_touched(self, subject: object) -> bool:
        """Whether an event that waits, or one since the comparison began, tells of the subject."""
        return self.touched is not None and subject in self.touched

    def _note(self, type: EventType, data: EventData, id: str = "") -> None:
        if self.has_lost:
            return
        if len(self._events) == self._limit:
            self._make_room()
            if self.has_lost:
                return
        event = WebhookEvent(
            id or self._ids.next(), type, self._clock.utc(), self._changes.epoch, self._seq_of(data), data
        )  # fmt: skip
        self._events.append(event)
        self._touch(event)
        if self.is_telling:
            self.on_event()

    def _touch(self, event: WebhookEvent) -> None:
        if self.touched is not None:
            self.touched |= {event.subject, (event.subject, event.type)}

    def _make_room(self) -> None:
        if self.is_telling:
            self._events.clear()
            self.has_lost = True
        else:
            self._dropped_id = self._events.popleft().id

    def _seq_of(self, data: EventData) -> int:
        """The number of the user's change, if it is one: several are announced at once."""
        of_user = self._changes.latest_seq(data.user_id) if isinstance(data, StatusData | DeletedData) else 0
        return of_user or self._changes.seq


def _ignore() -> None:
    """Nobody waits for events."""
