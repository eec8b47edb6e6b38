"""Cluster: three servers on one Redis and one MongoDB, and what all of them must agree on."""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from chaos.check import CannotRun, Check, none
from chaos.lab import Lab
from chaos.machine import processor_seconds
from chaos.program import ServerProgram
from chaos.report import LOAD
from chaos.rest import Person
from chaos.seeding import opened
from tests.redis_server import RedisServer, missing_redis

NODES = 3
PAGE = 100
"""The most users whose status one request may ask for."""

Statuses = dict[int, dict[str, Any]]
"""The statuses of users by their id, without `last_seen`, which is not announced when it changes alone."""


class Cluster:
    """Equal servers, and the Redis that they share."""

    def __init__(self, lab: Lab, redis: RedisServer, servers: Sequence[ServerProgram]) -> None:
        self._lab = lab
        self.redis = redis
        self.servers = list(servers)
        self._began = 0.0
        self._used: dict[tuple[str, int], float] = {}
        """CPU time of each process when counting started, by name and process id."""

    async def start(self) -> None:
        """Start all servers, one after another."""
        for server in self.servers:
            await server.start()

    def on(self, node: int, person: Person) -> Person:
        """The person, as a client of one of the servers."""
        return Person(
            self.servers[node].port, person.token, person.source, [], person.user_id, person.username, person.password
        )

    async def statuses(self, node: int, asker: Person, people: Sequence[Person]) -> Statuses:
        """What one server answers about some users."""
        client = self.on(node, asker)
        found: Statuses = {}
        for start in range(0, len(people), PAGE):
            ids = ",".join(str(person.user_id) for person in people[start : start + PAGE])
            answer = await client.get("/users/presence", user_ids=ids)
            assert answer.status == 200, answer.body
            found |= {status["user_id"]: picture_of(status) for status in answer.body}
        client.close()
        return found

    async def agreed(self, asker: Person, people: Sequence[Person]) -> Statuses | None:
        """What all running servers answer about some users, or None if they differ."""
        running = [node for node, server in enumerate(self.servers) if server.is_running]
        first, *others = await asyncio.gather(*(self.statuses(node, asker, people) for node in running))
        return first if all(other == first for other in others) else None

    def losses(self) -> int:
        """How many times a server was declared lost, by the log in Redis."""
        entries = self.redis.ask("XRANGE", f"{{{self.servers[0].settings.redis_prefix}}}:log", "-", "+")
        return sum(any(bytes(each).startswith(b"lost ") for each in fields) for _, fields in entries)

    def begin(self) -> None:
        """Start counting the CPU time of each process here."""
        self._began = time.monotonic()
        self._used = {(name, pid): processor_seconds(pid) for name, pid in self._processes()}

    def note_load(self) -> None:
        """Record how much of a core each process has used since `begin`, in percent."""
        seconds = time.monotonic() - self._began
        for name, pid in self._processes():
            used = processor_seconds(pid) - self._used.get((name, pid), 0.0)
            self._lab.figures[f"{LOAD}{name}, %"] = 100 * used / seconds

    def end(self) -> None:
        """Stop the servers before what they need is stopped."""
        for server in self.servers:
            server.end()

    def _processes(self) -> Iterator[tuple[str, int]]:
        for number, server in enumerate(self.servers):
            if server.is_running:
                yield f"server {number + 1}", server.pid
        if self.redis.pid:
            yield "Redis", self.redis.pid
        if self._lab.store.pid:
            yield "MongoDB", self._lab.store.pid
        yield "the driver", os.getpid()


@asynccontextmanager
async def running_redis(lab: Lab, *options: str, replica_of: RedisServer | None = None) -> AsyncIterator[RedisServer]:
    """A Redis of this scenario's own, on a port. Raises CannotRun."""
    if missing_redis():
        raise CannotRun("no redis-server on the PATH; `make redis` installs it")
    folder = lab.folder / f"redis-{secrets.token_hex(2)}"
    server = RedisServer(folder, *options, on_port=True, replica_of=replica_of)
    await asyncio.to_thread(server.start)
    try:
        yield server
    finally:
        await asyncio.to_thread(server.kill)


@asynccontextmanager
async def running_cluster(
    lab: Lab, redis: RedisServer, *, urls: Sequence[str] = (), **settings: Any
) -> AsyncIterator[Cluster]:
    """Three servers that are not started yet. `urls` are the addresses at which each of them finds Redis."""
    shared = {"jwt_secret": f"key-{secrets.token_hex(24)}", "redis_prefix": "rc", **settings}
    servers = [lab.server(redis_url=url, **shared) for url in urls or [redis.url] * NODES]
    cluster = Cluster(lab, redis, servers)
    try:
        yield cluster
    finally:
        cluster.end()


def picture_of(status: dict[str, Any]) -> dict[str, Any]:
    """A status, as far as changes of it are announced."""
    return {name: value for name, value in status.items() if name != "last_seen"}


async def no_locks(server: ServerProgram) -> Check:
    """The check that the store holds no call locks."""
    async with opened(server.settings) as (database, _):
        left = await database.collection("call_claims").count_documents({})
    return none("call locks left in the store", left)
