"""Name keys: brings the stored keys of users and operators up to date after the rule or Unicode has changed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec
from pymongo.errors import DuplicateKeyError

from models.guard import GuardedCollection
from models.usernames import KEY_VERSION, username_key

PAGE_ROWS = 1000
"""Documents read at a time."""

COLLISIONS_SHOWN = 20
"""The most collisions that are described. The others are only counted."""

_MARKER = "name_keys"
"""The document in `counters` that has the version of all keys."""


class Collision(msgspec.Struct, frozen=True):
    """A document whose name is the same as an earlier one's. It keeps its key, and both are found as spelled."""

    collection: str
    id: int
    name: str
    other_id: int
    other_name: str


class Renewal(msgspec.Struct, frozen=True):
    """How many keys were written, and which names turned out to be the same."""

    renewed: int = 0
    collisions: list[Collision] = []
    more_collisions: int = 0


class NameKeys:
    """The keys of all names. Reads every document, but only once for each version of the key."""

    def __init__(self, users: GuardedCollection, operators: GuardedCollection, counters: GuardedCollection) -> None:
        self._fields = ((users, "username"), (operators, "name"))
        self._counters = counters

    async def renew(self) -> Renewal:
        """Compute the keys anew if they are of another version. Raises StoreUnavailable; the next start goes on."""
        marker = await self._counters.find_one({"_id": _MARKER})
        if marker is not None and marker["version"] == KEY_VERSION:
            return Renewal()
        renewed = more = 0
        collisions: list[Collision] = []
        for collection, field in self._fields:
            async for row in _outdated(collection, field):
                if await _replace_key(collection, field, row):
                    renewed += 1
                elif len(collisions) < COLLISIONS_SHOWN:
                    collisions.append(await _collision(collection, field, row))
                else:
                    more += 1
        await self._counters.update_one({"_id": _MARKER}, {"$set": {"version": KEY_VERSION}}, upsert=True)
        return Renewal(renewed, collisions, more)


async def _outdated(collection: GuardedCollection, field: str) -> AsyncIterator[dict[str, Any]]:
    """The documents whose key is not the one of today, in the order of their ids."""
    key = f"{field}_key"
    after = 0
    while rows := await collection.find(
        {"_id": {"$gt": after}}, {field: 1, key: 1, "deleted_at": 1}, sort=[("_id", 1)], limit=PAGE_ROWS
    ):
        after = rows[-1]["_id"]
        for row in rows:
            if row.get("deleted_at") is not None:  # its name is nobody's
                continue
            if isinstance(row.get(field), str) and row.get(key) != username_key(row[field]):
                yield row


async def _replace_key(collection: GuardedCollection, field: str, row: dict[str, Any]) -> bool:
    """Write the key of today, unless the name has changed. False if another document has this key."""
    try:
        await collection.update_one(
            {"_id": row["_id"], field: row[field]}, {"$set": {f"{field}_key": username_key(row[field])}}
        )
    except DuplicateKeyError:
        return False
    return True


async def _collision(collection: GuardedCollection, field: str, row: dict[str, Any]) -> Collision:
    other = await collection.find_one({f"{field}_key": username_key(row[field])}) or {"_id": 0, field: ""}
    return Collision(collection.name, row["_id"], row[field], other["_id"], other[field])
