"""Subjects: what a page that follows only a part of everything is about, and what of it can change."""

from __future__ import annotations

from typing import Any

import msgspec

from models.calls import Call
from models.errors import NotFound
from models.events import Event, EventKind
from realtime.calls.ongoing import OngoingCalls
from realtime.dashboard.call_details import call_details
from realtime.dashboard.event_log import EventLog
from realtime.dashboard.overview import Overview
from realtime.dashboard.rows import CallDetails, Explanation, SessionRow
from realtime.presence.registry import Registry


class Subject(msgspec.Struct, frozen=True):
    """A user, a call, or the events of a kind or of a user."""

    page: str
    """`user`, `call` or `events`."""
    user_id: int | None = None
    call_id: str = ""
    kind: EventKind | None = None

    def has(self, event: Event) -> bool:
        """Whether the page shows this event."""
        if self.page == "call":
            return event.call_id == self.call_id
        is_theirs = self.user_id in (None, event.user_id, event.other_id)
        return is_theirs and self.kind in (None, event.kind)


JITTER_MS = 1000
"""A steady moment as wall time is only roughly the same twice."""


class SubjectReader:
    """Reads what pages about one user or one call show, apart from events."""

    def __init__(self, overview: Overview, registry: Registry, calls: OngoingCalls, event_log: EventLog) -> None:
        self._overview = overview
        self._registry = registry
        self._calls = calls
        self._event_log = event_log

    def facts(self, subject: Subject, ended: CallDetails | None = None) -> dict[str, Any]:
        """The fields of a message about it. `ended` is the call of the subject if it is known to have ended."""
        attention = {"attention": self._overview.unattended}
        if subject.page == "call":
            return attention | self._of_call(subject.call_id, ended)
        if subject.page == "user" and subject.user_id is not None:
            return attention | self._of_user(subject.user_id)
        return attention

    def call(self, call_id: str) -> CallDetails | None:
        """An ongoing call."""
        call = self._calls.find(call_id)
        return None if call is None else call_details(call, self._registry)

    def ended_call(self, call: Call) -> CallDetails:
        """A call that has just ended. The log's last event says by whom."""
        return call_details(call, self._registry, self._event_log.after(self._event_log.noted - 1))

    def _of_user(self, user_id: int) -> dict[str, Any]:
        try:
            row = self._overview.row(user_id)
        except NotFound:
            return {"user": None, "sessions": [], "call": None, "issues": []}
        return {
            "user": row,
            "sessions": self._overview.sessions(user_id),
            "call": self.call(row.call_id),
            "issues": self._overview.issues_about(user_id, row.call_id),
        }

    def _of_call(self, call_id: str, ended: CallDetails | None) -> dict[str, Any]:
        return {"call": self.call(call_id) or ended, "issues": self._overview.issues_about(0, call_id)}


def steadied(facts: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """The facts with those times of before that only seem to differ, because they come from the steady clock."""
    user, user_before = facts.get("user"), before.get("user")
    if user is not None and user_before is not None:
        facts["user"] = msgspec.structs.replace(user, because=_steadied_cause(user.because, user_before.because))
    known = {row.session_id: row for row in before.get("sessions", ())}
    if "sessions" in facts:
        facts["sessions"] = [_steadied_session(row, known.get(row.session_id, row)) for row in facts["sessions"]]
    return facts


def _steadied_cause(cause: Explanation, before: Explanation) -> Explanation:
    if cause.at is None or before.at is None or not _is_close(cause.at, before.at):
        return cause
    return msgspec.structs.replace(cause, at=before.at)


def _steadied_session(row: SessionRow, before: SessionRow) -> SessionRow:
    times = {
        name: at for name in ("opened_at", "heard_at") if _is_close(at := getattr(before, name), getattr(row, name))
    }
    return msgspec.structs.replace(row, **times)


def _is_close(one: int, other: int) -> bool:
    return abs(one - other) < JITTER_MS
