"""Cores: which one serves and which one listens, and what a process has used of them."""

from __future__ import annotations

import os
import resource
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.failure import BenchmarkError

_CPU_CLOCK = 2
"""Linux's CPUCLOCK_SCHED: the CPU time of all threads of a process, in ns (/proc counts in 10 ms)."""


@dataclass(frozen=True, slots=True)
class Cores:
    """One core for the server alone, one for the sink and the driver, of which one waits for the other."""

    server: int
    clients: int


def choose_cores() -> Cores:
    """Two of the cores that this process may use; the first and the last are the least likely to be twins."""
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) < 2:
        raise BenchmarkError("two cores are needed, one for the server and one for its clients; here is one")
    return Cores(server=usable[0], clients=usable[-1])


def allow_open_files(count: int) -> None:
    """Let this process and its children have `count` files open, if the machine lets us."""
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if now == resource.RLIM_INFINITY or now >= count:
        return
    if most != resource.RLIM_INFINITY and most < count:
        raise BenchmarkError(f"{count} open files are needed, `ulimit -Hn` allows {most}; fewer --sockets need fewer")
    resource.setrlimit(resource.RLIMIT_NOFILE, (count, most))


@dataclass(frozen=True, slots=True)
class Place:
    """A process on its core, and what else of ours runs there."""

    pid: int
    shared_with: tuple[int, ...] = ()

    def kept_waiting(self) -> float:
        """Seconds so far that `pid`, able to run, waited while strangers had its core. To be read while it sleeps."""
        ran, waited = map(int, Path(f"/proc/{self.pid}/schedstat").read_text().split()[:2])
        ours = sum(map(cpu_seconds, (self.pid, *self.shared_with)))
        # The first thread also waits for threads of its own: that is its program's affair, and counts.
        return waited * 1e-9 - (ours - ran * 1e-9)


def cpu_seconds(pid: int) -> float:
    """CPU time that process `pid` has used so far, user and system, all threads."""
    return time.clock_gettime((~pid << 3) | _CPU_CLOCK)


def stay_on(core: int) -> None:
    """Keep this process, the driver, on `core`."""
    os.sched_setaffinity(0, {core})
