"""GuardedCollection: a collection whose calls have a deadline, pass the breaker and are measured."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import pymongo
from pymongo import ReturnDocument, UpdateOne
from pymongo.errors import ConnectionFailure, DuplicateKeyError, ExecutionTimeout, OperationFailure, PyMongoError
from pymongo.results import BulkWriteResult, DeleteResult, InsertManyResult, InsertOneResult, UpdateResult

from models.breaker import Breaker
from models.collection import Collection, Document, Filter, Keys, Projection, UpdateSpec
from models.errors import StoreUnavailable, UnusableStore
from models.row_failures import RowFailures

T = TypeVar("T")

INDEX_SECONDS = 600.0
"""How long the creation of an index may take. On a large collection, it exceeds the deadline of all other calls."""

INDEX_NOT_FOUND = 27
"""MongoDB's error code."""

COUNT_LIMIT = 10_000
"""Long lists are counted up to this number, which takes about 15 ms in the embedded store."""


class Observe(Protocol):
    """Called after each call to the store. `ok` is false if the store did not answer in time."""

    def __call__(self, operation: str, seconds: float, ok: bool) -> None: ...


@dataclass(frozen=True)
class Guard:
    """What all collections of a database share: the deadline in seconds, the breaker and a monotonic clock."""

    deadline_seconds: float
    breaker: Breaker
    clock: Callable[[], float]
    observe: Observe
    failures: RowFailures = field(default_factory=RowFailures)
    """Documents that were skipped."""
    write_checks: list[Callable[[], None]] = field(default_factory=list)
    """Called before each write, which does not begin if one of them raises StoreUnavailable."""

    async def run(
        self,
        operation: str,
        call: Callable[[], Awaitable[T]],
        *,
        is_read: bool = False,
        deadline_seconds: float | None = None,
    ) -> T:
        """Return the result of `call` or raise its error; StoreUnavailable if the store does not answer in time.

        A read that is too slow fails for its own caller only. It says nothing about the store, so the breaker does not
        count it. A cancelled call counts neither as a success nor as a failure.
        """
        if not self.breaker.allows():
            raise StoreUnavailable(f"{operation}: the store has not been answering")
        began = self.clock()
        deadline = asyncio.timeout(deadline_seconds or self.deadline_seconds)
        try:
            async with deadline:
                result = await call()
        except Exception as error:
            unavailable = is_unavailable(error)
            is_slow = is_read and (deadline.expired() or isinstance(error, ExecutionTimeout))
            if not is_slow:
                self._count(ok=not unavailable)
            self.observe(operation, self.clock() - began, not unavailable)
            if unavailable:
                raise StoreUnavailable(f"{operation}: {type(error).__name__}") from error
            raise
        self._count(ok=True)
        self.observe(operation, self.clock() - began, True)
        return result

    def _count(self, *, ok: bool) -> None:
        if ok:
            self.breaker.succeeded()
        else:
            self.breaker.failed()


def is_unavailable(error: Exception) -> bool:
    """Whether the error means that the store was not reached or did not answer in time."""
    if isinstance(error, StoreUnavailable | TimeoutError | ConnectionFailure | sqlite3.OperationalError):
        return True
    return isinstance(error, PyMongoError) and error.timeout


def _reason(error: OperationFailure) -> str:
    """Why MongoDB or the embedded store could not create an index."""
    if isinstance(error, DuplicateKeyError):
        return "it must be unique, but several documents have the same value; remove or change all but one of them"
    message = (error.details or {}).get("errmsg") or str(error)
    return f"{message}; use a database of your own, or drop the other index"


