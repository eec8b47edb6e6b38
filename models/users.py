"""Users: the store over the collection `users`.

A document has `_id` (an integer), `username`, `username_key` (unique), `password_hash` (or null), `profile_image_url`
(or null), `created_at`, `disabled`, `token_version` (absent means 0), `kept_login` (absent means none) and
`tokens_after`, which older servers wrote; the claims `set_busy`, `busy_until` and `offline_set_at`; the evidence
`online`, `last_seen` and `heartbeat_at`; `standing`, the current state; and `rev` (absent means 0). Some users have
`external_id`, `tags`, `foreign_tokens_after` or `token_profile`; deleted users have `deleted_at`. Claims are written
one user at a time, evidence only in bulk. Each field is written in one of the two ways, so they never wait for each
other.

Every write except that of evidence raises `rev`. One that depends on what was read before names the `rev` that it read,
and changes nothing if the document has another one by now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

import msgspec
from pymongo import ReturnDocument
from pymongo.errors import BulkWriteError, DuplicateKeyError

from models.documents import value_of
from models.errors import Conflict, Outdated, StoreUnavailable
from models.evidence import save_rows
from models.gathered_inserts import GatheredInserts
from models.guard import GuardedCollection
from models.id_counter import IdCounter
from models.status import Claims
from models.user_documents import (
    PRESENT,
    Evidence,
    IdDocument,
    NewUser,
    PasswordRecord,
    StoredUser,
    UserDocument,
    claims_to_store,
    deletion,
    new_document,
    revoked,
    stored_user,
)
from models.usernames import best_match, possible_keys, username_key

BULK_ROWS = 1000
"""Rows in one write. It stays far below the deadline of a call and MongoDB's limit of 16 MB."""

_TAKEN = "This username is already taken."

_SECRETS = {"password_hash": 0}


