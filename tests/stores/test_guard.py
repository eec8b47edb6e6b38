"""The guard, around a collection that hangs, fails or answers as the test says."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest
from pymongo import UpdateOne
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    DuplicateKeyError,
    ExecutionTimeout,
    NetworkTimeout,
    NotPrimaryError,
    OperationFailure,
    ServerSelectionTimeoutError,
    WaitQueueTimeoutError,
)

from models.breaker import Breaker
from models.errors import StoreUnavailable, UnusableStore
from models.guard import Guard, GuardedCollection

pytestmark = pytest.mark.gen_test(timeout=30)


class ScriptedCollection:
    """Answers every call with the next of `answers`: a value, an exception to raise, or a future to wait for."""

    def __init__(self) -> None:
        self.answers: list[Any] = []
        self.calls: list[str] = []

    def __getattr__(self, method: str) -> Callable[..., Any]:
        async def answer(*_: Any, **__: Any) -> Any:
            self.calls.append(method)
            given = self.answers.pop(0) if self.answers else None
            if isinstance(given, Exception):
                raise given
            return await cast("asyncio.Future[Any]", given) if isinstance(given, asyncio.Future) else given

        if method == "find":
            return lambda *_, **__: self
        return answer


class Watched:
    """A guarded collection and all its parts."""

    def __init__(self, *, deadline_seconds: float = 20.0) -> None:
        self.now = 0.0
        self.behind = ScriptedCollection()
        self.observed: list[tuple[str, bool]] = []
        self.breaker = Breaker(failures=3, retry_seconds=0.5, clock=lambda: self.now)
        guard = Guard(deadline_seconds, self.breaker, lambda: self.now, self._observe)
        self.things = GuardedCollection("things", cast("Any", self.behind), guard)

    def _observe(self, operation: str, seconds: float, ok: bool) -> None:
        assert seconds >= 0
        self.observed.append((operation, ok))


EVERY_CALL: list[tuple[str, Callable[[GuardedCollection], Awaitable[Any]]]] = [
    ("insert_one", lambda c: c.insert_one({"_id": 1})),
    ("insert_many", lambda c: c.insert_many([{"_id": 1}])),
    ("find_one", lambda c: c.find_one({})),
    ("find", lambda c: c.find({})),
    ("count_documents", lambda c: c.count_documents({})),
    ("update_one", lambda c: c.update_one({}, {"$set": {}})),
    ("update_many", lambda c: c.update_many({}, {"$set": {}})),
    ("find_one_and_update", lambda c: c.find_one_and_update({}, {"$set": {}})),
    ("delete_one", lambda c: c.delete_one({})),
    ("delete_many", lambda c: c.delete_many({})),
    ("bulk_write", lambda c: c.bulk_write([UpdateOne({}, {"$set": {}})])),
    ("create_index", lambda c: c.create_index([("x", 1)])),
]


@pytest.mark.parametrize(("operation", "call"), EVERY_CALL, ids=[operation for operation, _ in EVERY_CALL])
async def test_every_call_is_passed_on_observed_and_guarded(
    operation: str, call: Callable[[GuardedCollection], Awaitable[Any]]
) -> None:
    watched = Watched()
    watched.behind.answers = ["answer", AutoReconnect("gone")]
    assert await call(watched.things) == "answer"
    with pytest.raises(StoreUnavailable, match=operation):
        await call(watched.things)
    assert watched.observed == [(f"things.{operation}", True), (f"things.{operation}", False)]


@pytest.mark.parametrize(
    "error",
    [
        AutoReconnect("connection closed"),
        NetworkTimeout("timed out"),
        NotPrimaryError("stepping down"),
        ServerSelectionTimeoutError("mongodb://user:secret@host"),
        WaitQueueTimeoutError("no connection free"),
        ExecutionTimeout("operation exceeded time limit", 50),
        BulkWriteError({"writeErrors": [], "writeConcernErrors": [{"code": 50}]}),
        TimeoutError(),
        sqlite3.OperationalError("database is locked"),
        StoreUnavailable("the store is closed"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_what_means_not_reached_in_time_is_unavailable(error: Exception) -> None:
    watched = Watched()
    watched.behind.answers = [error] * 3
    for _ in range(3):
        with pytest.raises(StoreUnavailable) as caught:
            await watched.things.insert_one({"_id": 1})
        assert "secret" not in str(caught.value)
    assert watched.breaker.is_open


READS = [call for operation, call in EVERY_CALL if operation in ("find_one", "find", "count_documents")]


@pytest.mark.parametrize("call", READS)
async def test_slow_reads_fail_for_their_callers_and_leave_the_breaker_closed(
    call: Callable[[GuardedCollection], Awaitable[Any]],
) -> None:
    watched = Watched(deadline_seconds=0.01)
    hanging = asyncio.get_running_loop().create_future
    for _ in range(5):
        watched.behind.answers += [hanging(), ExecutionTimeout("operation exceeded time limit", 50)]
    for _ in range(10):
        with pytest.raises(StoreUnavailable):
            await call(watched.things)
    assert not watched.breaker.is_open
    assert [ok for _, ok in watched.observed] == [False] * 10


@pytest.mark.parametrize("call", READS)
async def test_reads_that_do_not_reach_the_store_open_the_breaker(
    call: Callable[[GuardedCollection], Awaitable[Any]],
) -> None:
    watched = Watched()
    watched.behind.answers = [NetworkTimeout("timed out")] * 3
    for _ in range(3):
        with pytest.raises(StoreUnavailable):
            await call(watched.things)
    assert watched.breaker.is_open


async def test_slow_writes_open_the_breaker() -> None:
    watched = Watched(deadline_seconds=0.01)
    watched.behind.answers = [asyncio.get_running_loop().create_future() for _ in range(3)]
    for _ in range(3):
        with pytest.raises(StoreUnavailable):
            await watched.things.insert_one({"_id": 1})
    assert watched.breaker.is_open


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (DuplicateKeyError("E11000", 11000, {"errmsg": "E11000"}), "several documents have the same value"),
        (
            OperationFailure("no, full error: {…}", 86, {"errmsg": "An existing index has the same name"}),
            "An existing index has the same name; ",
        ),
        (OperationFailure("a different index is named x_1", 86), "a different index is named x_1; "),
    ],
)
async def test_an_index_that_cannot_be_created_is_named(error: OperationFailure, told: str) -> None:
    watched = Watched()
    watched.behind.answers = [error]
    with pytest.raises(UnusableStore, match="cannot create the index x_1 of the collection things: ") as caught:
        await watched.things.create_index([("x", 1)])
    assert told in str(caught.value)
    assert "full error" not in str(caught.value)


async def test_an_index_that_cannot_be_dropped_is_named_and_one_that_is_gone_is_no_error() -> None:
    watched = Watched()
    watched.behind.answers = [
        OperationFailure("index not found", 27),
        OperationFailure("not authorized, full error: {…}", 13, {"codeName": "Unauthorized"}),
        AutoReconnect("gone"),
    ]
    await watched.things.drop_index("x_1")
    with pytest.raises(UnusableStore, match="cannot drop the old index x_1 of the collection things: Unauthorized"):
        await watched.things.drop_index("x_1")
    with pytest.raises(StoreUnavailable, match="drop_index"):
        await watched.things.drop_index("x_1")


async def test_an_index_may_take_longer_than_any_other_call() -> None:
    watched = Watched(deadline_seconds=0.01)
    slow: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    watched.behind.answers = [slow]
    asyncio.get_running_loop().call_later(0.1, slow.set_result, "x_1")
    assert await watched.things.create_index([("x", 1)]) == "x_1"


@pytest.mark.parametrize(
    "error",
    [
        DuplicateKeyError("E11000", 11000),
        BulkWriteError({"writeErrors": [{"index": 0, "code": 11000, "errmsg": "E11000"}]}),
        OperationFailure("bad query", 2),
        NotImplementedError("$where"),
        OverflowError("8 bytes"),
        sqlite3.IntegrityError("constraint"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_errors_of_the_call_itself_pass_through_and_count_as_answers(error: Exception) -> None:
    watched = Watched()
    watched.behind.answers = [AutoReconnect("gone"), AutoReconnect("gone"), error, AutoReconnect("gone")]
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            await watched.things.find_one({})
    with pytest.raises(type(error)) as caught:
        await watched.things.find_one({})
    assert caught.value is error
    with pytest.raises(StoreUnavailable):
        await watched.things.find_one({})
    assert not watched.breaker.is_open
    assert [ok for _, ok in watched.observed] == [False, False, True, False]


async def test_a_call_that_hangs_ends_at_the_deadline() -> None:
    watched = Watched(deadline_seconds=0.01)
    hanging: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    watched.behind.answers = [hanging]
    with pytest.raises(StoreUnavailable, match="TimeoutError"):
        await watched.things.find_one({})
    assert hanging.cancelled()


async def test_once_open_it_fails_without_asking_the_store() -> None:
    watched = Watched()
    watched.behind.answers = [AutoReconnect("gone")] * 3 + ["back", "well"]
    for _ in range(5):
        with pytest.raises(StoreUnavailable):
            await watched.things.find_one({})
    assert len(watched.behind.calls) == len(watched.observed) == 3
    watched.now += 0.5
    assert await watched.things.find_one({}) == "back"
    assert await watched.things.find_one({}) == "well"


async def test_a_cancelled_caller_says_nothing_about_the_store() -> None:
    watched = Watched()
    watched.behind.answers = [asyncio.get_running_loop().create_future() for _ in range(5)]
    calls = [asyncio.ensure_future(watched.things.find_one({})) for _ in range(5)]
    asyncio.get_running_loop().call_soon(lambda: [call.cancel() for call in calls])
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(result, asyncio.CancelledError) for result in results)
    assert watched.observed == []
    assert not watched.breaker.is_open
