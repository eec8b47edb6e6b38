"""Chart ranges: the spans of time that the chart on Live can show, and the samples that it draws for each."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from handlers.admin.page_settings import GAP_SECONDS_MINIMUM, MISSED_SAMPLES
from models.samples import Sample, first_of_each
from models.times import milliseconds
from realtime.dashboard.overview import SHOWN_SECONDS
from realtime.dashboard.rows import SampleRow
from settings import Settings

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR


class ChartData(msgspec.Struct, frozen=True):
    """The samples of a range, oldest first, at the moment `now` in milliseconds."""

    range: str
    now: int
    samples: list[SampleRow]


@dataclass(frozen=True)
class ChartRange:
    """One span of time that ends now. All numbers are seconds."""

    name: str
    """In the address of the page."""
    label: str
    title: str
    span: int
    step: int
    """Of each step, the first sample is drawn. All of them if it is 0."""
    mark: int
    """Between two labels on the axis."""
    row: int
    """Between two rows of the table."""

    @property
    def is_remembered(self) -> bool:
        """Whether the server has its samples in memory."""
        return self.span <= SHOWN_SECONDS

    def gap_ms(self, settings: Settings) -> int:
        """Milliseconds between two samples beyond which the lines are interrupted: no server ran in between."""
        seconds = max(GAP_SECONDS_MINIMUM, self.step + MISSED_SAMPLES * settings.sample_interval_seconds)
        return round(1000 * seconds)

    def attributes(self, settings: Settings) -> dict[str, str | int]:
        """What the script has to know, as data attributes. All times are milliseconds."""
        return {
            "data-range": self.name,
            "data-title": self.title,
            "data-span-ms": 1000 * self.span,
            "data-step-ms": 1000 * self.step,
            "data-gap-ms": self.gap_ms(settings),
            "data-mark-ms": 1000 * self.mark,
            "data-row-ms": 1000 * self.row,
        }

    def drawn(self, stored: list[Sample], latest: list[SampleRow], now: int) -> list[SampleRow]:
        """The samples to draw, oldest first: the stored ones, and the latest, which may not all be stored."""
        since = now - 1000 * self.span
        until = latest[0].at if latest else now
        rows = [_row(sample) for sample in stored]
        rows = [row for row in rows if since <= row.at < until] + [row for row in latest if row.at >= since]
        return first_of_each(rows, 1000 * self.step, lambda row: row.at)


CHART_RANGES = {
    each.name: each
    for each in (
        ChartRange("15m", "15 min", "Last 15 minutes", 15 * MINUTE, 0, 5 * MINUTE, MINUTE),
        ChartRange("1h", "1 h", "Last hour", HOUR, 15, 15 * MINUTE, 5 * MINUTE),
        ChartRange("4h", "4 h", "Last 4 hours", 4 * HOUR, 30, HOUR, 15 * MINUTE),
        ChartRange("24h", "24 h", "Last 24 hours", DAY, 3 * MINUTE, 6 * HOUR, HOUR),
        ChartRange("7d", "7 d", "Last 7 days", 7 * DAY, 20 * MINUTE, DAY, 6 * HOUR),
    )
}
"""By their names. A step is a multiple of the one to which samples that old were thinned, or lines would have gaps."""


def _row(sample: Sample) -> SampleRow:
    return SampleRow(milliseconds(sample.at), sample.available, sample.busy, sample.offline, sample.calls)
