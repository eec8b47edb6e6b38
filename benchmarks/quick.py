"""Benchmark the real server's fan-out against what one core can do at most, in under a minute."""

from __future__ import annotations

import signal
import sys
import tempfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import FrameType

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.comparison import CALM_WAVES, Comparison, compare
from benchmarks.cores import Cores, allow_open_files, choose_cores, stay_on
from benchmarks.failure import BenchmarkError
from benchmarks.figures import Figure, connect_figure, single_figures, waiting_figure
from benchmarks.limit import Limit, start_limit
from benchmarks.native import compile_program
from benchmarks.rollcall import Rollcall, start_rollcall
from benchmarks.table import print_table, write_json
from benchmarks.wave import SINGLE, TEN_WAITING, Wave

_WARM_UP_SECONDS = 1.0
_SINGLE_SECONDS = 18.0
_WAITING_SECONDS = 8.0
_SPARE_FILES = 500
"""Added to 1.25 × the sockets: by default, a server accepts as many sockets as 0.8 × its limit of open files."""
_SINK_BUSY = 0.95
_SERVER = Path(__file__).parents[1] / "server.py"


class Conditions(msgspec.Struct, frozen=True):
    """The conditions under which the figures were measured, and the waves behind them."""

    sockets: int
    frame_bytes: int
    single: Comparison
    waiting: Comparison


class Floors(msgspec.Struct, frozen=True):
    """The lowest ratios to the limit that are accepted."""

    single: float
    waiting: float
    connects: float


@click.command()
@click.option("--sockets", default=2_000, show_default=True, type=click.IntRange(min=100))
@click.option("--floor", default=0.7, show_default=True, help="Lowest ratio for one change at a time.")
@click.option("--waiting-floor", default=0.6, show_default=True, help="Lowest ratio for ten changes waiting.")
@click.option("--connects-floor", default=0.15, show_default=True, help="Lowest ratio for connects.")
@click.option(
    "--json", "file", type=click.Path(dir_okay=False, path_type=Path), help="Also write the figures to this file."
)
@click.option("--server", default=_SERVER, type=click.Path(path_type=Path), help="Path of the server.py to measure.")
def main(
    sockets: int, floor: float, waiting_floor: float, connects_floor: float, file: Path | None, server: Path
) -> None:
    """Measure fan-out alternately with the real server and with a C program that does nothing but send.

    Exits with code 1 if a ratio is below its floor.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    try:
        figures, conditions = _measure(sockets, Floors(floor, waiting_floor, connects_floor), server)
    except BenchmarkError as error:
        Console(stderr=True).print(f"No result. {error}", markup=False, highlight=False, soft_wrap=True)
        sys.exit(1)
    print_table(Console(), _title(conditions), figures)
    if file is not None:
        write_json(file, figures, conditions)
    sys.exit(0 if all(figure.holds for figure in figures) else 1)


def _title(conditions: Conditions) -> str:
    counted, waves = conditions.single.counted()
    return (
        f"{conditions.sockets:,} sockets, frames of {conditions.frame_bytes} bytes, {counted} of {waves} waves counted"
    )


def _leave(number: int, _frame: FrameType | None) -> None:
    """Exit by raising an exception, so that every child process is stopped."""
    sys.exit(128 + number)


def _measure(sockets: int, floors: Floors, server: Path) -> tuple[list[Figure], Conditions]:
    cores = choose_cores()
    allow_open_files(sockets * 5 // 4 + _SPARE_FILES)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rollcall-bench-")))
        progress = Progress(*columns, console=Console(stderr=True), transient=True)
        stack.enter_context(progress)
        task = progress.add_task("starting", total=_WARM_UP_SECONDS + _SINGLE_SECONDS + _WAITING_SECONDS)
        ours, limit, frame_bytes = _start(stack, cores, sockets, server, scratch)
        stay_on(cores.clients)

        def run(what: str, wave: Wave, seconds: float) -> Comparison:
            progress.update(task, description=what)
            step = partial(progress.advance, task)
            return compare(ours, limit, wave, seconds=seconds, step=step)

        # The first waves bear one-off costs, such as growing buffers.
        run("warming up", SINGLE, _WARM_UP_SECONDS)
        single = run("one change at a time", SINGLE, _SINGLE_SECONDS)
        waiting = run("ten changes waiting", TEN_WAITING, _WAITING_SECONDS)
    _check_calm(single)
    _check_sink(single)
    figures = [
        *single_figures(single, floors.single),
        waiting_figure(waiting, single, TEN_WAITING, floors.waiting),
        connect_figure(ours, limit, floors.connects),
    ]
    return figures, Conditions(sockets, frame_bytes, single, waiting)


def _start(stack: ExitStack, cores: Cores, sockets: int, server: Path, scratch: Path) -> tuple[Rollcall, Limit, int]:
    """Start Rollcall, find out how long its frames are, then start the limit with frames of that length."""
    sink = compile_program("sink", scratch)
    programs = (compile_program("limit", scratch), sink)
    ours = start_rollcall(stack, sink, cores, server=server, sockets=sockets, scratch=scratch)
    ours.sink.arm(SINGLE)
    ours.cause(SINGLE)
    frame_bytes = ours.sink.arrival().frame_bytes
    limit = start_limit(stack, programs, cores, sockets=sockets, frame_bytes=frame_bytes, scratch=scratch)
    return ours, limit, frame_bytes


def _check_calm(single: Comparison) -> None:
    """Raise BenchmarkError if other processes disturbed so many waves that any two servers would look alike."""
    if min(len(single.ours.calm), len(single.limit.calm)) < CALM_WAVES:
        counted, waves = single.counted()
        raise BenchmarkError(f"other processes are using these cores: only {counted} of {waves} waves were undisturbed")


def _check_sink(single: Comparison) -> None:
    """Raise BenchmarkError if the sink hardly ever waited, because any two servers would then look alike."""
    busy = max(
        series.median(lambda passage: passage.sink_seconds / passage.span_seconds)
        for series in (single.ours, single.limit)
    )
    if busy > _SINK_BUSY:
        raise BenchmarkError(
            f"the sink was busy {busy:.0%} of the time, so the run measured the sink and not the servers"
        )


if __name__ == "__main__":
    main()
