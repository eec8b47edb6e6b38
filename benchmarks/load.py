"""Load: what a server's work costs with so many users, watchers, idle sockets and changes per second."""

from __future__ import annotations

import http.client
import re
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import cycle, islice

from benchmarks.cores import cpu_seconds
from benchmarks.failure import BenchmarkError
from benchmarks.lab import Lab, Served, await_quiet, heartbeat_lines, status_lines

_MOVERS = 50
_SOCKETS_PER_USER = 8
_FIRST_FRAMES = 2
_DELIVERED = re.compile(r'^rollcall_messages_out_total\{type="user_status_update"\} (\S+)$', re.MULTILINE)


@dataclass(frozen=True)
class Load:
    """What is going on at the same time. Watchers are sockets that receive every change."""

    users: int = 1_000
    watchers: int = 500
    changes_per_second: int = 20


@dataclass(frozen=True)
class Cost:
    """What the servers did in `seconds`."""

    seconds: float
    cpu_seconds: float
    delivered: float
    changes: int

    @property
    def per_message_us(self) -> float:
        return 1e6 * self.cpu_seconds / self.delivered

    @property
    def per_change_us(self) -> float:
        return 1e6 * self.cpu_seconds / self.changes

    @property
    def share(self) -> float:
        """The share of a core."""
        return self.cpu_seconds / self.seconds


def measure_load(lab: Lab, load: Load, *, seconds: float) -> Cost:
    """Start a server, connect the watchers, make the changes, and measure."""
    with ExitStack() as stack:
        served = lab.rollcall(stack, max(load.users, load.watchers // _SOCKETS_PER_USER + _MOVERS))
        connect_watchers(lab, stack, served, load.watchers)
        return measure_changes(lab, [served], load.changes_per_second, seconds=seconds)


def connect_watchers(lab: Lab, stack: ExitStack, served: Served, count: int) -> None:
    """Connect so many sockets of the first users."""
    if count:
        paths = [f"/ws/feed?token={token}" for token in served.tokens[: -(-count // _SOCKETS_PER_USER)]]
        lab.sink(stack, served, list(islice(cycle(paths), count)), first_frames=_FIRST_FRAMES)


def measure_changes(lab: Lab, nodes: Sequence[Served], per_second: int, *, seconds: float) -> Cost:
    """Let the last users change on the first of some servers; measure what that costs all of them."""
    for node in nodes:
        await_quiet(node.pid)
    movers = nodes[0].tokens[-_MOVERS:]
    before, delivered = _cpu(nodes), sum(map(_delivered, nodes))
    began = time.monotonic()
    if per_second:
        done = lab.ask(nodes[0], status_lines(movers), seconds=seconds, every_us=1_000_000 * _MOVERS // per_second)
    else:
        time.sleep(seconds)
        done = {"requests": 0}
    taken = time.monotonic() - began
    cpu = _cpu(nodes) - before
    return Cost(taken, cpu, sum(map(_delivered, nodes)) - delivered, done["requests"])


def heartbeat_cost_us(lab: Lab, *, watchers: int, seconds: float) -> float:
    """Return the CPU time per heartbeat of users who are online, with so many sockets watching."""
    with ExitStack() as stack:
        served = lab.rollcall(stack, watchers // _SOCKETS_PER_USER + 1 + _MOVERS)
        connect_watchers(lab, stack, served, watchers)
        lines = heartbeat_lines(served.tokens[-_MOVERS:])
        lab.ask(served, lines, seconds=0.5)  # everyone is online from here on
        await_quiet(served.pid)
        before = cpu_seconds(served.pid)
        done = lab.ask(served, lines, seconds=seconds)
        return 1e6 * (cpu_seconds(served.pid) - before) / int(done["requests"])


def metrics(served: Served) -> str:
    """Return the metrics of a server as text."""
    link = http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)
    link.request("GET", "/metrics")
    answer = link.getresponse()
    text = answer.read().decode()
    link.close()
    if answer.status != 200:
        raise BenchmarkError(f"GET /metrics: {answer.status}")
    return text


def _cpu(nodes: Sequence[Served]) -> float:
    return sum(cpu_seconds(node.pid) for node in nodes)


def _delivered(served: Served) -> float:
    found = _DELIVERED.search(metrics(served))
    return float(found[1]) if found else 0.0