class Users:
    """All users, by id and by name."""

    def __init__(self, users: GuardedCollection, counters: GuardedCollection) -> None:
        self._users = users
        self._inserts = GatheredInserts(users)
        self._ids = IdCounter(counters, "user_id")

    async def ensure_indexes(self) -> None:
        """Usernames are unique regardless of case. The users who set themselves busy are queried every few seconds.

        Deletions that were interrupted are queried now and then.

        Raises UnusableStore if the collection belongs to another program, whose ids are not whole numbers.
        """
        await self._ids.check()
        # Values of all types have one order, in which numbers come first.
        for last in await self._users.find({}, {"_id": 1}, sort=[("_id", -1)], limit=1):
            value_of(self._users, last, IdDocument)
        await self._users.create_index([("username_key", 1)], unique=True)
        await self._users.create_index([("set_busy", 1)])
        await self._users.create_index([("deletion_unfinished", 1)])

    async def next_id(self, count: int = 1) -> int:
        """Reserve the id of a new user, or of several, and return the first."""
        return await self._ids.next(count)

    async def create(
        self,
        new: NewUser,
        created_at: datetime,
        user_id: int | None = None,
        on_found: Callable[[StoredUser], object] | None = None,
    ) -> StoredUser:
        """Add a user, with an id that was reserved before or a new one.

        If it was reserved for an external id, and another request has added the user since, returns that user, and
        passes it to `on_found`. Raises Conflict if the username is taken.
        """
        document = new_document(await self.next_id() if user_id is None else user_id, new, created_at)
        try:
            await self._inserts.insert_one(document)
        except DuplicateKeyError:
            found = None if new.external_id is None else await self.read_back(document["_id"])
            if found is None:
                raise Conflict("USERNAME_TAKEN", _TAKEN) from None
            if on_found is not None:
                on_found(found)
            return found
        return self._stored(document)

    async def create_many(
        self, users: Sequence[NewUser], created_at: datetime, progress: Callable[[int], object] | None = None
    ) -> range:
        """Add many users and return their ids, in the same order. `progress` receives the size of each batch written.

        Raises Conflict if a username is taken (see `taken`), or StoreUnavailable. Both delete the users added so far.
        """
        first = await self._ids.next(len(users))
        ids = range(first, first + len(users))
        documents = [new_document(user_id, new, created_at) for user_id, new in zip(ids, users, strict=True)]
        try:
            for start in range(0, len(documents), BULK_ROWS):
                rows = documents[start : start + BULK_ROWS]
                await self._users.insert_many(rows)
                if progress is not None:
                    progress(len(rows))
        except BulkWriteError:
            await _take_back(self._users, ids)
            raise Conflict("USERNAME_TAKEN", "One of these usernames has just been taken.") from None
        except StoreUnavailable:
            with suppress(StoreUnavailable):
                await _take_back(self._users, ids)
            raise
        return ids

    async def taken(self, usernames: Sequence[str]) -> set[str]:
        """The keys (see `username_key`) of those usernames that are taken."""
        found: set[str] = set()
        keys = [username_key(each) for each in usernames]
        for start in range(0, len(keys), BULK_ROWS):
            rows = await self._users.find(
                {"username_key": {"$in": keys[start : start + BULK_ROWS]}}, {"username_key": 1}
            )
            found.update(row["username_key"] for row in rows)
        return found

    async def get(self, user_id: int) -> StoredUser | None:
        """The user with this id, unless the user was deleted."""
        document = await self._users.find_one(_present(user_id), _SECRETS)
        return self._stored(document) if document else None

    async def read_back(self, user_id: int) -> StoredUser | None:
        """The user after every write that was sent before, also after one that is late; also a deleted user.

        The embedded store reads beside its writes, but keeps writes in order. So this one is a write that changes
        nothing: an absent version means 0.
        """
        document = await self._users.find_one_and_update(
            {"_id": user_id}, {"$max": {"token_version": 0}}, return_document=ReturnDocument.AFTER
        )
        return self._stored(document) if document else None

    async def page(
        self, after_id: int, limit: int, up_to_id: int | None = None, *, with_deleted: bool = False
    ) -> list[StoredUser]:
        """The next users by id, at most `limit`."""
        ids = {"$gt": after_id} if up_to_id is None else {"$gt": after_id, "$lte": up_to_id}
        wanted: dict[str, Any] = {"_id": ids} if with_deleted else {"_id": ids, **PRESENT}
        rows = await self._users.find(wanted, _SECRETS, sort=[("_id", 1)], limit=limit)
        return [self._stored(row) for row in rows]

    async def revisions(self, after_id: int, limit: int) -> list[tuple[int, int]]:
        """(id, rev) of the next users by id, at most `limit`."""
        rows = await self._users.find({"_id": {"$gt": after_id}}, {"rev": 1}, sort=[("_id", 1)], limit=limit)
        return [(row["_id"], row.get("rev") or 0) for row in rows]

    async def created(self, user_ids: Sequence[int]) -> dict[int, datetime]:
        """When these users were created, also those who were deleted since."""
        found: dict[int, datetime] = {}
        for start in range(0, len(user_ids), BULK_ROWS):
            ids = list(user_ids[start : start + BULK_ROWS])
            rows = await self._users.find({"_id": {"$in": ids}}, {"created_at": 1})
            found.update((row["_id"], row["created_at"]) for row in rows)
        return found

    async def credentials(self, username: str) -> PasswordRecord | None:
        """The password's hash of the user with this name."""
        documents = await self._users.find({"username_key": {"$in": possible_keys(username)}})
        row = best_match(documents, "username", username)
        if row is None:
            return None
        return value_of(self._users, {"token_version": 0, **row, "user_id": row["_id"]}, PasswordRecord)

    async def save_profile(self, user_id: int, changes: dict[str, Any], *, rev: int) -> StoredUser:
        """Change `username`, `profile_image_url`, `tags` or `token_profile` and return the user.

        Raises Conflict if the username is taken, or Outdated if there is no such user with this `rev`.
        """
        fields = dict(changes)
        if "username" in fields:
            fields["username_key"] = username_key(fields["username"])
        if "tags" in fields:
            fields["tags"] = sorted(set(fields["tags"]))
        wanted = _read_as(user_id, rev)
        try:
            stored = await self._change(wanted, {"$set": fields, "$inc": {"rev": 1}})
        except DuplicateKeyError:
            # A user whose name became the same as another's keeps it, and its key (see `NameKeys`).
            del fields["username_key"]
            wanted["username"] = fields["username"]
            stored = await self._change(wanted, {"$set": fields, "$inc": {"rev": 1}})
            if stored is None:
                raise Conflict("USERNAME_TAKEN", _TAKEN) from None
        if stored is None:
            raise Outdated
        return stored

    async def save_claims(self, user_id: int, claims: Claims, at: datetime, *, rev: int) -> None:
        """Save the user's claims as of the moment `at`. Raises Outdated if there is no such user with this `rev`."""
        fields = msgspec.structs.asdict(claims_to_store(claims, at))
        result = await self._users.update_one(_read_as(user_id, rev), {"$set": fields, "$inc": {"rev": 1}})
        if result.matched_count == 0:
            raise Outdated

    async def save_evidence(self, rows: Iterable[Evidence]) -> None:
        """Save the evidence about many users in bulk. `last_seen` and `heartbeat_at` never go backwards.

        A row that the store refuses is logged and skipped, and the others are saved.
        """
        waiting = list(rows)
        for start in range(0, len(waiting), BULK_ROWS):
            await save_rows(self._users, waiting[start : start + BULK_ROWS])

    async def disable(self, user_id: int, at: datetime) -> StoredUser | None:
        """Disable the user, revoke all tokens issued before the moment `at`, and return the user."""
        return await self._change(_present(user_id), revoked(at, disabled=True))

    async def enable(self, user_id: int) -> StoredUser | None:
        """Enable the user, and return the user. Tokens that were revoked stay revoked."""
        return await self._change(_present(user_id), {"$set": {"disabled": False}, "$inc": {"rev": 1}})

    async def revoke_tokens(self, user_id: int, at: datetime) -> StoredUser | None:
        """Revoke all of the user's tokens issued before the moment `at`, and return the user."""
        return await self._change(_present(user_id), revoked(at))

    async def delete(self, user_id: int, at: datetime) -> StoredUser | None:
        """Delete all that is personal from the user's document, which stays, and return it.

        What other documents have of the user is left to `Deletions`.
        """
        return await self._change(_present(user_id), revoked(at, **deletion(user_id, at)))

    async def busy(self) -> list[tuple[int, datetime | None]]:
        """(id, busy_until) of all users whose busy status was set by hand."""
        rows = await self._users.find({"set_busy": True}, {"busy_until": 1})
        return [(row["_id"], row.get("busy_until")) for row in rows]

    async def _change(self, wanted: dict[str, Any], update: dict[str, Any]) -> StoredUser | None:
        document = await self._users.find_one_and_update(wanted, update, return_document=ReturnDocument.AFTER)
        return self._stored(document) if document else None

    def _stored(self, document: dict[str, Any]) -> StoredUser:
        return stored_user(value_of(self._users, document, UserDocument))


async def _take_back(users: GuardedCollection, ids: range) -> None:
    for start in range(ids.start, ids.stop, BULK_ROWS):
        await users.delete_many({"_id": {"$gte": start, "$lt": min(start + BULK_ROWS, ids.stop)}})


def _present(user_id: int) -> dict[str, Any]:
    return {"_id": user_id, **PRESENT}


def _read_as(user_id: int, rev: int) -> dict[str, Any]:
    """The filter for a user's document if it still is as it was read, and the user was not deleted."""
    return {"_id": user_id, "rev": rev or {"$in": [0, None]}, **PRESENT}
