"""Wall time: the time of day, for the clock of the core."""

from __future__ import annotations

import time
from datetime import datetime

from models.times import from_milliseconds


class WallTime:
    """The time in UTC, cut to milliseconds. Within a millisecond it is the same object, because a crowd asks often."""

    def __init__(self) -> None:
        self._count = 0
        self._moment = from_milliseconds(0)

    def __call__(self) -> datetime:
        """The time now."""
        count = time.time_ns() // 1_000_000
        if count != self._count:
            self._count, self._moment = count, from_milliseconds(count)
        return self._moment
