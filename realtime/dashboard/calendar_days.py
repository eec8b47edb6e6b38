"""Calendar days: the days and weeks of a time zone, from midnight to midnight, whatever their length."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo

import msgspec

from models.times import from_milliseconds, milliseconds

DAYS_OF_WEEK = 7


class HourMark(msgspec.Struct, frozen=True):
    """A full hour of a day."""

    at: int
    hour: int
    """As a clock in the zone shows it."""


class CalendarDay(msgspec.Struct, frozen=True):
    """One day. It has 23 or 25 hours if the clocks change. `start` and `end` are milliseconds since 1970."""

    date: date
    start: int
    end: int

    @property
    def length(self) -> int:
        """Milliseconds."""
        return self.end - self.start


def day_of(on: date, zone: tzinfo) -> CalendarDay:
    """The day with this date. Midnight is where the day begins, also if the clocks then skip or repeat an hour."""
    return CalendarDay(on, _at(on, 0, zone), _at(on + timedelta(days=1), 0, zone))


def week_of(on: date, zone: tzinfo) -> list[CalendarDay]:
    """The days from Monday to Sunday of the week that has this date."""
    monday = on - timedelta(days=on.weekday())
    return [day_of(monday + timedelta(days=number), zone) for number in range(DAYS_OF_WEEK)]


def date_at(moment: int, zone: tzinfo) -> date:
    """The date in the zone at a moment in milliseconds since 1970."""
    return from_milliseconds(moment).astimezone(zone).date()


def hour_marks(day: CalendarDay, zone: tzinfo, every: int) -> list[HourMark]:
    """Every so many hours within a day, by the clock. An hour that the clocks skip has no mark."""
    marks = [HourMark(_at(day.date, hour, zone), hour) for hour in range(every, 24, every)]
    return [mark for mark in marks if from_milliseconds(mark.at).astimezone(zone).hour == mark.hour]


def _at(on: date, hour: int, zone: tzinfo) -> int:
    return milliseconds(datetime.combine(on, time(hour), zone).astimezone(UTC))
