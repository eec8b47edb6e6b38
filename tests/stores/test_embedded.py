"""The embedded store alone: what it rejects, and how it preserves what it acknowledged."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from pymongo import DeleteOne, UpdateOne
from pymongo.errors import BulkWriteError, DuplicateKeyError, InvalidOperation, OperationFailure, WriteError

from models.embedded import EmbeddedDatabase
from models.embedded.query import order, where
from models.embedded.writer import Writer
from models.errors import StoreUnavailable

pytestmark = pytest.mark.gen_test(timeout=60)

ROOT = Path(__file__).parents[2]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "new" / "store.db"


@pytest.fixture
def database(file: Path) -> Iterator[EmbeddedDatabase]:
    database = EmbeddedDatabase.open(file)
    yield database
    database.close()


@pytest.fixture
def things(database: EmbeddedDatabase) -> Any:
    """A collection, typed as Any because these tests call it in ways that its types forbid."""
    return database["things"]


Call = Callable[[Any], Awaitable[Any]]

REFUSED: list[tuple[str, Call]] = [
    ("$where", lambda c: c.find_one({"$where": "1"})),
    ("$and", lambda c: c.find_one({"$and": [{}]})),
    ("$regex", lambda c: c.find_one({"x": {"$regex": "a"}})),
    ("$exists", lambda c: c.count_documents({"x": {"$exists": True}})),
    ("$nin", lambda c: c.delete_many({"$or": [{"x": {"$gt": 1, "$nin": []}}]})),
    ("a.b", lambda c: c.find_one({"a.b": 1})),
    ("a.b", lambda c: c.find({}, sort=[("a.b", 1)]).to_list()),
    ("'\"", lambda c: c.find_one({"'\"": 1})),
    ("nested documents", lambda c: c.find_one({"x": {"a": 1}})),
    ("lists", lambda c: c.find_one({"x": {"$in": [[1]]}})),
    ("_id of type float", lambda c: c.insert_one({"_id": 1.0})),
    ("_id of type NoneType", lambda c: c.insert_one({"_id": None})),
    ("_id of type datetime", lambda c: c.insert_one({"_id": datetime(2026, 1, 1, tzinfo=UTC)})),
    ("_id of type float", lambda c: c.update_one({"_id": 1.5}, {"$set": {"x": 1}}, upsert=True)),
    ("$unset", lambda c: c.update_one({}, {"$unset": {"x": ""}})),
    ("$min", lambda c: c.update_one({}, {"$min": {"x": 1}})),
    ("$push", lambda c: c.update_one({}, {"$push": {"x": 1}})),
    ("x: 1", lambda c: c.update_one({}, {"x: 1": {}})),
    ("a.b", lambda c: c.update_many({}, {"$set": {"a.b": 1}})),
    ("a.b", lambda c: c.insert_one({"_id": 1, "a.b": 1})),
    ("$max", lambda c: c.update_one({}, {"$max": {"x": [1]}})),
    ("type bytes", lambda c: c.insert_one({"_id": 1, "x": b""})),
    ("type set", lambda c: c.insert_one({"_id": 1, "x": [{1}]})),
    ("time zone", lambda c: c.insert_one({"_id": 1, "x": datetime(2026, 1, 1)})),  # noqa: DTZ001 - tested here
    ("finite", lambda c: c.insert_one({"_id": 1, "x": float("nan")})),
    ("finite", lambda c: c.find_one({"x": float("inf")})),
    ("NUL", lambda c: c.insert_one({"_id": 1, "x": {"y": "a\0b"}})),
    ("direction", lambda c: c.find({}, sort=[("x", 2)]).to_list()),
    ("negative", lambda c: c.find({}, limit=-1).to_list()),
    ("projection", lambda c: c.find_one({}, {"a": 1, "b": 0})),
    ("top-level", lambda c: c.find_one({}, {"a.b": 1})),
    ("hint of find_one", lambda c: c.find_one({}, hint="x")),
    ("batch_size of find", lambda c: c.find({}, batch_size=1).to_list()),
    ("array_filters of update_one", lambda c: c.update_one({}, {}, array_filters=[])),
    ("sort of find_one_and_update", lambda c: c.find_one_and_update({}, {}, sort=[("x", 1)])),
    ("expireAfterSeconds of create_index", lambda c: c.create_index([("x", 1)], expireAfterSeconds=1)),
    ("DeleteOne", lambda c: c.bulk_write([DeleteOne({})])),
    ("UpdateOne", lambda c: c.bulk_write([UpdateOne({}, {"$set": {}}, array_filters=[])])),
    ("aggregate", lambda c: c.aggregate([])),
    ("$limit", lambda c: c.aggregate([{"$match": {}}, {"$limit": 1}])),
    ("$avg", lambda c: c.aggregate([{"$match": {}}, {"$group": {"_id": {"x": "$x"}, "count": {"$avg": 1}}}])),
    ("a.b", lambda c: c.aggregate([{"$match": {}}, {"$group": {"_id": {"x": "$a.b"}, "count": {"$sum": 1}}}])),
    ("hint of aggregate", lambda c: c.aggregate([], hint="x")),
    ("drop", lambda c: c.drop()),
    ("distinct", lambda c: c.find({}).distinct("x")),
]


@pytest.mark.parametrize(("named", "call"), REFUSED, ids=[named for named, _ in REFUSED])
async def test_what_it_does_not_know_is_refused_by_name(things: Any, named: str, call: Call) -> None:
    with pytest.raises(NotImplementedError) as caught:
        await call(things)
    assert named in str(caught.value)
    assert await things.count_documents({}) == 0


async def test_opening_the_store_again_in_one_process_leaves_it_whole_for_others(
    file: Path, database: EmbeddedDatabase, things: Any
) -> None:
    await things.insert_one({"_id": 1})
    EmbeddedDatabase.open(file).close()
    read = "import sqlite3, sys; link = sqlite3.connect(sys.argv[1]); print(link.execute(sys.argv[2]).fetchall())"
    tables = await asyncio.to_thread(
        subprocess.check_output, [sys.executable, "-c", read, str(file), "SELECT count(*) FROM sqlite_master"]
    )
    assert tables.strip() != b"[(0,)]"
    assert file.with_name(f"{file.name}-wal").exists(), "another program took itself for the last one"
    await things.insert_one({"_id": 2})
    other = EmbeddedDatabase.open(file)
    assert len(await other["things"].find({}).to_list(None)) == 2
    other.close()


async def test_unknown_commands_collections_and_attributes_are_refused(database: EmbeddedDatabase) -> None:
    assert (await database.command("ping"))["ok"] == 1.0
    with pytest.raises(NotImplementedError, match="buildInfo"):
        await database.command("buildInfo")
    with pytest.raises(NotImplementedError, match="robert'"):
        database["robert'); DROP TABLE"]
    with pytest.raises(NotImplementedError, match="list_collections"):
        database.list_collections()


async def test_nonsense_is_refused_as_by_pymongo(things: Any) -> None:
    with pytest.raises(ValueError, match="_id"):
        await things.insert_one({"x": 1})
    with pytest.raises(ValueError, match="_id"):
        await things.update_one({"x": 1}, {"$set": {"y": 1}}, upsert=True)
    with pytest.raises(ValueError, match="empty"):
        await things.update_one({}, {})
    with pytest.raises(TypeError):
        await things.insert_many([])
    with pytest.raises(InvalidOperation):
        await things.bulk_write([])
    with pytest.raises(WriteError):
        await things.update_one({}, {"$set": {"x": 1}, "$inc": {"x": 1}})
    assert await things.count_documents({}) == 0


async def test_null_cannot_be_incremented(things: Any) -> None:
    await things.insert_one({"_id": 1, "x": None})
    with pytest.raises(WriteError):
        await things.update_one({"_id": 1}, {"$inc": {"x": 1}})


async def test_an_increment_beyond_64_bits_is_refused(things: Any) -> None:
    await things.insert_one({"_id": 1, "x": 2**63 - 1})
    with pytest.raises(OverflowError):
        await things.update_one({"_id": 1}, {"$inc": {"x": 1}})
    assert await things.find_one({}) == {"_id": 1, "x": 2**63 - 1}


async def test_a_failed_bulk_counts_what_it_did(things: Any) -> None:
    await things.create_index([("name", 1)], unique=True)
    await things.insert_many([{"_id": 1, "name": "a"}, {"_id": 2, "name": "b"}])
    updates = [UpdateOne({"_id": i}, {"$set": {"name": "c"}}, upsert=True) for i in (1, 2, 3, 1)]
    with pytest.raises(BulkWriteError) as caught:
        await things.bulk_write(updates, ordered=False)
    details = caught.value.details
    assert [error["index"] for error in details["writeErrors"]] == [1, 2]
    assert (details["nMatched"], details["nModified"], details["nUpserted"]) == (2, 1, 0)


async def test_an_ordered_bulk_ends_at_the_first_failure(things: Any) -> None:
    await things.create_index([("name", 1)], unique=True)
    updates = [UpdateOne({"_id": i}, {"$set": {"name": name}}, upsert=True) for i, name in enumerate("aab")]
    with pytest.raises(BulkWriteError) as caught:
        await things.bulk_write(updates)
    assert [error["index"] for error in caught.value.details["writeErrors"]] == [1]
    assert await things.find({}).to_list() == [{"_id": 0, "name": "a"}]


async def test_a_cursor_is_read_once_and_up_to_a_length(things: Any) -> None:
    await things.insert_many([{"_id": i} for i in range(5)])
    cursor = things.find({}, sort=[("_id", 1)], limit=4)
    assert await cursor.to_list(3) == [{"_id": 0}, {"_id": 1}, {"_id": 2}]
    with pytest.raises(NotImplementedError, match="once"):
        await cursor.to_list()
    assert len(await things.find({}, limit=2).to_list(length=9)) == 2


async def test_another_index_of_the_same_name_is_refused(things: Any) -> None:
    await things.create_index([("x", 1)], name="same")
    with pytest.raises(OperationFailure):
        await things.create_index([("x", 1)], unique=True, name="same")


async def test_a_unique_index_over_duplicates_is_refused(things: Any) -> None:
    await things.insert_many([{"_id": 1, "x": 1}, {"_id": 2, "x": 1}])
    with pytest.raises(DuplicateKeyError):
        await things.create_index("x", unique=True)


async def plan(file: Path, filter: dict[str, Any], sort: list[tuple[str, int]] | None = None) -> str:
    """Return SQLite's query plan for the documents."""
    condition = where(filter)
    with sqlite3.connect(file) as connection:
        text = f"EXPLAIN QUERY PLAN SELECT doc FROM things WHERE {condition.text}{order(sort)}"
        return "; ".join(row[3] for row in connection.execute(text, condition.values))


