"""Fixtures: redis-servers to stop, a shared log on each kind of engine, and servers as programs."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import AsyncHTTPClient
from tornado.ioloop import IOLoop

from tests.cluster.engines import Engine, RedisEngine, SimulatedOnly
from tests.cluster.nodes import Nodes, make_nodes
from tests.program import MakeProgram, blameless_programs
from tests.redis_server import RedisServer, missing_redis
from tests.secrets_seen import SecretsSeen

MakeRedis = Callable[..., RedisServer]


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder whose name is short enough for a Unix socket."""
    folder = Path(tempfile.mkdtemp(prefix="rc-"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def make_redis(short_folder: Path) -> Iterator[MakeRedis]:
    """Starts servers for this test only."""
    if reason := missing_redis():
        pytest.skip(reason)
    servers: list[RedisServer] = []

    def make(*options: str, **how: Any) -> RedisServer:
        server = RedisServer(short_folder / str(len(servers)), *options, **how)
        servers.append(server)
        server.start()
        return server

    yield make
    for server in reversed(servers):
        server.stop()


@pytest.fixture(params=["simulated", pytest.param("redis", marks=pytest.mark.slow)])
def engine(request: pytest.FixtureRequest, io_loop: IOLoop) -> Iterator[Engine]:
    """An empty engine of each kind."""
    if request.param == "simulated":
        made: Engine = SimulatedOnly()
    else:
        made = RedisEngine(request.getfixturevalue("redis_server"))
    yield made
    io_loop.run_sync(made.close)


@pytest.fixture
def program(io_loop: IOLoop, tmp_path: Path, secrets_seen: SecretsSeen, http: AsyncHTTPClient) -> Iterator[MakeProgram]:
    """Makes servers as separate processes."""
    yield from blameless_programs(io_loop, tmp_path, secrets_seen, http)


@pytest.fixture
def on_mongodb(mongo_server: Any) -> dict[str, Any]:
    """Settings for an empty MongoDB database."""
    return {"mongodb_url": mongo_server.url, "mongodb_database": mongo_server.fresh_database("cluster")}


@pytest.fixture
def make(program: MakeProgram, on_mongodb: dict[str, Any], redis_server: RedisServer) -> Callable[..., Nodes]:
    """Makes three servers on the common Redis, or on another."""

    def make(*, redis: RedisServer | None = None, **settings: Any) -> Nodes:
        return make_nodes(program, on_mongodb, redis or redis_server, **settings)

    return make
