"""Clock: steady seconds for deadlines, wall time for people."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from models.status import utc_milliseconds


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


def milliseconds(moment: datetime) -> int:
    """An aware moment as milliseconds since 1970."""
    return round(moment.timestamp() * 1000)
