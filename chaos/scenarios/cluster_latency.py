"""How long a change on one of three servers takes to a socket on another."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from typing import Any

from chaos.check import CannotRun, Check, at_least, at_most, exactly, none
from chaos.cluster import Cluster, running_cluster, running_redis
from chaos.lab import Lab
from chaos.program import ROOT
from chaos.report import LOAD
from chaos.rest import Person
from chaos.victim import percentile

CHANGES_PER_SECOND = 200.0
JOINING, CHANGING = 400, 200
"""So that a user is offline again before the next socket, and changes status less often than the limit allows."""

SECONDS = 20.0
P50_MILLISECONDS, P99_MILLISECONDS = 3.0, 15.0

Told = dict[str, Any]
"""What the measuring program has measured, in seconds."""

_INTERVALS = {
    "there": "to a socket on another server",
    "here": "to a socket on the same server",
    "between": "from a socket on the same server to one on another",
    "answered": "from the request to its answer",
    "late": "from when it was due until it was sent",
}


async def latency(lab: Lab) -> list[Check]:
    """Statuses change 200 times a second on one server, by sockets that open and close: a socket on another server is
    told in time that a user is online.
    """
    async with running_redis(lab) as redis, running_cluster(lab, redis) as cluster:
        joining, changing = (
            await lab.people(cluster.servers[0], JOINING),
            await lab.people(cluster.servers[0], CHANGING),
        )
        watching = await lab.people(cluster.servers[0], 2)
        await cluster.start()
        # Each socket makes two changes: its user comes online, and goes offline a second after it was closed.
        joins = await _measure(cluster, "join", CHANGES_PER_SECOND / 2, joining, watching)
        _note(lab, "a new socket", joins)
        statuses = await _measure(cluster, "status", CHANGES_PER_SECOND, changing, watching)
        _note(lab, "a status that is saved first", statuses)
        there = [1000 * each for each in joins["there"]]
        return [
            at_most("from a change to a socket elsewhere, median", percentile(there, 0.5), P50_MILLISECONDS, "ms"),
            at_most("from a change to a socket elsewhere, p99", percentile(there, 0.99), P99_MILLISECONDS, "ms"),
            at_least("changes per second", 2 * _rate(joins), 0.95 * CHANGES_PER_SECOND, "/s"),
            *_all_told("new sockets", joins),
            at_least("statuses set per second", _rate(statuses), 0.95 * CHANGES_PER_SECOND, "/s"),
            *_all_told("statuses", statuses),
        ]


def _rate(told: Told) -> float:
    return float(len(told["late"]) / told["seconds"])


def _all_told(what: str, told: Told) -> list[Check]:
    sent = len(told["late"])
    return [
        exactly(f"{what} told on the other server", len(told["there"]), sent),
        none(f"{what} refused", sent - told["good"]),
    ]


def _note(lab: Lab, what: str, told: Told) -> None:
    for key, interval in _INTERVALS.items():
        for name, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99)):
            lab.figures[f"{what}: {interval}, {name}, ms"] = 1000 * percentile(told[key], share)
    lab.figures[f"{LOAD}the measuring process, %"] = 100 * told["cpu_seconds"] / told["seconds"]


async def _measure(
    cluster: Cluster, kind: str, rate: float, people: Sequence[Person], watching: Sequence[Person]
) -> Told:
    """Run the measuring program."""
    given = {
        "kind": kind,
        "port": cluster.servers[0].port,
        "other_port": cluster.servers[1].port,
        "people": [(person.token, person.user_id) for person in people],
        "watching": [person.token for person in watching],
        "rate": rate,
        "seconds": SECONDS,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "chaos.latency_program", cwd=ROOT,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=2**26,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(json.dumps(given).encode() + b"\n")
        if not await process.stdout.readline():
            raise CannotRun("the measuring program ended before it began")
        cluster.begin()
        line = await process.stdout.readline()
        cluster.note_load()
        if not line:
            raise CannotRun("the measuring program ended without a report")
        told: Told = json.loads(line)
        return told
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
