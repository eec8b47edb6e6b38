"""The report of a run in the terminal: one table, and what each figure counts."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from benchmarks.row import Figure
from benchmarks.run import RowResult, Run, short

DISTURBED_SHARE = 0.03
"""If other processes used more than this share of the cores, the rates are too low, by an unknown amount."""


def print_run(console: Console, run: Run) -> None:
    """Print the table, then why something is missing, then the bounds and what each figure counts."""
    table = Table(title=f"Rounds: {run.rounds}; {run.seconds / 60:.0f} min", title_justify="left")
    table.add_column("figure", overflow="fold")
    table.add_column("subject", no_wrap=True)
    for heading in ("minimum", "median", "maximum", "× ours"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("unit", no_wrap=True)
    for result in run.rows:
        for figure in result.figures:
            _add_figure(table, result, figure)
    console.print(table)
    for result in run.rows:
        _print_judgements(console, result)
    for name, why in run.missing.items():
        console.print(f"{name} was not compared: {why}.", highlight=False, markup=False, soft_wrap=True)
    if run.others_share > DISTURBED_SHARE:
        words = f"Other processes used {run.others_share:.0%} of the two cores, so the rates are too low."
        console.print(words, style="bold red", highlight=False)
    for result in run.rows:
        for figure in result.figures:
            console.print(f"{figure.name}: {figure.counts}.", highlight=False, markup=False, soft_wrap=True)


def _add_figure(table: Table, result: RowResult, figure: Figure) -> None:
    spreads = result.spreads(figure)
    for place, spread in enumerate(spreads):
        ratio = f"{spread.median / spreads[0].median:.2f}" if place and spreads[0].median else ""
        values = (short(spread.minimum), short(spread.median), short(spread.maximum), ratio)
        last = place == len(spreads) - 1
        table.add_row("" if place else figure.name, spread.subject, *values, figure.unit, end_section=last)


def _print_judgements(console: Console, result: RowResult) -> None:
    if result.failure:
        console.print(f"{result.row}: no result. {result.failure}", style="bold red", highlight=False, soft_wrap=True)
        return
    for judged in result.judgements():
        style = "green" if judged.holds else "bold red"
        words = f"{judged.figure}: {judged.bound}; measured {short(judged.value)}"
        console.print(words, style=style, highlight=False, markup=False, soft_wrap=True)
