"""Writes docs/performance.md and its plot from the JSON of a run.

Run it with `python -m benchmarks.publish RUN.json`.
"""

from __future__ import annotations

from pathlib import Path

import click

from benchmarks.curves import read_growth
from benchmarks.page import page
from benchmarks.plot import plot_growth, plot_run
from benchmarks.run import read_run

_DOCS = Path(__file__).parents[1] / "docs"


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--growth",
    "growth_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="What `python -m benchmarks.growth --json` saved; adds its curves.",
)
@click.option("--docs", default=_DOCS, type=click.Path(file_okay=False, path_type=Path), help="The folder to write to.")
def main(file: Path, growth_file: Path | None, docs: Path) -> None:
    """Write performance.md and its plots from the run in FILE."""
    run = read_run(file)
    growth = None if growth_file is None else read_growth(growth_file)
    has_plot = plot_run(run, docs / "performance.svg")
    if growth is not None:
        plot_growth(growth, docs / "growth.svg")
    (docs / "performance.md").write_text(page(run, has_plot=has_plot, growth=growth), encoding="utf-8")


if __name__ == "__main__":
    main()
