"""Call details: one call, ongoing or ended, as its page shows it."""

from __future__ import annotations

from collections.abc import Iterable

from models.calls import Call
from models.events import Event
from models.times import milliseconds
from realtime.dashboard.rows import CallDetails
from realtime.presence.registry import Registry

_WHY = {
    "operator": "an operator ended it",
    "completed": "a participant hung up",
    "dropped": "a participant was offline for too long, or the server found no participant online",
    "cancelled": "the caller gave up",
}
"""Explanations of the end reasons."""


def call_details(call: Call, registry: Registry, events: Iterable[Event] = ()) -> CallDetails:
    """The call with names. `events` of the call say which operator ended it, if one did."""
    names = {user_id: registry.name(user_id) for user_id in call.participants}
    is_over = call.ended_at is not None
    operators = (event.operator for event in events if event.kind == "call_ended" and event.call_id == call.call_id)
    operator = next(operators, "") if is_over else ""
    ended_by_id = 0 if operator else call.ended_by or 0
    return CallDetails(
        call_id=call.call_id,
        caller_id=call.caller_id,
        caller_name=names[call.caller_id],
        callee_id=call.callee_id,
        callee_name=names[call.callee_id],
        call_type=call.call_type,
        started_at=milliseconds(call.started_at),
        status=call.status,
        ended_at=milliseconds(call.ended_at) if call.ended_at is not None else 0,
        ended_by=operator or names.get(ended_by_id, ""),
        ended_by_id=ended_by_id,
        why=_WHY.get("operator" if operator else call.end_reason or "", ""),
    )
