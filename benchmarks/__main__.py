"""Measure Rollcall and the servers that people would use in its place, side by side, in turns, in one table."""

from __future__ import annotations

import http.client
import sys
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from benchmarks.cores import choose_cores, taken_by_others
from benchmarks.failure import BenchmarkError
from benchmarks.lab import SERVER, Lab
from benchmarks.peers.install import peers_folder
from benchmarks.peers.peer import missing
from benchmarks.report import print_run
from benchmarks.row import Reading, Row
from benchmarks.rows.catalog import ROWS
from benchmarks.run import RowResult, Run, all_hold, now, this_machine, write_run
from benchmarks.session import opened_lab


@click.command()
@click.option("--only", multiple=True, type=click.Choice(list(ROWS)), metavar="ROW", help="Measure only these rows.")
@click.option("--list", "listed", is_flag=True, help="List the rows and exit.")
@click.option(
    "--rounds", default=3, show_default=True, type=click.IntRange(min=1), help="How often to measure each row."
)
@click.option("--against", multiple=True, metavar="NAME", help="Compare only with these, such as C or Tornado.")
@click.option("--peers", type=click.Path(path_type=Path), default=peers_folder, help="Where the peers are installed.")
@click.option("--json", "file", type=click.Path(dir_okay=False, path_type=Path), help="Also save the run to this file.")
@click.option(
    "--minutes", default=40.0, show_default=True, help="After so long, rows that have not begun are left out."
)
@click.option("--disturbed", is_flag=True, help="Give figures although other processes use the cores, to try rows out.")
@click.option("--server", default=SERVER, type=click.Path(path_type=Path), help="Path of the server.py to measure.")
def main(
    only: tuple[str, ...],
    listed: bool,
    rounds: int,
    against: tuple[str, ...],
    peers: Path,
    file: Path | None,
    minutes: float,
    disturbed: bool,
    server: Path,
) -> None:
    """Measure Rollcall side by side with others on the same cores, in turns.

    Exits with code 1 if a row can't be measured, or if a figure is out of its bound.
    """
    if listed:
        for row in ROWS.values():
            click.echo(f"{row.name:12} {row.what}; about {row.seconds:.0f} s")
        return
    try:
        opened = opened_lab(peers, against=against, server=server, accepts_disturbed=disturbed)
        run = _run([ROWS[name] for name in only or ROWS], opened, rounds=rounds, minutes=minutes)
    except BenchmarkError as error:
        Console(stderr=True).print(f"No result. {error}", markup=False, highlight=False, soft_wrap=True)
        sys.exit(1)
    print_run(Console(), run)
    if file is not None:
        write_run(run, file)
    sys.exit(0 if all_hold(run.rows) else 1)


def _run(rows: Sequence[Row], opened: AbstractContextManager[Lab], *, rounds: int, minutes: float) -> Run:
    cores = choose_cores()
    began, started, before = now(), time.monotonic(), taken_by_others(cores)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with opened as lab, Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("starting", total=len(rows) * rounds)
        results: list[RowResult] = []
        for row in rows:
            if time.monotonic() - started > 60 * minutes:
                result = _left_out(row, minutes)
            else:
                result = _measure(lab, row, rounds, progress, task)
            progress.console.print(_line(result), highlight=False, markup=False, soft_wrap=True)
            results.append(result)
    absent = {name: why for name, why in missing(lab).items() if lab.wants(name)}
    seconds = time.monotonic() - started
    others = (taken_by_others(cores) - before) / (2 * seconds)
    return Run(_command(), began, seconds, rounds, this_machine(), absent, others, results)


def _measure(lab: Lab, row: Row, rounds: int, progress: Progress, task: TaskID) -> RowResult:
    """Measure one row. If that fails, the result says why, and the run goes on with the next row."""
    measured: list[list[Reading]] = []
    failure = ""
    started = time.monotonic()
    done = progress.tasks[task].completed

    def say(words: str) -> None:
        progress.update(task, description=f"{row.name}, round {len(measured) + 1} of {rounds}: {words}")

    lab.say = say
    say(row.what)
    try:
        with row.open(lab) as measure:
            while len(measured) < rounds:
                measured.append(measure())
                progress.advance(task)
                say(row.what)
    except BenchmarkError as error:
        failure = str(error)
    except (OSError, http.client.HTTPException) as error:
        failure = repr(error)
    progress.update(task, completed=done + rounds, description=row.name)
    seconds = time.monotonic() - started
    return RowResult(
        row=row.name, what=row.what, figures=list(row.figures), seconds=seconds, rounds=measured, failure=failure
    )


def _left_out(row: Row, minutes: float) -> RowResult:
    words = f"the run has already taken {minutes:g} minutes"
    return RowResult(row=row.name, what=row.what, figures=list(row.figures), failure=words)


def _line(result: RowResult) -> str:
    """Say in a line how a row ended."""
    state = "no result" if result.failure else "within its bounds" if result.holds else "out of its bounds"
    return f"{result.row}: {state}, after {result.seconds:.0f} s"


def _command() -> str:
    """Return the command line, without the path of a file to write."""
    words = sys.argv[1:]
    kept = [word for place, word in enumerate(words) if word != "--json" and words[place - 1 : place] != ["--json"]]
    return " ".join(["python -m benchmarks", *(word for word in kept if not word.startswith("--json="))])


if __name__ == "__main__":
    main()
