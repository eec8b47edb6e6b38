"""Notices of several writers: each has an id of its own, and a reader that polls misses none."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any, cast

import pytest
from pymongo.errors import DuplicateKeyError

from models.database import Database
from models.errors import StoreUnavailable
from models.guard import GuardedCollection
from models.notices import Notice, Notices
from models.stores import Stores

pytestmark = pytest.mark.gen_test(timeout=120)

WRITERS = 6
NOTICES = 8


class LateCollection:
    """The notices as one writer sees them: every insert times out, and is applied only later."""

    def __init__(self, collection: GuardedCollection) -> None:
        self._collection = collection
        self.late: list[asyncio.Task[None]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._collection, name)

    async def insert_one(self, document: dict[str, Any]) -> None:
        self.late.append(asyncio.create_task(self._apply(document)))
        raise StoreUnavailable("insert_one: TimeoutError")

    async def _apply(self, document: dict[str, Any]) -> None:
        await asyncio.sleep(0.01)
        with suppress(DuplicateKeyError):  # nobody hears of it any more
            await self._collection.insert_one(document)


async def read_until(stores: Stores, count: int) -> list[Notice]:
    """Poll as the server does, until `count` notices were read."""
    read: list[Notice] = []
    while len(read) < count:
        read += await stores.notices.after(read[-1].notice_id if read else 0)
        await asyncio.sleep(0)
    return read


async def test_a_reader_that_polls_sees_each_notice_of_all_writers_once_and_in_order(stores: Stores) -> None:
    async def write(writer: int) -> None:
        for number in range(NOTICES):
            await stores.notices.post("users_added", writer, number)

    read, *_ = await asyncio.gather(
        read_until(stores, WRITERS * NOTICES), *(write(writer) for writer in range(WRITERS))
    )
    assert [each.notice_id for each in read] == list(range(1, WRITERS * NOTICES + 1))
    for writer in range(WRITERS):
        assert [each.last_id for each in read if each.first_id == writer] == list(range(NOTICES))


async def test_a_notice_that_is_applied_after_its_time_was_up_hides_no_other(
    stores: Stores, database: Database
) -> None:
    late = LateCollection(database.collection("notices"))
    unlucky = Notices(cast("GuardedCollection", late))

    async def write_late() -> None:
        for number in range(NOTICES):
            with pytest.raises(StoreUnavailable):
                await unlucky.post("users_added", 99, number)
            await asyncio.sleep(0.005)

    async def write() -> None:
        for number in range(NOTICES):
            await stores.notices.post("users_added", 1, number)
            await asyncio.sleep(0.004)

    read: list[Notice] = []
    writing = asyncio.gather(write_late(), write())
    while not writing.done() or not all(task.done() for task in late.late):
        read += await stores.notices.after(read[-1].notice_id if read else 0)
        await asyncio.sleep(0)
    read += await stores.notices.after(read[-1].notice_id)
    await writing
    assert read == await stores.notices.after(0)
    assert [each.notice_id for each in read] == list(range(1, len(read) + 1))
    assert [each.last_id for each in read if each.first_id == 1] == list(range(NOTICES))


async def test_a_notice_that_comes_late_is_read_or_replaced_but_never_put_before_one_that_was_read(
    stores: Stores, database: Database
) -> None:
    late = LateCollection(database.collection("notices"))
    with pytest.raises(StoreUnavailable):
        await Notices(cast("GuardedCollection", late)).post("users_added", 99, 99)
    await stores.notices.post("user_disabled", 1, 1)
    (read,) = await stores.notices.after(0)
    await asyncio.gather(*late.late)
    assert await stores.notices.after(read.notice_id) == []
    await stores.notices.post("user_disabled", 2, 2)
    assert [each.first_id for each in await stores.notices.after(read.notice_id)] == [2]
