"""CPU cores: which one the server and which one the clients use, and how much time a process has had on them."""

from __future__ import annotations

import os
import resource
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.failure import BenchmarkError

_CPU_CLOCK = 2
"""Linux's CPUCLOCK_SCHED: the CPU time of all threads of a process in ns (/proc only counts in steps of 10 ms)."""

_START_TIME = 19
"""The place of the time when a process started in /proc/<pid>/stat, counted from its state."""


@dataclass(frozen=True, slots=True)
class Cores:
    """One core for the server alone, and one shared by the sink and the driver, which wait for each other."""

    server: int
    clients: int


def choose_cores() -> Cores:
    """Choose the first and last core that this process may use: these are the least likely to share hardware."""
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) < 2:
        raise BenchmarkError(
            "two cores are needed, one for the server and one for its clients, but only one is available"
        )
    return Cores(server=usable[0], clients=usable[-1])


def allow_open_files(count: int) -> None:
    """Let this process and its children open `count` files. Raises BenchmarkError if the hard limit is lower."""
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if now == resource.RLIM_INFINITY or now >= count:
        return
    if most != resource.RLIM_INFINITY and most < count:
        raise BenchmarkError(f"{count} open files are needed, but `ulimit -Hn` allows only {most}; use fewer sockets")
    resource.setrlimit(resource.RLIMIT_NOFILE, (count, most))


@dataclass(frozen=True, slots=True)
class Place:
    """A process on its core, and the other benchmark processes that share the core."""

    pid: int
    shared_with: tuple[int, ...] = ()

    def kept_waiting(self) -> float:
        """Return how long `pid` has waited so far while other processes had its core. Call this while `pid` sleeps."""
        ran, waited = map(int, Path(f"/proc/{self.pid}/schedstat").read_text().split()[:2])
        ours = sum(map(cpu_seconds, (self.pid, *self.shared_with)))
        # The main thread also waits for other threads of its own process. That is no disturbance, so it is subtracted.
        return waited * 1e-9 - (ours - ran * 1e-9)


def cpu_seconds(pid: int) -> float:
    """Return the user and system CPU time that all threads of process `pid` have used so far."""
    return time.clock_gettime((~pid << 3) | _CPU_CLOCK)


def age_seconds(pid: int) -> float:
    """Return how long ago process `pid` started."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    started = int(fields[_START_TIME]) / os.sysconf("SC_CLK_TCK")
    return time.clock_gettime(time.CLOCK_BOOTTIME) - started


def stay_on(core: int) -> None:
    """Pin this process, the driver, to `core`."""
    os.sched_setaffinity(0, {core})


def taken_by_others(cores: Cores) -> float:
    """Return how much CPU time processes other than this one and its children have used on both cores so far.

    A child counts as another process until it has ended, so call this while there are none.
    """
    ours = sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return _busy_seconds(cores) - ours


def _busy_seconds(cores: Cores) -> float:
    """Return how long the two cores have not been idle, or waiting for a disk, since the machine started."""
    names = {f"cpu{core}" for core in (cores.server, cores.clients)}
    lines = [line.split() for line in Path("/proc/stat").read_text().splitlines()]
    ticks = sum(sum(map(int, [*fields[1:4], *fields[6:9]])) for fields in lines if fields and fields[0] in names)
    return ticks / os.sysconf("SC_CLK_TCK")
