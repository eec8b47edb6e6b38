"""Time ranges: named ones, from and to, and a jump, in every zone and also where clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from handlers.admin.base import AdminHandler
from handlers.admin.moments import Moments
from handlers.admin.time_range import RangeName, TimeRange, read_range
from models.errors import Invalid
from models.times import milliseconds
from settings import Settings

NOW = datetime(2026, 11, 27, 14, 0, 0, 123_000, tzinfo=UTC)


def read(*, seen_from: str = "UTC", default: RangeName = "", **query: str) -> TimeRange:
    """What the page reads from a query. `from_` stands for `from`."""
    given = {name.rstrip("_"): value for name, value in query.items()}
    handler: Any = SimpleNamespace(
        get_query_argument=lambda name, default: given.get(name, default).strip(),
        moments=Moments(milliseconds(NOW), seen_from),
        admin=SimpleNamespace(clock=SimpleNamespace(utc=lambda: NOW), settings=Settings(shift_hours=9)),
    )
    return read_range(cast("AdminHandler", handler), default)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(("name", "hours"), [("hour", 1), ("shift", 9), ("day", 24), ("week", 168)])
def test_a_named_range_ends_now(name: str, hours: int) -> None:
    assert read(range=name) == TimeRange(name=name, start=NOW - timedelta(hours=hours))  # type: ignore[arg-type]


def test_nothing_given_is_no_limit_or_the_default() -> None:
    assert read() == TimeRange()
    assert not read().is_limited
    assert read(range="", from_="", to=" ", at="", default="day") == TimeRange(name="day", start=NOW - timedelta(1))
    assert read(range="hour", default="day").name == "hour"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-26T14:05", utc(2026, 11, 26, 13, 5)),
        ("2026-11-26 14:05", utc(2026, 11, 26, 13, 5)),
        ("2026-11-26T14:05:30", utc(2026, 11, 26, 13, 5, 30)),
        ("2026-11-26T14:05:30.1239", utc(2026, 11, 26, 13, 5, 30, 123_000)),
        ("2026-11-26", utc(2026, 11, 25, 23)),
        ("2026-11-26T14:05Z", utc(2026, 11, 26, 14, 5)),
        ("2026-11-26T14:05+05:45", utc(2026, 11, 26, 8, 20)),
        ("2026-11-26T14:05 05:45", utc(2026, 11, 26, 8, 20)),
        ("2026-11-26T14:05-0330", utc(2026, 11, 26, 17, 35)),
        ("2026-06-26T14:05", utc(2026, 6, 26, 12, 5)),
    ],
)
def test_a_time_is_in_the_zone_of_the_page_unless_it_has_an_offset(text: str, moment: datetime) -> None:
    assert read(seen_from="Europe/Berlin", at=text).at == moment
    assert read(seen_from="Europe/Berlin", from_=text).start == moment


def test_the_zone_that_a_link_names_is_not_that_of_the_one_who_opens_it() -> None:
    found = read(seen_from="America/Lima", zone="Asia/Kathmandu", from_="2026-11-26T14:05", to="2026-11-26T15:05")
    assert (found.start, found.end) == (utc(2026, 11, 26, 8, 20), utc(2026, 11, 26, 9, 20))


def test_to_a_day_includes_it() -> None:
    found = read(from_="2026-11-26", to="2026-11-26")
    assert (found.start, found.end) == (utc(2026, 11, 26), utc(2026, 11, 27))


def test_one_end_may_be_open() -> None:
    assert read(to="2026-11-26T14:05") == TimeRange(end=utc(2026, 11, 26, 14, 5))
    assert read(from_="2026-11-26T14:05") == TimeRange(start=utc(2026, 11, 26, 14, 5))


def test_a_jump_overrides_a_range_and_that_overrides_its_name() -> None:
    day = {"from_": "2026-11-25", "to": "2026-11-26"}
    assert read(range="hour", **day).name == ""
    assert read(range="hour", **day, at="2026-11-20T10:00") == TimeRange(at=utc(2026, 11, 20, 10))


def test_of_a_time_that_clocks_showed_twice_the_first_is_shown_and_the_second_is_offered() -> None:
    found = read(seen_from="Europe/Berlin", at="2026-10-25T02:30")
    assert (found.at, found.second_at) == (utc(2026, 10, 25, 0, 30), utc(2026, 10, 25, 1, 30))
    assert found.notes == (
        "Clocks in Europe/Berlin went back on 25 Oct 2026 and showed 02:30 twice. This is the first time.",
    )
    assert read(seen_from="Europe/Berlin", at="2026-10-25T02:30+01:00") == TimeRange(at=utc(2026, 10, 25, 1, 30))


def test_a_range_at_a_time_that_clocks_showed_twice_includes_both() -> None:
    found = read(seen_from="Europe/Berlin", from_="2026-10-25T02:30", to="2026-10-25T02:31")
    assert (found.start, found.end) == (utc(2026, 10, 25, 0, 30), utc(2026, 10, 25, 1, 31))


@pytest.mark.parametrize(
    ("zone", "text", "moment", "next_time"),
    [
        ("Europe/Berlin", "2026-03-29T02:30", utc(2026, 3, 29, 1), "03:00"),
        ("America/New_York", "2026-03-08T02:00", utc(2026, 3, 8, 7), "03:00"),
        ("Australia/Lord_Howe", "2026-10-04T02:29", utc(2026, 10, 3, 15, 30), "02:30"),
    ],
)
def test_a_time_that_clocks_skipped_is_the_next_that_they_showed(
    zone: str, text: str, moment: datetime, next_time: str
) -> None:
    found = read(seen_from=zone, at=text)
    assert found.at == moment
    (note,) = found.notes
    assert f"Clocks in {zone} skipped {text[-5:]} on " in note
    assert f"The next time that they showed, {next_time}, is used." in note


def test_a_range_within_a_skipped_hour_is_refused_with_the_reason() -> None:
    with pytest.raises(Invalid, match=r"before its end\. Clocks in Europe/Berlin skipped"):
        read(seen_from="Europe/Berlin", from_="2026-03-29T02:10", to="2026-03-29T02:50")
    found = read(seen_from="Europe/Berlin", from_="2026-03-29T02:10", to="2026-03-29T03:10")
    assert (found.start, found.end) == (utc(2026, 3, 29, 1), utc(2026, 3, 29, 1, 10))


@pytest.mark.parametrize("zone", ["UTC", "Etc/GMT-14", "Etc/GMT+12", "Europe/Berlin", "America/New_York"])
@pytest.mark.parametrize("text", ["0001-01-01T00:00", "9999-12-31T23:59", "9999-12-31", "0001-01-01T00:00-23:59"])
def test_the_first_and_the_last_year_can_be_asked_for_and_shown(zone: str, text: str) -> None:
    found = read(seen_from=zone, at=text)
    assert found.at is not None
    for other in ("Etc/GMT-14", "Etc/GMT+12"):
        assert f"{int(text[:4])}, " in Moments(0, other).clock(found.at)
    assert read(seen_from=zone, from_="0001-01-01", to="9999-12-31").is_limited


@pytest.mark.parametrize(
    "text",
    [
        "yesterday", "14:05", "2026-13-01T00:00", "2026-02-30", "2026-11-26T25:00", "2026-11-26T14:05+99:99",
        "0000-01-01", "12026-11-26T14:05", "2026-11-26T", "１２", "2026-11-26T14:05:61", "<script>", "-1",
        "1764165900000", "\0", "2026-W48-4", "x" * 9999,
    ],
    ids=lambda text: text[:20].strip("\0"),
)  # fmt: skip
@pytest.mark.parametrize("name", ["from_", "to", "at"])
def test_nonsense_is_refused_with_an_example(name: str, text: str) -> None:
    with pytest.raises(Invalid) as caught:
        read(**{name: text})
    assert "is not a date and time. Give “" + name.rstrip("_") + "” a time such as 20" in caught.value.message
    assert len(caught.value.message) < 200


@pytest.mark.parametrize("to", ["2026-11-26T14:04", "2026-11-26T14:05", "2025-11-26", "0001-01-01"])
def test_a_range_that_ends_before_it_starts_is_refused(to: str) -> None:
    with pytest.raises(Invalid, match="The start of a time range must be before its end"):
        read(from_="2026-11-26T14:05", to=to)


def test_a_range_or_zone_that_there_is_not_is_refused() -> None:
    with pytest.raises(Invalid, match="range must be one of hour, shift, day, week"):
        read(range="month")
    with pytest.raises(Invalid, match="There is no time zone “Mars/Olympus”"):
        read(zone="Mars/Olympus", at="2026-11-26")
