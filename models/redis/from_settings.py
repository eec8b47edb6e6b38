"""From settings: opens the log in the Redis that the settings name."""

from __future__ import annotations

from pathlib import Path

from models.redis.address import parse_redis_url
from models.redis.link import RedisLimits
from models.redis.log import RedisLog, open_redis_log
from settings import Settings


async def open_log(settings: Settings) -> RedisLog:
    """Open the log in Redis. Raises StoreUnavailable, UnusableStore."""
    address = parse_redis_url(settings.redis_url, Path(settings.redis_ca_file) if settings.redis_ca_file else None)
    limits = RedisLimits(
        connect_seconds=settings.redis_deadline_seconds,
        silence_seconds=settings.redis_deadline_seconds,
        rest_seconds=settings.redis_rest_seconds,
        log_length=settings.redis_log_length,
    )
    return await open_redis_log(address, settings.redis_prefix, limits)
