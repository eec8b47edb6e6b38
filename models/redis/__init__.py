"""The shared log in Redis."""

from __future__ import annotations

from models.redis.address import RedisAddress, parse_redis_url
from models.redis.link import RedisLimits
from models.redis.log import RedisLog, open_redis_log

__all__ = ["RedisAddress", "RedisLimits", "RedisLog", "open_redis_log", "parse_redis_url"]
