"""Output of the figures: a table for people and JSON for programs."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.figures import Figure


def print_table(console: Console, title: str, figures: list[Figure]) -> None:
    """Print one row per figure, followed by what each figure measures."""
    table = Table(title=title, title_justify="left")
    table.add_column("figure")
    for heading in ("Rollcall", "limit", "ratio"):
        table.add_column(heading, justify="right")
    table.add_column("unit")
    for figure in figures:
        style = "" if figure.floor is None else "bold green" if figure.holds else "bold red"
        numbers = (_short(figure.ours), _short(figure.limit), f"{figure.ratio:.2f}")
        table.add_row(figure.what, *numbers, figure.unit, style=style)
    console.print(table)
    for figure in figures:
        judged = "" if figure.floor is None else f"; the ratio must be at least {figure.floor:g}"
        console.print(f"{figure.what}: {figure.counts}{judged}.", highlight=False, soft_wrap=True)


def write_json(file: Path, figures: list[Figure], conditions: object) -> None:
    """Write the same figures with their ratios, and the `conditions` under which they were measured."""
    rows = [msgspec.structs.asdict(figure) | {"ratio": figure.ratio, "holds": figure.holds} for figure in figures]
    machine = {
        "system": platform.platform(),
        "python": platform.python_version(),
        "cores": len(os.sched_getaffinity(0)),
    }
    report = {"figures": rows, "conditions": conditions, "machine": machine}
    file.write_bytes(msgspec.json.format(msgspec.json.encode(report)) + b"\n")


def _short(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else f"{number:.1f}" if number >= 10 else f"{number:.2f}"
