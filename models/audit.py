"""Audit: what operators and backends did, to which target, why, and with what outcome. Never deleted.

Refused attempts are included.

The store over the collection `audit`. A document has the fields of AuditEntry, with `entry_id` as `_id`. Those of older
servers have no `call_id`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypedDict, Unpack

import msgspec
from pymongo.errors import DuplicateKeyError

from models.collection import Keys
from models.documents import readable, value_of
from models.guard import GuardedCollection
from models.timed_list import TimedList

NEWEST_FIRST: Keys = [("at", -1), ("_id", 1)]
"""The order of all lists. Entries of the same millisecond are ordered by id, so that the order is total."""


class AuditEntry(msgspec.Struct, frozen=True):
    """One action on one target. `entry_id` comes from the request, so a form that is sent twice finds its entry."""

    entry_id: str
    at: datetime
    operator: str
    """The operator's name, or `key:` and the name of a service key."""
    action: str
    target: str
    """`user:12`, `call:…` or `operator:3`."""
    target_name: str
    before: str
    after: str
    reason: str
    address: str
    outcome: str
    """`started`, `done`, `waiting` (for the end of a call), `superseded`, `refused: …` or `failed: …`."""
    call_id: str = ""
    """The call whose end a waiting action waits for."""


class AuditFilter(TypedDict, total=False):
    """Which entries: None means all. `end` itself is not part of the range."""

    operator: str | None
    action: str | None
    target: str | None
    start: datetime | None
    end: datetime | None


class Audit:
    """The entries of all operators. An entry is written before its action and completed afterwards."""

    def __init__(self, audit: GuardedCollection) -> None:
        self._audit = audit

    async def ensure_indexes(self) -> None:
        """One for each filter and one for all entries, in the order of the lists; and one for waiting actions."""
        await self._audit.create_index([("operator", 1), ("at", -1), ("_id", 1)])
        await self._audit.create_index([("action", 1), ("at", -1), ("_id", 1)])
        await self._audit.create_index([("target", 1), ("at", -1), ("_id", 1)])
        await self._audit.create_index([("at", -1), ("_id", 1)])
        await self._audit.create_index([("outcome", 1)])

    async def begin(self, entry: AuditEntry) -> AuditEntry | None:
        """Write a new entry. If its id is taken, write nothing and return the existing entry."""
        try:
            await self._audit.insert_one(_document(entry))
        except DuplicateKeyError:
            found = await self._audit.find_one({"_id": entry.entry_id})
            return self._entry(found) if found else None
        return None

    async def add_all(self, entries: Sequence[AuditEntry]) -> None:
        """Write entries of what has been done."""
        if entries:
            await self._audit.insert_many([_document(entry) for entry in entries])

    async def finish(self, entry_id: str, *, outcome: str, after: str) -> None:
        """Record the outcome of an action."""
        await self._audit.update_one({"_id": entry_id}, {"$set": {"outcome": outcome, "after": after}})

    async def wait(self, entry_id: str, call_id: str) -> None:
        """Record that an action waits for the end of a call."""
        await self._audit.update_one({"_id": entry_id}, {"$set": {"outcome": "waiting", "call_id": call_id}})

    async def claim(self, entry_id: str) -> bool:
        """Begin an action that waits. False if another server has begun it, or it waits no more."""
        result = await self._audit.update_one({"_id": entry_id, "outcome": "waiting"}, {"$set": {"outcome": "started"}})
        return result.matched_count == 1

    async def waiting(self) -> list[AuditEntry]:
        """The actions that wait for the end of a call, oldest first."""
        rows = await self._audit.find({"outcome": "waiting"})
        return sorted(self._readable(rows), key=lambda entry: (entry.at, entry.entry_id))

    async def rename(self, target: str, name: str) -> None:
        """Give a target another name in all entries."""
        await self._audit.update_many({"target": target}, {"$set": {"target_name": name}})

    async def known(self, targets: Sequence[str]) -> set[str]:
        """Those of some targets that have entries."""
        rows = await self._audit.find({"target": {"$in": list(targets)}}, {"target": 1})
        return {row["target"] for row in rows}

    def listed(self, **given: Unpack[AuditFilter]) -> TimedList[AuditEntry]:
        """All entries, or those that match."""
        fields = {"operator": given.get("operator"), "action": given.get("action"), "target": given.get("target")}
        query = {name: value for name, value in fields.items() if value is not None}
        limits = given.get("start"), given.get("end")
        return TimedList(self._audit, [query], NEWEST_FIRST, self._readable, *limits)

    async def page(self, *, skip: int, limit: int, **given: Unpack[AuditFilter]) -> tuple[list[AuditEntry], int]:
        """One page, newest first, and the number of matching entries, counted up to COUNT_LIMIT."""
        return await self.listed(**given).page(skip, limit)

    def _readable(self, rows: list[dict[str, Any]]) -> list[AuditEntry]:
        return readable(self._audit, rows, self._entry)

    def _entry(self, row: dict[str, Any]) -> AuditEntry:
        return value_of(self._audit, {**row, "entry_id": row["_id"]}, AuditEntry)


def _document(entry: AuditEntry) -> dict[str, Any]:
    document = msgspec.structs.asdict(entry)
    document["_id"] = document.pop("entry_id")
    return document
