"""Attention: what operators should look at, found once a second in memory and in what the inspector saw."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator
from datetime import timedelta
from itertools import islice

import msgspec

from models.calls import Call
from models.events import Event
from realtime.calls.switchboard import Switchboard
from realtime.clock import Clock
from realtime.dashboard.issue_builder import IssueBuilder
from realtime.dashboard.rows import Issue
from realtime.dashboard.store_check import StoreCheck
from realtime.presence.registry import Registry, UserEntry
from realtime.sockets.hub import Hub

LATE = timedelta(seconds=1)
"""Deadlines are this exact, or the server has other troubles."""


class AttentionRules(msgspec.Struct, frozen=True):
    """See the settings of the same names."""

    long_call_seconds: float
    silent_socket_seconds: float
    flapping_changes: int
    flapping_seconds: float


class IssueDetector:
    """All contradictions there are. A look costs as much as there are calls, sockets, and users with a claim."""

    def __init__(
        self,
        registry: Registry,
        switchboard: Switchboard,
        hub: Hub,
        store_check: StoreCheck,
        clock: Clock,
        rules: AttentionRules,
    ) -> None:
        self._registry = registry
        self._switchboard = switchboard
        self._hub = hub
        self._store_check = store_check
        self._clock = clock
        self._rules = rules
        self._make = IssueBuilder(registry, hub, clock)
        self._flapping = Flapping(rules.flapping_changes, rules.flapping_seconds)
        self._claiming: set[int] = set()
        """Users with a claim to be busy."""
        self._known: dict[str, Issue] = {}
        self.found: list[Issue] = []
        """The oldest first. Another list whenever something in it changed."""
        self.user_ids: set[int] = set()
        """Whom they are about."""

    def note_event(self, event: Event) -> None:
        """Something happened. An operator's action ends the count of changes: somebody has seen to the user."""
        if event.kind == "action":
            self._flapping.forget(event.user_id)
        elif event.kind not in ("call_started", "call_ended"):
            self._flapping.note(event.user_id, self._clock.now())

    def review(self, entry: UserEntry) -> None:
        """The user's claims may have changed."""
        if entry.claims.set_busy or entry.claims.call_id is not None:
            self._claiming.add(entry.profile.user_id)
        else:
            self._claiming.discard(entry.profile.user_id)

    def look(self) -> None:
        """Find all that is wrong now."""
        calls = [*self._switchboard.ongoing(), *self._store_check.stray_calls.values()]
        found: dict[str, Issue] = {}
        for look in (self._in_calls(calls), self._in_two_calls(calls), self._claims(), self._silent(), self._flaps()):
            found |= {each.key: self._as_known(each) for each in look}
        self._add_strays(found)
        if found != self._known:
            self._known = found
            self.found = sorted(found.values(), key=lambda each: (each.since, each.key))
            self.user_ids = {user_id for each in self.found for user_id in self._about(each, calls)}

    def _as_known(self, found: Issue) -> Issue:
        """The same contradiction has the same beginning, however it was reckoned."""
        known = self._known.get(found.key)
        return msgspec.structs.replace(found, since=known.since) if known else found

    def _in_calls(self, calls: list[Call]) -> Iterator[Issue]:
        longest = timedelta(seconds=self._rules.long_call_seconds)
        utc = self._clock.utc()
        for call in calls:
            offline = [user_id for user_id in call.participants if not self._is_online(user_id)]
            if offline:
                yield self._make.call_with_offline(call, offline)
            if utc - call.started_at > longest:
                yield self._make.long_call(call, self._rules.long_call_seconds)

    def _in_two_calls(self, calls: list[Call]) -> Iterator[Issue]:
        """Of several calls, one that only the store knows is surplus, else the oldest."""
        by_user: defaultdict[int, list[Call]] = defaultdict(list)
        for call in calls:
            for user_id in call.participants:
                by_user[user_id].append(call)
        for user_id, theirs in by_user.items():
            if len(theirs) > 1:
                surplus = min(
                    theirs, key=lambda call: (self._switchboard.find(call.call_id) is not None, call.started_at)
                )
                yield self._make.two_calls(user_id, theirs, surplus)

    def _add_strays(self, found: dict[str, Issue]) -> None:
        """A call of the store's with which nothing else is wrong is wrong by that: the server doesn't know it."""
        reported = {each.call_id for each in found.values()}
        for call_id, call in self._store_check.stray_calls.items():
            if call_id not in reported:
                stray = self._make.stray_call(call)
                found[stray.key] = self._as_known(stray)

    def _claims(self) -> Iterator[Issue]:
        utc = self._clock.utc()
        for user_id, call_id in self._store_check.dead_claims.items():
            yield self._make.dead_claim(user_id, call_id)
        for user_id, until in self._store_check.stored_busy.items():
            if until is not None and until < utc:
                yield self._make.busy_until_past(user_id, until)
            else:
                yield self._make.stored_busy(user_id)
        for user_id in self._claiming:
            claims = self._registry.get(user_id).claims
            if claims.call_id is not None and self._switchboard.find(claims.call_id) is None:
                yield self._make.dead_claim(user_id, claims.call_id)
            if claims.busy_until is not None and claims.busy_until + LATE < utc:
                yield self._make.busy_until_past(user_id, claims.busy_until)

    def _silent(self) -> Iterator[Issue]:
        heard_after = self._clock.now() - self._rules.silent_socket_seconds
        for session in self._hub:
            if session.heard_at < heard_after:
                silent = self._make.silent_socket(session)
                known = self._known.get(silent.key)  # reckoned anew, its wall time would differ a little
                yield msgspec.structs.replace(silent, because=known.because) if known else silent

    def _flaps(self) -> Iterator[Issue]:
        for user_id in self._flapping.users(self._clock.now()):
            entry = self._registry.get(user_id)
            yield self._make.flapping(entry, self._rules.flapping_changes, self._rules.flapping_seconds)

    def _is_online(self, user_id: int) -> bool:
        entry = self._registry.find(user_id)
        return entry is not None and entry.status.is_online

    def _about(self, contradiction: Issue, calls: list[Call]) -> tuple[int, ...]:
        if contradiction.user_id:
            return (contradiction.user_id,)
        return next(call.participants for call in calls if call.call_id == contradiction.call_id)


