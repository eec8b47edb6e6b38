"""Differences: what has happened and was not told, found by comparing what is with what was told last."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence

from models.calls import Call
from models.webhook_told import ToldCall, ToldUser
from realtime.calls.ongoing import OngoingCalls
from realtime.clock import Clock
from realtime.event_ids import EventIds
from realtime.presence.changelog import ChangeLog
from realtime.presence.registry import Registry
from realtime.webhooks.event import (
    EventData,
    EventType,
    StatusData,
    WebhookEvent,
    call_data,
    changed_data,
    deleted_data,
    digest,
)
from realtime.webhooks.recorder import Recorder


class Differences:
    """One comparison. What it finds happened before everything that the recorder still has.

    A user or a call that changes meanwhile is left out, because the recorder has an event that tells of it.
    """

    def __init__(
        self,
        registry: Registry,
        ongoing: OngoingCalls,
        changes: ChangeLog,
        clock: Clock,
        ids: EventIds,
        recorder: Recorder,
        new_id: Callable[[], str],
    ) -> None:
        self._registry = registry
        self._ongoing = ongoing
        self._changes = changes
        self._clock = clock
        self._ids = ids
        self._recorder = recorder
        self._new_id = new_id
        self._seq = 0
        self._user_ids: list[int] = []

    def begin(self) -> None:
        """Begin a comparison."""
        self._seq = self._recorder.begin_comparison()
        self._user_ids = sorted(entry.profile.user_id for entry in self._registry)

    def end(self) -> None:
        """End the comparison."""
        self._recorder.end_comparison()
        self._user_ids = []

    def missing(self, told: Sequence[ToldUser]) -> list[ToldUser]:
        """Those of these users who are not known any more."""
        return [each for each in told if each.user_id not in self._registry]

    def of_users(
        self, told: Sequence[ToldUser], after_id: int, up_to_id: int | None, deleted: Iterable[ToldUser]
    ) -> list[WebhookEvent]:
        """What was not told of the users with ids after one id and up to another.

        `told` are all notes about them, and `deleted` those who are in no store either.
        """
        notes = {each.user_id: each.digest for each in told}
        end = len(self._user_ids) if up_to_id is None else bisect_right(self._user_ids, up_to_id)
        found = [
            self._of_user(each, notes.get(each))
            for each in self._user_ids[bisect_left(self._user_ids, after_id + 1) : end]
        ]
        found += [self._event("user.deleted", deleted_data(each.user_id, each.external_id)) for each in deleted]
        return [event for event in found if event is not None and not self._is_told_later(event)]

    def baseline(self, after_id: int, limit: int) -> list[ToldUser]:
        """The next users by id, as if their statuses had been told."""
        start = bisect_left(self._user_ids, after_id + 1)
        entries = [self._registry.get(user_id) for user_id in self._user_ids[start : start + limit]]
        return [
            ToldUser(entry.profile.user_id, digest(entry.record.status), entry.profile.external_id) for entry in entries
        ]

    def of_calls(self, calls: Iterable[Call], told: Mapping[str, ToldCall]) -> list[WebhookEvent]:
        """What was not told of these calls, oldest first. Those that end meanwhile are told of by the recorder."""
        found: list[WebhookEvent] = []
        for call in sorted(calls, key=lambda call: (call.started_at, call.call_id)):
            note, id = told.get(call.call_id), call.call_id
            if note is None and not self._recorder.is_touched((id, "call.started")):
                found.append(self._event("call.started", call_data(self._registry, as_started(call))))
            is_told = note is not None and note.ended
            if call.status != "ongoing" and not is_told and not self._recorder.is_touched((id, "call.ended")):
                found.append(self._event("call.ended", call_data(self._registry, call)))
        return found

    def ongoing(self) -> list[Call]:
        """The calls that are ongoing now."""
        return self._ongoing.all()

    def unknown(self, calls: Iterable[Call]) -> list[Call]:
        """Those of these calls that are not ongoing here. The end of the others is still on its way."""
        return [call for call in calls if call.call_id not in self._ongoing]

    def over(self, open_calls: Iterable[ToldCall]) -> list[str]:
        """Those of the calls whose start was told that are not ongoing any more."""
        return [each.call_id for each in open_calls if each.call_id not in self._ongoing]

    def _is_told_later(self, event: WebhookEvent) -> bool:
        """Whether the recorder has an event that tells as much. A change doesn't tell that its user is new."""
        is_new = event.type == "user.created"
        return self._recorder.is_touched((event.subject, event.type) if is_new else event.subject)

    def _of_user(self, user_id: int, told: str | None) -> WebhookEvent | None:
        entry = self._registry.find(user_id)
        if entry is None or told == digest(entry.record.status):
            return None
        if told is None:
            return self._event("user.created", StatusData(user_id, entry.record.status))
        return self._event("status.changed", changed_data(entry.record.status, entry.state.reason, entry.state.by))

    def _event(self, type: EventType, data: EventData) -> WebhookEvent:
        id = self._ids.apart(self._new_id()[:8])
        return WebhookEvent(id, type, self._clock.utc(), self._changes.epoch, self._seq, data)


def as_started(call: Call) -> Call:
    """The call as it was when it started."""
    return Call(call.call_id, call.caller_id, call.callee_id, call.call_type, "ongoing", call.started_at)
