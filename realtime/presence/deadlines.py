"""Deadlines: the moments at which a user's evidence of life, or a busy set by hand, ends by itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial

from realtime.clock import Clock
from realtime.presence.registry import UserEntry
from realtime.timers import Timers

Ended = Callable[[UserEntry], None]


class Deadlines:
    """At most two timers a user."""

    def __init__(self, timers: Timers, clock: Clock) -> None:
        self._timers = timers
        self._clock = clock

    def await_silence(self, entry: UserEntry, ended: Ended) -> None:
        """See that silence is noticed. The timer of a user who comes back in time finds evidence, and tells nobody."""
        until = max(entry.heartbeat_until, entry.grace_until)
        key = ("evidence", entry.profile.user_id)
        if entry.sessions == 0 and (entry.alive or until > self._clock.now()):
            self._timers.at(until, key, partial(ended, entry))
        else:
            self._timers.cancel(key)

    def await_busy_end(self, entry: UserEntry, ended: Ended) -> None:
        """See that a busy with an end is over then."""
        key = ("busy", entry.profile.user_id)
        until = entry.claims.busy_until
        if until is None:
            self._timers.cancel(key)
        else:
            left = (until - self._clock.utc()) / timedelta(seconds=1)
            self._timers.at(self._clock.now() + left, key, partial(ended, entry))
