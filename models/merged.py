"""Merged: several sorted queries of one collection, read as one list.

A query for "caller or callee" has to sort everything that matches, because no index serves both. Two queries, each
with an index of its own, are merged instead, and what is skipped is skipped in the index.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from models.collection import Document, Filter, Keys
from models.guard import GuardedCollection

READ_AT_MOST = 400
"""Documents that are read and dropped before a page. Skipping them with further queries would cost more."""

_Place = tuple[Any, ...]


class MergedQueries:
    """The documents of several queries, of which none matches a document of another, in the order of `sort`.

    `sort` ends with a unique field, and its first field is a date: no value is missing.
    """

    def __init__(self, collection: GuardedCollection, queries: Sequence[Filter], sort: Keys) -> None:
        self._collection = collection
        self._queries = queries
        self._sort = sort

    async def count(self, limit: int) -> int:
        """The number of documents, counted up to `limit`."""
        total = 0
        for query in self._queries:
            if total < limit:
                total += await self._collection.count_documents(query, limit=limit - total)
        return total

    async def page(self, skip: int, limit: int) -> list[Document]:
        """At most `limit` documents after the first `skip`."""
        starts, left = await self._starts(skip)
        found: list[Document] = []
        for query, start in zip(self._queries, starts, strict=True):
            found += await self._collection.find(query, sort=self._sort, skip=start, limit=left + limit)
        if len(starts) == 1:
            return found
        return sorted(found, key=self._place)[left : left + limit]

    async def _starts(self, skip: int) -> tuple[list[int], int]:
        """How many documents of each query to skip, and how many of the merged rest, at most READ_AT_MOST.

        Of each query, the document `step` places further on is looked at. The query whose document comes first can
        skip all of them: at most `step` documents of every other query come before it.
        """
        starts = [0] * len(self._queries)
        if len(starts) == 1:
            return [skip], 0
        while skip > READ_AT_MOST:
            step = skip // len(starts)
            places = [await self._place_at(index, starts[index] + step - 1) for index in range(len(starts))]
            there = [index for index, place in enumerate(places) if place is not None]
            if not there:  # fewer than `skip` documents are left
                return [start + step for start in starts], 0
            first = min(there, key=lambda index: places[index] or ())
            starts[first] += step
            skip -= step
        return starts, skip

    async def _place_at(self, index: int, skip: int) -> _Place | None:
        fields = [field for field, _ in self._sort]
        found = await self._collection.find(self._queries[index], fields, sort=self._sort, skip=skip, limit=1)
        return self._place(found[0]) if found else None

    def _place(self, document: Document) -> _Place:
        """What the documents are ordered by."""
        return tuple(_Descending(document[field]) if step < 0 else document[field] for field, step in self._sort)


class _Descending:
    """A value that sorts before smaller ones."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Descending) and bool(self._value == other._value)

    def __lt__(self, other: _Descending) -> bool:
        return bool(other._value < self._value)

    __hash__ = None  # type: ignore[assignment]
