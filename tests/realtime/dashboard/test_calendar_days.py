"""Calendar days: from midnight to midnight in a zone, also where the clocks change."""

from __future__ import annotations

from datetime import UTC, date, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.times import from_milliseconds
from realtime.dashboard.calendar_days import CalendarDay, date_at, day_of, hour_marks, week_of

HOUR = 3_600_000
ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Africa/Cairo",
    "Asia/Beirut",
]


@pytest.mark.parametrize(
    ("zone", "on", "hours"),
    [
        ("UTC", date(2026, 3, 29), 24),
        ("Europe/Berlin", date(2026, 3, 28), 24),
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("America/New_York", date(2026, 3, 8), 23),
        ("America/New_York", date(2026, 11, 1), 25),
        ("Australia/Lord_Howe", date(2026, 10, 4), 23.5),
        ("Asia/Beirut", date(2026, 3, 29), 23),
        ("America/Havana", date(2026, 11, 1), 25),
    ],
)
def test_a_day_is_as_long_as_its_zone_makes_it(zone: str, on: date, hours: float) -> None:
    assert day_of(on, ZoneInfo(zone)).length == hours * HOUR


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.sampled_from(ZONES))
def test_days_follow_each_other_and_begin_with_their_date(on: date, name: str) -> None:
    zone = ZoneInfo(name)
    day, following = day_of(on, zone), day_of(on + timedelta(days=1), zone)
    assert day.end == following.start
    assert 23 * HOUR <= day.length <= 25 * HOUR
    assert (date_at(day.start, zone), date_at(day.start - 1, zone)) == (on, on - timedelta(days=1))


def test_a_week_is_from_monday_to_sunday() -> None:
    for on in (date(2026, 11, 23), date(2026, 11, 27), date(2026, 11, 29)):
        week = week_of(on, UTC)
        assert [day.date for day in week] == [date(2026, 11, 23) + timedelta(days=number) for number in range(7)]


def marked(day: CalendarDay, zone: str, every: int = 3) -> list[tuple[int, float]]:
    """Return (hour by the clock, hours since the beginning of the day) of the marks."""
    return [(mark.hour, (mark.at - day.start) / HOUR) for mark in hour_marks(day, ZoneInfo(zone), every)]


def test_hours_are_marked_by_the_clock_and_lie_where_they_are() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert marked(day_of(date(2026, 3, 28), berlin), "Europe/Berlin", 6) == [(6, 6), (12, 12), (18, 18)]
    assert marked(day_of(date(2026, 3, 29), berlin), "Europe/Berlin", 6) == [(6, 5), (12, 11), (18, 17)]
    assert marked(day_of(date(2026, 10, 25), berlin), "Europe/Berlin", 6) == [(6, 7), (12, 13), (18, 19)]


def test_an_hour_that_the_clocks_skip_has_no_mark() -> None:
    day = day_of(date(2026, 3, 29), ZoneInfo("Europe/Berlin"))
    assert [hour for hour, _ in marked(day, "Europe/Berlin", 1)] == [1, *range(3, 24)]
    assert from_milliseconds(hour_marks(day, ZoneInfo("Europe/Berlin"), 1)[1].at).hour == 1
