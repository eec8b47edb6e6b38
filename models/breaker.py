"""Breaker: after several failures in a row, calls fail at once instead of each waiting for its deadline."""

from __future__ import annotations

from collections.abc import Callable


class Breaker:
    """While closed, every call goes through. While open, one trial goes through each `retry_seconds`.

    A successful trial closes the breaker. Without it, an unreachable MongoDB would keep Motor's few threads waiting
    for their deadlines, and the calls queued behind them even longer. The clock is monotonic, in seconds.
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
        """Whether a call may go to the store now. While the breaker is open, a yes uses up the current trial."""
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
        """Count a call that the store answered, even if the answer was an error."""
        self._failures_in_a_row = 0
