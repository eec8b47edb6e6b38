"""The Redis that three servers share is restarted, emptied, or replaced."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

from chaos.check import Check, at_least, at_most, none
from chaos.cluster import NODES, Cluster, Statuses, running_cluster, running_redis
from chaos.crowd import Member, enter
from chaos.lab import Lab
from chaos.program import until
from chaos.proxy import Proxy
from chaos.rest import Person
from chaos.watcher import Watcher, watch
from tests.redis_server import RedisServer

SOCKETS, WRITING, MOVING = 300, 40, 20
BEFORE_SECONDS = 3.0
OUTAGE_SECONDS = 5.0
EQUAL_SECONDS = 5.0
PATIENCE_SECONDS = 30.0
AFTER_SECONDS = 35.0
"""Longer than it takes to declare a server lost and let the grace period of its users end."""

Fault = Callable[[], Awaitable[None]]


async def aof(lab: Lab) -> list[Check]:
    """Redis is killed and restarted with its append-only file: no socket is lost, nobody is announced, and all copies
    are equal soon.
    """
    async with running_redis(lab, "--appendonly", "yes", "--appendfsync", "everysec") as redis:
        return await _restart(lab, redis)


async def empty(lab: Lab) -> list[Check]:
    """Redis is killed and restarted without its data: no socket is lost, nobody is announced, and all copies are equal
    soon.
    """
    async with running_redis(lab) as redis:
        return await _restart(lab, redis)


async def failover(lab: Lab) -> list[Check]:
    """Redis is killed, and a replica that lacks the last entries takes over its address: no socket is lost, nobody is
    announced, and all copies are equal soon.
    """
    async with AsyncExitStack() as stack:
        redis = await stack.enter_async_context(running_redis(lab))
        replica = await stack.enter_async_context(running_redis(lab, replica_of=redis))
        await asyncio.to_thread(replica.wait_until, lambda: _is_in_step(replica))
        proxy = Proxy("127.0.0.1", redis.port)
        await proxy.start()
        stack.push_async_callback(proxy.stop)
        urls = [f"redis://127.0.0.1:{proxy.port}"] * NODES

        async def promote() -> None:
            """What is written from now on will be missing."""
            replica.ask("REPLICAOF", "NO", "ONE")
            lab.note(entries_before_the_promotion=_entries(replica))

        async def kill() -> None:
            lab.note(entries_that_the_replica_lacks=_entries(redis) - _entries(replica))
            await asyncio.to_thread(redis.kill)
            proxy.refuse()

        async def move() -> None:
            proxy.move("127.0.0.1", replica.port)
            await proxy.let_through()

        cluster = await stack.enter_async_context(running_cluster(lab, redis, urls=urls))
        checks = await _outage(lab, cluster, prepare=promote, begin=kill, end=move)
        return [*checks, at_least("entries that the replica lacked", lab.figures["entries that the replica lacks"], 1)]


async def _restart(lab: Lab, redis: RedisServer) -> list[Check]:
    async def nothing() -> None:
        """No preparation is needed."""

    async def kill() -> None:
        await asyncio.to_thread(redis.kill)

    async def start() -> None:
        await asyncio.to_thread(redis.start)

    async with running_cluster(lab, redis) as cluster:
        return await _outage(lab, cluster, prepare=nothing, begin=kill, end=start)


async def _outage(lab: Lab, cluster: Cluster, *, prepare: Fault, begin: Fault, end: Fault) -> list[Check]:
    """Let users write before and during an outage, and some change servers. Compare everything afterwards."""
    people = await lab.people(cluster.servers[0], SOCKETS)
    watching = await lab.people(cluster.servers[0], NODES)
    await cluster.start()
    watchers = [await watch(cluster, node, person) for node, person in enumerate(watching)]
    members = [await enter(cluster.servers[number % NODES].port, each) for number, each in enumerate(people)]
    await until(lambda: all(len(each.changes) >= SOCKETS for each in watchers), seconds=10)
    before, throughout = Writers(cluster, people[:WRITING]), Writers(cluster, people[WRITING : 2 * WRITING])
    await asyncio.sleep(BEFORE_SECONDS / 2)
    await prepare()
    await asyncio.sleep(BEFORE_SECONDS / 2)
    await asyncio.gather(begin(), before.stop())
    members[-MOVING:] = await _move(cluster, members[-MOVING:])
    await asyncio.sleep(OUTAGE_SECONDS)
    await throughout.stop()
    await end()
    back_at = time.monotonic()
    answered = await until(lambda: _is_written(cluster, people[-1]), seconds=PATIENCE_SECONDS)
    await until(lambda: _are_equal(cluster, watching[0], watchers, people), seconds=PATIENCE_SECONDS, every=0.2)
    equal = time.monotonic() - back_at
    await asyncio.sleep(AFTER_SECONDS)
    lab.note(
        writes_acknowledged=before.acknowledged + throughout.acknowledged,
        time_until_a_write_was_answered_in_s=answered,
    )
    agreed = await cluster.agreed(watching[0], people)
    return [
        none("sockets lost", sum(not each.is_open for each in [*members, *watchers])),
        none("users announced as offline", sum(len(each.offlines()) for each in watchers)),
        at_most("time until all copies are equal", equal, EQUAL_SECONDS, "s"),
        none("users on whom copies differ later", _differing(agreed, watchers, people)),
        none("users shown offline", sum(not status["is_online"] for status in (agreed or {}).values())),
        none("acknowledged statuses missing", before.missing(agreed or {})),
        at_least("writes refused during the outage", throughout.refused, 1),
    ]


class Writers:
    """Users who keep changing their status, each on one server after another."""

    def __init__(self, cluster: Cluster, people: list[Person]) -> None:
        self._cluster = cluster
        self._busy: dict[int, bool] = {}
        """The last status of each user, if it was acknowledged."""
        self.acknowledged = 0
        self.refused = 0
        self._is_over = False
        self._tasks = [asyncio.create_task(self._write(person)) for person in people]

    async def stop(self) -> None:
        """Finish the running writes."""
        self._is_over = True
        await asyncio.gather(*self._tasks)

    def missing(self, statuses: Statuses) -> int:
        """How many users do not have the last status that was acknowledged."""
        return sum(statuses.get(user_id, {}).get("is_busy") != is_busy for user_id, is_busy in self._busy.items())

    async def _write(self, person: Person) -> None:
        clients = [self._cluster.on(node, person) for node in range(NODES)]
        number = 0
        while not self._is_over:
            is_busy = number % 2 == 0
            self._busy.pop(person.user_id, None)
            answer = await clients[number % NODES].put("/users/me/status", {"is_busy": is_busy})
            if answer.status == 200:
                self._busy[person.user_id] = is_busy
            self.acknowledged += answer.status == 200
            self.refused += answer.status == 503
            number += 1
            await asyncio.sleep(random.uniform(0.2, 0.4))
        for client in clients:
            client.close()


async def _move(cluster: Cluster, members: list[Member]) -> list[Member]:
    """Let users lose their sockets and come back to another server."""
    for member in members:
        member.drop()
    return [
        await enter(cluster.servers[(number + 1) % NODES].port, member.person) for number, member in enumerate(members)
    ]


async def _is_written(cluster: Cluster, person: Person) -> bool:
    client = cluster.on(0, person)
    answer = await client.put("/users/me/status", {"is_busy": True})
    client.close()
    return answer.status == 200


async def _are_equal(cluster: Cluster, asker: Person, watchers: list[Watcher], people: list[Person]) -> bool:
    agreed = await cluster.agreed(asker, people)
    return _differing(agreed, watchers, people) == 0


def _differing(agreed: Statuses | None, watchers: list[Watcher], people: list[Person]) -> int:
    """How many users are seen otherwise by some watcher; all of them if the servers differ."""
    return len(people) if agreed is None else max(watcher.differences(agreed) for watcher in watchers)


def _is_in_step(replica: RedisServer) -> bool:
    return bool(replica.ask("INFO", "replication")["master_link_status"] == "up")


def _entries(redis: RedisServer) -> int:
    """How many entries the log has."""
    return int(redis.ask("XLEN", "{rc}:log"))
