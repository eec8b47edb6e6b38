"""Clock: steady seconds for deadlines, wall time for people; and the environment that the core runs in."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from models.row_failures import RowFailures
from models.times import milliseconds, utc_milliseconds
from realtime.counters import Counters


class Clock:
    """Time as the core sees it.

    Steady time moves on by at most `stall_seconds` between two ticks. A server that was stopped or blocked for longer
    saw no evidence meanwhile and must not take that for silence: every deadline moves by what it missed.
    """

    def __init__(self, monotonic: Callable[[], float], wall: Callable[[], datetime], *, stall_seconds: float) -> None:
        self._monotonic = monotonic
        self._wall = wall
        self._stall_seconds = stall_seconds
        self._ticked_at = monotonic()
        self._base = 0.0

    def now(self) -> float:
        """Steady seconds since the start."""
        return self._base + min(self._monotonic() - self._ticked_at, self._stall_seconds)

    def tick(self) -> float:
        """Note that the loop is alive; to be called much more often than `stall_seconds`. Returns `now`."""
        self._base = self.now()
        self._ticked_at = self._monotonic()
        return self._base

    def utc(self) -> datetime:
        """Wall time, aware, to the millisecond. Never compared with a deadline."""
        return utc_milliseconds(self._wall())

    def wall_of(self, steady: float) -> int:
        """The wall time of a steady moment, in milliseconds since 1970: for people, and only roughly the same twice."""
        return milliseconds(self.utc() + timedelta(seconds=steady - self.now()))


@dataclass(frozen=True)
class Environment:
    """What the core takes from outside: time, ids, and ways to do things later."""

    clock: Clock
    unix_now: Callable[[], float]
    elapsed: Callable[[], float]
    """Exact seconds for measuring. Deadlines use the clock."""
    call_later: Callable[[float, Callable[[], None]], object]
    spawn: Callable[[Coroutine[Any, Any, None]], None]
    """Run a coroutine in the background, and log its failure."""
    new_id: Callable[[], str]
    """A text that is never returned twice."""
    counters: Counters = field(default_factory=Counters)
    failures: RowFailures = field(default_factory=RowFailures)
    """Rows that were skipped."""
