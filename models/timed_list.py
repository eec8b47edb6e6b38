"""Timed list: documents with a date, newest or oldest first. It can be limited to a range, and read from a moment."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

from models.collection import Document, Filter, Keys
from models.guard import COUNT_LIMIT, GuardedCollection
from models.merged import MergedQueries

T = TypeVar("T")

COUNTED_AT_ONCE = 10_000
"""Documents that are counted by their values in one go: about 40 ms in the embedded store."""

Side = Literal["before", "from"]
"""Which rows: those before a moment, or those from it on."""


class TimedList(Generic[T]):
    """The documents of one or several queries, of which none matches a document of another.

    The queries begin with what an index serves together with the date. `sort` is the date, descending, and then `_id`.
    """

    def __init__(
        self,
        collection: GuardedCollection,
        queries: Sequence[Filter],
        sort: Keys,
        read: Callable[[list[Document]], list[T]],
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> None:
        """From `start` to just before `end`, newest first. A missing one is no limit."""
        self._collection = collection
        self._queries = queries
        self._newest_first = sort
        self._read = read
        self.is_oldest_first = False
        self._limits = {name: at for name, at in (("$gte", start), ("$lt", end)) if at is not None}

    def oldest_first(self) -> TimedList[T]:
        """The same documents in the opposite order, which the same index serves."""
        turned = copy.copy(self)
        turned.is_oldest_first = True
        return turned

    async def page(self, skip: int, limit: int) -> tuple[list[T], int]:
        """One page, and the number of all. What is added meanwhile is not counted unless it is on the page."""
        return await self._counted_page(self._merged(), skip, limit)

    async def count(self) -> int:
        """The number of all, counted up to COUNT_LIMIT."""
        return await self._merged().count(COUNT_LIMIT)

    async def next_to(self, at: datetime, side: Side, skip: int, limit: int) -> list[T]:
        """Those on one side of a moment, the nearest to it first."""
        is_before = side == "before"
        sort = self._newest_first if is_before else _turned(self._newest_first)
        merged = self._merged({"$lt": at} if is_before else {"$gte": at}, sort=sort)
        return self._read(await merged.page(skip, limit))

    async def sorted_page(self, sort: Keys, condition: Filter, skip: int, limit: int) -> tuple[list[T], int]:
        """One page of those that meet a condition, in an order that no index serves, and their number.

        The store sorts all of them, so they must be few.
        """
        return await self._counted_page(self._merged(rest=condition, sort=sort), skip, limit)

    async def batches(self, size: int) -> AsyncIterator[list[T]]:
        """All of them, some at a time. None is repeated or skipped while others are written."""
        documents = await self._merged().page(0, size)
        while documents:
            yield self._read(documents)
            documents = await self._following(documents[-1]).page(0, size)

    async def _counted_page(self, merged: MergedQueries, skip: int, limit: int) -> tuple[list[T], int]:
        total = await merged.count(COUNT_LIMIT)
        found = self._read(await merged.page(skip, limit))
        is_short = bool(found) and total < min(skip + len(found), COUNT_LIMIT)
        return found, skip + len(found) if is_short else total

    def _following(self, last: Document) -> MergedQueries:
        """What comes after a document. The range on the date is what an index serves; the rest decides in a tie."""
        beyond, at = "$gt" if self.is_oldest_first else "$lt", last.get(self._field)
        in_tie = {"$lt" if self._sort[1][1] < 0 else "$gt": last["_id"]}
        return self._merged({f"{beyond}e": at}, {"$or": [{self._field: {beyond: at}}, {"_id": in_tie}]})

    async def counts_by(self, fields: Sequence[str]) -> AsyncIterator[list[tuple[tuple[Any, ...], int]]]:
        """How many there are of each combination of values, some at a time: add up what belongs together.

        Each part is small enough for the deadline of a read. Nothing but the combinations is kept in memory.
        """
        for query in self._queries:
            start = self._limits.get("$gte")
            while (following := await self._part_after(query, start)) is not None:
                yield await self._collection.count_by(self._part(query, start, following), fields)
                start = following
            yield await self._collection.count_by(self._part(query, start, None), fields)

    async def _part_after(self, query: Filter, start: datetime | None) -> datetime | None:
        """The date at which the next part begins, after COUNTED_AT_ONCE documents. None if there are no more."""
        skipped = COUNTED_AT_ONCE
        while True:
            found = await self._collection.find(
                self._part(query, start, None), [self._field], sort=[(self._field, 1)], skip=skipped, limit=1
            )
            if not found or start is None or found[0][self._field] > start:
                return found[0][self._field] if found else None
            skipped += COUNTED_AT_ONCE  # all of these have the same date

    def _part(self, query: Filter, start: datetime | None, end: datetime | None) -> Filter:
        limits = {name: at for name, at in (("$gte", start), ("$lt", end)) if at is not None}
        dates = {**self._limits, **limits}
        return _narrowed(query, {self._field: dates} if dates else {})

    @property
    def _field(self) -> str:
        return self._newest_first[0][0]

    @property
    def _sort(self) -> Keys:
        return _turned(self._newest_first) if self.is_oldest_first else self._newest_first

    def _merged(
        self, limits: dict[str, Any] | None = None, rest: Filter | None = None, sort: Keys | None = None
    ) -> MergedQueries:
        dates = {**self._limits, **(limits or {})}
        condition = {**({self._field: dates} if dates else {}), **(rest or {})}
        queries = [_narrowed(query, condition) for query in self._queries]
        return MergedQueries(self._collection, queries, sort or self._sort)


def _turned(sort: Keys) -> Keys:
    return [(field, -direction) for field, direction in sort]


def _narrowed(query: Filter, condition: Filter) -> Filter:
    """Each branch repeats the condition, so that SQLite uses an index for all of it."""
    if "$or" not in query:
        return {**query, **condition}
    return {"$or": [{**branch, **condition} for branch in query["$or"]]}
