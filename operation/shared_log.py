"""Shared log: opens the log that several servers share, in Redis."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol, cast

import structlog

from models.database import Database
from models.database_id import database_id
from models.shared_log import SharedLog
from settings import Settings

_CHANGES = {
    "lost": "a server was declared lost: the others go on with its users",
    "left": "a server has left: the others go on with its users",
    "rejoined": "this server was declared lost: it takes part again under a new name",
    "new generation": "the shared log was restarted or replaced: it goes on under a new epoch",
}

_log = structlog.stdlib.get_logger("rollcall.cluster")


class ClosableLog(SharedLog, Protocol):
    """A log with connections of its own."""

    async def close(self) -> None:
        """Close the connections."""


class Driver(Protocol):
    """The module that connects to Redis."""

    def open_log(self, settings: Settings) -> Awaitable[ClosableLog]:
        """Open the log. Raises StoreUnavailable, UnusableStore."""


@dataclass(frozen=True)
class OpenedLog:
    """The log, and the id of the database that it belongs to."""

    log: ClosableLog
    database_id: str


async def open_shared_log(settings: Settings, database: Database) -> OpenedLog | None:
    """The log in Redis, or None for a server that is alone. Raises StoreUnavailable, UnusableStore."""
    if not settings.redis_url:
        return None
    # The driver is imported only by those who use it.
    driver = cast("Driver", import_module("models.redis.from_settings"))
    log = await driver.open_log(settings)
    return OpenedLog(log, await database_id(database.collection("database")))


def log_change(kind: str, name: str) -> None:
    """Log that the cluster has changed (see `Node.on_change`)."""
    _log.info(_CHANGES[kind], **{"epoch" if kind == "new generation" else "server": name})
