"""Logins: the store over `logins`. A login is one sign-in and its token family, which are revoked together."""

from __future__ import annotations

from datetime import datetime

from models.guard import GuardedCollection


class Logins:
    """All logins.

    A document has `_id`, `user_id`, `refresh_id` (the only refresh token that works), `expires_at` and `revoked_at`.
    A revoked login also has `tokens_until`, when the last of its access tokens expires.
    """

    def __init__(self, logins: GuardedCollection) -> None:
        self._logins = logins

    async def ensure_indexes(self) -> None:
        """By user, to revoke all logins of one; by `tokens_until`, to load the revoked logins at start."""
        await self._logins.create_index([("user_id", 1)])
        await self._logins.create_index([("tokens_until", 1)])

    async def create(self, login_id: str, user_id: int, refresh_id: str, expires_at: datetime) -> None:
        """Add a login with its first refresh token."""
        await self._logins.insert_one(
            {
                "_id": login_id,
                "user_id": user_id,
                "refresh_id": refresh_id,
                "expires_at": expires_at,
                "revoked_at": None,
            }
        )

    async def rotate(self, login_id: str, used: str, new: str, expires_at: datetime) -> bool:
        """Replace the used refresh token by a new one. False if it was used before or the login is revoked."""
        result = await self._logins.update_one(
            {"_id": login_id, "refresh_id": used, "revoked_at": None},
            {"$set": {"refresh_id": new, "expires_at": expires_at}},
        )
        return result.matched_count == 1

    async def revoke(self, login_id: str, user_id: int, at: datetime, tokens_until: datetime) -> None:
        """Revoke one login. If it is not stored, as for a token made on the command line, add it as revoked."""
        await self._logins.update_one(
            {"_id": login_id},
            {
                "$set": {"revoked_at": at, "tokens_until": tokens_until},
                "$setOnInsert": {"user_id": user_id, "refresh_id": "", "expires_at": tokens_until},
            },
            upsert=True,
        )

    async def revoke_user(self, user_id: int, at: datetime) -> None:
        """Revoke all logins of a user."""
        await self._logins.update_many({"user_id": user_id, "revoked_at": None}, {"$set": {"revoked_at": at}})

    async def revoked(self, now: datetime) -> list[tuple[str, datetime]]:
        """(login id, tokens_until) of the revoked logins whose access tokens have not all expired."""
        rows = await self._logins.find({"tokens_until": {"$gt": now}}, {"tokens_until": 1})
        return [(row["_id"], row["tokens_until"]) for row in rows]

    async def forget_expired(self, before: datetime) -> int:
        """Delete the logins whose refresh token expired before a moment and return their number."""
        return (await self._logins.delete_many({"expires_at": {"$lt": before}})).deleted_count
