"""Logins: the store over `logins`. A login is one sign-in with its family of tokens; it ends as a whole."""

from __future__ import annotations

from datetime import datetime

from models.guard import GuardedCollection


class Logins:
    """All logins.

    A document: `_id`, `user_id`, `refresh_id` (the one refresh token that works), `expires_at`, `revoked_at`,
    and once it is revoked `tokens_until`, when the last of its access tokens expires.
    """

    def __init__(self, logins: GuardedCollection) -> None:
        self._logins = logins

    async def ensure_indexes(self) -> None:
        """By user, to end all of one's logins; by the end of revoked tokens, to know those still about at start."""
        await self._logins.create_index([("user_id", 1)])
        await self._logins.create_index([("tokens_until", 1)])

    async def create(self, login_id: str, user_id: int, refresh_id: str, expires_at: datetime) -> None:
        """A new login with its first refresh token."""
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
        """Put a new refresh token in place of the one that was used. False: it was used before, or all is revoked."""
        result = await self._logins.update_one(
            {"_id": login_id, "refresh_id": used, "revoked_at": None},
            {"$set": {"refresh_id": new, "expires_at": expires_at}},
        )
        return result.matched_count == 1

    async def revoke(self, login_id: str, user_id: int, at: datetime, tokens_until: datetime) -> None:
        """End one login. One that isn't in the store, as of a token from the command line, is written down as ended."""
        await self._logins.update_one(
            {"_id": login_id},
            {
                "$set": {"revoked_at": at, "tokens_until": tokens_until},
                "$setOnInsert": {"user_id": user_id, "refresh_id": "", "expires_at": tokens_until},
            },
            upsert=True,
        )

    async def revoke_user(self, user_id: int, at: datetime) -> None:
        """End all of a user's logins."""
        await self._logins.update_many({"user_id": user_id, "revoked_at": None}, {"$set": {"revoked_at": at}})

    async def revoked(self, now: datetime) -> list[tuple[str, datetime]]:
        """(id, end of the last access token) of the revoked logins whose tokens may still be about."""
        rows = await self._logins.find({"tokens_until": {"$gt": now}}, {"tokens_until": 1})
        return [(row["_id"], row["tokens_until"]) for row in rows]

    async def forget_expired(self, before: datetime) -> int:
        """Delete logins whose last refresh token expired before; how many there were."""
        return (await self._logins.delete_many({"expires_at": {"$lt": before}})).deleted_count
