"""Sign-in limits: failed sign-ins by account and by address. The counts are stored and survive a restart."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from pymongo.errors import DuplicateKeyError

from models.errors import TooMany
from models.guard import GuardedCollection


class SignInLimits:
    """Counts failures in a window for each account and each address.

    A document has `_id` (the account or address), `failures` and `until` (the end of the window).
    """

    def __init__(
        self, sign_in_limits: GuardedCollection, *, window_seconds: float, per_account: int, per_address: int
    ) -> None:
        self._sign_in_limits = sign_in_limits
        self._window = timedelta(seconds=window_seconds)
        self._per_account = per_account
        self._per_address = per_address

    async def check(self, account: str, address: str, now: datetime) -> None:
        """Raise TooMany if the account or the address has failed too often within its window."""
        limits = {f"account:{account}": self._per_account, f"address:{address}": self._per_address}
        rows = await self._sign_in_limits.find({"_id": {"$in": list(limits)}, "until": {"$gt": now}})
        spent = [row["until"] for row in rows if row["failures"] >= limits[row["_id"]]]
        if spent:
            wait = math.ceil((max(spent) - now).total_seconds())
            raise TooMany("Too many failed sign-ins. Try again later.", retry_after=max(1, wait))

    async def failed(self, account: str, address: str, now: datetime) -> None:
        """Count one failure."""
        for key in (f"account:{account}", f"address:{address}"):
            counted = await self._sign_in_limits.update_one(
                {"_id": key, "until": {"$gt": now}}, {"$inc": {"failures": 1}}
            )
            if not counted.matched_count:
                await self._open_window(key, now)

    async def succeeded(self, account: str) -> None:
        """Reset the account's count. The address keeps its own, because it may be guessing other passwords."""
        await self._sign_in_limits.delete_one({"_id": f"account:{account}"})

    async def forget_old(self, now: datetime) -> None:
        """Delete the counts whose window has ended."""
        await self._sign_in_limits.delete_many({"until": {"$lte": now}})

    async def _open_window(self, key: str, now: datetime) -> None:
        window = {"failures": 1, "until": now + self._window}
        try:
            await self._sign_in_limits.update_one({"_id": key, "until": {"$lte": now}}, {"$set": window}, upsert=True)
        except DuplicateKeyError:  # a concurrent failure has just opened it
            await self._sign_in_limits.update_one({"_id": key}, {"$inc": {"failures": 1}})
