"""Sign-ins: operators' sessions at the dashboard; the store over the collection `sign_ins`. A cookie holds the secret.

A document has `_id` (the hash of the secret, never the secret itself), `operator_id`, `started_at`, `seen_at`,
`address` and `device`. A sign-in that has ended is deleted.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from models.guard import GuardedCollection


class SignIn(msgspec.Struct, frozen=True):
    """One sign-in. `sign_in_id` is the hash of its secret, so knowing it does not let anyone in."""

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
        """By operator, to end all sign-ins of one."""
        await self._sign_ins.create_index([("operator_id", 1)])

    async def create(self, secret_hash: str, operator_id: int, at: datetime, address: str, device: str) -> SignIn:
        """Add a sign-in."""
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
        """The sign-in with this hash, or None if it has ended."""
        document = await self._sign_ins.find_one({"_id": secret_hash})
        return _sign_in(document) if document else None

    async def of_operator(self, operator_id: int) -> list[SignIn]:
        """All sign-ins of an operator, also those that are too old."""
        return [_sign_in(row) for row in await self._sign_ins.find({"operator_id": operator_id})]

    async def touch(self, secret_hash: str, at: datetime) -> None:
        """Record that the operator is present. A sign-in that has ended stays ended."""
        await self._sign_ins.update_one({"_id": secret_hash}, {"$max": {"seen_at": at}})

    async def end(self, secret_hash: str) -> None:
        """End one sign-in."""
        await self._sign_ins.delete_one({"_id": secret_hash})

    async def end_all(self, operator_id: int) -> None:
        """End all sign-ins of an operator."""
        await self._sign_ins.delete_many({"operator_id": operator_id})

    async def forget_old(self, before_started: datetime, before_seen: datetime) -> int:
        """Delete the sign-ins that are too old or idle for too long, and return their number."""
        over = {"$or": [{"started_at": {"$lt": before_started}}, {"seen_at": {"$lt": before_seen}}]}
        return (await self._sign_ins.delete_many(over)).deleted_count


def _sign_in(row: dict[str, Any]) -> SignIn:
    return SignIn(
        sign_in_id=row["_id"], **{name: row[name] for name in SignIn.__struct_fields__ if name != "sign_in_id"}
    )