FORGOTTEN_AT_ONCE = 2000
"""Users whose last change is long ago, at each look: more than change within a second."""


class Flapping:
    """Counts `changes` within `seconds`, by steady time. Costs as much as there were changes within that span."""

    def __init__(self, changes: int, seconds: float) -> None:
        self._changes = changes
        self._seconds = seconds
        self._times: dict[int, deque[float]] = {}
        """The latest changes of each user, in the order of users' last ones."""
        self._suspects: set[int] = set()
        """Who changed often enough at some time."""

    def __len__(self) -> int:
        return len(self._times)

    def note(self, user_id: int, now: float) -> None:
        """The user's state changed."""
        times = self._times.pop(user_id, None) or deque(maxlen=self._changes)
        times.append(now)
        self._times[user_id] = times
        if len(times) == self._changes:
            self._suspects.add(user_id)

    def forget(self, user_id: int) -> None:
        """What was counted of the user counts no more: somebody has seen to it."""
        self._times.pop(user_id, None)
        self._suspects.discard(user_id)

    def users(self, now: float) -> list[int]:
        """Who is flapping."""
        since = now - self._seconds
        for user_id, times in list(islice(self._times.items(), FORGOTTEN_AT_ONCE)):
            if times[-1] >= since:
                break
            self.forget(user_id)
        self._suspects = {user_id for user_id in self._suspects if self._times[user_id][0] >= since}
        return sorted(self._suspects)
