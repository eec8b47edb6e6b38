"""Attempts: failed sign-ins by account and by address, counted in the store so that a restart forgets none."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from pymongo.errors import DuplicateKeyError

from models.errors import TooMany
from models.guard import GuardedCollection


class SignInLimits:
    """A count and the end of its window for each account and address. A document: `_id`, `failures`, `until`."""

    def __init__(
        self, sign_in_limits: GuardedCollection, *, window_seconds: float, per_account: int, per_address: int
    ) -> None:
        self._sign_in_limits = sign_in_limits
        self._window = timedelta(seconds=window_seconds)
        self._per_account = per_account
        self._per_address = per_address

    async def check(self, account: str, address: str, now: datetime) -> None:
        """Raises TooMany when the account or the address has failed too often in its window."""
        limits = {f"account:{account}": self._per_account, f"address:{address}": self._per_address}
        rows = await self._sign_in_limits.find({"_id": {"$in": list(limits)}, "until": {"$gt": now}})
        spent = [row["until"] for row in rows if row["failures"] >= limits[row["_id"]]]
        if spent:
            wait = math.ceil((max(spent) - now).total_seconds())
            raise TooMany("Too many failed sign-ins, try again later", retry_after=max(1, wait))

    async def failed(self, account: str, address: str, now: datetime) -> None:
        """Count one failure."""
        for key in (f"account:{account}", f"address:{address}"):
            counted = await self._sign_in_limits.update_one(
                {"_id": key, "until": {"$gt": now}}, {"$inc": {"failures": 1}}
            )
            if not counted.matched_count:
                await self._open_window(key, now)

    async def succeeded(self, account: str) -> None:
        """Forget the account's failures. The address keeps its own: it may be guessing at others."""
        await self._sign_in_limits.delete_one({"_id": f"account:{account}"})

    async def forget_old(self, now: datetime) -> None:
        """Delete windows that are over."""
        await self._sign_in_limits.delete_many({"until": {"$lte": now}})

    async def _open_window(self, key: str, now: datetime) -> None:
        window = {"failures": 1, "until": now + self._window}
        try:
            await self._sign_in_limits.update_one({"_id": key, "until": {"$lte": now}}, {"$set": window}, upsert=True)
        except DuplicateKeyError:  # another failure opened it in the meantime
            await self._sign_in_limits.update_one({"_id": key}, {"$inc": {"failures": 1}})
