"""Readers: threads that only read, each with a SQLite connection of its own, so that no write waits for a read.

In WAL mode, a read sees everything that was committed before it began, and it neither waits for the writer nor holds
it up. A caller who gives up, for example at the deadline of the call, ends the read.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from models.embedded.writer import BUSY_SECONDS, Operation, OperationResult, deliver
from models.errors import StoreUnavailable

T = TypeVar("T")

INTERRUPT_AGAIN_SECONDS = 0.02
"""SQLite forgets an interrupt that arrives just before a statement starts, so it is repeated until the read ends."""

CLOSING_SECONDS = 1.0
"""Reads that are running or waiting when the store is closed may take this long."""


class Readers:
    """Runs reads of the file at `path`, in the order of `submit`, on `count` threads for callers on one event loop.

    The writer must have opened the file before.
    """

    def __init__(self, path: Path, *, count: int, name: str) -> None:
        self._queue: queue.SimpleQueue[Operation | None] = queue.SimpleQueue()
        self._closed = False
        self._threads = [ReaderThread(path, self._queue, f"{name} {number}") for number in range(count)]

    async def submit(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` on one of the threads. A caller who is cancelled interrupts it."""
        if self._closed:
            raise StoreUnavailable("the store is closed")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        operation = Operation(work, writes=False, future=future)
        self._queue.put(operation)
        try:
            return await future
        except asyncio.CancelledError:
            self._interrupt(operation, loop)
            raise

    def close(self) -> None:
        """Finish the reads that are running or waiting, within CLOSING_SECONDS; then end the threads."""
        if not self._closed:
            self._closed = True
            for _ in self._threads:
                self._queue.put(None)
        for thread in self._threads:
            thread.close()

    def _interrupt(self, operation: Operation, loop: asyncio.AbstractEventLoop) -> None:
        if any(thread.interrupt(operation) for thread in self._threads):
            loop.call_later(INTERRUPT_AGAIN_SECONDS, self._interrupt, operation, loop)


class ReaderThread:
    """One thread and its connection, which takes reads from a queue until it finds None there."""

    def __init__(self, path: Path, waiting: queue.SimpleQueue[Operation | None], name: str) -> None:
        self._connection = _connect(path)
        self._queue = waiting
        self._lock = threading.Lock()
        """Held while a read begins, ends or is interrupted, so that an interrupt never hits the next read."""
        self._running: Operation | None = None
        self._is_closing = False
        self._thread = threading.Thread(target=self._run, name=f"embedded store {name}", daemon=True)
        self._thread.start()

    def interrupt(self, operation: Operation) -> bool:
        """Interrupt this read if it is running here. Whether it was."""
        with self._lock:
            is_running = self._running is operation
            if is_running:
                self._connection.interrupt()
        return is_running

    def close(self) -> None:
        """Wait until the thread has found its None, or CLOSING_SECONDS, and close the connection."""
        self._thread.join(CLOSING_SECONDS)
        self._is_closing = True
        while self._thread.is_alive():
            with self._lock:
                self._connection.interrupt()
            self._thread.join(INTERRUPT_AGAIN_SECONDS)
        self._connection.close()

    def _run(self) -> None:
        while (operation := self._queue.get()) is not None:
            if self._begins(operation):
                deliver([self._outcome(operation)])

    def _begins(self, operation: Operation) -> bool:
        """Whether somebody still waits for this read. It counts as running from here on."""
        with self._lock:
            if operation.future.done():
                return False
            self._running = operation
            return True

    def _outcome(self, operation: Operation) -> OperationResult:
        try:
            if self._is_closing:
                raise StoreUnavailable("the store is closed")
            return OperationResult(operation, operation.work(self._connection), None)
        except Exception as error:
            return OperationResult(operation, None, error)
        finally:
            with self._lock:
                self._running = None


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    connection.text_factory = bytes
    connection.execute("PRAGMA query_only = ON")
    return connection
