"""Recorded spans: for which times all that a server saw is in the store; the store over `recorded_spans`.

A document has the fields of Span, with `span_id` as `_id`. A span begins with a checkpoint. It goes on for as long as
the server saves every event, and ends when the server stops, or when it has lost events.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

from models.collection import Document
from models.documents import readable, value_of
from models.guard import GuardedCollection

SPANS_READ = 100
"""Servers that can have ended in the hour after a checkpoint, at most."""

SpanEnd = Literal["", "stopped", "lost"]
"""Empty while a span goes on, and for good if its server was killed."""


class Span(msgspec.Struct, frozen=True):
    """One span of time."""

    span_id: str
    server: str
    """The incarnation of the server."""
    name: str
    """The server's name for people."""
    began_at: datetime
    until: datetime
    """All events up to here are saved."""
    ended: SpanEnd = ""


class RecordedSpans:
    """The spans that are kept."""

    def __init__(self, spans: GuardedCollection) -> None:
        self._spans = spans

    async def ensure_indexes(self) -> None:
        """The two ends, to find the spans around a moment."""
        await self._spans.create_index([("until", 1)])
        await self._spans.create_index([("began_at", 1)])

    async def begin(self, span: Span) -> None:
        """Add a span. It may be added twice, so a failed write can be repeated."""
        fields = msgspec.structs.asdict(span)
        await self._spans.update_one({"_id": fields.pop("span_id")}, {"$set": fields}, upsert=True)

    async def extend(self, span_id: str, until: datetime, ended: SpanEnd = "") -> None:
        """All events up to this moment are saved."""
        await self._spans.update_one({"_id": span_id}, {"$set": {"until": until, "ended": ended}})

    async def end(self, span_id: str, ended: SpanEnd) -> None:
        """The span goes on no more."""
        await self._spans.update_one({"_id": span_id}, {"$set": {"ended": ended}})

    async def around(self, at: datetime) -> Span | None:
        """A span that has this moment."""
        rows = await self._spans.find({"until": {"$gte": at}, "began_at": {"$lte": at}}, limit=1)
        return next(iter(self._readable(rows)), None)

    async def current(self, server: str) -> Span | None:
        """The span of a server that goes on."""
        rows = await self._spans.find({"server": server, "ended": ""}, sort=[("began_at", -1)], limit=1)
        return next(iter(self._readable(rows)), None)

    async def last_before(self, at: datetime) -> Span | None:
        """The span that ended last before a moment."""
        return await self._first({"until": {"$lt": at}}, "until", -1)

    async def first_after(self, at: datetime) -> Span | None:
        """The span that began first after a moment."""
        return await self._first({"began_at": {"$gt": at}}, "began_at", 1)

    async def overlapping(self, start: datetime, end: datetime, limit: int) -> list[Span]:
        """The spans that have a moment between two others, the latest first, and the nearest ones before and after."""
        query = {"until": {"$gte": start}, "began_at": {"$lt": end}}
        rows = await self._spans.find(query, sort=[("began_at", -1)], limit=limit)
        nearest = (await self.last_before(start), await self.first_after(end))
        return [*self._readable(rows), *(span for span in nearest if span is not None)]

    async def cut_between(self, after: datetime, before: datetime) -> list[Span]:
        """The spans that end between two moments although their server did not stop."""
        rows = await self._spans.find(
            {"until": {"$gte": after, "$lt": before}, "ended": {"$ne": "stopped"}},
            sort=[("until", 1)], limit=SPANS_READ,
        )  # fmt: skip
        return self._readable(rows)

    async def forget(self, before: datetime) -> int:
        """Delete the spans that ended before a moment and return their number."""
        return (await self._spans.delete_many({"until": {"$lt": before}})).deleted_count

    async def _first(self, query: dict[str, Any], field: str, direction: int) -> Span | None:
        rows = await self._spans.find(query, sort=[(field, direction)], limit=1)
        return next(iter(self._readable(rows)), None)

    def _readable(self, rows: list[Document]) -> list[Span]:
        return readable(self._spans, rows, self._span)

    def _span(self, row: Document) -> Span:
        return value_of(self._spans, {**row, "span_id": row["_id"]}, Span)
