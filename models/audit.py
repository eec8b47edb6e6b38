"""Audit: what operators did, to whom, why, and what came of it. Refused attempts too. Never deleted.

The store over `audit`. A document: an AuditEntry's fields, `entry_id` as `_id`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from pymongo.errors import DuplicateKeyError

from models.guard import GuardedCollection


class AuditEntry(msgspec.Struct, frozen=True):
    """One action on one target. `entry_id` is the id of the request, so that a double submit finds the first."""

    entry_id: str
    at: datetime
    operator: str
    action: str
    target: str
    """`user:12`, `call:…`, `session:…` or `operator:3`."""
    target_name: str
    before: str
    after: str
    reason: str
    address: str
    outcome: str
    """`started`, `done`, `waiting` (for the end of a call), or `refused: …`."""


class Audit:
    """All that operators did. An entry is written before the action and completed after it."""

    def __init__(self, audit: GuardedCollection) -> None:
        self._audit = audit

    async def ensure_indexes(self) -> None:
        """Who, what or whom, then the newest."""
        await self._audit.create_index([("operator", 1), ("at", -1)])
        await self._audit.create_index([("action", 1), ("at", -1)])
        await self._audit.create_index([("target", 1), ("at", -1)])
        await self._audit.create_index([("at", -1)])

    async def begin(self, entry: AuditEntry) -> AuditEntry | None:
        """Write a new entry. When its id is there already nothing is written, and the answer is what is there."""
        document = msgspec.structs.asdict(entry)
        document["_id"] = document.pop("entry_id")
        try:
            await self._audit.insert_one(document)
        except DuplicateKeyError:
            found = await self._audit.find_one({"_id": entry.entry_id})
            return _entry(found) if found else None
        return None

    async def finish(self, entry_id: str, *, outcome: str, after: str) -> None:
        """Add what came of it."""
        await self._audit.update_one({"_id": entry_id}, {"$set": {"outcome": outcome, "after": after}})

    async def page(
        self,
        *,
        operator: str | None = None,
        action: str | None = None,
        target: str | None = None,
        skip: int,
        limit: int,
    ) -> tuple[list[AuditEntry], int]:
        """One page, newest first, and how many there are."""
        given = {"operator": operator, "action": action, "target": target}
        query = {name: value for name, value in given.items() if value is not None}
        rows = await self._audit.find(query, sort=[("at", -1), ("_id", 1)], skip=skip, limit=limit)
        return [_entry(row) for row in rows], await self._audit.count_documents(query)


def _entry(row: dict[str, Any]) -> AuditEntry:
    return AuditEntry(
        entry_id=row["_id"], **{name: row[name] for name in AuditEntry.__struct_fields__ if name != "entry_id"}
    )
