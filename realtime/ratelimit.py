"""Rate limits: token buckets, sliding windows and turns, alone or by key. The caller passes the time."""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

Key = int | str
"""A user's or operator's id, or an address as `models.addresses.address_key` returns it."""


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
        self._refill(now)
        if self._left < 1:
            return False
        self._left -= 1
        return True

    def charge(self, now: float) -> None:
        """Take one token even if there is none. It is then owed."""
        self._refill(now)
        self._left -= 1

    def give_back(self) -> None:
        """Return a token that was not needed."""
        self._left = min(self._burst, self._left + 1)

    def seconds_until_next(self, now: float) -> float:
        """How long until a token can be taken."""
        left = self._left + (now - self._stamp) * self._per_second
        return max(0.0, (1 - left) / self._per_second)

    def is_full(self, now: float) -> bool:
        """Whether the bucket is full, so that it need not be kept."""
        return self._left + (now - self._stamp) * self._per_second >= self._burst

    def _refill(self, now: float) -> None:
        self._left = min(self._burst, self._left + (now - self._stamp) * self._per_second)
        self._stamp = now


class SlidingWindow:
    """At most `limit` within any `seconds`."""

    __slots__ = ("_limit", "_seconds", "_times")

    def __init__(self, limit: int, seconds: float) -> None:
        self._limit = limit
        self._seconds = seconds
        self._times: list[float] = []
        """At most `limit` times. There are few, and an empty deque takes 600 bytes."""

    def take(self, now: float) -> bool:
        """Count one more. False, and nothing is counted, if the window is full."""
        if self.opens_at(now) > now:
            return False
        if len(self._times) == self._limit:
            del self._times[0]
        self._times.append(now)
        return True

    def opens_at(self, now: float) -> float:
        """When one more is allowed: now or later."""
        if len(self._times) < self._limit:
            return now
        return max(now, self._times[0] + self._seconds)


class Strikes:
    """Refused commands of one socket, by kind. A kind's window is created with its first strike."""

    __slots__ = ("_windows",)

    def __init__(self) -> None:
        self._windows: dict[str, SlidingWindow] | None = None

    def add(self, kind: str, limit: int, seconds: float, now: float) -> bool:
        """Count one strike. Returns whether it is still forgiven."""
        if self._windows is None:
            self._windows = {}
        window = self._windows.get(kind)
        if window is None:
            window = self._windows[kind] = SlidingWindow(limit, seconds)
        return window.take(now)


class Buckets:
    """A token bucket for each key in use, for at most `keys_limit` keys.

    The keys are kept in the order of their last use. Those at the front have refilled the longest, so full buckets are
    dropped from there. If there are too many keys, the one used longest ago is forgotten.
    """

    def __init__(self, burst: float, per_second: float, keys_limit: int) -> None:
        self._burst = burst
        self._per_second = per_second
        self._keys_limit = keys_limit
        self._buckets: OrderedDict[Key, TokenBucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, key: Key, now: float) -> bool:
        """Take one token from the key's bucket. False if there is none."""
        return self._bucket(key, now).take(now)

    def charge(self, key: Key, now: float) -> None:
        """Take one token from the key's bucket even if there is none. It is then owed."""
        self._bucket(key, now).charge(now)

    def give_back(self, key: Key) -> None:
        """Return a token that was not needed."""
        bucket = self._buckets.get(key)
        if bucket is not None:
            bucket.give_back()

    def seconds_until_next(self, key: Key, now: float) -> float:
        """How long until the key can take a token."""
        bucket = self._buckets.get(key)
        return bucket.seconds_until_next(now) if bucket is not None else 0.0

    def drop_full(self, now: float) -> None:
        """Drop full buckets, up to the first that is not."""
        while self._buckets:
            key, bucket = next(iter(self._buckets.items()))
            if not bucket.is_full(now):
                return
            del self._buckets[key]

    def _bucket(self, key: Key, now: float) -> TokenBucket:
        bucket = self._buckets.get(key)
        if bucket is None:
            if len(self._buckets) >= self._keys_limit:
                self._buckets.popitem(last=False)
            bucket = self._buckets[key] = TokenBucket(self._burst, self._per_second, now)
        else:
            self._buckets.move_to_end(key)
        return bucket


class Turns:
    """At most `at_once` pieces of work at a time for each key. Up to `waiting_limit` more wait, in order."""

    def __init__(self, at_once: int, waiting_limit: float = math.inf) -> None:
        self._at_once = at_once
        self._waiting_limit = waiting_limit
        self._under_way: dict[Key, int] = {}
        self._waiting: dict[Key, deque[asyncio.Future[None]]] = {}

    def __len__(self) -> int:
        return len(self._under_way)

    def take_free(self, key: Key) -> bool:
        """Take a turn if one is free. `leave` ends the turn."""
        under_way = self._under_way.get(key, 0)
        if under_way >= self._at_once:
            return False
        self._under_way[key] = under_way + 1
        return True

    async def take(self, key: Key) -> bool:
        """Wait for a turn. False, without waiting, if too many are waiting already. `leave` ends the turn."""
        if self.take_free(key):
            return True
        waiting = self._waiting.setdefault(key, deque())
        if len(waiting) >= self._waiting_limit:
            return False
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.leave(key)
            raise
        return True

    @asynccontextmanager
    async def turn(self, key: Key) -> AsyncIterator[None]:
        """Wait for a turn, and end it afterwards. For work that waits without limit."""
        await self.take(key)
        try:
            yield
        finally:
            self.leave(key)

    def leave(self, key: Key) -> None:
        """End a turn. The one that has waited longest is next."""
        waiting = self._waiting.get(key)
        while waiting:
            turn = waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._waiting.pop(key, None)
        self._under_way[key] -= 1
        if not self._under_way[key]:
            del self._under_way[key]
