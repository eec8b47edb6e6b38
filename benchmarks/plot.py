"""The plot of a run: for each figure that others were measured for, how they compare with Rollcall."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot as plt

from benchmarks.curves import Curve, Growth
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
    _save([partial(_draw_bars, figure=figure, spreads=spreads) for figure, spreads in panels], file)
    return True


def plot_growth(growth: Growth, file: Path) -> None:
    """Draw a panel for each curve."""
    _save([partial(_draw_curve, curve=curve) for curve in growth.curves], file)


def _save(panels: Sequence[Callable[[plt.Axes], None]], file: Path) -> None:
    """Draw the panels side by side into a file. The same data always give the same file."""
    plt.switch_backend("svg")
    mpl.rcParams["svg.hashsalt"] = "rollcall"
    rows = -(-len(panels) // _COLUMNS)
    canvas, axes = plt.subplots(rows, _COLUMNS, figsize=(_WIDTH, rows * _PANEL_HEIGHT), squeeze=False)
    for place, axis in enumerate(axes.flat):
        if place < len(panels):
            panels[place](axis)
        else:
            axis.axis("off")
    canvas.tight_layout()
    canvas.savefig(file, format="svg", metadata={"Date": None})
    plt.close(canvas)


def _draw_curve(axis: plt.Axes, curve: Curve) -> None:
    has_changes = all(point.per_message_us is not None for point in curve.points)
    values = [point.per_message_us if has_changes else 100 * point.core_share for point in curve.points]
    axis.plot([point.x for point in curve.points], values, color=_OURS_COLOUR, marker="o", markersize=4)
    axis.set_title(curve.grows, fontsize=9, loc="left")
    axis.set_ylabel("µs per message" if has_changes else "% of a core", fontsize=8)
    axis.tick_params(labelsize=8)
    axis.spines[["top", "right"]].set_visible(False)
    axis.set_ylim(bottom=0)
    axis.set_xlim(left=0)


def _draw_bars(axis: plt.Axes, figure: Figure, spreads: list[Spread]) -> None:
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
