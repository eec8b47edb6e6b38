"""Sign-in limits: failed sign-ins by account and by address. The counts are stored and survive a restart.

An account is locked only for the address that failed, because otherwise anybody could lock anybody out. Failures from
many addresses slow down the sign-ins to an account, and never refuse one.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from models.collection import Filter
from models.errors import StoreUnavailable, TooMany
from models.guard import GuardedCollection
from settings import Settings, variable

OWED_LIMIT = 10_000
"""Accounts and addresses whose attempts during an outage of the store are remembered."""

Now = Callable[[], datetime]


@dataclass
class SignInAttempt:
    """One sign-in while its password is compared. Unless an outcome is set, nothing was compared and nothing counts."""

    outcome: str = ""

    def failed(self) -> None:
        """The password was wrong."""
        self.outcome = "failed"

    def succeeded(self) -> None:
        """The password was right."""
        self.outcome = "succeeded"


class _Line:
    """The attempts of this process on one key. They are counted one after another."""

    def __init__(self) -> None:
        self.turn = asyncio.Lock()
        self.an_end = asyncio.Event()
        """Set when an attempt has ended."""
        self.in_use = 0
        """Attempts that need this line."""
        self.under_way = 0
        """Attempts that are counted and have not ended."""
        self.ended = 0

    def end(self) -> None:
        """An attempt that was counted has ended."""
        self.under_way -= 1
        self.ended += 1
        self.an_end.set()


_SETTINGS = {
    "pair": variable("sign_in_failures_per_account"),
    "address": variable("sign_in_failures_per_address"),
}
"""What raises a limit, by the beginning of its key."""


class SignInLimits:
    """Counts failures in a window: of an account from one address, of an address, and of an account from anywhere.

    A document has `_id`, `failures` and `until` (the end of the window). An attempt is counted as a failure before its
    password is compared, and no longer if it was right. So attempts at the same time cannot exceed a limit together.
    """

    def __init__(
        self,
        sign_in_limits: GuardedCollection,
        settings: Settings,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._sign_in_limits = sign_in_limits
        self._window = timedelta(seconds=settings.sign_in_window_seconds)
        self._per_account = settings.sign_in_failures_per_account
        self._per_address = settings.sign_in_failures_per_address
        self._slowed_after = settings.sign_in_failures_until_slow
        self._slow_seconds = settings.sign_in_slow_seconds
        self._pause = pause
        self._lines: dict[str, _Line] = {}
        self._owed: Counter[str] = Counter()
        """Attempts that the store may still count, because it could not be reached when they ended."""

    @asynccontextmanager
    async def attempt(self, account: str, address: str, now: Now) -> AsyncIterator[SignInAttempt]:
        """Around the comparison of a password. `address` is a key of `address_key`.

        Raises TooMany if the address has failed too often, with this account or with any. Attempts that are compared
        at this moment may turn out to be right, so the next one waits for them instead.
        """
        attempt, here = SignInAttempt(), f"pair:{address} {account}"
        async with (
            self._reserved(here, self._per_account, now, attempt),
            self._reserved(f"address:{address}", self._per_address, now, attempt),
            self._slowed(f"account:{account}", now, attempt),
        ):
            yield attempt
        if attempt.outcome == "succeeded":
            await self._sign_in_limits.delete_one({"_id": here})

    async def forget_old(self, now: datetime) -> None:
        """Delete the counts whose window has ended."""
        await self._sign_in_limits.delete_many({"until": {"$lte": now}})

    @asynccontextmanager
    async def _reserved(self, key: str, limit: int, now: Now, attempt: SignInAttempt) -> AsyncIterator[None]:
        """Count the attempt on the key, and count it no longer unless it failed. Raises TooMany."""
        line = self._lines.setdefault(key, _Line())
        line.in_use += 1
        try:
            async with line.turn:
                await self._reserve(key, limit, now, line)
            try:
                yield
            finally:
                try:
                    await self._settle(key, attempt)
                finally:
                    line.end()
        finally:
            line.in_use -= 1
            if not line.in_use:
                del self._lines[key]

    @asynccontextmanager
    async def _slowed(self, key: str, now: Now, attempt: SignInAttempt) -> AsyncIterator[None]:
        """Count the attempt on the account, and pause if there were too many from anywhere."""
        if await self._count(key, now()) > self._slowed_after:
            await self._pause(self._slow_seconds)
        try:
            yield
        finally:
            await self._settle(key, attempt)

    async def _reserve(self, key: str, limit: int, now: Now, line: _Line) -> None:
        """Count an attempt. At the limit, wait until one that is under way has ended, and try again. Raises TooMany."""
        while True:
            ended = line.ended
            line.an_end.clear()
            full_until = await self._take(key, limit, now())
            if full_until is None:
                line.under_way += 1
                return
            if line.ended == ended and not line.under_way:
                wait = math.ceil((full_until - now()).total_seconds())
                raise TooMany(
                    f"Too many failed sign-ins. Try again in {max(1, math.ceil(wait / 60))} min.",
                    retry_after=max(1, wait),
                    setting=_SETTINGS[key.partition(":")[0]],
                )
            if line.ended == ended:
                await line.an_end.wait()

    async def _take(self, key: str, limit: int, now: datetime) -> datetime | None:
        """Count an attempt in the store. At the limit, count nothing and return the end of the window."""
        while True:
            if await self._add(key, now, {"failures": {"$lt": limit}}) is not None:
                return None
            full = await self._sign_in_limits.find_one({"_id": key})
            if full is not None:  # a success may have deleted it
                until: datetime = full["until"]
                return until

    async def _count(self, key: str, now: datetime) -> int:
        """Count an attempt in the store without a limit. Returns how many there are."""
        return await self._add(key, now, {}) or 1

    async def _add(self, key: str, now: datetime, condition: Filter) -> int | None:
        """Count an attempt in the current window, or in a new one. None if the current does not meet the condition."""
        until = now + self._window
        await self._pay(key)
        try:
            with suppress(DuplicateKeyError):  # there is a window, but it is over or does not meet the condition
                counted = await self._sign_in_limits.find_one_and_update(
                    {"_id": key, "until": {"$gt": now}, **condition},
                    {"$inc": {"failures": 1}, "$setOnInsert": {"until": until}},
                    upsert=True,
                    return_document=ReturnDocument.AFTER,
                )
                return int(counted["failures"]) if counted else 1
            renewed = await self._sign_in_limits.update_one(
                {"_id": key, "until": {"$lte": now}}, {"$set": {"failures": 1, "until": until}}
            )
        except StoreUnavailable:
            self._owe(key)
            raise
        return 1 if renewed.matched_count else None

    async def _settle(self, key: str, attempt: SignInAttempt) -> None:
        """Count an attempt no longer unless it failed."""
        if attempt.outcome != "failed":
            self._owe(key)
            with suppress(StoreUnavailable):
                await self._pay(key)

    def _owe(self, key: str) -> None:
        """An attempt is to be counted no longer: now, or when the store can be reached again."""
        if len(self._owed) < OWED_LIMIT:
            self._owed[key] += 1

    async def _pay(self, key: str) -> None:
        """Count no longer what is not to be counted."""
        owed = self._owed.pop(key, 0)
        if not owed:
            return
        try:
            await self._sign_in_limits.update_one(
                {"_id": key, "failures": {"$gte": owed}}, {"$inc": {"failures": -owed}}
            )
        except StoreUnavailable:
            self._owed[key] += owed
            raise
