"""Logins: the store over `logins`. A login is one sign-in and its token family, which are revoked together."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from models.guard import GuardedCollection

NOBODY = 0
"""The `user_id` of logins that stay revoked after their user was deleted. No user has this id."""


class UsedToken(msgspec.Struct, frozen=True):
    """A refresh token that was used: which one, and when its successor was made."""

    token_id: str
    generation: int
    """The number of the token in its family. The first is 0."""
    at: datetime
    steady_at: float
    """The same moment as `at` on the steady clock of the process that noted it."""
    process_id: str
    expires_at: datetime
    """When its successor expires."""


class Login(msgspec.Struct, frozen=True):
    """A login, as far as a refresh needs it. `refresh_id` is the newest refresh token, which has not been used yet."""

    refresh_id: str
    generation: int
    is_revoked: bool
    used: list[UsedToken]


class Logins:
    """All logins.

    A document has `_id`, `user_id`, `refresh_id` (the newest refresh token, not used yet), `expires_at` and
    `revoked_at`. One that was refreshed also has `generation`, the number of that token in its family, and `used`, the
    tokens before it that may still be used again. A revoked login also has `tokens_until`, when the last of its access
    tokens expires.
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

    async def get(self, login_id: str) -> Login | None:
        """The login with this id."""
        row = await self._logins.find_one({"_id": login_id})
        return _login(row) if row else None

    async def rotate(self, login_id: str, following: str, used: Sequence[UsedToken]) -> bool:
        """Note the use of the newest token, the last of `used`, and make `following` the newest.

        Returns False if that token was used before or the login is revoked.
        """
        use = used[-1]
        result = await self._logins.update_one(
            {"_id": login_id, "refresh_id": use.token_id, "revoked_at": None},
            {
                "$set": {
                    "refresh_id": following,
                    "generation": use.generation + 1,
                    "used": [msgspec.structs.asdict(each) for each in used],
                    "expires_at": use.expires_at,
                }
            },
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

    async def forget_user(self, user_id: int) -> None:
        """Delete all logins of a user who was deleted."""
        await self._logins.delete_many({"user_id": user_id})

    async def revoked(self, after: datetime) -> list[tuple[str, datetime]]:
        """(login id, tokens_until) of the revoked logins whose last access token expires after a moment."""
        rows = await self._logins.find({"tokens_until": {"$gt": after}}, {"tokens_until": 1})
        return [(row["_id"], row["tokens_until"]) for row in rows]

    async def forget_expired(self, before: datetime) -> int:
        """Delete the logins whose refresh token expired before a moment and return their number."""
        return (await self._logins.delete_many({"expires_at": {"$lt": before}})).deleted_count


def _login(row: dict[str, Any]) -> Login:
    """Logins that were never refreshed by this version have neither `generation` nor `used`."""
    used = [UsedToken(**each) for each in row.get("used", [])]
    return Login(row["refresh_id"], row.get("generation", 0), row["revoked_at"] is not None, used)
