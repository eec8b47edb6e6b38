"""Samples: the figures at regular moments, for the line of the last minutes and hours; the store over `samples`.

A document: `_id` (milliseconds since 1970), `available`, `busy`, `offline`, `calls`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec

from models.guard import GuardedCollection

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class Sample(msgspec.Struct, frozen=True):
    """The figures at one moment."""

    at: datetime
    available: int
    busy: int
    offline: int
    calls: int


class Samples:
    """All samples that are kept, one of a moment at most."""

    def __init__(self, samples: GuardedCollection) -> None:
        self._samples = samples

    async def add(self, sample: Sample) -> None:
        """Keep a sample; one of the same moment is replaced, so a write may be tried again."""
        figures = {name: getattr(sample, name) for name in ("available", "busy", "offline", "calls")}
        await self._samples.update_one({"_id": _milliseconds(sample.at)}, {"$set": figures}, upsert=True)

    async def since(self, at: datetime) -> list[Sample]:
        """The samples from a moment on, oldest first."""
        rows = await self._samples.find({"_id": {"$gte": _milliseconds(at)}}, sort=[("_id", 1)])
        return [
            Sample(_EPOCH + row["_id"] * _MILLISECOND, row["available"], row["busy"], row["offline"], row["calls"])
            for row in rows
        ]

    async def forget(self, before: datetime) -> int:
        """Delete what is older; how many there were."""
        return (await self._samples.delete_many({"_id": {"$lt": _milliseconds(before)}})).deleted_count


def _milliseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MILLISECOND