class GuardedCollection:
    """A collection of either store. Arguments, results and other errors are Motor's.

    Every call raises StoreUnavailable if the store cannot be reached in time.
    """

    def __init__(self, name: str, collection: Collection, guard: Guard) -> None:
        self.name = name
        self._collection = collection
        self._guard = guard

    async def insert_one(self, document: Document) -> InsertOneResult:
        return await self._run("insert_one", lambda: self._collection.insert_one(document))

    async def insert_many(self, documents: Sequence[Document], *, ordered: bool = True) -> InsertManyResult:
        return await self._run("insert_many", lambda: self._collection.insert_many(documents, ordered=ordered))

    async def find_one(self, filter: Filter, projection: Projection = None) -> Document | None:
        return await self._read("find_one", lambda: self._collection.find_one(filter, projection))

    async def find(
        self,
        filter: Filter,
        projection: Projection = None,
        *,
        sort: Keys | None = None,
        skip: int = 0,
        limit: int = 0,
    ) -> list[Document]:
        """The matching documents. A limit of 0 means no limit."""

        def call() -> Awaitable[list[Document]]:
            found = self._collection.find(filter, projection, sort=sort, skip=skip, limit=limit)
            documents: Awaitable[list[Document]] = found.to_list(None)
            return documents

        return await self._read("find", call)

    async def count_documents(self, filter: Filter, *, limit: int = 0) -> int:
        """The number of matching documents, counted up to `limit`. A limit of 0 means no limit."""
        most = {"limit": limit} if limit else {}
        return await self._read("count_documents", lambda: self._collection.count_documents(filter, **most))

    async def count_by(self, filter: Filter, fields: Sequence[str]) -> list[tuple[tuple[Any, ...], int]]:
        """How many matching documents there are of each combination of values of these fields.

        A missing value is None. There must be few enough combinations to hold all of them in memory.
        """
        by = {"_id": {field: f"${field}" for field in fields}, "count": {"$sum": 1}}
        pipeline: list[Document] = [{"$match": filter}, {"$group": by}]

        def call() -> Awaitable[list[Document]]:
            groups: Awaitable[list[Document]] = self._collection.aggregate(pipeline).to_list(None)
            return groups

        groups = await self._read("aggregate", call)
        return [(tuple(each["_id"].get(field) for field in fields), each["count"]) for each in groups]

    async def update_one(self, filter: Filter, update: UpdateSpec, *, upsert: bool = False) -> UpdateResult:
        return await self._run("update_one", lambda: self._collection.update_one(filter, update, upsert=upsert))

    async def update_many(self, filter: Filter, update: UpdateSpec) -> UpdateResult:
        return await self._run("update_many", lambda: self._collection.update_many(filter, update))

    async def find_one_and_update(
        self,
        filter: Filter,
        update: UpdateSpec,
        *,
        upsert: bool = False,
        return_document: bool = ReturnDocument.BEFORE,
    ) -> Document | None:
        return await self._run(
            "find_one_and_update",
            lambda: self._collection.find_one_and_update(
                filter, update, upsert=upsert, return_document=return_document
            ),
        )

    async def delete_one(self, filter: Filter) -> DeleteResult:
        return await self._run("delete_one", lambda: self._collection.delete_one(filter))

    async def delete_many(self, filter: Filter) -> DeleteResult:
        return await self._run("delete_many", lambda: self._collection.delete_many(filter))

    async def bulk_write(self, requests: Sequence[UpdateOne], *, ordered: bool = True) -> BulkWriteResult:
        return await self._run("bulk_write", lambda: self._collection.bulk_write(requests, ordered=ordered))

    @property
    def failures(self) -> RowFailures:
        return self._guard.failures

    async def create_index(self, keys: Keys, *, unique: bool = False, name: str | None = None) -> str:
        """Create an index unless it exists. Raises UnusableStore if the documents or another index prevent it."""
        chosen = name or "_".join(f"{field}_{direction}" for field, direction in keys)

        async def call() -> str:
            with pymongo.timeout(INDEX_SECONDS):
                return await self._collection.create_index(keys, unique=unique, name=chosen)

        try:
            return await self._guard.run(f"{self.name}.create_index", call, deadline_seconds=INDEX_SECONDS)
        except OperationFailure as error:
            raise UnusableStore(
                f"cannot create the index {chosen} of the collection {self.name}: {_reason(error)}"
            ) from error

    async def drop_index(self, name: str) -> None:
        """Drop an index if it exists. Raises UnusableStore if the store refuses."""

        async def call() -> None:
            with pymongo.timeout(INDEX_SECONDS):
                try:
                    await self._collection.drop_index(name)
                except OperationFailure as error:
                    if error.code != INDEX_NOT_FOUND:
                        raise UnusableStore(
                            f"cannot drop the old index {name} of the collection {self.name}: {reason_of(error)}"
                        ) from error

        await self._guard.run(f"{self.name}.drop_index", call, deadline_seconds=INDEX_SECONDS)

    async def _read(self, operation: str, call: Callable[[], Awaitable[T]]) -> T:
        return await self._guard.run(f"{self.name}.{operation}", call, is_read=True)

    async def _run(self, operation: str, call: Callable[[], Awaitable[T]]) -> T:
        for check in self._guard.write_checks:
            check()
        return await self._guard.run(f"{self.name}.{operation}", call)


def reason_of(error: PyMongoError) -> str:
    """The error in MongoDB's own terms, such as `AuthenticationFailed`."""
    details = error.details if isinstance(error, OperationFailure) else None
    return str((details or {}).get("codeName") or type(error).__name__)
