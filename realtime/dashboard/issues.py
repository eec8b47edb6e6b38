"""Issues: finds what needs attention, once a second, in memory and in the result of the store check."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import TypeVar

import msgspec

from models.calls import Call
from models.events import Event
from realtime.calls.ongoing import OngoingCalls
from realtime.clock import Environment
from realtime.dashboard.flapping import Flapping
from realtime.dashboard.issue_builder import IssueBuilder
from realtime.dashboard.open_issues import OpenIssues
from realtime.dashboard.rows import Issue, SessionRow
from realtime.dashboard.session_list import SessionList
from realtime.dashboard.store_check import StoreCheck
from realtime.presence.registry import Registry
from realtime.presence.user_entry import UserEntry
from realtime.sockets.session import Session
from settings import Settings

T = TypeVar("T")

LATE = timedelta(seconds=1)
"""Deadlines are met this exactly, unless the server is overloaded."""


class IssueDetector:
    """Finds everything that is wrong now. The cost grows with the calls, the sockets, and the users with a claim."""

    def __init__(
        self,
        settings: Settings,
        environment: Environment,
        registry: Registry,
        calls: OngoingCalls,
        sessions: SessionList,
        store_check: StoreCheck,
        open_issues: OpenIssues,
    ) -> None:
        self._settings = settings
        self._failures = environment.failures
        self._registry = registry
        self._calls = calls
        self._sessions = sessions
        self._store_check = store_check
        self._open = open_issues
        self._clock = environment.clock
        self._build = IssueBuilder(registry, environment.clock)
        self._flapping = Flapping(settings.flapping_changes, settings.flapping_seconds)
        self._claiming: set[int] = set()
        """Users with a claim to be busy."""
        self._silent_ids: set[str] = set()
        """This server's sockets that are silent."""
        self.on_silence: Callable[[Iterable[str]], None] = _ignore
        """Called with sockets of this server that have fallen silent, or are silent no more."""
        self.on_detected: Callable[[], None] = _ignore
        """Called after each search, whether or not it has found anything new."""
        self.user_ids: set[int] = set()
        """The users whom the issues concern."""

    def note_event(self, event: Event, at: float) -> None:
        """Count an event of steady time `at`. An operator's action resets the count: somebody is dealing with it."""
        if event.kind == "action" or event.user_id not in self._registry:
            self._flapping.forget(event.user_id)
        elif event.kind not in ("call_started", "call_ended"):
            self._flapping.note(event.user_id, at)

    def review(self, entry: UserEntry) -> None:
        """Note whether the user has a claim to be busy; the claims may have changed."""
        if entry.claims.set_busy or entry.claims.call_id is not None:
            self._claiming.add(entry.profile.user_id)
        else:
            self._claiming.discard(entry.profile.user_id)

    def forget(self, user_id: int) -> None:
        """A user was deleted."""
        self._claiming.discard(user_id)
        self._flapping.forget(user_id)

    def detect(self) -> None:
        """Find all issues there are now."""
        calls = [*self._calls.all(), *self._store_check.stray_calls.values()]
        found = {each.key: self._open.as_known(each) for each in self._all(calls)}
        self._add_strays(found)
        self._tell_silence(found)
        if self._open.take(found):
            self.user_ids = {user_id for each in self.found for user_id in self.about(each)}
        self.on_detected()

    def about(self, issue: Issue) -> tuple[int, ...]:
        """The users whom an issue concerns."""
        if issue.user_id and not issue.also:
            return (issue.user_id,)
        call = self._calls.find(issue.call_id) or self._store_check.stray_calls.get(issue.call_id)
        return call.participants if call else ()

    @property
    def found(self) -> list[Issue]:
        """All issues; see OpenIssues."""
        return self._open.issues

    def _all(self, calls: list[Call]) -> Iterator[Issue]:
        silent_before = self._clock.now() - self._settings.silent_socket_seconds
        yield from self._each("call", calls, self._in_call)
        yield from self._each("user in calls", _by_user(calls).items(), self._in_two_calls)
        yield from self._each("call lock", self._store_check.dead_locks.items(), self._dead_lock)
        yield from self._each("stored busy status", self._store_check.stored_busy.items(), self._stored_busy)
        yield from self._each("claim", self._claiming, self._claim)
        yield from self._each("socket", self._sessions.hub.heard_before(silent_before), self._silent)
        yield from self._each("socket elsewhere", self._sessions.silent_elsewhere(), self._silent_elsewhere)
        yield from self._each("flapping", self._flapping.users(self._clock.now()), self._flap)

    def _each(self, kind: str, rows: Iterable[T], check: Callable[[T], Iterator[Issue]]) -> Iterator[Issue]:
        """The issues of all rows. A row whose check fails is logged and skipped."""
        for row in rows:
            try:
                found = list(check(row))
            except Exception as error:
                self._failures.note(f"issues: {kind}", row, error)
            else:
                yield from found

    def _in_call(self, call: Call) -> Iterator[Issue]:
        offline = [user_id for user_id in call.participants if not self._is_online(user_id)]
        if offline:
            yield self._build.call_with_offline(call, offline)
        if self._clock.utc() - call.started_at > timedelta(seconds=self._settings.long_call_seconds):
            yield self._build.long_call(call, self._settings.long_call_seconds)

    def _in_two_calls(self, row: tuple[int, list[Call]]) -> Iterator[Issue]:
        """Of several calls the one to end is a call that only the store knows, or else the oldest."""
        user_id, theirs = row
        if len(theirs) > 1:
            surplus = min(theirs, key=lambda call: (self._calls.find(call.call_id) is not None, call.started_at))
            yield self._build.two_calls(user_id, theirs, surplus)

    def _add_strays(self, found: dict[str, Issue]) -> None:
        """A call that only the store knows is an issue of its own, unless something else is wrong with it."""
        reported = {each.call_id for each in found.values()}
        strays = [call for call_id, call in self._store_check.stray_calls.items() if call_id not in reported]
        for stray in self._each("stray call", strays, lambda call: iter([self._build.stray_call(call)])):
            found[stray.key] = self._open.as_known(stray)

    def _dead_lock(self, row: tuple[int, str]) -> Iterator[Issue]:
        yield self._build.dead_claim(*row)

    def _stored_busy(self, row: tuple[int, datetime | None]) -> Iterator[Issue]:
        user_id, until = row
        if until is not None and until < self._clock.utc():
            yield self._build.busy_until_past(user_id, until)
        else:
            yield self._build.stored_busy(user_id)

    def _claim(self, user_id: int) -> Iterator[Issue]:
        claims = self._registry.get(user_id).claims
        if claims.call_id is not None and self._calls.find(claims.call_id) is None:
            yield self._build.dead_claim(user_id, claims.call_id)
        if claims.busy_until is not None and self._clock.utc() - claims.busy_until > LATE:
            yield self._build.busy_until_past(user_id, claims.busy_until)

    def _silent(self, found: tuple[int, Session]) -> Iterator[Issue]:
        user_id, session = found
        silent = self._silent_socket(user_id, self._sessions.row(session))
        known = self._open.find(silent.key)  # computed again, its wall time would differ slightly
        yield msgspec.structs.replace(silent, because=known.because) if known else silent

    def _silent_elsewhere(self, found: tuple[int, SessionRow]) -> Iterator[Issue]:
        yield self._silent_socket(*found)

    def _silent_socket(self, user_id: int, session: SessionRow) -> Issue:
        return self._build.silent_socket(user_id, session, self._sessions.count(user_id) - 1)

    def _tell_silence(self, found: Mapping[str, Issue]) -> None:
        """Let the other servers know which sockets of this one are silent."""
        silent_ids = {
            each.session_id
            for each in found.values()
            if each.kind == "silent_socket" and self._sessions.hub.find(each.session_id)
        }
        if silent_ids != self._silent_ids:
            changed, self._silent_ids = silent_ids ^ self._silent_ids, silent_ids
            self.on_silence(changed)

    def _flap(self, user_id: int) -> Iterator[Issue]:
        changes = self._flapping.count(user_id, self._clock.now())
        yield self._build.flapping(self._registry.get(user_id), changes, self._settings.flapping_seconds)

    def _is_online(self, user_id: int) -> bool:
        entry = self._registry.find(user_id)
        return entry is not None and entry.status.is_online


def _ignore(*_: object) -> None:
    """Nobody else needs to know."""


def _by_user(calls: list[Call]) -> dict[int, list[Call]]:
    by_user: defaultdict[int, list[Call]] = defaultdict(list)
    for call in calls:
        for user_id in call.participants:
            by_user[user_id].append(call)
    return by_user
