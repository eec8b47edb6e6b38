"""Machine: a description of the machine, and how much of it other programs used."""

from __future__ import annotations

import os
import platform
import resource
import time
from pathlib import Path


def describe_machine() -> str:
    """Cores, processor, memory, system and Python."""
    return (
        f"{len(os.sched_getaffinity(0))} cores of {_processor()}, {_gibibytes():.0f} GiB, "
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    )


class Strangers:
    """How much of the machine's CPU other programs used: the more it was, the less reliable are measured times."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._busy = _busy_seconds()
        self._own = _own_seconds()

    def percent(self, ours_besides: float = 0.0) -> float:
        """Their share since the start. `ours_besides`: CPU seconds of a child of ours that is still running."""
        cores = os.cpu_count() or 1
        seconds = _busy_seconds() - self._busy - (_own_seconds() - self._own) - ours_besides
        return max(0.0, 100 * seconds / cores / max(time.monotonic() - self._began, 0.001))


def processor_seconds(pid: int) -> float:
    """CPU time that a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _busy_seconds() -> float:
    """CPU time that all programs have used so far, on all cores."""
    user, nice, system, _idle, _wait, irq, softirq, steal = map(
        int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    )
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def _own_seconds() -> float:
    """CPU time that this process and its finished children have used so far."""
    both = (resource.getrusage(each) for each in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in both)


def _processor() -> str:
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    names = [line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _gibibytes() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
