"""Capture: everybody's state and the ongoing calls at this moment, for a checkpoint."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec

from models.calls import Call
from models.checkpoints import PART_ROWS, PartRows, PastCall, PastUser
from models.times import milliseconds
from realtime.calls.ongoing import OngoingCalls
from realtime.clock import Clock
from realtime.dashboard.event_log import EventLog
from realtime.presence.record import Record
from realtime.presence.registry import Registry


class Capture(msgspec.Struct, frozen=True):
    """What was captured. Records and calls are frozen, so it can be written later."""

    at: datetime
    reached: str
    """The events up to this id are in it."""
    records: list[Record]
    calls: list[Call]

    def parts(self) -> Iterator[PartRows]:
        """The rows of a checkpoint, some at a time."""
        for start in range(0, len(self.records), PART_ROWS):
            yield "users", [past_user(record) for record in self.records[start : start + PART_ROWS]]
        for start in range(0, len(self.calls), PART_ROWS):
            yield "calls", [past_call(call) for call in self.calls[start : start + PART_ROWS]]

    @property
    def newest_user(self) -> int:
        """The greatest id of a user, or 0."""
        return max((record.profile.user_id for record in self.records), default=0)


def capture(registry: Registry, ongoing: OngoingCalls, event_log: EventLog, clock: Clock) -> Capture:
    """Capture everything in one step: some 4 ms for 100,000 users."""
    return Capture(clock.utc(), event_log.reached(), [entry.record for entry in registry], ongoing.all())


def past_user(record: Record) -> PastUser:
    """The row of one user."""
    state = record.state
    cause, by = state.reason, state.by
    if state.state == "offline":
        if record.disabled:
            cause, by = "disabled", ""
        elif record.claims.set_offline:
            cause = "operator" if by else "set"
        elif state.since == record.created_at:
            cause, by = "never", ""
    return PastUser(record.profile.user_id, state.state, milliseconds(state.since), cause, by)


def past_call(call: Call) -> PastCall:
    """The row of one call."""
    return PastCall(call.call_id, call.caller_id, call.callee_id, call.call_type, milliseconds(call.started_at))
