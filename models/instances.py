"""Instances: the store over the collection `instances`, with one document for each server that uses the database.

A document has `_id` (the incarnation, a random id of the process), `name`, the fields of `ProcessIdentity`, `since`,
`renewals` (raised every few seconds while the server runs) and `holds` (whether it has the database, or still waits for
it). Servers that share the database also use `shares`, `has_log` and `report`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from models.documents import value_of
from models.guard import GuardedCollection
from models.machine import ProcessIdentity


class NodeReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a server that shares the database reports every few seconds."""

    node: str
    """The name under which it takes part in the log."""
    version: str
    feed: int
    """Open sockets of the channel `feed`, and so on."""
    presence: int
    operators: int
    lag_entries: int
    lag_seconds: float
    is_draining: bool
    service_keys: int = 0
    """Sockets of backends. Older servers have none."""


class Instance(ProcessIdentity, frozen=True, kw_only=True, rename={"incarnation": "_id"}):
    """One server that runs, or did so until it lost its connection or crashed."""

    incarnation: str
    name: str = ""
    """The server's name for people. Nothing depends on it, and it need not be unique."""
    since: datetime
    renewals: int = 0
    holds: bool = False
    shares: bool = False
    """Whether it shares the database with other servers that do."""
    log_prefix: str = ""
    """The prefix under which the log is that they share. Older servers did not write it."""
    has_log: bool = False
    """Whether it reached the log that they share when it last renewed."""
    report: NodeReport | None = None
    """Its latest report, if it shares the database."""

    def shares_with(self, other: Instance) -> bool:
        """Whether the two may use the database at the same time, because one log orders the changes of both."""
        same_log = self.log_prefix == other.log_prefix or not (self.log_prefix and other.log_prefix)
        return self.shares and other.shares and same_log


class Instances:
    """All servers that use the database."""

    def __init__(self, instances: GuardedCollection) -> None:
        self._instances = instances

    async def add(self, instance: Instance) -> None:
        """Add a server that asks for the database."""
        document: dict[str, Any] = msgspec.structs.asdict(instance)
        document["_id"] = document.pop("incarnation")
        await self._instances.insert_one(document)

    async def others(self, incarnation: str) -> list[Instance]:
        """All servers but this one. Raises UnusableStore if a document is not one of Rollcall's."""
        rows = await self._instances.find({"_id": {"$ne": incarnation}}, sort=[("_id", 1)])
        return [value_of(self._instances, row, Instance) for row in rows]

    async def all(self) -> list[Instance]:
        """All servers. Raises UnusableStore if a document is not one of Rollcall's."""
        return await self.others("")

    async def renew(self, incarnation: str, *, has_log: bool = False, report: NodeReport | None = None) -> bool:
        """Show that the server runs, and how it is. False if its document is gone."""
        fields = {"has_log": has_log, "report": None if report is None else msgspec.structs.asdict(report)}
        result = await self._instances.update_one({"_id": incarnation}, {"$set": fields, "$inc": {"renewals": 1}})
        return result.matched_count == 1

    async def hold(self, incarnation: str) -> bool:
        """Note that the server has the database, which is a renewal too. False if its document is gone."""
        result = await self._instances.update_one(
            {"_id": incarnation}, {"$set": {"holds": True}, "$inc": {"renewals": 1}}
        )
        return result.matched_count == 1

    async def remove_lost(self, lost: Instance) -> bool:
        """Remove a server that has ended, or did not renew. False if it has renewed since, or is gone already."""
        result = await self._instances.delete_one({"_id": lost.incarnation, "renewals": lost.renewals})
        return result.deleted_count == 1

    async def leave(self, incarnation: str) -> None:
        """Remove the server's own document."""
        await self._instances.delete_one({"_id": incarnation})
