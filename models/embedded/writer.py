"""Writer: the thread that owns the SQLite connection and commits waiting operations in groups.

An fsync takes milliseconds regardless of how much it covers. So the thread runs all operations in its queue in one
transaction and answers them after a single COMMIT. An operation that fails is rolled back alone. If the COMMIT fails,
for example because the disk is full, every operation of the group fails. If even the rollback fails, the thread opens
the file again.
"""

from __future__ import annotations

import asyncio
import os
import queue
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from pymongo.errors import BulkWriteError

from models.errors import StoreUnavailable

T = TypeVar("T")

# Limits how long the first operation of a group waits for the last.
MOST_IN_GROUP = 500

# How long to wait for another process's transaction. It is shorter than the deadline of a call (1.5 s), so that the
# caller gets an error for a write that was given up, instead of not knowing its outcome.
BUSY_SECONDS = 1.0


class Operation(NamedTuple):
    """Work to do with the connection, whether it writes, and the future for its result."""

    work: Callable[[sqlite3.Connection], Any]
    writes: bool
    future: asyncio.Future[Any]


class OperationResult(NamedTuple):
    """An operation with its result or its error."""

    operation: Operation
    result: Any
    error: Exception | None


class Writer:
    """Runs operations on the file at `path`, in the order of `submit`, for callers on one event loop.

    `on_commit` is called on the thread with the number of operations of each COMMIT.
    """

    def __init__(
        self, path: Path, *, busy_seconds: float = BUSY_SECONDS, on_commit: Callable[[int], None] | None = None
    ) -> None:
        self._connect = partial(_connect, path, busy_seconds)
        self._connection = self._connect()
        self._on_commit = on_commit
        self._queue: queue.SimpleQueue[Operation | None] = queue.SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="embedded store", daemon=True)
        self._thread.start()

    async def submit(self, work: Callable[[sqlite3.Connection], T], *, writes: bool) -> T:
        """Run `work` on the thread. When the result of a write arrives, the write is on disk."""
        if self._closed:
            raise StoreUnavailable("the store is closed")
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queue.put(Operation(work, writes, future))
        return await future

    def close(self) -> None:
        """Run the waiting operations, then end the thread and close the file."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        more = True
        while more:
            group, more = self._next_group()
            if group:
                deliver(self._outcomes(group))
        self._connection.close()

    def _next_group(self) -> tuple[list[Operation], bool]:
        """The waiting operations, and whether more may follow. Blocks until there is one or the writer is closed."""
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
            failure = self._rolled_back(error)
            return [OperationResult(operation, None, failure) for operation in group]

    def _rolled_back(self, error: Exception) -> Exception:
        """Undo the open transaction and return the error for its callers. Does nothing if none is open."""
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error as failure:
            self._reopen()
            return StoreUnavailable(f"the store could not roll back: {failure}")
        return error

    def _reopen(self) -> None:
        """Replace the connection, which also ends its transaction. If the file cannot be opened, the next try may."""
        with suppress(sqlite3.Error):
            self._connection.close()
        with suppress(sqlite3.Error, OSError):
            self._connection = self._connect()

    def _committed(self, group: list[Operation]) -> list[OperationResult]:
        # A group of reads needs no transaction, and so no lock and no fsync.
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
        # As in MongoDB, a bulk write keeps its successful writes when others fail.
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
    # The file holds accounts and password hashes, so it is created with access for its owner only, before SQLite opens
    # it. SQLite gives its -wal and -shm files the same mode. A file that is there must not be opened here: by closing
    # it, the process would give up the locks of its other connections (fcntl(2)), and another program would take itself
    # for the last one and remove the -wal file.
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    connection = sqlite3.connect(path, timeout=busy_seconds, isolation_level=None, check_same_thread=False)
    connection.text_factory = bytes
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def deliver(outcomes: list[OperationResult]) -> None:
    """Resolve the futures of a group in one callback of the loop. If the loop has been closed, nobody is waiting."""
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
