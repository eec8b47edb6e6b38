"""Samples: the figures at regular intervals, for the chart; the store over the collection `samples`.

A document has `_id` (milliseconds since 1970), `available`, `busy`, `offline` and `calls`. The older samples are, the
fewer of them stay: `LEVELS` says how many.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Annotated, NamedTuple, TypeVar

import msgspec

from models.collection import Document
from models.documents import readable, value_of
from models.guard import GuardedCollection
from models.times import from_milliseconds, milliseconds

LATEST = milliseconds(datetime.max.replace(tzinfo=UTC))
"""A later moment is none that Python knows."""

THINNED_AT_ONCE = 1000
"""Samples that are looked at in one go."""

T = TypeVar("T")


class Level(NamedTuple):
    """Of samples that are older than `age`, the first of each `step` stays."""

    age: timedelta
    step: timedelta


LEVELS = (
    Level(timedelta(hours=1), timedelta(seconds=30)),
    Level(timedelta(hours=24), timedelta(minutes=5)),
)
"""The youngest first. Each step is a multiple of the one before, so that it does not matter which was applied when.

With a sample every 5 seconds, 720 of the last hour stay, 2760 of the rest of the day, and 288 of each other day.
"""


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

    async def thin(self, now: datetime) -> int:
        """Delete samples that are closer together than `LEVELS` says for their age, and return their number.

        Which samples stay depends on nothing but their moments. So this may be interrupted, repeated, or done by two
        servers at once.
        """
        deleted = 0
        for level in reversed(LEVELS):
            deleted += await self._thin(milliseconds(now - level.age), level.step // timedelta(milliseconds=1))
        return deleted

    async def _thin(self, before: int, step: int) -> int:
        deleted, after, period = 0, -1, -1
        while found := await self._moments(after, before):
            surplus: list[int] = []
            for at in found:
                if at // step == period:
                    surplus.append(at)
                period = at // step
            if surplus:
                deleted += (await self._samples.delete_many({"_id": {"$in": surplus}})).deleted_count
            after = found[-1]
        return deleted

    async def _moments(self, after: int, before: int) -> list[int]:
        rows = await self._samples.find(
            {"_id": {"$gt": after, "$lt": before}}, ["_id"], sort=[("_id", 1)], limit=THINNED_AT_ONCE
        )
        return [row["_id"] for row in rows]

    async def forget(self, before: datetime) -> int:
        """Delete the samples before a moment and return their number."""
        return (await self._samples.delete_many({"_id": {"$lt": milliseconds(before)}})).deleted_count

    def _sample(self, row: Document) -> Sample:
        stored = value_of(self._samples, row, StoredSample)
        return Sample(from_milliseconds(stored.at), stored.available, stored.busy, stored.offline, stored.calls)


def first_of_each(samples: Iterable[T], step_ms: int, at: Callable[[T], int]) -> list[T]:
    """The first of each `step_ms` milliseconds, as samples are thinned. They must be sorted. All of them if it is 0."""
    if step_ms == 0:
        return list(samples)
    first: dict[int, T] = {}
    for sample in samples:
        first.setdefault(at(sample) // step_ms, sample)
    return list(first.values())
