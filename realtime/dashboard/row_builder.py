"""Describer: entries, calls and sockets as the rows that operators see."""

from __future__ import annotations

from collections.abc import Callable

from models.calls import Call
from models.status import state_of
from realtime.calls.switchboard import Switchboard
from realtime.clock import Clock, milliseconds
from realtime.dashboard.rows import CallRow, Explanation, SessionRow, UserRow
from realtime.presence.registry import Registry, UserEntry
from realtime.sockets.hub import Hub
from realtime.sockets.session import Session


class RowBuilder:
    """Looks, and keeps nothing. `waiting` says in words which action waits for the end of a user's call."""

    def __init__(
        self,
        registry: Registry,
        switchboard: Switchboard,
        hub: Hub,
        clock: Clock,
        waiting: Callable[[int], str],
        *,
        grace_seconds: float,
    ) -> None:
        self._registry = registry
        self._switchboard = switchboard
        self._hub = hub
        self._clock = clock
        self._waiting = waiting
        self._grace_seconds = grace_seconds

    def user(self, entry: UserEntry) -> UserRow:
        """One user's row."""
        user_id, status = entry.profile.user_id, entry.status
        call = self._call_of(entry)
        image = status.profile_image_url or ""
        return UserRow(
            user_id=user_id,
            username=status.username,
            state=state_of(status),
            since=milliseconds(entry.state_since),
            heard=milliseconds(entry.last_seen),
            because=because(entry, call, self._partner(call, user_id), self._clock, grace_seconds=self._grace_seconds),
            device=self._device(user_id) if entry.sessions else "",
            sockets=entry.sessions,
            image=image if image[:8].lower() == "https://" else "",
            call_id=entry.claims.call_id or "",
            waiting=self._waiting(user_id),
            disabled=entry.disabled,
        )

    def naming(self, entry: UserEntry) -> list[int]:
        """The users whose rows name this one: who is in the same call."""
        call = self._call_of(entry)
        return [user_id for user_id in call.participants if user_id in self._registry] if call else []

    def call(self, call: Call) -> CallRow:
        """One call's row."""
        return CallRow(
            call_id=call.call_id,
            caller_id=call.caller_id,
            caller_name=self._name(call.caller_id),
            callee_id=call.callee_id,
            callee_name=self._name(call.callee_id),
            call_type=call.call_type,
            started_at=milliseconds(call.started_at),
        )

    def is_current(self, row: CallRow) -> bool:
        """Whether a call's row is as it would be now: names change."""
        return row.caller_name == self._name(row.caller_id) and row.callee_name == self._name(row.callee_id)

    def session(self, session: Session) -> SessionRow:
        """One socket's row."""
        return SessionRow(
            session_id=session.session_id,
            channel=session.channel,
            device=session.device,
            address=session.address,
            opened_at=self._clock.wall_of(session.opened_at),
            heard_at=self._clock.wall_of(session.heard_at),
        )

    def _call_of(self, entry: UserEntry) -> Call | None:
        call_id = entry.claims.call_id
        return None if call_id is None else self._switchboard.find(call_id)

    def _partner(self, call: Call | None, user_id: int) -> str:
        if call is None:
            return ""
        return self._name(call.callee_id if call.caller_id == user_id else call.caller_id)

    def _name(self, user_id: int) -> str:
        entry = self._registry.find(user_id)
        return entry.profile.username if entry else f"user {user_id}"

    def _device(self, user_id: int) -> str:
        """Of the newest socket."""
        sessions = self._hub.of_user(user_id)
        return max(sessions, key=lambda each: each.opened_at).device if sessions else ""


_WENT = {"timed_out": "timed out", "disconnected": "disconnected", "operator": "disconnected by an operator"}


def because(entry: UserEntry, call: Call | None, partner: str, clock: Clock, *, grace_seconds: float) -> Explanation:
    """Why this user is available, busy or offline. `call` is the one the user is in, `partner` who else is."""
    if not entry.status.is_online:
        return Explanation(why_offline(entry))
    if entry.status.is_busy:
        return _why_busy(entry, call, partner)
    return _why_available(entry, clock, grace_seconds)


def why_offline(entry: UserEntry) -> str:
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


def _why_busy(entry: UserEntry, call: Call | None, partner: str) -> Explanation:
    if call is not None:
        return Explanation(f"on a call with {partner},", milliseconds(call.started_at))
    if entry.claims.call_id is not None:
        return Explanation("on a call that is not ongoing")
    if entry.claims.busy_until is not None:
        return Explanation("set busy until", milliseconds(entry.claims.busy_until), "clock")
    return Explanation("set busy")


def _why_available(entry: UserEntry, clock: Clock, grace_seconds: float) -> Explanation:
    if entry.sessions:
        return Explanation("connected")
    if entry.heartbeat_at is not None and entry.heartbeat_until > entry.grace_until:
        return Explanation("heartbeat", milliseconds(entry.heartbeat_at), tail=" ago")
    until = clock.wall_of(entry.grace_until)
    if entry.grace_until - entry.evidence_at > grace_seconds:  # no lost connection is given so long
        return Explanation("held after a restart,", until, "down", " left")
    return Explanation("connection lost,", until, "down", " of grace left")