async def test_filters_and_sorts_go_by_key_and_by_index(things: Any, file: Path) -> None:
    await things.create_index([("name", 1)], unique=True)
    await things.create_index([("state", 1), ("at", -1)])
    for condition in ({"_id": 1}, {"_id": {"$in": [1, "a"]}}, {"_id": 1, "x": None}, {"_id": {"$gt": 5}}):
        assert "USING PRIMARY KEY" in await plan(file, condition), condition
    for condition in (
        {"name": "a"},
        {"name": None},
        {"name": True},
        {"name": {"$in": ["a", "b"]}},
        {"name": {"$gte": 1}},
    ):
        assert "USING INDEX things.name_1" in await plan(file, condition), condition
    paged = await plan(file, {"state": "on"}, [("at", -1)])
    assert "USING INDEX things.state_1_at_-1 (<expr>=?)" in paged
    assert "TEMP B-TREE" not in paged


async def test_batches_after_a_key_go_by_index_too(things: Any, file: Path) -> None:
    """Audit.older queries in this way."""
    await things.create_index([("state", 1), ("at", -1), ("_id", 1)])
    later = {"at": {"$lte": 5}, "$or": [{"at": {"$lt": 5}}, {"_id": {"$gt": "a"}}]}
    batch = await plan(file, {"state": "on", **later}, [("at", -1), ("_id", 1)])
    assert "USING INDEX things.state_1_at_-1__id_1 (<expr>=? AND <expr>" in batch
    assert "TEMP B-TREE" not in batch


