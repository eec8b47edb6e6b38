"""Sign-ins: the store over `sign_ins`. A sign-in is one operator's time at the dashboard; a cookie holds its secret.

A document: `_id` (the hash of the secret, never the secret), `operator_id`, `started_at`, `seen_at`, `address`,
`device`. One that has ended is deleted.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from models.guard import GuardedCollection


class SignIn(msgspec.Struct, frozen=True):
    """One sign-in. `sign_in_id` is the hash of its secret: whoever reads it can't sign in by it."""

    sign_in_id: str
    operator_id: int
    started_at: datetime
    seen_at: datetime
    address: str
    device: str


class SignIns:
    """All sign-ins."""

    def __init__(self, sign_ins: GuardedCollection) -> None:
        self._sign_ins = sign_ins

    async def ensure_indexes(self) -> None:
        """By operator, to end all of one's."""
        await self._sign_ins.create_index([("operator_id", 1)])

    async def create(self, secret_hash: str, operator_id: int, at: datetime, address: str, device: str) -> SignIn:
        """A new sign-in."""
        document = {
            "_id": secret_hash,
            "operator_id": operator_id,
            "started_at": at,
            "seen_at": at,
            "address": address,
            "device": device,
        }
        await self._sign_ins.insert_one(document)
        return _sign_in(document)

    async def get(self, secret_hash: str) -> SignIn | None:
        """One sign-in, unless it has ended."""
        document = await self._sign_ins.find_one({"_id": secret_hash})
        return _sign_in(document) if document else None

    async def touch(self, secret_hash: str, at: datetime) -> None:
        """Note that its operator is there. One that has ended stays ended."""
        await self._sign_ins.update_one({"_id": secret_hash}, {"$max": {"seen_at": at}})

    async def end(self, secret_hash: str) -> None:
        """End one."""
        await self._sign_ins.delete_one({"_id": secret_hash})

    async def end_all(self, operator_id: int) -> None:
        """End all of an operator's."""
        await self._sign_ins.delete_many({"operator_id": operator_id})

    async def forget_old(self, before_started: datetime, before_seen: datetime) -> int:
        """Delete those that are over by their age or for want of a sign of life; how many there were."""
        over = {"$or": [{"started_at": {"$lt": before_started}}, {"seen_at": {"$lt": before_seen}}]}
        return (await self._sign_ins.delete_many(over)).deleted_count


def _sign_in(row: dict[str, Any]) -> SignIn:
    return SignIn(
        sign_in_id=row["_id"], **{name: row[name] for name in SignIn.__struct_fields__ if name != "sign_in_id"}
    )
