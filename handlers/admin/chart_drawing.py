"""Chart drawing: the chart on Live as the server draws it, before the script does. static/admin/chart.js does the same.

The paths are in a box of 1 by 1, which ends now at the right, and at the top above the highest value.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from handlers.admin.chart_ranges import ChartData, ChartRange
from handlers.admin.moments import Moments
from realtime.dashboard.rows import Figures, SampleRow

HEADROOM = 1.08
"""Some room above the highest value."""

FINEST_MARK_MS = 15 * 60 * 1000
"""All zones differ from UTC by a multiple of this."""

DAY_MS = 24 * 60 * 60 * 1000

EDGE = 0.02
"""Part of the span: so close to the right edge, the card would cut half a label."""

Value = Callable[[SampleRow], int]
Mark = tuple[float, str]
"""A place on an axis, from 0 to 1, and its label."""


def _online(row: SampleRow) -> int:
    return row.available + row.busy


def _busy(row: SampleRow) -> int:
    return row.busy


def _calls(row: SampleRow) -> int:
    return row.calls


def _nothing(_: SampleRow) -> int:
    return 0


@dataclass(frozen=True)
class ChartDrawing:
    """One chart, which ends with the current figures."""

    chosen: ChartRange
    gap_ms: int
    """Milliseconds between two samples beyond which the lines are interrupted."""
    data: ChartData
    figures: Figures
    moments: Moments

    @cached_property
    def samples(self) -> list[SampleRow]:
        """Oldest first, and last the current figures."""
        figures = self.figures
        last = SampleRow(self.now, figures.available, figures.busy, figures.offline, figures.calls)
        return [*(row for row in self.data.samples if row.at < self.now), last]

    @property
    def now(self) -> int:
        """The right edge, in milliseconds."""
        return self.data.now

    @property
    def span_ms(self) -> int:
        """From the left edge to the right."""
        return 1000 * self.chosen.span

    @cached_property
    def highest(self) -> int:
        """The highest value."""
        return max(map(_online, self.samples))

    @cached_property
    def top(self) -> float:
        """The value at the upper edge."""
        return self._scale[0]

    @cached_property
    def paths(self) -> dict[str, str]:
        """The `d` of each path, by its name."""
        return {
            "available-area": self._area(_online, _busy),
            "busy-area": self._area(_busy, _nothing),
            "available": self._line(_online),
            "busy": self._line(_busy),
            "calls": self._line(_calls),
        }

    @property
    def rows(self) -> list[Mark]:
        """The labels of the vertical axis, from the top."""
        return [(1 - mark / self.top, f"{mark:,}") for mark in self._scale[1]]

    @property
    def columns(self) -> list[Mark]:
        """The labels of the horizontal axis: times of day in the operator's zone, and the date where a day begins."""
        return [(self._across(at), text) for at, text in self._moments_to_label()]

    @property
    def table(self) -> list[tuple[int, SampleRow | None]]:
        """The first sample of each period, the newest first. None for periods that begin in a gap."""
        row_ms, first = 1000 * self.chosen.row, dict[int, SampleRow]()
        for sample in self.samples:
            if sample.at % row_ms <= self.gap_ms:
                first.setdefault(sample.at // row_ms, sample)
        oldest, newest = (self.now - self.span_ms) // row_ms + 1, self.now // row_ms
        return [(period * row_ms, first.get(period)) for period in range(newest, oldest - 1, -1)]

    @property
    def _mark_ms(self) -> int:
        return 1000 * self.chosen.mark

    @cached_property
    def _scale(self) -> tuple[float, list[int]]:
        """The value at the upper edge, and at most five round ones below it."""
        if self.highest <= 0:
            return 4, [0, 2, 4]
        rough = self.highest / 4
        power = 10 ** math.floor(math.log10(rough))
        step = max(1, next(power * factor for factor in (1, 2, 5, 10) if factor * power >= rough))
        return max(self.highest * HEADROOM, step), list(range(0, self.highest + 1, int(step)))

    @cached_property
    def _runs(self) -> list[list[SampleRow]]:
        """The samples without gaps."""
        runs: list[list[SampleRow]] = []
        before = -math.inf
        for sample in self.samples:
            if sample.at - before > self.gap_ms:
                runs.append([])
            runs[-1].append(sample)
            before = sample.at
        return runs

    def _line(self, value: Value) -> str:
        """A line through all runs. A run of one sample gets a short stroke, or it would be invisible."""
        return "".join(
            "M" + "L".join(self._point(each, value) for each in run) + ("h.001" if len(run) == 1 else "")
            for run in self._runs
        )

    def _area(self, upper: Value, lower: Value) -> str:
        return "".join(
            "M"
            + "L".join(
                [*(self._point(each, upper) for each in run), *(self._point(each, lower) for each in reversed(run))]
            )
            + "Z"
            for run in self._runs
        )

    def _point(self, sample: SampleRow, value: Value) -> str:
        return f"{min(1, max(0, self._across(sample.at))):.4f} {1 - value(sample) / self.top:.4f}"

    def _across(self, at: int) -> float:
        return 1 - (self.now - at) / self.span_ms

    def _moments_to_label(self) -> Iterator[tuple[int, str]]:
        grid = min(self._mark_ms, FINEST_MARK_MS)
        at = -(-(self.now - self.span_ms) // grid) * grid
        before, end = self._period(at - grid), self.now - EDGE * self.span_ms
        while at < end:
            period = self._period(at)
            if period != before:
                is_new_day = period[0] != before[0]
                yield at, self.moments.day(at) if is_new_day else self.moments.hour_and_minute(at)
            before, at = period, at + grid

    def _period(self, at: int) -> tuple[int, int]:
        """The day, and the part of the day, in which a moment lies. A label marks where a new one begins."""
        local = self.moments.local(at)
        minutes = 60 * local.hour + local.minute
        return local.toordinal(), minutes * 60_000 // min(self._mark_ms, DAY_MS)
