"""Samples: the figures at regular intervals, for the chart; the store over the collection `samples`.

A document has `_id` (milliseconds since 1970), `available`, `busy`, `offline` and `calls`.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from models.guard import GuardedCollection
from models.times import from_milliseconds, milliseconds


class Sample(msgspec.Struct, frozen=True):
    """The figures at one moment."""

    at: datetime
    available: int
    busy: int
    offline: int
    calls: int


class Samples:
    """The samples that are kept, at most one for each millisecond."""

    def __init__(self, samples: GuardedCollection) -> None:
        self._samples = samples

    async def add(self, sample: Sample) -> None:
        """Add a sample. It replaces one of the same millisecond, so a failed write can be repeated."""
        figures = {name: getattr(sample, name) for name in ("available", "busy", "offline", "calls")}
        await self._samples.update_one({"_id": milliseconds(sample.at)}, {"$set": figures}, upsert=True)

    async def since(self, at: datetime) -> list[Sample]:
        """The samples since a moment, oldest first."""
        rows = await self._samples.find({"_id": {"$gte": milliseconds(at)}}, sort=[("_id", 1)])
        return [
            Sample(from_milliseconds(row["_id"]), row["available"], row["busy"], row["offline"], row["calls"])
            for row in rows
        ]

    async def forget(self, before: datetime) -> int:
        """Delete the samples before a moment and return their number."""
        return (await self._samples.delete_many({"_id": {"$lt": milliseconds(before)}})).deleted_count
