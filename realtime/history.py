"""History: the figures of the last minutes, sampled."""

from __future__ import annotations

from collections import deque

from models.samples import Sample
from realtime.clock import milliseconds
from realtime.rows import SampleRow

SHOWN_SECONDS = 900.0
"""What the chart of the live page shows."""


class History:
    """The samples of the last 15 minutes, oldest first."""

    def __init__(self, interval_seconds: float) -> None:
        self._samples: deque[SampleRow] = deque(maxlen=max(1, round(SHOWN_SECONDS / interval_seconds)))

    def add(self, sample: Sample) -> SampleRow:
        """Keep one more."""
        row = SampleRow(milliseconds(sample.at), sample.available, sample.busy, sample.offline, sample.calls)
        self._samples.append(row)
        return row

    def rows(self, now: int) -> list[SampleRow]:
        """Those of the 15 minutes before `now`, in milliseconds: there are none of a time when no server ran."""
        since = now - SHOWN_SECONDS * 1000
        return [row for row in self._samples if row.at >= since]
