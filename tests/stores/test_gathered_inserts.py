"""Gathered inserts: one write for many, and for each its own success or error."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pymongo.errors import BulkWriteError, DuplicateKeyError, WriteError

from models.errors import StoreUnavailable
from models.gathered_inserts import ROWS_AT_ONCE, WRITES_AT_ONCE, GatheredInserts
from models.guard import GuardedCollection

pytestmark = pytest.mark.gen_test


class Counted:
    """A collection that notes the number of documents of each write, and may fail."""

    def __init__(self, things: GuardedCollection | None = None) -> None:
        self._things = things
        self.writes: list[int] = []
        self.error: Exception | None = None
        self.answers = asyncio.Event()
        self.answers.set()

    async def insert_one(self, document: dict[str, Any]) -> None:
        await self._note(1)
        if self._things is not None:
            await self._things.insert_one(document)

    async def insert_many(self, documents: list[dict[str, Any]], *, ordered: bool) -> None:
        await self._note(len(documents))
        if self._things is not None:
            await self._things.insert_many(documents, ordered=ordered)

    async def _note(self, count: int) -> None:
        self.writes.append(count)
        await self.answers.wait()
        if self.error is not None:
            raise self.error


def gathered(counted: Counted) -> GatheredInserts:
    return GatheredInserts(counted)  # type: ignore[arg-type]


async def insert(inserts: GatheredInserts, *ids: int, **fields: Any) -> list[BaseException | None]:
    """Insert documents at the same time. Return the error of each."""
    work = (inserts.insert_one({"_id": each, **fields}) for each in ids)
    return await asyncio.gather(*work, return_exceptions=True)


async def test_inserts_at_the_same_time_are_one_write_and_each_has_its_own_error(things: GuardedCollection) -> None:
    counted = Counted(things)
    inserts = gathered(counted)
    await inserts.insert_one({"_id": 2, "n": 0})
    errors = await insert(inserts, 1, 2, 3, 3, n=1)
    assert [type(each) for each in errors] == [type(None), DuplicateKeyError, type(None), DuplicateKeyError]
    assert counted.writes == [1, 4]
    found = await things.find({}, sort=[("_id", 1)])
    assert [(each["_id"], each["n"]) for each in found] == [(1, 1), (2, 0), (3, 1)]


async def test_while_the_store_answers_few_writes_the_others_gather() -> None:
    counted = Counted()
    counted.answers.clear()
    inserts, waiting = gathered(counted), []
    for number in range(WRITES_AT_ONCE):
        waiting.append(asyncio.ensure_future(inserts.insert_one({"_id": number})))
        await settled()
    assert counted.writes == [1] * WRITES_AT_ONCE, "nobody waits for another one"
    more = range(10, 12 + ROWS_AT_ONCE)
    waiting.extend(asyncio.ensure_future(inserts.insert_one({"_id": each})) for each in more)
    await settled()
    assert len(counted.writes) == WRITES_AT_ONCE
    counted.answers.set()
    await asyncio.gather(*waiting)
    assert counted.writes[WRITES_AT_ONCE:] == [ROWS_AT_ONCE, 2]
    await inserts.insert_one({"_id": 9})
    assert counted.writes[-1] == 1


async def settled() -> None:
    """Let everything happen that waits for nothing."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_if_the_store_does_not_answer_nobody_knows_and_the_next_write_is_tried() -> None:
    counted = Counted()
    inserts = gathered(counted)
    counted.error = StoreUnavailable("down")
    assert [type(each) for each in await insert(inserts, 1, 2)] == [StoreUnavailable] * 2
    counted.error = None
    assert await insert(inserts, 1, 2) == [None, None]


async def test_other_errors_are_told_and_a_write_that_is_not_acknowledged_is_unsure() -> None:
    counted = Counted()
    refused = {"index": 1, "code": 121, "errmsg": "Document failed validation"}
    for concerns, expected in (([], type(None)), ([{"code": 64, "errmsg": "waiting timed out"}], StoreUnavailable)):
        counted.error = BulkWriteError({"writeErrors": [refused], "writeConcernErrors": concerns})
        errors = await insert(gathered(counted), 1, 2)
        assert [type(each) for each in errors] == [expected, WriteError]


async def test_a_caller_that_is_cancelled_keeps_nobody_from_the_store() -> None:
    counted = Counted()
    inserts = gathered(counted)
    cancelled = asyncio.ensure_future(inserts.insert_one({"_id": 1}))
    waiting = asyncio.ensure_future(inserts.insert_one({"_id": 2}))
    await asyncio.sleep(0)
    cancelled.cancel()
    await waiting
    assert counted.writes == [2]
