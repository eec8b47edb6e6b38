"""Samples: the figures at regular intervals, for the chart; the store over the collection `samples`.

A document has `_id` (milliseconds since 1970), `available`, `busy`, `offline` and `calls`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import msgspec

from models.collection import Document
from models.documents import readable, value_of
from models.guard import GuardedCollection
from models.times import from_milliseconds, milliseconds

LATEST = milliseconds(datetime.max.replace(tzinfo=UTC))
"""A later moment is none that Python knows."""


class Sample(msgspec.Struct, frozen=True):
    """The figures at one moment."""

    at: datetime
    available: int
    busy: int
    offline: int
    calls: int


class StoredSample(msgspec.Struct, frozen=True):
    """The same as in a document."""

    at: Annotated[int, msgspec.Meta(ge=0, le=LATEST)] = msgspec.field(name="_id")
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
        return readable(self._samples, rows, self._sample)

    async def forget(self, before: datetime) -> int:
        """Delete the samples before a moment and return their number."""
        return (await self._samples.delete_many({"_id": {"$lt": milliseconds(before)}})).deleted_count

    def _sample(self, row: Document) -> Sample:
        stored = value_of(self._samples, row, StoredSample)
        return Sample(from_milliseconds(stored.at), stored.available, stored.busy, stored.offline, stored.calls)
