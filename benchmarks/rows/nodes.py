"""Nodes: how long a change takes to the other servers, and what writing to the shared log costs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from statistics import median

from benchmarks.cluster import Cluster, open_mongo, open_redis, start_cluster
from benchmarks.cores import cpu_seconds
from benchmarks.failure import BenchmarkError
from benchmarks.lab import Lab, await_quiet, status_lines
from benchmarks.row import OURS, Bound, Figure, Reading, Round, Row
from benchmarks.watching import Watching
from models.redis import RedisLimits, RedisLog, parse_redis_url
from models.redis.link import open_link
from models.redis.scripts import load_scripts
from models.shared_log import Appended, SharedRow
from tests.redis_server import RedisServer

_CHANGES_PER_SECOND = 200
_MOVERS = 200
_SECONDS = 6.0
_ARRIVING_SECONDS = 1.0
_APPENDS = 2_000
_BLOCK = 100
_RECORD_BYTES = 200
THREE, ONE = "Rollcall, 3 nodes", "Rollcall, 1 node"
_XADD = "XADD"

WAY = Figure(
    name="way to another node, p50",
    unit="ms",
    counts="median of the time from a change's arrival at a socket of one of three servers, whichever has it first,"
    " until its arrival at sockets of all three, at 200 changes per second; all servers and Redis share one core",
    less_is_better=True,
    bounds=(Bound(factor=3),),
)
WAY_P99 = Figure(
    name="way to another node, p99",
    unit="ms",
    counts="99th percentile of the same times",
    less_is_better=True,
    bounds=(Bound(factor=15),),
)
COST = Figure(
    name="CPU per change",
    unit="µs",
    counts="CPU time of all servers per change at 200 changes per second, without Redis and MongoDB; one watcher each",
    less_is_better=True,
)
APPEND = Figure(
    name="append to the log",
    unit="µs",
    counts="median time of writing a record and its entry to the log in Redis, one after another. XADD: adding an entry"
    " of the same size and nothing else over the same kind of connection, in turns",
    less_is_better=True,
    bounds=(Bound(against=_XADD, factor=1.3),),
)


@contextmanager
def _opened(lab: Lab) -> Iterator[Round]:
    with ExitStack() as stack:
        redis = stack.enter_context(open_redis(lab))
        lab.say("starting MongoDB")
        mongo = stack.enter_context(open_mongo(lab))

        def measure() -> list[Reading]:
            readings: list[Reading] = []
            for name, nodes in ((ONE, 1), (THREE, 3)):
                with ExitStack() as servers:
                    lab.say(f"{nodes} node{'s' * (nodes > 1)}")
                    cluster = start_cluster(lab, servers, redis, mongo, nodes=nodes, users=_MOVERS + 1)
                    readings += _ways(lab, name, cluster)
            appends, adds = asyncio.run(_appends(redis))
            return [*readings, Reading(APPEND.name, OURS, appends), Reading(APPEND.name, _XADD, adds)]

        yield measure


def _ways(lab: Lab, name: str, cluster: Cluster) -> list[Reading]:
    watcher, movers = cluster.tokens[0], cluster.tokens[1:]
    with Watching([(node.port, watcher) for node in cluster.nodes]) as watching:
        for node in cluster.nodes:
            await_quiet(node.pid)
        watching.forget()
        before = sum(cpu_seconds(node.pid) for node in cluster.nodes)
        every_us = 1_000_000 * _MOVERS // _CHANGES_PER_SECOND
        lab.ask(cluster.nodes[0], status_lines(movers), seconds=_SECONDS, every_us=every_us)
        cpu = sum(cpu_seconds(node.pid) for node in cluster.nodes) - before
        time.sleep(_ARRIVING_SECONDS)
    made, *others = watching.arrivals
    if watching.lost or any(made.keys() != there.keys() for there in others):
        raise BenchmarkError("a server did not announce all the changes")
    readings = [Reading(COST.name, name, 1e6 * cpu / len(made))]
    if others:
        # The server that made a change may be the last to tell its sockets, because it also answers the request.
        arrivals = [[there[seq] for there in watching.arrivals] for seq in made]
        ways = sorted(max(times) - min(times) for times in arrivals)
        readings.append(Reading(WAY.name, OURS, 1e3 * median(ways)))
        readings.append(Reading(WAY_P99.name, OURS, 1e3 * ways[len(ways) * 99 // 100]))
    return readings


async def _appends(redis: RedisServer) -> tuple[float, float]:
    """Return the median time of an append and of an XADD in µs, measured in turns of a hundred."""
    address, limits = parse_redis_url(redis.url), RedisLimits()
    log = RedisLog(address, f"append-{time.monotonic_ns()}", limits)
    await log.connect()
    generation = (await log.adopt(0, 0, "", "epoch", "database")).generation
    await log.join("server")
    link = await open_link(address, load_scripts(), limits)
    record, seen = b"x" * _RECORD_BYTES, [""]

    async def append() -> None:
        rows = [SharedRow(1, seen[0], True, record)]
        outcome = await log.append(generation, "server", "op", b"", rows)
        if not isinstance(outcome, Appended):
            raise BenchmarkError(f"an append was refused: {outcome}")
        seen[0] = outcome.entry_id

    async def add() -> None:
        await link.command(b"XADD", b"bare", b"MAXLEN", b"~", b"100000", b"*", b"append op", b"", b"1", record)

    times: dict[Callable[[], Awaitable[None]], list[float]] = {append: [], add: []}
    for _ in range(_APPENDS // _BLOCK):
        for act, taken in times.items():
            for _ in range(_BLOCK):
                began = time.perf_counter()
                await act()
                taken.append(time.perf_counter() - began)
    await link.close()
    await log.close()
    return 1e6 * median(times[append]), 1e6 * median(times[add])


NODES = Row("nodes", "one and three servers on Redis", 150, (WAY, WAY_P99, COST, APPEND), _opened)
