"""Describer: entries, calls and sockets as the rows that operators see."""

from __future__ import annotations

from collections.abc import Callable

from models.calls import Call
from models.status import state_of
from realtime.because import because
from realtime.clock import Clock, milliseconds
from realtime.device import device_name
from realtime.directory import Directory, Entry
from realtime.hub import Hub
from realtime.rows import CallRow, SessionRow, UserRow
from realtime.session import Session
from realtime.switchboard import Switchboard


class Describer:
    """Looks, and keeps nothing. `waiting` says in words which action waits for the end of a user's call."""

    def __init__(
        self,
        directory: Directory,
        switchboard: Switchboard,
        hub: Hub,
        clock: Clock,
        waiting: Callable[[int], str],
        *,
        grace_seconds: float,
    ) -> None:
        self._directory = directory
        self._switchboard = switchboard
        self._hub = hub
        self._clock = clock
        self._waiting = waiting
        self._grace_seconds = grace_seconds

    def user(self, entry: Entry) -> UserRow:
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

    def naming(self, entry: Entry) -> list[int]:
        """The users whose rows name this one: who is in the same call."""
        call = self._call_of(entry)
        return [user_id for user_id in call.participants if user_id in self._directory] if call else []

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
            device=device_name(session.device),
            address=session.address,
            opened_at=self._clock.wall_of(session.opened_at),
            heard_at=self._clock.wall_of(session.heard_at),
        )

    def _call_of(self, entry: Entry) -> Call | None:
        call_id = entry.claims.call_id
        return None if call_id is None else self._switchboard.find(call_id)

    def _partner(self, call: Call | None, user_id: int) -> str:
        if call is None:
            return ""
        return self._name(call.callee_id if call.caller_id == user_id else call.caller_id)

    def _name(self, user_id: int) -> str:
        entry = self._directory.find(user_id)
        return entry.profile.username if entry else f"user {user_id}"

    def _device(self, user_id: int) -> str:
        """Of the newest socket."""
        sessions = self._hub.of_user(user_id)
        return device_name(max(sessions, key=lambda each: each.opened_at).device) if sessions else ""