async def test_a_range_with_two_ends_reads_no_more_than_what_lies_between(things: Any, file: Path) -> None:
    await things.create_index([("at", 1)])
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    await things.insert_many([{"_id": number, "at": noon + number * timedelta(minutes=1)} for number in range(2000)])
    between = {"at": {"$gte": noon, "$lt": noon + timedelta(minutes=3)}}
    assert "USING INDEX things.at_1 (<expr>>? AND <expr><?)" in await plan(file, between)
    condition, steps = where(between), 0

    def step() -> None:
        nonlocal steps
        steps += 1

    with sqlite3.connect(file) as connection:
        connection.set_progress_handler(step, 100)
        count = connection.execute(f"SELECT count(*) FROM things WHERE {condition.text}", condition.values)
        assert count.fetchall() == [(3,)]
    assert steps < 5, "hundreds of instructions, not some for each document"


async def test_the_file_is_for_its_owner_alone(things: Any, file: Path) -> None:
    await things.insert_one({"_id": 1})
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert {stat.S_IMODE(each.stat().st_mode) for each in file.parent.iterdir()} == {0o600}


async def test_closing_finishes_what_is_waiting_and_refuses_more(file: Path) -> None:
    database = EmbeddedDatabase.open(file)
    inserts = [asyncio.ensure_future(database["things"].insert_one({"_id": i})) for i in range(50)]
    reopened = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(reopened.set_result, None)
    await reopened
    database.close()
    with pytest.raises(StoreUnavailable):
        await database["things"].find_one({})
    await asyncio.gather(*inserts)
    database.close()
    again = EmbeddedDatabase.open(file)
    assert await again["things"].count_documents({}) == 50
    again.close()


