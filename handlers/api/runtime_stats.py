"""Runtime statistics: how the server performed in the last minute, for people. Prometheus has the running totals."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable

import msgspec

SECONDS_KEPT = 60
"""The last minute."""

RATE_SECONDS = 10
"""The span for messages per second."""

STORE_CALLS_KEPT = 1000
"""Latest calls to the store."""


class Second(msgspec.Struct):
    """One second: the longest delay of the loop, and the message totals when the second began."""

    at: int
    worst_lag: float
    messages_in: int
    messages_out: int


class StoreCalls(msgspec.Struct, frozen=True):
    """The latest calls of one operation: how many, how many failed, and the median and longest duration in seconds."""

    operation: str
    count: int
    failed: int
    middle: float
    worst: float


class RuntimeStats:
    """Keeps recent measurements. `now` returns steady seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._started_at = now()
        self._totals: Callable[[], tuple[int, int]] = lambda: (0, 0)
        self._seconds: deque[Second] = deque(maxlen=SECONDS_KEPT)
        self._store: deque[tuple[str, float, bool]] = deque(maxlen=STORE_CALLS_KEPT)

    def read_from(self, messages_in: Counter[str], messages_out: Counter[str]) -> None:
        """Set the counters of messages."""
        self._totals = lambda: (messages_in.total(), messages_out.total())

    def note_lag(self, seconds: float) -> None:
        """Record how late the loop was. Called many times per second, so it also advances the seconds."""
        at = int(self._now())
        if not self._seconds or self._seconds[-1].at != at:
            self._seconds.append(Second(at, seconds, *self._totals()))
        else:
            self._seconds[-1].worst_lag = max(seconds, self._seconds[-1].worst_lag)

    def note_store(self, operation: str, seconds: float, ok: bool) -> None:
        """Record one call to the store."""
        self._store.append((operation, seconds, ok))

    def uptime(self) -> float:
        """Seconds since the server started."""
        return self._now() - self._started_at

    def lag(self) -> tuple[float, float]:
        """(longest delay of the loop in the last second, in the last minute), in seconds."""
        worst = [each.worst_lag for each in self._seconds] or [0.0]
        return worst[-1], max(worst)

    def messages_a_second(self) -> tuple[float, float]:
        """(commands in, messages out) per second, over the last ten seconds."""
        if not self._seconds:
            return 0.0, 0.0
        recent = list(self._seconds)[-RATE_SECONDS:]
        span = max(1.0, self._now() - recent[0].at)
        messages_in, messages_out = self._totals()
        return (messages_in - recent[0].messages_in) / span, (messages_out - recent[0].messages_out) / span

    def store_calls(self) -> list[StoreCalls]:
        """The latest calls to the store by operation, the most frequent first."""
        by_operation: dict[str, list[tuple[float, bool]]] = {}
        for operation, seconds, ok in self._store:
            by_operation.setdefault(operation, []).append((seconds, ok))
        return sorted((_of(name, calls) for name, calls in by_operation.items()), key=lambda each: -each.count)


def _of(operation: str, calls: list[tuple[float, bool]]) -> StoreCalls:
    times = sorted(seconds for seconds, _ in calls)
    failed = sum(not ok for _, ok in calls)
    return StoreCalls(operation, len(calls), failed, times[len(times) // 2], times[-1])
