"""Rate limits: token buckets, and counts within a sliding window. The caller passes the time."""

from __future__ import annotations

from collections import deque


class TokenBucket:
    """Allows `burst` at once, and `per_second` after that."""

    __slots__ = ("_burst", "_left", "_per_second", "_stamp")

    def __init__(self, burst: float, per_second: float, now: float) -> None:
        self._burst = burst
        self._per_second = per_second
        self._left = burst
        self._stamp = now

    def take(self, now: float) -> bool:
        """Take one token. False if there is none."""
        self._left = min(self._burst, self._left + (now - self._stamp) * self._per_second)
        self._stamp = now
        if self._left < 1:
            return False
        self._left -= 1
        return True

    def is_full(self, now: float) -> bool:
        """Whether the bucket is full, so that it need not be kept."""
        return self._left + (now - self._stamp) * self._per_second >= self._burst


class SlidingWindow:
    """At most `limit` within any `seconds`."""

    __slots__ = ("_limit", "_seconds", "_times")

    def __init__(self, limit: int, seconds: float) -> None:
        self._limit = limit
        self._seconds = seconds
        self._times: deque[float] = deque(maxlen=limit)

    def take(self, now: float) -> bool:
        """Count one more. False, and nothing is counted, if the window is full."""
        if self.opens_at(now) > now:
            return False
        self._times.append(now)
        return True

    def opens_at(self, now: float) -> float:
        """When one more is allowed: now or later."""
        if len(self._times) < self._limit:
            return now
        return max(now, self._times[0] + self._seconds)


class Strikes:
    """Refused commands of one socket, by kind. A kind's window is created with its first strike."""

    def __init__(self) -> None:
        self._windows: dict[str, SlidingWindow] = {}

    def add(self, kind: str, limit: int, seconds: float, now: float) -> bool:
        """Count one strike. Returns whether it is still forgiven."""
        window = self._windows.get(kind)
        if window is None:
            window = self._windows[kind] = SlidingWindow(limit, seconds)
        return window.take(now)


class Buckets:
    """A token bucket for each key in use. Full buckets are dropped, so that unused keys cost nothing."""

    def __init__(self, burst: float, per_second: float) -> None:
        self._burst = burst
        self._per_second = per_second
        self._buckets: dict[int | str, TokenBucket] = {}

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, key: int | str, now: float) -> bool:
        """Take one token from the key's bucket. False if there is none."""
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = TokenBucket(self._burst, self._per_second, now)
        return bucket.take(now)

    def drop_full(self, now: float) -> None:
        """Drop the buckets that are full."""
        self._buckets = {key: bucket for key, bucket in self._buckets.items() if not bucket.is_full(now)}
