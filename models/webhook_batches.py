"""Webhook batches: what waits to be sent, and what was set aside; the store over two collections.

A document of `webhook_batches` has the fields of StoredBatch, with `batch_id` as `_id`. The id begins with the fence of
the server that stored it and goes on with a number, so that ids sort in the order of sending, and no two servers ever
use the same one. A document of `webhook_set_aside` also has `set_aside_at`, `failure`, and `again` (whether it is to be
sent again).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from pymongo.errors import BulkWriteError

from models.documents import DUPLICATE_KEY, insert_new, readable, value_of
from models.guard import COUNT_LIMIT, GuardedCollection
from models.users import BULK_ROWS

ROWS_AT_ONCE = 500
"""Batches whose sizes or ages are read in one call. Each may have some 50 kB."""


class BatchContent(msgspec.Struct, frozen=True):
    """What is in a batch, before it has an id."""

    body: str
    """The JSON that the receiver gets."""
    told: str
    """What is noted as told, as JSON (see ToldNews)."""
    count: int
    """How many events it has."""
    at: datetime
    last_event_id: str
    """The newest event in it, or "" if none of them was recorded."""


class StoredBatch(msgspec.Struct, frozen=True, kw_only=True):
    """A batch that waits to be sent."""

    batch_id: str
    webhook_id: str
    """The same with every attempt."""
    body: str
    told: str
    count: int
    at: datetime
    last_event_id: str = ""


class BatchSize(msgspec.Struct, frozen=True):
    """A batch without its content."""

    batch_id: str
    count: int
    at: datetime


class SetAsideBatch(msgspec.Struct, frozen=True, kw_only=True):
    """A batch that was set aside, without its content."""

    batch_id: str
    webhook_id: str
    count: int
    at: datetime
    set_aside_at: datetime
    failure: str
    again: bool


class WebhookBatches:
    """All batches that the receiver does not have."""

    def __init__(self, batches: GuardedCollection, set_aside: GuardedCollection) -> None:
        self._batches = batches
        self._set_aside = set_aside

    async def ensure_indexes(self) -> None:
        """The batches that are to be sent again."""
        await self._set_aside.create_index([("again", 1), ("_id", 1)])

    async def add_many(self, batches: Sequence[StoredBatch]) -> None:
        """Add batches, in their order. Those that are there already stay as they are: a failed write can be repeated.

        If the server is killed meanwhile, none is there without those before it.
        """
        documents = [_document(batch) for batch in batches]
        while documents:
            try:
                await self._batches.insert_many(documents)
            except BulkWriteError as error:
                failure = error.details["writeErrors"][0]
                if failure["code"] != DUPLICATE_KEY:
                    raise
                documents = documents[failure["index"] + 1 :]
            else:
                return

    async def next(self, after: str) -> StoredBatch | None:
        """The batch after this id."""
        rows = await self._batches.find({"_id": {"$gt": after}}, sort=[("_id", 1)], limit=1)
        return value_of(self._batches, _with_id(rows[0]), StoredBatch) if rows else None

    async def newest(self, limit: int) -> list[StoredBatch]:
        """The batches that were stored last, oldest first."""
        rows = await self._batches.find({}, sort=[("_id", -1)], limit=limit)
        return [value_of(self._batches, _with_id(row), StoredBatch) for row in reversed(rows)]

    async def sizes(self, after: str) -> list[BatchSize]:
        """All batches after this id, in order."""
        found: list[BatchSize] = []
        while rows := await self._sizes(after):
            found += [value_of(self._batches, _with_id(row), BatchSize) for row in rows]
            after = rows[-1]["_id"]
        return found

    async def count_waiting(self, after: str) -> int:
        """How many batches there are after this id, counted up to COUNT_LIMIT."""
        return await self._batches.count_documents({"_id": {"$gt": after}}, limit=COUNT_LIMIT)

    async def forget(self, up_to: str) -> None:
        """Delete the batches up to this id."""
        await self._batches.delete_many({"_id": {"$lte": up_to}})

    async def set_aside(self, batch: StoredBatch, at: datetime, failure: str) -> None:
        """Keep a batch that was not received for an operator. The caller deletes it from those that wait."""
        document = {**_document(batch), "set_aside_at": at, "failure": failure, "again": False}
        await insert_new(self._set_aside, [document])

    async def list_set_aside(self, limit: int) -> tuple[list[SetAsideBatch], int]:
        """The newest batches that were set aside, and the number of all, counted up to COUNT_LIMIT."""
        rows = await self._set_aside.find({}, {"body": 0, "told": 0}, sort=[("_id", -1)], limit=limit)
        found = readable(self._set_aside, rows, self._set_aside_batch)
        return found, await self.count_set_aside()

    async def count_set_aside(self) -> int:
        """How many batches were set aside, counted up to COUNT_LIMIT."""
        return await self._set_aside.count_documents({}, limit=COUNT_LIMIT)

    async def ask_again(self, batch_id: str | None) -> int:
        """Ask for a batch, or for all, to be sent again. Returns how many were found."""
        query = {} if batch_id is None else {"_id": batch_id}
        return (await self._set_aside.update_many(query, {"$set": {"again": True}})).matched_count

    async def next_again(self) -> StoredBatch | None:
        """The oldest batch that is to be sent again."""
        rows = await self._set_aside.find({"again": True}, sort=[("_id", 1)], limit=1)
        return value_of(self._set_aside, _with_id(rows[0]), StoredBatch) if rows else None

    async def sent_again(self, batch_id: str) -> None:
        """A batch that was set aside was received after all."""
        await self._set_aside.delete_one({"_id": batch_id})

    async def failed_again(self, failure: str) -> None:
        """The batches that are to be sent again stay set aside."""
        await self._set_aside.update_many({"again": True}, {"$set": {"again": False, "failure": failure}})

    async def forget_set_aside(self, before: datetime) -> None:
        """Delete the batches that were set aside before a moment."""
        while rows := await self._set_aside.find({}, {"set_aside_at": 1}, sort=[("_id", 1)], limit=ROWS_AT_ONCE):
            old = [row["_id"] for row in rows if row["set_aside_at"] < before]
            await self._set_aside.delete_many({"_id": {"$in": old}})
            if len(old) < len(rows):
                return

    async def trim_set_aside(self, keep: int) -> int:
        """Delete all but the newest `keep` batches that were set aside, and return the number of deleted ones."""
        surplus = await self._set_aside.count_documents({}) - keep
        gone = 0
        while gone < surplus:
            limit = min(BULK_ROWS, surplus - gone)
            rows = await self._set_aside.find({}, {"_id": 1}, sort=[("_id", 1)], limit=limit)
            gone += (await self._set_aside.delete_many({"_id": {"$in": [row["_id"] for row in rows]}})).deleted_count
        return gone

    def _set_aside_batch(self, row: dict[str, Any]) -> SetAsideBatch:
        return value_of(self._set_aside, _with_id(row), SetAsideBatch)

    async def _sizes(self, after: str) -> list[dict[str, Any]]:
        fields = {"body": 0, "told": 0}
        return await self._batches.find({"_id": {"$gt": after}}, fields, sort=[("_id", 1)], limit=ROWS_AT_ONCE)


def batch_id(fence: int, number: int) -> str:
    """The id of a batch."""
    return f"{fence:010d}-{number:012d}"


def _document(batch: StoredBatch) -> dict[str, Any]:
    document = msgspec.structs.asdict(batch)
    document["_id"] = document.pop("batch_id")
    return document


def _with_id(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "batch_id": row["_id"]}
