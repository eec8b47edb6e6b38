"""User passwords: the hashes in the collection `users`, and their replacement, which revokes tokens."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from pymongo import ReturnDocument

from models.collection import Filter
from models.documents import value_of
from models.errors import Outdated
from models.guard import GuardedCollection
from models.user_documents import PRESENT, StoredUser, UserDocument, revoked, stored_user


class StoredPassword(msgspec.Struct, frozen=True, rename={"user_id": "_id"}):
    """A user's password, and which of the user's tokens are revoked. Without a hash, there is no password."""

    user_id: int
    username: str
    password_hash: str | None
    disabled: bool
    tokens_after: datetime | None = None
    token_version: int = 0
    kept_login: str = ""
    rev: int = 0


class UserPasswords:
    """The passwords of all users, by id."""

    def __init__(self, users: GuardedCollection) -> None:
        self._users = users

    async def get(self, user_id: int) -> StoredPassword | None:
        """The password of the user with this id, or None if there is no such user."""
        row = await self._users.find_one({"_id": user_id, **PRESENT})
        return value_of(self._users, row, StoredPassword) if row else None

    async def replace(self, old: StoredPassword, password_hash: str, at: datetime, *, kept_login: str) -> StoredUser:
        """Replace a password, revoke all of the user's tokens except those of one login, and return the user.

        Raises Outdated if the document has been written since the old password was read.
        """
        wanted = {"_id": old.user_id, "rev": old.rev or {"$in": [0, None]}, **PRESENT}
        stored = await self._change(wanted, revoked(at, kept_login, password_hash=password_hash))
        if stored is None:
            raise Outdated
        return stored

    async def set(self, user_id: int, password_hash: str, at: datetime) -> StoredUser | None:
        """Give the user a password, whether or not there was one, revoke all tokens, and return the user."""
        return await self._change({"_id": user_id, **PRESENT}, revoked(at, password_hash=password_hash))

    async def _change(self, wanted: Filter, update: dict[str, Any]) -> StoredUser | None:
        document = await self._users.find_one_and_update(wanted, update, return_document=ReturnDocument.AFTER)
        return stored_user(value_of(self._users, document, UserDocument)) if document else None
