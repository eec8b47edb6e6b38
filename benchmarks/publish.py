"""Writes docs/performance.md and its plot from the JSON of a run.

Run it with `python -m benchmarks.publish RUN.json`.
"""

from __future__ import annotations

from pathlib import Path

import click

from benchmarks.page import page
from benchmarks.plot import plot_run
from benchmarks.run import read_run

_DOCS = Path(__file__).parents[1] / "docs"


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--docs", default=_DOCS, type=click.Path(file_okay=False, path_type=Path), help="The folder to write to.")
def main(file: Path, docs: Path) -> None:
    """Write performance.md and performance.svg from the run in FILE."""
    run = read_run(file)
    has_plot = plot_run(run, docs / "performance.svg")
    (docs / "performance.md").write_text(page(run, has_plot=has_plot), encoding="utf-8")


if __name__ == "__main__":
    main()
