"""Row failures: in a loop over many rows, one that fails is logged and skipped, so that the others go on."""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog

LOG_SECONDS = 60.0
"""Failures of one kind are logged at most this often."""

_log = structlog.stdlib.get_logger("rollcall.rows")


class RowFailures:
    """Counts the failures of each kind and logs them from time to time. The clock is monotonic, in seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._next_log_at: dict[str, float] = {}
        self._unlogged: dict[str, int] = {}
        """Failures of each kind since its last log event."""

    def note(self, kind: str, row: object, error: Exception) -> None:
        """Note that a row was skipped. `kind` says in which loop, `row` is its id."""
        count = self._unlogged.get(kind, 0) + 1
        now = self._clock()
        if now < self._next_log_at.get(kind, now):
            self._unlogged[kind] = count
            return
        self._unlogged[kind] = 0
        self._next_log_at[kind] = now + LOG_SECONDS
        _log.error("skipped a row that failed", kind=kind, row=str(row)[:100], failures=count, exc_info=error)
