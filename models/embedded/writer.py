"""Writer: the thread that owns the SQLite connection and commits what is waiting as one group.

An fsync costs milliseconds however much it covers, so the thread takes every operation in its queue, runs them in
one transaction, and answers all of them after its one COMMIT. An operation that fails takes back its own changes
and fails alone; a COMMIT that fails, as on a full disk, fails every operation of its group.
"""

from __future__ import annotations

import asyncio
import os
import queue
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from pymongo.errors import BulkWriteError

from models.errors import StoreUnavailable

T = TypeVar("T")

# Bounds how long the first of a group waits for the last.
MOST_IN_GROUP = 500

# How long to wait for another process's transaction; under the deadline of a call (1.5 s), so that the caller
# hears of a write that was given up rather than wondering.
BUSY_SECONDS = 1.0


class Operation(NamedTuple):
    """What to do with the connection, whether that writes, and who waits for the result."""

    work: Callable[[sqlite3.Connection], Any]
    writes: bool
    future: asyncio.Future[Any]


class OperationResult(NamedTuple):
    """What became of an operation: its result, unless an error."""

    operation: Operation
    result: Any
    error: Exception | None


class Writer:
    """Runs operations on the file at `path`, in the order of `submit`, for callers on one event loop.

    `on_commit` hears, on the thread, how many operations each COMMIT covered.
    """

    def __init__(
        self, path: Path, *, busy_seconds: float = BUSY_SECONDS, on_commit: Callable[[int], None] | None = None
    ) -> None:
        self._connection = _connect(path, busy_seconds)
        self._on_commit = on_commit
        self._queue: queue.SimpleQueue[Operation | None] = queue.SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="embedded store", daemon=True)
        self._thread.start()

    async def submit(self, work: Callable[[sqlite3.Connection], T], *, writes: bool) -> T:
        """Run `work` on the thread; a result that comes of a write is on disk."""
        if self._closed:
            raise StoreUnavailable("the store is closed")
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queue.put(Operation(work, writes, future))
        return await future

    def close(self) -> None:
        """Run what is waiting, then end the thread and let go of the file."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        more = True
        while more:
            group, more = self._next_group()
            if group:
                _deliver(self._outcomes(group))
        self._connection.close()

    def _next_group(self) -> tuple[list[Operation], bool]:
        """All operations that wait, at least one unless this is the end, and whether more may come."""
        group: list[Operation] = []
        while len(group) < MOST_IN_GROUP:
            try:
                operation = self._queue.get(block=not group)
            except queue.Empty:
                break
            if operation is None:
                return group, False
            group.append(operation)
        return group, True

    def _outcomes(self, group: list[Operation]) -> list[OperationResult]:
        try:
            return self._committed(group)
        except Exception as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            return [OperationResult(operation, None, error) for operation in group]

    def _committed(self, group: list[Operation]) -> list[OperationResult]:
        # Reads alone need no transaction, hence no lock and no fsync.
        if not any(operation.writes for operation in group):
            return [self._attempt(operation) for operation in group]
        self._connection.execute("BEGIN IMMEDIATE")
        outcomes = [self._attempt_in_savepoint(operation) for operation in group]
        self._connection.execute("COMMIT")
        if self._on_commit is not None:
            self._on_commit(len(group))
        return outcomes

    def _attempt_in_savepoint(self, operation: Operation) -> OperationResult:
        self._connection.execute("SAVEPOINT operation")
        outcome = self._attempt(operation)
        # A bulk keeps the writes around the one that failed, as MongoDB does.
        if outcome.error is not None and not isinstance(outcome.error, BulkWriteError):
            self._connection.execute("ROLLBACK TO operation")
        self._connection.execute("RELEASE operation")
        return outcome

    def _attempt(self, operation: Operation) -> OperationResult:
        try:
            return OperationResult(operation, operation.work(self._connection), None)
        except Exception as error:
            return OperationResult(operation, None, error)


def _connect(path: Path, busy_seconds: float) -> sqlite3.Connection:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Accounts and password hashes are in it: made for its owner alone before SQLite opens it, and SQLite gives its
    # -wal and -shm files the same mode.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    connection = sqlite3.connect(path, timeout=busy_seconds, isolation_level=None, check_same_thread=False)
    connection.text_factory = bytes
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def _deliver(outcomes: list[OperationResult]) -> None:
    """Answer a group in one call of the loop. A loop that has closed meanwhile has nobody who waits."""
    try:
        outcomes[0].operation.future.get_loop().call_soon_threadsafe(_resolve, outcomes)
    except RuntimeError:
        return


def _resolve(outcomes: list[OperationResult]) -> None:
    for operation, result, error in outcomes:
        if operation.future.done():
            continue
        if error is None:
            operation.future.set_result(result)
        else:
            operation.future.set_exception(error)
