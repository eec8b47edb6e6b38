"""One of three servers is killed, cut off from Redis, or paused."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import time
from collections.abc import AsyncIterator, Sequence
from itertools import cycle

from chaos.check import Check, at_most, exactly, none
from chaos.cluster import NODES, Cluster, running_cluster, running_redis
from chaos.crowd import all_ended, enter_all
from chaos.lab import Lab
from chaos.program import until
from chaos.proxy import Proxy
from chaos.rest import Person
from chaos.roamer import Roamer, Tally, connected
from chaos.victim import Report, Victim
from chaos.watcher import Watcher, watch

LOST = NODES - 1
"""The server that something happens to."""

SOCKETS, BACK = 500, 400
BACK_SECONDS = 10.0
OFFLINE_SECONDS = 25.0
LATE_SECONDS = 15.0
"""How long to wait for announcements that must not come."""

ROAMERS = 60
CUT_OFF_SECONDS = 30.0
AFTER_SECONDS = 30.0
PAUSE_SECONDS = 10.0
FACTOR = 2.0
READY_SECONDS = 15.0


async def kill(lab: Lab) -> list[Check]:
    """A server is killed with 500 sockets, and 400 of these users come back to the others within ten seconds: only the
    other hundred are announced, once each.
    """
    async with running_redis(lab) as redis, running_cluster(lab, redis) as cluster:
        people, watching = await lab.people(cluster.servers[0], SOCKETS), await lab.people(cluster.servers[0], NODES)
        await cluster.start()
        watchers = [await watch(cluster, node, watching[node]) for node in range(LOST)]
        members = await enter_all(cluster.servers[LOST].port, people)
        await until(lambda: all(len(each.changes) >= SOCKETS for each in watchers), seconds=10)
        before = [len(each.changes) for each in watchers]
        cluster.servers[LOST].kill()
        killed_at = time.monotonic()
        await all_ended(members)
        cluster.begin()
        await _come_back(cluster, people[:BACK])
        crowd, gone = {person.user_id for person in people}, {person.user_id for person in people[BACK:]}
        await until(lambda: all(len(each.offlines()) >= len(gone) for each in watchers), seconds=OFFLINE_SECONDS)
        await asyncio.sleep(LATE_SECONDS)
        cluster.note_load()
        await cluster.servers[LOST].start()
        watchers.append(await watch(cluster, LOST, watching[LOST]))
        told = [watcher.changes[start:] for watcher, start in zip(watchers, before, strict=False)]
        ids = [[message["user_id"] for _, message in each if message["user_id"] in crowd] for each in told]
        statuses = await cluster.agreed(watching[0], people) or {}
        return [
            none("announcements of users who came back", sum(user_id not in gone for each in ids for user_id in each)),
            none(
                "other users not announced as offline once", sum(each.count(one) != 1 for each in ids for one in gone)
            ),
            at_most("time until the last was announced", _last(watchers) - killed_at, OFFLINE_SECONDS, "s"),
            exactly("different orders of changes on the servers", len({_order(each) for each in watchers[:LOST]}), 1),
            exactly("different seq on the servers", len(await _seqs(cluster, watching)), 1),
            exactly("users on whom all servers agree", len(statuses), SOCKETS),
            none("users shown wrongly", sum(s["is_online"] == (user_id in gone) for user_id, s in statuses.items())),
        ]


async def cut_off(lab: Lab) -> list[Check]:
    """A server cannot reach Redis for thirty seconds: it sends its clients to the others, nobody is announced, and the
    others' clients notice nothing.
    """
    async with running_redis(lab) as redis, _proxied(redis.port) as proxy:
        urls = [redis.url] * LOST + [f"redis://127.0.0.1:{proxy.port}"]
        async with running_cluster(lab, redis, urls=urls) as cluster:
            people, watching = await lab.people(cluster.servers[0], ROAMERS), await lab.people(cluster.servers[0], LOST)
            victims = [await lab.victims(cluster.servers[0]) for _ in range(LOST)]
            await cluster.start()
            watchers = [await watch(cluster, node, person) for node, person in enumerate(watching)]
            tally = Tally(people[0].user_id, ROAMERS)
            roamers = _roamers(cluster, people, tally)
            async with connected(roamers):
                before = await _pings(cluster, victims, CUT_OFF_SECONDS)
                began = time.monotonic()
                proxy.swallow()
                cluster.begin()
                pinging = asyncio.create_task(_pings(cluster, victims, CUT_OFF_SECONDS))
                drained = await until(lambda: _is_unready(cluster), seconds=CUT_OFF_SECONDS, every=0.1)
                await pinging
                cluster.note_load()
                elsewhere = sum(each.is_connected for each in roamers)
                during = pinging.result()
                await proxy.let_through()
                lab.note(cut_off_for_s=time.monotonic() - began)
                ready = await until(cluster.servers[LOST].is_ready, seconds=READY_SECONDS)
                await asyncio.sleep(AFTER_SECONDS)
                ratios = [now.ping_p99 / was.ping_p99 for was, now in zip(before, during, strict=True)]
                for node, (was, now) in enumerate(zip(before, during, strict=True)):
                    lab.figures[f"ping p99 on server {node + 1} before, ms"] = was.ping_p99
                    lab.figures[f"ping p99 on server {node + 1} meanwhile, ms"] = now.ping_p99
                agreed = await cluster.agreed(watching[0], people) or {}
                return [
                    none("users announced as offline", sum(len(each.offlines(among=people)) for each in watchers)),
                    at_most("time until the server is unready", drained, 15, "s"),
                    exactly("its clients connected elsewhere", elsewhere, ROAMERS),
                    at_most("others' ping p99, compared with before", max(ratios), FACTOR, "×"),
                    none("others' sockets lost", sum(each.lost_sockets for each in during)),
                    at_most("time until it is ready again", ready, READY_SECONDS, "s"),
                    exactly(
                        "users whom all servers show online", sum(s["is_online"] for s in agreed.values()), ROAMERS
                    ),
                ]


async def pause(lab: Lab) -> list[Check]:
    """A server is paused for ten seconds: it is declared lost, comes back by itself, and nobody is announced."""
    async with running_redis(lab) as redis, running_cluster(lab, redis) as cluster:
        people, watching = await lab.people(cluster.servers[0], ROAMERS), await lab.people(cluster.servers[0], NODES)
        await cluster.start()
        watchers = [await watch(cluster, node, person) for node, person in enumerate(watching)]
        members = await enter_all(cluster.servers[LOST].port, people)
        await until(lambda: all(len(each.changes) >= ROAMERS for each in watchers), seconds=10)
        cluster.servers[LOST].send_signal(signal.SIGSTOP)
        await asyncio.sleep(PAUSE_SECONDS)
        cluster.servers[LOST].send_signal(signal.SIGCONT)
        agree = await until(lambda: _all_online(cluster, watching[0], people), seconds=AFTER_SECONDS, every=0.5)
        await asyncio.sleep(AFTER_SECONDS)
        agreed = await cluster.agreed(watching[0], people) or {}
        return [
            none("users announced as offline", sum(len(each.offlines()) for each in watchers)),
            exactly("times that it was declared lost", cluster.losses(), 1),
            none("sockets lost", sum(not each.is_open for each in [*members, *watchers])),
            at_most("time until all servers agree again", agree, AFTER_SECONDS, "s"),
            exactly("users whom all servers show online", sum(s["is_online"] for s in agreed.values()), ROAMERS),
            none(
                "false offlines", sum([await each.metric("rollcall_false_offlines_total") for each in cluster.servers])
            ),
        ]


@contextlib.asynccontextmanager
async def _proxied(port: int) -> AsyncIterator[Proxy]:
    proxy = Proxy("127.0.0.1", port)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.stop()


async def _come_back(cluster: Cluster, people: Sequence[Person]) -> None:
    """Connect users to the servers that are left, at random moments."""

    async def one(number: int, person: Person) -> None:
        await asyncio.sleep(random.uniform(0.5, BACK_SECONDS - 1))
        await enter_all(cluster.servers[number % LOST].port, [person])

    await asyncio.gather(*(one(number, person) for number, person in enumerate(people)))


def _roamers(cluster: Cluster, people: Sequence[Person], tally: Tally) -> list[Roamer]:
    """Clients that connect to the server to be cut off first, and to the others in turn afterwards."""
    ports = [server.port for server in cluster.servers]
    return [Roamer(person, cycle([ports[LOST], *ports[:LOST]]).__next__, tally) for person in people]


async def _pings(cluster: Cluster, victims: Sequence[list[Person]], seconds: float) -> list[Report]:
    """Measure pings at all servers but the last, at the same time."""
    async with contextlib.AsyncExitStack() as stack:
        running = [
            await stack.enter_async_context(Victim(server, people, signs_in=False))
            for server, people in zip(cluster.servers, victims, strict=False)
        ]
        await asyncio.sleep(seconds)
    return [victim.report for victim in running]


async def _is_unready(cluster: Cluster) -> bool:
    return not await cluster.servers[LOST].is_ready()


async def _all_online(cluster: Cluster, asker: Person, people: Sequence[Person]) -> bool:
    agreed = await cluster.agreed(asker, people)
    return agreed is not None and all(status["is_online"] for status in agreed.values())


async def _seqs(cluster: Cluster, people: Sequence[Person]) -> set[int]:
    """The `seq` that new sockets on each server start from, by users who are online already."""
    return {(await watch(cluster, node, person)).established["seq"] for node, person in enumerate(people)}


def _last(watchers: Sequence[Watcher]) -> float:
    return max((at for watcher in watchers for at, _ in watcher.offlines()), default=float("inf"))


def _order(watcher: Watcher) -> tuple[tuple[int, int], ...]:
    return tuple((message["seq"], message["user_id"]) for _, message in watcher.changes[-SOCKETS:])
