"""Row builder: turns entries, calls and sockets into the rows that operators see, and explains each state."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from models.calls import Call
from models.direction import in_sentence
from models.status import state_of
from models.times import milliseconds
from realtime.calls.ongoing import OngoingCalls
from realtime.clock import Clock
from realtime.dashboard.rows import AGO, CallRow, Explanation, UserRow
from realtime.dashboard.session_list import SessionList
from realtime.presence.registry import Registry
from realtime.presence.user_entry import UserEntry
from settings import Settings

SOCKET_UNTOLD = timedelta(seconds=3)
"""So long a socket on another server may not be known here yet."""


ROUNDING = 0.001
"""Seconds by which the difference of two steady times may be wrong."""


class RowBuilder:
    """Keeps no state of its own. `waiting` describes the action that waits for the end of a user's call."""

    def __init__(
        self,
        settings: Settings,
        registry: Registry,
        calls: OngoingCalls,
        sessions: SessionList,
        clock: Clock,
        waiting: Callable[[int], str],
    ) -> None:
        self._registry = registry
        self._calls = calls
        self._sessions = sessions
        self._clock = clock
        self._waiting = waiting
        self._grace_seconds = settings.grace_seconds

    def user(self, entry: UserEntry) -> UserRow:
        """The row of one user."""
        user_id, status = entry.profile.user_id, entry.status
        call, sockets = self._call_of(entry), self._sessions.count(user_id)
        image = status.profile_image_url or ""
        return UserRow(
            user_id=user_id,
            username=status.username,
            state=state_of(status),
            since=milliseconds(entry.state.since),
            heard=0 if was_never_online(entry) else max(milliseconds(entry.last_seen), self._sessions.heard(user_id)),
            because=explain(
                entry,
                call,
                self._partner(call, user_id),
                self._clock,
                sockets=sockets,
                grace_seconds=self._grace_seconds,
            ),
            device=self._sessions.device(user_id) if sockets else "",
            sockets=sockets,
            image=image if image[:8].lower() == "https://" else "",
            call_id=entry.claims.call_id or "",
            waiting=self._waiting(user_id),
            disabled=entry.disabled,
            tags=entry.record.tags,
            set_busy=entry.claims.set_busy,
        )

    def naming(self, entry: UserEntry) -> list[int]:
        """The users whose rows name this one: both participants of the user's call."""
        call = self._call_of(entry)
        return [user_id for user_id in call.participants if user_id in self._registry] if call else []

    def call(self, call: Call) -> CallRow:
        """The row of one call."""
        return CallRow(
            call_id=call.call_id,
            caller_id=call.caller_id,
            caller_name=self._registry.name(call.caller_id),
            callee_id=call.callee_id,
            callee_name=self._registry.name(call.callee_id),
            call_type=call.call_type,
            started_at=milliseconds(call.started_at),
        )

    def is_current(self, row: CallRow) -> bool:
        """Whether a call's row still has the current names."""
        return row.caller_name == self._registry.name(row.caller_id) and row.callee_name == self._registry.name(
            row.callee_id
        )

    def _call_of(self, entry: UserEntry) -> Call | None:
        call_id = entry.claims.call_id
        return None if call_id is None else self._calls.find(call_id)

    def _partner(self, call: Call | None, user_id: int) -> str:
        return "" if call is None else self._registry.name(call.other(user_id))


_WENT = {"timed_out": "timed out", "disconnected": "disconnected", "operator": "disconnected by an operator"}


def explain(
    entry: UserEntry, call: Call | None, partner: str, clock: Clock, *, sockets: int, grace_seconds: float
) -> Explanation:
    """Why this user is available, busy or offline.

    `call` is the user's call, `partner` the name of the other party, and `sockets` counts those on all servers.
    """
    if not entry.status.is_online:
        return Explanation(explain_offline(entry))
    if entry.status.is_busy:
        return _explain_busy(entry, call, partner)
    if sockets:
        return Explanation("connected")
    if entry.is_elsewhere and not entry.has_evidence(clock.now()):
        return _explain_elsewhere(entry, clock)
    return _explain_available(entry, clock, grace_seconds)


def was_never_online(entry: UserEntry) -> bool:
    """Whether the user has been offline since the account was created."""
    return entry.state.state == "offline" and entry.state.since == entry.record.created_at


def explain_offline(entry: UserEntry) -> str:
    """Why this user is offline."""
    by = in_sentence(entry.state.by)
    if entry.disabled:
        return "disabled"
    if entry.claims.set_offline:
        return f"forced offline by {by}" if by else "set offline"
    if was_never_online(entry):
        return "never came online"
    if by:
        return f"disconnected by {by}"
    return _WENT.get(entry.state.reason, "no sign of life")


def _explain_busy(entry: UserEntry, call: Call | None, partner: str) -> Explanation:
    if call is not None:
        return Explanation(f"on a call with {in_sentence(partner)},", milliseconds(call.started_at))
    if entry.claims.call_id is not None:
        return Explanation("on a call that is not ongoing")
    if entry.claims.busy_until is not None:
        return Explanation("set busy until", milliseconds(entry.claims.busy_until), "clock")
    return Explanation("set busy")


def _explain_elsewhere(entry: UserEntry, clock: Clock) -> Explanation:
    """A user of another server, which alone knows how long the evidence lasts."""
    if entry.record.heartbeat_on:
        return Explanation("heartbeat to another server")
    is_new = entry.state.reason == "connected" and clock.utc() - entry.state.since < SOCKET_UNTOLD
    return Explanation("connected" if is_new else "connection lost, in the grace period of another server")


def _explain_available(entry: UserEntry, clock: Clock, grace_seconds: float) -> Explanation:
    if entry.heartbeat_at is not None and entry.heartbeat_until > entry.grace_until:
        return Explanation("heartbeat", milliseconds(entry.heartbeat_at), tail=AGO)
    until = clock.wall_of(entry.grace_until)
    grace = entry.grace_until - entry.evidence_at
    if grace > grace_seconds + ROUNDING:  # longer than that of a lost connection
        return Explanation("held for", until, "down", " more after a restart")
    return Explanation("connection lost,", until, "down", " of grace left")
