"""The text of docs/performance.md."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.curves import Growth
from benchmarks.report import DISTURBED_SHARE
from benchmarks.row import Figure
from benchmarks.run import RowResult, Run, short

_HEAD = """# Performance

How fast Rollcall is, compared with servers that you might use in its place, and with the least that a C program has to
do. Machines differ and measurements vary, so look at the ratios rather than at the rates.

This page is generated from one run of `make bench` by `python -m benchmarks.publish`. To check it on your machine, run
`make bench-peers` and `make bench`; [the benchmarks' page](../benchmarks/README.md) explains how they work.
"""

_NOT_CLAIMED = """## What this does not show

- Clients and servers share one machine and talk over its loopback interface. A network adds its own delays, and its
  losses.
- Every server uses one core. Those that use several cores in one process, such as Go, can do more on a larger machine;
  so can several Rollcall servers.
- The other servers don't do the same work. They check no tokens and store nothing, and each message reaches them over a
  pipe or, for nchan, over HTTP. So the comparison shows what that work costs, not that one program is better.
- Nothing here is encrypted. TLS costs extra for each socket and message.
- The figures are those of one run on one machine. They are no promise for yours.
"""


def page(run: Run, *, has_plot: bool, growth: Growth | None = None) -> str:
    """Return the text of the page."""
    plot = ["![For each figure, a bar for Rollcall and for every other server](performance.svg)\n"] if has_plot else []
    parts = [_HEAD, *_conditions(run), *_targets(run), "## All figures\n", *plot, *_tables(run)]
    return "\n".join([*parts, *([] if growth is None else _growth(growth)), _NOT_CLAIMED])


def _conditions(run: Run) -> Iterator[str]:
    machine = run.machine
    yield "## The run\n"
    yield "| | |\n|---|---|"
    yield f"| date | {run.began:%Y-%m-%d %H:%M} UTC |"
    yield f"| command | `{run.command}` |"
    yield f"| duration | {run.seconds / 60:.0f} min; rounds of each row: {run.rounds} |"
    yield f"| machine | {machine.processor}, {machine.cores} cores, {machine.system}, Python {machine.python} |"
    yield "| cores | servers on one, clients on the other; in each round every server is measured in turn |"
    share = f"{max(0.0, run.others_share):.1%} of the two cores"  # a difference of two clocks may be less than nothing
    yield f"| other processes | {share}{'; the rates are too low' if run.others_share > DISTURBED_SHARE else ''} |"
    for name, why in run.missing.items():
        yield f"| not compared | {name}: {why.partition(';')[0].rpartition('/')[2] or why} |"
    yield ""


def _targets(run: Run) -> Iterator[str]:
    yield "## Aims\n"
    yield "A ratio is the median of the ratios of the rounds.\n"
    yield "| figure | aim | measured | met |\n|---|---|---|---|"
    for result in run.rows:
        if result.failure:
            yield f"| {result.what} | | no result | no |"
        for judged in result.judgements():
            yield f"| {judged.figure} | {judged.bound} | {short(judged.value)} | {'yes' if judged.holds else 'no'} |"
    yield ""


def _tables(run: Run) -> Iterator[str]:
    yield "| figure | subject | minimum | median | maximum | unit |\n|---|---|---|---|---|---|"
    for result in run.rows:
        for figure in result.figures:
            yield from _rows(result, figure)
    yield "\nWhat each figure counts:\n"
    for result in run.rows:
        for figure in result.figures:
            yield f"- **{figure.name}**: {figure.counts}."
    yield ""


def _rows(result: RowResult, figure: Figure) -> Iterator[str]:
    for place, spread in enumerate(result.spreads(figure)):
        values = " | ".join(short(value) for value in (spread.minimum, spread.median, spread.maximum))
        yield f"| {'' if place else figure.name} | {spread.subject} | {values} | {figure.unit} |"


def _growth(growth: Growth) -> Iterator[str]:
    yield "## As it grows\n"
    yield f"Measured on {growth.began:%Y-%m-%d} by `make bench-growth`, {growth.seconds:g} s for each point."
    yield "A message is one change that one socket receives.\n"
    yield "![Curves of the cost as one quantity grows](growth.svg)\n"
    yield "| what grows | at | µs per message | µs per change | share of a core |\n|---|---|---|---|---|"
    for curve in growth.curves:
        for place, point in enumerate(curve.points):
            costs = ("" if cost is None else short(cost) for cost in (point.per_message_us, point.per_change_us))
            title = "" if place else curve.grows
            yield f"| {title} | {point.x:,} | {' | '.join(costs)} | {point.core_share:.2%} |"
    yield ""
