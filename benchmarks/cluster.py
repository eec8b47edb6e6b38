"""Cluster: several servers on one Redis and one MongoDB, all on the server's core except MongoDB."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pymongo.errors import PyMongoError

from benchmarks.failure import BenchmarkError
from benchmarks.lab import UNLIMITED, Lab, Served
from benchmarks.rollcall import make_users, server_environment
from chaos.ports import free_port
from tests.mongo import MongoServer, find_mongo
from tests.redis_server import RedisServer, missing_redis

_SECRET = "k" * 48
_STORE_SECONDS = "15"
"""Longer than by default, because the first calls to a database that has just started may be slow."""


@dataclass(frozen=True)
class Cluster:
    """Servers that share a database and a log."""

    nodes: list[Served]
    redis: RedisServer
    tokens: list[str]


@contextmanager
def open_redis(lab: Lab) -> Iterator[RedisServer]:
    """Start a redis-server on the server's core."""
    if reason := missing_redis():
        raise BenchmarkError(reason)
    # In a folder of its own, because the name of a Unix socket must be short.
    folder = Path(tempfile.mkdtemp(prefix="rc-"))
    redis = RedisServer(folder)
    usual = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {lab.cores.server})
    try:
        redis.start()
    except (OSError, AssertionError) as error:
        raise BenchmarkError(f"redis-server did not start: {error}") from None
    finally:
        os.sched_setaffinity(0, usual)
    try:
        yield redis
    finally:
        redis.stop()
        shutil.rmtree(folder)


@contextmanager
def open_mongo(lab: Lab) -> Iterator[MongoServer]:
    """Start a MongoDB, or the server that stands in for it, on the clients' core."""
    means = find_mongo()
    if not means.is_there:
        raise BenchmarkError(means.reason)
    mongo = MongoServer(means, lab.folder("mongo"))
    try:
        mongo.start()
    except (OSError, PyMongoError) as error:
        mongo.stop()
        raise BenchmarkError(f"MongoDB did not start: {error}") from None
    try:
        yield mongo
    finally:
        mongo.stop()


def start_cluster(
    lab: Lab, stack: ExitStack, redis: RedisServer, mongo: MongoServer, *, nodes: int, users: int
) -> Cluster:
    """Start so many servers on a fresh database."""
    folder = lab.folder("cluster")
    database = mongo.fresh_database("bench")
    shared = UNLIMITED | {
        "MONGODB_URL": mongo.url,
        "ROLLCALL_MONGODB_DATABASE": database,
        "ROLLCALL_REDIS_URL": redis.url,
        "ROLLCALL_REDIS_PREFIX": database,
        "ROLLCALL_JWT_SECRET": _SECRET,
        "ROLLCALL_STORE_DEADLINE_SECONDS": _STORE_SECONDS,
        "ROLLCALL_INSPECT_INTERVAL_SECONDS": "20",
    }
    tokens = make_users(lab.server, server_environment(free_port(), folder / "unused") | shared, users, folder)
    servers = []
    for _ in range(nodes):
        port = free_port()
        environment = server_environment(port, folder / "unused") | shared
        servers.append(lab.start(stack, lab.folder("node"), port, environment, tokens))
    return Cluster(servers, redis, tokens)
