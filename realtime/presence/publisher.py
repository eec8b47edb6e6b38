"""Announcer: numbers a change of status and publishes it, but not more often than a user may cause."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from models.status import Status
from realtime.clock import Clock
from realtime.counters import Counters
from realtime.presence.changelog import Change, ChangeLog
from realtime.presence.registry import UserEntry
from realtime.protocol import Reason
from realtime.ratelimit import SlidingWindow
from realtime.timers import Timers

Publish = Callable[[Sequence[Change]], None]
Note = Callable[[UserEntry, Reason], None]


class Publisher:
    """From a new status to the log and the sockets. `per_second` announcements a user, then the last state wins.

    The last state is told also if it is the one told before: whoever read the status in between, in a snapshot or over
    REST, knows another.
    """

    def __init__(
        self,
        log: ChangeLog,
        timers: Timers,
        clock: Clock,
        publish: Publish,
        note: Note,
        counters: Counters,
        *,
        per_second: int,
        false_offline_seconds: float,
    ) -> None:
        self._log = log
        self._timers = timers
        self._clock = clock
        self._publish = publish
        self._note = note
        self._counters = counters
        self._per_second = per_second
        self._false_offline_seconds = false_offline_seconds

    def announce(self, *entries: UserEntry, reason: Reason) -> None:
        """Tell everyone the entries' status, all of them in one go."""
        changes = [change for entry in entries if (change := self._number(entry, reason))]
        if changes:
            self._publish(changes)

    def note_offline(self, entry: UserEntry, before: Status, reason: Reason) -> None:
        """Count an offline for lack of evidence that is soon taken back: somebody was told wrongly."""
        if not entry.status.is_online:
            entry.offline_since = self._clock.now() if reason in ("disconnected", "timed_out") else None
        elif not before.is_online and entry.offline_since is not None:
            self._counters.false_offlines += self._clock.now() - entry.offline_since < self._false_offline_seconds
            entry.offline_since = None

    def _number(self, entry: UserEntry, reason: Reason) -> Change | None:
        now = self._clock.now()
        key = ("announce", entry.profile.user_id)
        if entry.window is None:
            entry.window = SlidingWindow(self._per_second, 1.0)
        if key in self._timers or not entry.window.take(now):
            self._counters.dropped += 1
            self._timers.at(entry.window.opens_at(now), key, partial(self.announce, entry, reason=reason))
            return None
        self._counters.announced[reason] += 1
        self._note(entry, reason)
        return self._log.append(entry.status, reason)
