"""Cluster: three servers with the demo, on a Redis and a MongoDB that are started for them. Ctrl-C ends all of it.

    python -m tests.cluster

MONGODB_URL names a MongoDB to use instead; the cluster gets a database of its own there, which is dropped at the end.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from pymongo.errors import PyMongoError
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from chaos.check import CannotRun
from chaos.program import ServerProgram, until
from operation.output import console, say, set_up_output
from operation.signals import stop_signals
from tests.mongo import MongoServer, find_mongo
from tests.redis_server import RedisServer, missing_redis

NODES = 3

INVITATION = re.compile(r"^(The demo runs at .*?)\n*Ctrl-C ends it\.$", re.DOTALL | re.MULTILINE)
"""What the demo prints: how to sign in, and what to try."""

INVITATION_SECONDS = 30.0


@contextmanager
def step(what: str) -> Iterator[None]:
    """Say what is being done and, on a terminal, how long it has taken so far."""
    is_terminal = sys.stderr.isatty()
    columns = (SpinnerColumn(finished_text="✓"), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console(err=True), disable=not is_terminal) as progress:
        if not is_terminal:
            say(what, err=True)
        task = progress.add_task(what, total=1)
        yield
        progress.advance(task)


@asynccontextmanager
async def running_redis(folder: Path) -> AsyncIterator[RedisServer]:
    """A redis-server on a port of its own. Raises CannotRun."""
    if missing_redis():
        raise CannotRun("there is no redis-server; `make redis` installs it on Debian")
    redis = RedisServer(folder, on_port=True)
    try:
        with step("starting Redis"):
            await asyncio.to_thread(redis.start)
        yield redis
    finally:
        await asyncio.to_thread(redis.stop)


@asynccontextmanager
async def running_mongo(folder: Path) -> AsyncIterator[MongoServer]:
    """The MongoDB of MONGODB_URL, else a mongod, else the stand-in of the tests. Raises CannotRun."""
    means = find_mongo(variable="MONGODB_URL")
    if not means.is_there:
        raise CannotRun(
            "there is no MongoDB; set MONGODB_URL, install mongod, or install Java 17 with mvn for the stand-in in "
            "tests/mongo_server"
        )
    mongo = MongoServer(means, folder)
    try:
        with step("looking for MongoDB" if means.url else "starting MongoDB"):
            try:
                await asyncio.to_thread(mongo.start)
            except PyMongoError as error:
                raise CannotRun(f"MongoDB does not answer: {error}") from error
        yield mongo
    finally:
        await asyncio.to_thread(mongo.stop)


@asynccontextmanager
async def running_servers(folder: Path, given: dict[str, Any]) -> AsyncIterator[list[ServerProgram]]:
    """Servers with the same settings. The first one runs the demo, so that its users exist once. Raises CannotRun."""
    servers = [
        ServerProgram(folder, {**given, "node_name": f"node-{number}"}, arguments=("--demo",) if number == 1 else ())
        for number in range(1, NODES + 1)
    ]
    try:
        with step(f"starting {NODES} servers"):
            await asyncio.gather(*(server.start() for server in servers))
        yield servers
    finally:
        with step("stopping"):
            await stop(servers)


async def stop(servers: list[ServerProgram]) -> None:
    """Let all servers drain at once."""
    running = [server for server in servers if server.is_running]
    for server in running:
        server.send_signal(signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        await asyncio.gather(*(server.ended() for server in running))
    for server in servers:
        server.end()


async def invitation_of(server: ServerProgram) -> str:
    """What the demo on a server prints. Raises CannotRun."""
    with step("bringing the made-up users"):
        await until(lambda: not server.is_running or INVITATION.search(text_of(server)), seconds=INVITATION_SECONDS)
    found = INVITATION.search(text_of(server))
    if found is None:
        raise CannotRun(f"the demo did not start; see {server.log}")
    return found[1]


def text_of(server: ServerProgram) -> str:
    """The log of a server."""
    return server.log.read_text(encoding="utf-8", errors="replace")


def overview(servers: list[ServerProgram], redis: RedisServer, mongo: MongoServer) -> str:
    """Where everything is, and what to try."""
    rows = [
        f"  node-{number}  http://localhost:{server.port}/admin  process {server.pid}, log {server.log}"
        for number, server in enumerate(servers, 1)
    ]
    rows.append(f"  Redis   {redis.url}  process {redis.pid}")
    rows.append(f"  MongoDB {mongo.url}  process {mongo.pid}" if mongo.pid else "  MongoDB as in MONGODB_URL")
    return "\n".join(
        [
            f"{NODES} servers behave as one. The demo's users are clients of node-1. One sign-in works at all of them:",
            "",
            *rows,
            "",
            "Open two of the dashboards side by side: both show the same. Then end or pause a process:",
            "",
            f"  kill -9 {servers[0].pid}    # node-1: after 6 s another one takes over its users, who then go offline",
            f"  kill -STOP {redis.pid}; sleep 20; kill -CONT {redis.pid}    # Redis: meanwhile no status changes",
            "",
            "Ctrl-C ends all of it.",
        ]
    )


async def run(folder: Path) -> None:
    """Start everything, say where it is, and go on until this is cancelled."""
    async with AsyncExitStack() as stack:
        redis = await stack.enter_async_context(running_redis(folder / "redis"))
        mongo = await stack.enter_async_context(running_mongo(folder))
        given = {
            "redis_url": redis.url,
            "mongodb_url": mongo.url,
            "mongodb_database": mongo.fresh_database("cluster"),
            "jwt_secret": secrets.token_hex(32),
        }
        servers = await stack.enter_async_context(running_servers(folder, given))
        say(f"\n{await invitation_of(servers[0])}\n\n{overview(servers, redis, mongo)}")
        await asyncio.Event().wait()


async def run_until_signal() -> None:
    """Run until a signal to stop. Raises CannotRun."""
    with tempfile.TemporaryDirectory(prefix="rollcall-cluster-", ignore_cleanup_errors=True) as folder:
        running = asyncio.create_task(run(Path(folder)))
        with stop_signals(running.cancel), contextlib.suppress(asyncio.CancelledError):
            await running


def main() -> None:
    """Run the cluster. Exits with 1 if it cannot run."""
    set_up_output()
    try:
        asyncio.run(run_until_signal())
    except CannotRun as error:
        sys.exit(f"Error: {error}")


if __name__ == "__main__":
    main()
