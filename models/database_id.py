"""Database id: by which a log in Redis is known to belong to this database."""

from __future__ import annotations

import secrets

from pymongo.errors import DuplicateKeyError

from models.guard import GuardedCollection


async def database_id(databases: GuardedCollection) -> str:
    """The id of the database, which the first server gives it. Raises StoreUnavailable."""
    while True:
        document = await databases.find_one({"_id": "id"})
        if document is not None:
            return str(document["value"])
        try:
            await databases.insert_one({"_id": "id", "value": secrets.token_hex(12)})
        except DuplicateKeyError:
            continue  # another server was first