class GatedWriter:
    """A writer whose thread waits until everything is submitted, so that it forms one group."""

    def __init__(self, file: Path) -> None:
        self.groups: list[int] = []
        self.writer = Writer(file, on_commit=self.groups.append)

    async def run_together(self, works: list[Callable[[sqlite3.Connection], Any]], *, writes: bool = True) -> list[Any]:
        """Return what each piece of work returned or raised."""
        loop = asyncio.get_running_loop()
        authenticator = threading.Event()
        is_held = loop.create_future()

        def hold(_: sqlite3.Connection) -> None:
            loop.call_soon_threadsafe(is_held.set_result, None)
            authenticator.wait()

        held = asyncio.ensure_future(self.writer.submit(hold, writes=False))
        await is_held
        tasks = [asyncio.ensure_future(self.writer.submit(work, writes=writes)) for work in works]
        loop.call_soon(authenticator.set)
        await held
        return await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
def gated(file: Path) -> Iterator[GatedWriter]:
    gated = GatedWriter(file)
    yield gated
    gated.writer.close()


def executing(text: str) -> Callable[[sqlite3.Connection], Any]:
    """Return work that executes one statement and fetches its rows."""
    return lambda connection: connection.execute(text).fetchall()


async def test_what_waits_together_is_committed_together(gated: GatedWriter) -> None:
    await gated.run_together([executing("CREATE TABLE t (x PRIMARY KEY)")])
    await gated.run_together([executing(f"INSERT INTO t VALUES ({i})") for i in range(100)])
    assert gated.groups == [1, 100]


async def test_reads_alone_commit_nothing(gated: GatedWriter) -> None:
    await gated.run_together([executing("SELECT 1")] * 10, writes=False)
    assert gated.groups == []


async def test_an_operation_that_fails_takes_back_its_own_writes_alone(gated: GatedWriter) -> None:
    def failing(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO t VALUES (2)")
        raise ZeroDivisionError

    await gated.run_together([executing("CREATE TABLE t (x PRIMARY KEY)")])
    inserts = [executing(f"INSERT INTO t VALUES ({x})") for x in (1, 1, 3)]
    results = await gated.run_together([inserts[0], failing, *inserts[1:]])
    assert [type(result) for result in results] == [list, ZeroDivisionError, sqlite3.IntegrityError, list]
    assert await gated.run_together([executing("SELECT x FROM t")], writes=False) == [[(1,), (3,)]]


async def test_a_commit_that_fails_fails_every_operation_of_its_group(gated: GatedWriter) -> None:
    await gated.writer.submit(executing("PRAGMA foreign_keys = ON"), writes=False)
    deferred = "CREATE TABLE t (x PRIMARY KEY, parent REFERENCES t DEFERRABLE INITIALLY DEFERRED)"
    await gated.run_together([executing(deferred)])
    inserts = [executing(f"INSERT INTO t VALUES ({x}, {parent})") for x, parent in ((1, 1), (2, 99), (3, 3))]
    results = await gated.run_together(inserts)
    assert [type(result) for result in results] == [sqlite3.IntegrityError] * 3
    assert await gated.run_together([executing("SELECT x FROM t")], writes=False) == [[]]
    assert await gated.run_together(inserts[:1]) == [[]]


async def test_a_file_that_another_holds_fails_the_write_and_is_used_again_after(file: Path) -> None:
    writer = Writer(file, busy_seconds=0.01)
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        await writer.submit(executing("CREATE TABLE t (x)"), writes=True)
    other.execute("COMMIT")
    other.close()
    await writer.submit(executing("CREATE TABLE t (x)"), writes=True)
    writer.close()


async def test_a_caller_that_gives_up_leaves_no_noise(gated: GatedWriter) -> None:
    noise: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: noise.append(context))
    authenticator = threading.Event()
    tasks = [asyncio.ensure_future(gated.writer.submit(lambda _: authenticator.wait(), writes=False))]
    tasks += [asyncio.ensure_future(gated.writer.submit(executing("no SQL"), writes=True)) for _ in range(5)]
    for task in tasks:
        loop.call_soon(task.cancel)
    loop.call_soon(authenticator.set)
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(result, asyncio.CancelledError) for result in results)
    # An exception that was never retrieved is reported when its future is collected.
    tasks.clear()
    await gated.writer.submit(executing("SELECT 1"), writes=False)
    gc.collect()
    assert noise == []


