"""Soak: sockets come and go for minutes; afterwards memory, descriptors and counters must be back where they were."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from itertools import cycle, islice
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from benchmarks.failure import BenchmarkError
from benchmarks.lab import SERVER, Lab, Served, await_quiet, resident_bytes, status_lines
from benchmarks.load import metrics
from benchmarks.peers.install import peers_folder
from benchmarks.session import opened_lab

_USERS = 500
_SOCKETS = 1_000
_FIRST_FRAMES = 2
_CHANGES_PER_SECOND = 50
_HELD_SECONDS = 2.0
_WARM_UP_CYCLES = 3

_SETTLE_SECONDS = 130.0
"""A heartbeat or a request keeps a user online for 90 s by default."""

_GROWTH_BYTES = 8 * 1024 * 1024
"""How much larger the process may be afterwards: fragments of memory, and the change log as it fills."""

_GAUGES = ("rollcall_users_online", "rollcall_timers", "rollcall_unsaved_users", "rollcall_sockets_behind")


class State(msgspec.Struct, frozen=True):
    """The state of a server while nobody is connected."""

    memory_bytes: int
    descriptors: int
    sockets: int
    gauges: dict[str, float]


@click.command()
@click.option("--seconds", default=600.0, show_default=True, type=click.FloatRange(min=1), help="How long to churn.")
@click.option("--server", default=SERVER, type=click.Path(path_type=Path), help="Path of the server.py to measure.")
def main(seconds: float, server: Path) -> None:
    """Let sockets come and go, and check that nothing of them is left. Exits with code 1 if something is."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    try:
        with opened_lab(peers_folder(), server=server) as lab, Progress(*columns, console=Console(stderr=True)) as bar:
            task = bar.add_task("starting", total=seconds)

            def show(words: str, done: float) -> None:
                bar.update(task, description=words, completed=done)

            before, after, cycles = _soak(lab, seconds, show)
    except BenchmarkError as error:
        Console(stderr=True).print(f"No result. {error}", markup=False, highlight=False, soft_wrap=True)
        sys.exit(1)
    sys.exit(0 if _report(before, after, cycles) else 1)


def _soak(lab: Lab, seconds: float, show: Callable[[str, float], None]) -> tuple[State, State, int]:
    with ExitStack() as stack:
        served = lab.rollcall(stack, _USERS)
        show("warming up", 0)
        for _ in range(_WARM_UP_CYCLES):
            _cycle(lab, served)
        show("waiting until everybody is offline", 0)
        before = _settled(served, None)
        began, cycles = time.monotonic(), 0
        while (done := time.monotonic() - began) < seconds:
            show(f"cycle {cycles + 1}", done)
            _cycle(lab, served)
            cycles += 1
        show("waiting until everybody is offline", seconds)
        return before, _settled(served, before), cycles


def _cycle(lab: Lab, served: Served) -> None:
    """Connect all sockets, make changes, and end the connections without closing the sockets."""
    paths = [f"/ws/feed?token={token}" for token in islice(cycle(served.tokens), _SOCKETS)]
    movers = served.tokens[:_CHANGES_PER_SECOND]
    with ExitStack() as stack:
        lab.sink(stack, served, paths, first_frames=_FIRST_FRAMES)
        lab.ask(served, status_lines(movers), seconds=_HELD_SECONDS, every_us=1_000_000)


def _settled(served: Served, wanted: State | None) -> State:
    """Wait until nobody is online and the gauges are as wanted, but not forever; return the state."""
    deadline = time.monotonic() + _SETTLE_SECONDS
    while True:
        await_quiet(served.pid)
        state = _state(served)
        is_empty = state.sockets == 0 and state.gauges["rollcall_users_online"] == 0
        if (is_empty and (wanted is None or state.gauges == wanted.gauges)) or time.monotonic() > deadline:
            return state
        time.sleep(1.0)


def _state(served: Served) -> State:
    text = metrics(served)
    sockets = re.findall(r"^rollcall_sockets\{[^}]*\} (\S+)$", text, re.MULTILINE)
    gauges = {name: _gauge(text, name) for name in _GAUGES}
    descriptors = len(list(Path(f"/proc/{served.pid}/fd").iterdir()))
    return State(resident_bytes(served.pid), descriptors, int(sum(map(float, sockets))), gauges)


def _gauge(text: str, name: str) -> float:
    found = re.search(rf"^{name} (\S+)$", text, re.MULTILINE)
    if found is None:
        raise BenchmarkError(f"the server has no metric {name}")
    return float(found[1])


def _report(before: State, after: State, cycles: int) -> bool:
    """Print both states; return whether the server is back where it was."""
    console = Console()
    console.print(f"{cycles} cycles of {_SOCKETS:,} sockets", style="bold")
    rows = [
        ("memory, MB", before.memory_bytes / 1e6, after.memory_bytes / 1e6,
         after.memory_bytes <= before.memory_bytes + _GROWTH_BYTES),
        ("open descriptors", before.descriptors, after.descriptors, after.descriptors <= before.descriptors),
        ("sockets", before.sockets, after.sockets, after.sockets == 0),
        *((name, was, after.gauges[name], after.gauges[name] <= was) for name, was in before.gauges.items()),
    ]  # fmt: skip
    for name, was, now, holds in rows:
        console.print(f"{name:26} {was:10.1f} → {now:10.1f}", style="" if holds else "bold red", highlight=False)
    return all(holds for *_, holds in rows)


if __name__ == "__main__":
    main()
