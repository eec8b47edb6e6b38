"""Reads of the embedded store: they never delay writes, and end when nobody waits for them."""

from __future__ import annotations

import asyncio
import dataclasses
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from models.database import Database, open_database
from models.embedded import EmbeddedDatabase
from models.embedded.collection import LIST_THREADS
from models.embedded.readers import Readers
from models.embedded.writer import Writer
from models.errors import StoreUnavailable
from tests.stores.conftest import store_settings

pytestmark = pytest.mark.gen_test(timeout=60)

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"

SOON_SECONDS = 10.0
"""Only a failing test waits this long."""


class EndlessReads:
    """Reads that never end by themselves, in the threads for lists."""

    def __init__(self, database: EmbeddedDatabase) -> None:
        self._readers = database._lists
        self._began = threading.Semaphore(0)

    def _read(self, connection: sqlite3.Connection) -> None:
        self._began.release()
        connection.execute(ENDLESS).fetchall()

    async def start(self, count: int) -> list[asyncio.Task[None]]:
        """Start `count` reads, and wait until a read runs in every thread."""
        tasks = [asyncio.ensure_future(self._readers.submit(self._read)) for _ in range(count)]
        for _ in range(min(count, LIST_THREADS)):
            assert await asyncio.to_thread(self._began.acquire, timeout=SOON_SECONDS)
        return tasks


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def embedded(file: Path) -> Iterator[EmbeddedDatabase]:
    database = EmbeddedDatabase.open(file)
    yield database
    database.close()


async def ended(tasks: list[asyncio.Task[None]]) -> None:
    """Cancel all reads, and wait until their tasks have ended."""
    for task in tasks:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(result, asyncio.CancelledError) for result in results)


async def test_slow_lists_delay_neither_writes_nor_lookups(embedded: EmbeddedDatabase) -> None:
    tasks = await EndlessReads(embedded).start(LIST_THREADS)
    things = embedded["things"]
    await things.create_index([("name", 1)], unique=True)
    async with asyncio.timeout(SOON_SECONDS):
        for number in range(100):
            await things.insert_one({"_id": number, "name": f"thing {number}"})
            thing = {"_id": number, "name": f"thing {number}"}
            assert await things.find_one({"_id": number}) == thing
            assert await things.find({"_id": {"$in": [number]}}).to_list() == [thing]
            assert await things.find({"name": {"$in": [f"thing {number}"]}}).to_list() == [thing]
    await ended(tasks)


async def test_a_read_that_nobody_waits_for_is_ended_and_its_thread_goes_on(embedded: EmbeddedDatabase) -> None:
    await ended(await EndlessReads(embedded).start(5 * LIST_THREADS))
    await embedded["things"].insert_one({"_id": 1})
    async with asyncio.timeout(SOON_SECONDS):
        found = await asyncio.gather(*(embedded["things"].count_documents({}) for _ in range(LIST_THREADS)))
    assert found == [1] * LIST_THREADS


async def test_ending_one_read_does_not_hit_the_next(embedded: EmbeddedDatabase) -> None:
    await embedded["things"].insert_many([{"_id": number} for number in range(500)])
    reads = EndlessReads(embedded)
    for _ in range(50):
        tasks = await reads.start(LIST_THREADS)
        lists = [asyncio.ensure_future(embedded["things"].find({}).to_list()) for _ in range(5)]
        await ended(tasks)
        assert [len(found) for found in await asyncio.gather(*lists)] == [500] * 5


async def test_a_read_sees_every_write_acknowledged_before_it_was_asked_for(embedded: EmbeddedDatabase) -> None:
    things = embedded["things"]
    assert await things.find({}).to_list() == []

    async def write_and_read(writer: int) -> None:
        for number in range(50):
            await things.update_one({"_id": writer}, {"$set": {"n": number}}, upsert=True)
            one, listed = await asyncio.gather(things.find_one({"_id": writer}), things.find({"n": number}).to_list())
            assert one == {"_id": writer, "n": number}
            assert one in listed

    await asyncio.gather(*(write_and_read(writer) for writer in range(8)))


async def test_readers_cannot_write(embedded: EmbeddedDatabase) -> None:
    def write(connection: sqlite3.Connection) -> Any:
        return connection.execute("CREATE TABLE t (x)")

    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        await embedded._lists.submit(write)


async def test_closing_finishes_waiting_reads_and_ends_those_that_would_not_end(file: Path) -> None:
    database = EmbeddedDatabase.open(file)
    tasks = await EndlessReads(database).start(LIST_THREADS)
    async with asyncio.timeout(SOON_SECONDS):
        await asyncio.to_thread(database.close)
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results] == [sqlite3.OperationalError] * LIST_THREADS
    with pytest.raises(StoreUnavailable):
        await database["things"].find({}).to_list()
    with pytest.raises(StoreUnavailable):
        await database["things"].find_one({})


async def test_reads_that_wait_for_a_closing_store_are_refused(file: Path) -> None:
    writer = Writer(file)
    readers = Readers(file, count=1, name="lists")
    held = threading.Event()

    def hold(connection: sqlite3.Connection) -> None:
        held.set()
        connection.execute(ENDLESS)

    tasks = [asyncio.ensure_future(readers.submit(hold))]
    assert await asyncio.to_thread(held.wait, SOON_SECONDS)
    tasks.append(asyncio.ensure_future(readers.submit(lambda connection: connection.execute("SELECT 1").fetchall())))
    await asyncio.sleep(0)
    await asyncio.to_thread(readers.close)
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results] == [sqlite3.OperationalError, StoreUnavailable]
    writer.close()


async def opened(tmp_path: Path, **changes: Any) -> tuple[Database, EmbeddedDatabase]:
    database = await open_database(dataclasses.replace(store_settings(tmp_path), **changes))
    backend = database._backend
    assert isinstance(backend, EmbeddedDatabase)
    return database, backend


async def test_reads_beyond_the_deadline_fail_alone_while_writes_go_on(tmp_path: Path) -> None:
    database, backend = await opened(tmp_path, store_deadline_seconds=0.3)
    tasks = await EndlessReads(backend).start(LIST_THREADS)
    things = database.collection("things")
    for _ in range(5):
        with pytest.raises(StoreUnavailable, match="TimeoutError"):
            await things.find({})
        await things.update_one({"_id": 1}, {"$inc": {"n": 1}}, upsert=True)
    assert not database.breaker.is_open
    assert await things.find_one({"_id": 1}) == {"_id": 1, "n": 5}
    await ended(tasks)
    await database.close()
