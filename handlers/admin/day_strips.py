"""Day strips: a user's days as they are drawn, with what the page says about them."""

from __future__ import annotations

from datetime import date, tzinfo

import msgspec

from realtime.dashboard.calendar_days import CalendarDay, hour_marks
from realtime.dashboard.day_spans import KnownCall, Past, Span, SpanState, clipped, spans_of, thinned
from realtime.dashboard.day_totals import DayTotals, calls_within, totals_of

MARK_HOURS = 3
"""Hours between two marks."""

MAJOR_HOURS = 6
"""Hours between two marks that phones show."""

LEAST_WIDTH = 0.25
"""Percent of a strip that the shortest state is wide: one to three pixels."""

BARS_LIMIT = 1000
"""Bars of all strips on a page. If there are more states, neighbours that are too short to be seen share a bar."""


class Bar(msgspec.Struct, frozen=True):
    """One span as it is drawn. Places are percents of the strip's width."""

    x: float
    width: float
    span: Span


class Mark(msgspec.Struct, frozen=True):
    """A full hour on the scale."""

    x: float
    at: int
    is_major: bool


class DayStrip(msgspec.Struct, frozen=True):
    """One day of a user."""

    date: date
    start: int
    end: int
    spans: list[Span]
    bars: list[Bar]
    """The shortest last, so that no other one covers them; but what goes on now covers all."""
    marks: list[Mark]
    calls: list[KnownCall]
    """Each cut to what lies within the day."""
    totals: DayTotals
    is_future: bool = False

    def place(self, moment: int) -> float | None:
        """Where a moment is, in percent of the strip, if it is on this day."""
        return 100 * (moment - self.start) / (self.end - self.start) if self.start <= moment < self.end else None


class UserDays(msgspec.Struct, frozen=True):
    """A day or a week of a user."""

    strips: list[DayStrip]
    spans: list[Span]
    totals: DayTotals

    def at(self, moment: int) -> Span | None:
        """The state at a moment."""
        return next((span for span in self.spans if span.start <= moment < span.end), None)


def user_days(past: Past, days: list[CalendarDay], zone: tzinfo, now: int) -> UserDays:
    """The strips of some days that follow each other."""
    start, end = days[0].start, days[-1].end
    spans = spans_of(past, start, end, now)
    return UserDays(
        strips=[_strip(past, spans, day, zone, now, BARS_LIMIT // len(days)) for day in days],
        spans=spans,
        totals=totals_of(spans, calls_within(past.calls, start, min(end, now))),
    )


def _strip(past: Past, spans: list[Span], day: CalendarDay, zone: tzinfo, now: int, bars_limit: int) -> DayStrip:
    within = clipped(spans, day.start, day.end)
    calls = calls_within(past.calls, day.start, min(day.end, now))
    marks = [
        Mark(_percent(mark.at, day), mark.at, mark.hour % MAJOR_HOURS == 0)
        for mark in hour_marks(day, zone, MARK_HOURS)
    ]
    return DayStrip(
        date=day.date,
        start=day.start,
        end=day.end,
        spans=within,
        bars=_bars(within, day, bars_limit),
        marks=marks,
        calls=calls,
        totals=totals_of(within, calls),
        is_future=day.start >= now,
    )


def _bars(spans: list[Span], day: CalendarDay, limit: int) -> list[Bar]:
    drawn = spans if len(spans) <= limit else thinned(spans, day.length // limit)
    return [_bar(span, day) for span in sorted(drawn, key=lambda span: (span.is_open, -span.length))]


def _bar(span: Span, day: CalendarDay) -> Bar:
    width = max(LEAST_WIDTH, 100 * span.length / day.length)
    return Bar(min(_percent(span.start, day), 100 - width), width, span)


def _percent(moment: int, day: CalendarDay) -> float:
    return 100 * (moment - day.start) / day.length


STATE_WORDS: dict[SpanState, str] = {
    "available": "Available",
    "busy": "Busy",
    "calls": "On a call",
    "offline": "Offline",
    "unknown": "Not recorded",
    "stopped": "Server not running",
}
"""The states as the page names them."""
