"""The plot of a run: for each figure that others were measured for, how they compare with Rollcall."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot as plt

from benchmarks.row import OURS, Figure
from benchmarks.run import Run, Spread, short

_COLUMNS = 2
_WIDTH, _PANEL_HEIGHT = 10.0, 2.2
_OURS_COLOUR, _OTHER_COLOUR = "#1f6feb", "#9aa4af"


def plot_run(run: Run, file: Path) -> bool:
    """Draw a panel for each figure with more than one subject. Returns whether there was anything to draw."""
    panels = [
        (figure, spreads)
        for result in run.rows
        for figure in result.figures
        if len(spreads := result.spreads(figure)) > 1
    ]
    if not panels:
        return False
    plt.switch_backend("svg")
    # Without a date and with a fixed salt, the same run gives the same file.
    mpl.rcParams["svg.hashsalt"] = "rollcall"
    rows = -(-len(panels) // _COLUMNS)
    canvas, axes = plt.subplots(rows, _COLUMNS, figsize=(_WIDTH, rows * _PANEL_HEIGHT), squeeze=False)
    for place, axis in enumerate(axes.flat):
        if place < len(panels):
            _draw(axis, *panels[place])
        else:
            axis.axis("off")
    canvas.tight_layout()
    canvas.savefig(file, format="svg", metadata={"Date": None})
    plt.close(canvas)
    return True


def _draw(axis: plt.Axes, figure: Figure, spreads: list[Spread]) -> None:
    names = [spread.subject for spread in spreads]
    medians = [spread.median for spread in spreads]
    errors = [
        [spread.median - spread.minimum for spread in spreads],
        [spread.maximum - spread.median for spread in spreads],
    ]
    colours = [_OURS_COLOUR if name == OURS else _OTHER_COLOUR for name in names]
    axis.barh(names, medians, xerr=errors, color=colours, height=0.6, error_kw={"linewidth": 1})
    axis.invert_yaxis()
    better = "less" if figure.less_is_better else "more"
    axis.set_title(f"{figure.name}, {figure.unit} ({better} is better)", fontsize=9, loc="left")
    axis.tick_params(labelsize=8)
    axis.spines[["top", "right"]].set_visible(False)
    axis.set_xlim(0, 1.25 * max(spread.maximum for spread in spreads))
    for place, spread in enumerate(spreads):
        axis.annotate(
            short(spread.median), (spread.maximum, place), xytext=(4, 0), textcoords="offset points",
            va="center", fontsize=8,
        )  # fmt: skip
