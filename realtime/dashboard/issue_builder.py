"""Issue builder: describes what is wrong, and what its repair will change."""

from __future__ import annotations

from datetime import datetime

from models.calls import Call
from models.direction import in_sentence
from models.times import milliseconds
from realtime.clock import Clock
from realtime.dashboard.event_text import duration_in_words
from realtime.dashboard.row_builder import explain_offline
from realtime.dashboard.rows import Explanation, Issue, IssueKind, SessionRow
from realtime.dashboard.states_after import states_after
from realtime.presence.registry import Registry
from realtime.presence.user_entry import UserEntry


class IssueBuilder:
    """Builds one issue of each kind. `since` is when it began, or when it was found if the beginning is unknown."""

    def __init__(self, registry: Registry, clock: Clock) -> None:
        self._registry = registry
        self._clock = clock

    def call_with_offline(self, call: Call, offline: list[int]) -> Issue:
        """An ongoing call with a participant who is offline."""
        entries = [entry for user_id in offline if (entry := self._registry.find(user_id))]
        at = max([milliseconds(call.started_at), *(milliseconds(each.state.since) for each in entries)])
        why = ", ".join(dict.fromkeys(explain_offline(each) for each in entries)) or "no such user"
        names = _listed([self._name(user_id) for user_id in offline])
        verb = "has" if len(offline) == 1 else "have"
        because = Explanation(f"{names} {verb} been offline since", at, "clock", f" ({why})")
        return self._of_call("call_with_offline", call, because, at)

    def long_call(self, call: Call, limit_seconds: float) -> Issue:
        """A call that has lasted longer than the limit."""
        began = milliseconds(call.started_at)
        limit = duration_in_words(limit_seconds * 1000) if limit_seconds >= 60 else f"{limit_seconds:g} s"
        because = Explanation("On a call for", began, tail=f" (limit {limit})")
        return self._of_call("long_call", call, because, began + round(limit_seconds * 1000))

    def stray_call(self, call: Call) -> Issue:
        """A call that is ongoing only in the store."""
        because = Explanation(
            "Saved as ongoing, but unknown to the server; started", milliseconds(call.started_at), "clock"
        )
        return self._of_call("busy_without_cause", call, because, self._now())

    def two_calls(self, user_id: int, calls: list[Call], surplus: Call) -> Issue:
        """A user in several calls at once. `surplus` is the call to end."""
        partners = _listed([f"with {self._name(call.other(user_id))}" for call in calls])
        other = self._name(surplus.other(user_id))
        return Issue(
            key=f"two_calls:{user_id}",
            kind="two_calls",
            because=Explanation(f"In {len(calls)} calls at once, {partners}"),
            since=milliseconds(max(call.started_at for call in calls)),
            username=self._registry.name(user_id),
            repair="end_call",
            effect=f"Ends the call with {other}. {self._name(user_id)} stays in the other call",
            user_id=user_id,
            call_id=surplus.call_id,
        )

    def dead_claim(self, user_id: int, call_id: str) -> Issue:
        """A user who is locked by a call that is not ongoing."""
        return Issue(
            key=f"busy_without_cause:{user_id}",
            kind="busy_without_cause",
            because=Explanation(self._why_held(user_id, call_id)),
            since=self._now(),
            username=self._registry.name(user_id),
            repair="end_call",
            effect=f"Removes the leftover busy mark. {states_after(self._registry, [user_id], call_id)}",
            user_id=user_id,
            call_id=call_id,
        )

    def stored_busy(self, user_id: int) -> Issue:
        """A user who is set busy only in the store."""
        rest = "shown as available" if self._is_available(user_id) else "unknown to the server"
        because = Explanation(f"Saved as busy, but {rest}")
        return self._busy("busy_without_cause", user_id, because, self._now())

    def busy_until_past(self, user_id: int, until: datetime) -> Issue:
        """A user who should not be busy any more."""
        at = milliseconds(until)
        return self._busy(
            "busy_until_past", user_id, Explanation("Set busy until", at, "clock", ", which has passed"), at
        )

    def silent_socket(self, user_id: int, session: SessionRow, others: int) -> Issue:
        """An open socket that sends nothing. `others` counts the user's other sockets."""
        heard, device = session.heard_at, session.device
        rest = (
            f"{self._name(user_id)} keeps {others} more"
            if others
            else "The app stays disconnected until it is reopened"
        )
        return Issue(
            key=f"silent_socket:{session.session_id}",
            kind="silent_socket",
            because=Explanation("Silent for", heard, tail=f" on {device}" if device else ""),
            since=heard,
            username=self._registry.name(user_id),
            repair="disconnect",
            effect=f"Closes 1 connection. {rest}",
            user_id=user_id,
            session_id=session.session_id,
        )

    def flapping(self, entry: UserEntry, changes: int, seconds: float) -> Issue:
        """A user whose state changes too often: `changes` times within the last `seconds`."""
        return Issue(
            key=f"flapping:{entry.profile.user_id}",
            kind="flapping",
            because=Explanation(f"Changed state {changes} times in the last {_span(seconds)}"),
            since=self._now(),
            username=entry.profile.username,
            repair="force_offline",
            effect=f"Shows {self._name(entry.profile.user_id)} as offline until the next heartbeat",
            user_id=entry.profile.user_id,
            changes=changes,
        )

    def _why_held(self, user_id: int, call_id: str) -> str:
        """The lock of a call may be in the store alone. Then the user is not busy because of it."""
        entry = self._registry.find(user_id)
        if entry is not None and entry.status.is_online and entry.claims.call_id == call_id:
            return "Busy because of a call that is not ongoing"
        rest = ", but shown as available" if self._is_available(user_id) else ""
        return f"Saved as busy because of a call that is not ongoing{rest}"

    def _is_available(self, user_id: int) -> bool:
        entry = self._registry.find(user_id)
        return entry is not None and entry.status.is_available

    def _of_call(self, kind: IssueKind, call: Call, because: Explanation, since: int) -> Issue:
        return Issue(
            key=f"{kind}:{call.call_id}",
            kind=kind,
            because=because,
            since=since,
            username=_listed([self._name(user_id) for user_id in call.participants]),
            repair="end_call",
            effect=f"Ends the call. {states_after(self._registry, list(call.participants), call.call_id)}",
            call_id=call.call_id,
        )

    def _busy(self, kind: IssueKind, user_id: int, because: Explanation, since: int) -> Issue:
        return Issue(
            key=f"{kind}:{user_id}",
            kind=kind,
            because=because,
            since=since,
            username=self._registry.name(user_id),
            repair="clear_busy",
            effect=f"Clears busy. {states_after(self._registry, [user_id], None, busy_set=False)}",
            user_id=user_id,
        )

    def _name(self, user_id: int) -> str:
        return in_sentence(self._registry.name(user_id))

    def _now(self) -> int:
        return milliseconds(self._clock.utc())


def _listed(names: list[str]) -> str:
    return " and ".join(names)


def _span(seconds: float) -> str:
    """“minute”, “2 h”, “90 min”, “75 s”: the largest unit that gives a whole number."""
    for unit, size in (("hour", 3600), ("minute", 60)):
        if seconds == size:
            return unit
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds > size and seconds % size == 0:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s"
