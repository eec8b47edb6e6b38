"""Publisher: numbers a change of status and sends it out, though not more often than one user may cause."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from models.status import Status
from realtime.clock import Environment, Timers
from realtime.presence.changelog import Change, ChangeLog
from realtime.presence.registry import UserEntry
from realtime.protocol import Reason
from realtime.ratelimit import SlidingWindow
from settings import Settings

Publish = Callable[[Sequence[Change]], None]
StatusListener = Callable[[UserEntry, Reason], None]


class Publisher:
    """Takes a new status to the change log and the sockets, and only then to `listener`.

    One user causes at most `announcements_per_second`; the last state always follows. It is announced even if it equals
    the one announced before, because a client may have read a state in between from a snapshot or over REST.
    """

    def __init__(
        self,
        settings: Settings,
        environment: Environment,
        log: ChangeLog,
        timers: Timers,
        publish: Publish,
        listener: StatusListener,
    ) -> None:
        self._log = log
        self._timers = timers
        self._clock = environment.clock
        self._counters = environment.counters
        self._publish = publish
        self._listener = listener
        self._per_second = settings.announcements_per_second
        self._false_offline_seconds = settings.false_offline_seconds

    def announce(self, *entries: UserEntry, reason: Reason) -> None:
        """Announce the statuses of these entries to everyone, all at once."""
        now = self._clock.now()
        due = [entry for entry in entries if self._is_due(entry, reason, now)]
        if due:
            self._counters.announced[reason] += len(due)
            self._publish([self._log.append(entry.status, reason) for entry in due])
            for entry in due:
                self._listener(entry, reason)

    def count_false_offline(self, entry: UserEntry, before: Status, reason: Reason) -> None:
        """Count an offline for lack of evidence that is soon taken back: it was announced wrongly."""
        if not entry.status.is_online:
            entry.offline_since = self._clock.now() if reason in ("disconnected", "timed_out") else None
        elif not before.is_online and entry.offline_since is not None:
            self._counters.false_offlines += self._clock.now() - entry.offline_since < self._false_offline_seconds
            entry.offline_since = None

    def _is_due(self, entry: UserEntry, reason: Reason, now: float) -> bool:
        """Whether the user may cause an announcement now. If not, one follows as soon as it may."""
        key = ("announce", entry.profile.user_id)
        if entry.window is None:
            entry.window = SlidingWindow(self._per_second, 1.0)
        if key not in self._timers and entry.window.take(now):
            return True
        self._counters.dropped += 1
        self._timers.at(entry.window.opens_at(now), key, partial(self.announce, entry, reason=reason))
        return False