class StubbornConnection:
    """A connection whose rollback fails, as on a disk that is gone."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def execute(self, text: str, *values: Any) -> sqlite3.Cursor:
        if text.startswith("ROLLBACK"):
            raise sqlite3.OperationalError("disk I/O error")
        return self._connection.execute(text, *values)


async def test_a_rollback_that_fails_ends_neither_the_thread_nor_the_store(gated: GatedWriter) -> None:
    await gated.run_together([executing("CREATE TABLE t (x PRIMARY KEY)")])
    gated.writer._connection = cast("Any", StubbornConnection(gated.writer._connection))
    works = [executing("INSERT INTO t VALUES (1)"), executing("no SQL")]
    results = await gated.run_together(works)
    assert [type(result) for result in results] == [StoreUnavailable] * 2
    assert await gated.run_together([executing("INSERT INTO t VALUES (2)")]) == [[]]
    assert await gated.run_together([executing("SELECT x FROM t")], writes=False) == [[(2,)]]


async def test_a_file_that_cannot_be_opened_again_is_tried_again(gated: GatedWriter) -> None:
    await gated.run_together([executing("CREATE TABLE t (x PRIMARY KEY)")])
    connect, is_away = gated.writer._connect, True

    def reconnect() -> sqlite3.Connection:
        if is_away:
            raise sqlite3.OperationalError("unable to open database file")
        return connect()

    gated.writer._connect = cast("Any", reconnect)
    gated.writer._connection = cast("Any", StubbornConnection(gated.writer._connection))
    for _ in range(2):
        results = await gated.run_together([executing("no SQL")])
        assert [type(result) for result in results] == [StoreUnavailable]
    is_away = False
    await gated.run_together([executing("SELECT 1")])
    assert await gated.run_together([executing("INSERT INTO t VALUES (2)")]) == [[]]


WRITES_UNTIL_KILLED = """
import asyncio, itertools, sys
from pathlib import Path
from models.embedded import EmbeddedDatabase

async def main():
    things = EmbeddedDatabase.open(Path(sys.argv[1]))["things"]
    async def write(writer):
        for number in itertools.count():
            await things.insert_one({"_id": f"{writer}.{number}"})
            print(f"{writer}.{number}", flush=True)
    await asyncio.gather(*map(write, range(8)))

asyncio.run(main())
"""

INCREMENTS = """
import asyncio, sys
from pathlib import Path
from models.embedded import EmbeddedDatabase

async def main():
    database = EmbeddedDatabase.open(Path(sys.argv[1]))
    print("ready", flush=True)
    for _ in range(100):
        await database["things"].update_one({"_id": 1}, {"$inc": {"n": 1}}, upsert=True)
    database.close()

asyncio.run(main())
"""


def run_python(script: str, file: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", script, str(file)], cwd=ROOT, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("kept_at_least", [1, 37, 200])
async def test_what_was_acknowledged_survives_a_kill(file: Path, kept_at_least: int) -> None:
    with run_python(WRITES_UNTIL_KILLED, file) as writer:
        assert writer.stdout is not None
        acknowledged = [writer.stdout.readline().strip() for _ in range(kept_at_least)]
        writer.kill()
        # A line cut off by the kill is not an acknowledgement.
        acknowledged += [line.strip() for line in writer.stdout if line.endswith("\n")]
    assert all(acknowledged)
    database = EmbeddedDatabase.open(file)
    kept = {document["_id"] for document in await database["things"].find({}).to_list()}
    database.close()
    assert kept >= set(acknowledged)


async def test_two_processes_write_one_file(file: Path, things: Any) -> None:
    with run_python(INCREMENTS, file) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "ready\n"
        for _ in range(100):
            await things.update_one({"_id": 1}, {"$inc": {"n": 1}}, upsert=True)
        assert other.wait() == 0
    assert await things.find_one({"_id": 1}) == {"_id": 1, "n": 200}
