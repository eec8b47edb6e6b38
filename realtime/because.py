"""Because: why a user's state is what it is, in words."""

from __future__ import annotations

from models.calls import Call
from realtime.clock import Clock, milliseconds
from realtime.directory import Entry
from realtime.rows import Because

_WENT = {"timed_out": "timed out", "disconnected": "disconnected", "operator": "disconnected by an operator"}


def because(entry: Entry, call: Call | None, partner: str, clock: Clock, *, grace_seconds: float) -> Because:
    """Why this user is available, busy or offline. `call` is the one the user is in, `partner` who else is."""
    if not entry.status.is_online:
        return Because(why_offline(entry))
    if entry.status.is_busy:
        return _why_busy(entry, call, partner)
    return _why_available(entry, clock, grace_seconds)


def why_offline(entry: Entry) -> str:
    """Why this user is offline."""
    by = entry.cause_by
    if entry.disabled:
        return "disabled"
    if entry.claims.set_offline:
        return f"forced offline by {by}" if by else "set offline"
    if entry.state_since == entry.created_at:
        return "never came online"
    if by:
        return f"disconnected by {by}"
    return _WENT.get(entry.cause, "no sign of life")


def _why_busy(entry: Entry, call: Call | None, partner: str) -> Because:
    if call is not None:
        return Because(f"on a call with {partner},", milliseconds(call.started_at))
    if entry.claims.call_id is not None:
        return Because("on a call that is not ongoing")
    if entry.claims.busy_until is not None:
        return Because("set busy until", milliseconds(entry.claims.busy_until), "clock")
    return Because("set busy")


def _why_available(entry: Entry, clock: Clock, grace_seconds: float) -> Because:
    if entry.sessions:
        return Because("connected")
    if entry.heartbeat_at is not None and entry.heartbeat_until > entry.grace_until:
        return Because("heartbeat", milliseconds(entry.heartbeat_at), tail=" ago")
    until = clock.wall_of(entry.grace_until)
    if entry.grace_until - entry.evidence_at > grace_seconds:  # no lost connection is given so long
        return Because("held after a restart,", until, "down", " left")
    return Because("connection lost,", until, "down", " of grace left")
