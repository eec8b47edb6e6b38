"""Shared log: opens the log that several servers share, in Redis."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import structlog

from models.database import Database
from models.database_id import database_id
from models.redis import RedisLimits, RedisLog, open_redis_log, parse_redis_url
from settings import Settings

_CHANGES = {
    "lost": "a server was declared lost: the others go on with its users",
    "left": "a server has left: the others go on with its users",
    "rejoined": "this server was declared lost: it takes part again under a new name",
    "new generation": "the shared log was restarted or replaced: it goes on under a new epoch",
}

_log = structlog.stdlib.get_logger("rollcall.cluster")


@dataclass(frozen=True)
class OpenedLog:
    """The log, and the id of the database that it belongs to."""

    log: RedisLog
    database_id: str


async def open_shared_log(settings: Settings, database: Database) -> OpenedLog | None:
    """The log in Redis, or None for a server that is alone. Raises StoreUnavailable, UnusableStore."""
    if not settings.redis_url:
        return None
    address = parse_redis_url(settings.redis_url, Path(settings.redis_ca_file) if settings.redis_ca_file else None)
    limits = RedisLimits(
        connect_seconds=settings.redis_deadline_seconds,
        silence_seconds=settings.redis_deadline_seconds,
        rest_seconds=settings.redis_rest_seconds,
        log_length=settings.redis_log_length,
    )
    log = await open_redis_log(address, settings.redis_prefix, limits)
    return OpenedLog(log, await database_id(database.collection("database")))


def log_change(kind: str, name: str) -> None:
    """Log that the cluster has changed (see `Node.on_change`)."""
    _log.info(_CHANGES[kind], **{"epoch" if kind == "new generation" else "server": name})
