"""Retries: when a webhook is sent again, and for how long."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from settings import Settings

DOUBLINGS_MOST = 60
"""Beyond this, a delay has long reached the longest one."""


class Retries:
    """Delays with full jitter: each is random between 0 and a limit that doubles, so that senders spread out.

    `random` returns numbers from 0 up to 1.
    """

    def __init__(self, settings: Settings, random: Callable[[], float]) -> None:
        self._first = settings.webhook_retry_first_seconds
        self._longest = settings.webhook_retry_longest_seconds
        self._span = timedelta(seconds=settings.webhook_retry_span_seconds)
        self._random = random
        self.failures = 0
        """Failures in a row."""

    def succeeded(self) -> None:
        """The receiver has answered."""
        self.failures = 0

    def failed(self) -> float:
        """The receiver has failed. Returns the seconds until the next attempt."""
        limit: float = min(self._longest, self._first * 2.0 ** min(self.failures, DOUBLINGS_MOST))
        self.failures += 1
        return limit * self._random()

    def is_over(self, at: datetime, failing_since: datetime | None, now: datetime) -> bool:
        """Whether a batch was retried for long enough, that is, since it was stored and the receiver failed."""
        return failing_since is not None and now - max(at, failing_since) >= self._span
