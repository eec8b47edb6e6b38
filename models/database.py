"""Database: the collections, in MongoDB through Motor if MONGODB_URL is set, or else in the embedded store."""

from __future__ import annotations

import dataclasses
import sqlite3
import time
from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import Any, Protocol, cast

from models.breaker import Breaker
from models.collection import Collection
from models.embedded import EmbeddedDatabase
from models.errors import StoreUnavailable
from models.guard import Guard, GuardedCollection, Observe
from settings import Settings

EMBEDDED_FILE = "rollcall.db"


class Backend(Protocol):
    """What Motor's database and the embedded one have in common."""

    def __getitem__(self, name: str, /) -> Any: ...
    def command(self, command: str, /) -> Awaitable[Any]: ...


class Driver(Protocol):
    """The module that connects to MongoDB."""

    def open_mongodb(self, settings: Settings) -> Awaitable[tuple[Backend, Callable[[], None]]]:
        """Return the database that the settings name, and what closes the connections. Raises StoreUnavailable."""


class Database:
    """The guarded collections of one backend."""

    def __init__(self, backend: Backend, guard: Guard, disconnect: Callable[[], None]) -> None:
        self._backend = backend
        self._guard = guard
        self._disconnect = disconnect

    @property
    def breaker(self) -> Breaker:
        return self._guard.breaker

    def collection(self, name: str) -> GuardedCollection:
        """The collection with this name. Its first write creates it."""
        return self._guarded(name, self._guard)

    def unchecked_collection(self, name: str) -> GuardedCollection:
        """A collection whose writes don't pass the checks."""
        return self._guarded(name, dataclasses.replace(self._guard, write_checks=[]))

    def check_writes(self, check: Callable[[], None]) -> None:
        """Call `check` before each write from now on. If it raises StoreUnavailable, the write does not begin."""
        self._guard.write_checks.append(check)

    async def ping(self) -> None:
        """Raise StoreUnavailable if the store does not answer in time."""
        await self._guard.run("ping", lambda: self._backend.command("ping"))

    async def close(self) -> None:
        """Finish the embedded store's pending operations, then close files and connections."""
        self._disconnect()

    def _guarded(self, name: str, guard: Guard) -> GuardedCollection:
        backing: Collection = self._backend[name]
        return GuardedCollection(name, backing, guard)


def _ignore(operation: str, seconds: float, ok: bool) -> None:
    """Ignore the measurement."""


async def open_database(
    settings: Settings, observe: Observe = _ignore, clock: Callable[[], float] = time.monotonic
) -> Database:
    """Open the store that the settings name. Raises StoreUnavailable, whose message says what to set."""
    breaker = Breaker(settings.store_breaker_failures, settings.store_breaker_retry_seconds, clock)
    guard = Guard(settings.store_deadline_seconds, breaker, clock, observe)
    if settings.mongodb_url:
        backend, close = await _driver().open_mongodb(settings)
        return Database(backend, guard, close)
    return _open_embedded(settings, guard)


def _driver() -> Driver:
    """Import Motor only for those who use MongoDB. It takes a tenth of the time in which a server starts."""
    return cast("Driver", import_module("models.mongodb"))


def _open_embedded(settings: Settings, guard: Guard) -> Database:
    path = settings.data_dir / EMBEDDED_FILE
    try:
        backend = EmbeddedDatabase.open(path)
    except (OSError, sqlite3.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise StoreUnavailable(f"cannot open {path}: {reason}; set ROLLCALL_DATA_DIR or --data-dir") from error
    return Database(backend, guard, backend.close)
