"""Breaker: after some failures in a row, calls fail at once instead of each waiting for its deadline."""

from __future__ import annotations

from collections.abc import Callable


class Breaker:
    """Closed lets every call through. Open lets one trial through each `retry_seconds`; a success closes it.

    Without it an unreachable MongoDB makes every caller wait its deadline in Motor's few threads, and those
    behind them longer. The clock is monotonic, in seconds.
    """

    def __init__(self, failures: int, retry_seconds: float, clock: Callable[[], float]) -> None:
        self._threshold = failures
        self._retry_seconds = retry_seconds
        self._clock = clock
        self._failures_in_a_row = 0
        self._next_trial_at = 0.0

    @property
    def is_open(self) -> bool:
        return self._failures_in_a_row >= self._threshold

    def allows(self) -> bool:
        """Whether a call may go to the store now. While open, a yes uses up the trial of this interval."""
        if not self.is_open:
            return True
        now = self._clock()
        if now < self._next_trial_at:
            return False
        self._next_trial_at = now + self._retry_seconds
        return True

    def failed(self) -> None:
        """Count a call that did not reach the store in time."""
        was_open = self.is_open
        self._failures_in_a_row += 1
        if self.is_open and not was_open:
            self._next_trial_at = self._clock() + self._retry_seconds

    def succeeded(self) -> None:
        """Count a call that the store answered, be it with an error of the call's own."""
        self._failures_in_a_row = 0
