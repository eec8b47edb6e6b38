"""Formatting of times, explanations and names."""

from __future__ import annotations

import pytest

from handlers.admin.formatting import FILTERS, initials
from handlers.admin.moments import Moments, zone_named
from realtime.dashboard.rows import Explanation
from tests.durations import DURATIONS

NOON = 1_769_860_800_123
"""2026-01-31 12:00:00.123 UTC."""

DAY = 86_400_000

UTC_MOMENTS = Moments(NOON)


@pytest.mark.parametrize(("milliseconds", "text"), [case[:2] for case in DURATIONS])
def test_a_span_is_as_on_a_clock(milliseconds: int, text: str) -> None:
    assert FILTERS["duration"](milliseconds) == text


def test_in_a_sentence_seconds_are_called_so() -> None:
    in_words = FILTERS["duration_in_words"]
    assert (in_words(20_500), in_words(59_999), in_words(61_000)) == ("20 s", "59 s", "01:01")


@pytest.mark.parametrize(
    ("cause", "text"),
    [
        (Explanation("set busy"), "set busy"),
        (Explanation("on a call with john_doe,", NOON - 724_000), "on a call with john_doe, 12:04"),
        (Explanation("heartbeat", NOON - 20_000, tail=" ago"), "heartbeat 20 s ago"),
        (Explanation("connection lost,", NOON + 8_100, "down", " of grace left"), "connection lost, 9 s of grace left"),
        (Explanation("held for", NOON - 1, "down", " more after a restart"), "held for 0 s more after a restart"),
        (Explanation("set busy until", NOON, "clock"), "set busy until 12:00"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_cause_reads_as_a_sentence(cause: Explanation, text: str) -> None:
    assert UTC_MOMENTS.because(cause, NOON) == text


def test_a_time_of_day_in_a_cause_is_marked_for_the_script_that_knows_the_readers_zone() -> None:
    iso = "2026-01-31T12:00:00.123Z"
    assert UTC_MOMENTS.why(Explanation("set busy until", NOON, "clock"), NOON) == (
        f'set busy until <time class="local short" datetime="{iso}" title="{iso}">12:00</time>'
    )


def test_markup_in_a_cause_is_text() -> None:
    assert UTC_MOMENTS.why(Explanation("on a call with <b>"), NOON) == "on a call with &lt;b&gt;"
    assert "&lt;b&gt;" in UTC_MOMENTS.why(Explanation("<b>", NOON, "clock"), NOON)


def test_moments_are_in_utc_until_a_script_shows_them_in_the_readers_zone() -> None:
    iso = "2026-01-31T12:00:00.123Z"
    assert UTC_MOMENTS.clock(NOON) == "12:00:00"
    assert UTC_MOMENTS.marked(NOON, "dated").endswith(">31 Jan, 12:00:00</time>")
    assert UTC_MOMENTS.marked(NOON, "full").endswith(">31 Jan 2026, 12:00</time>")
    assert UTC_MOMENTS.marked(NOON) == f'<time class="local" datetime="{iso}" title="{iso}">12:00:00</time>'


def test_a_moment_has_a_date_unless_it_is_today_and_a_year_unless_it_is_this_one() -> None:
    assert UTC_MOMENTS.clock(NOON - 12 * 3_600_000 - 123) == "00:00:00"
    assert UTC_MOMENTS.clock(NOON - DAY) == "30 Jan, 12:00:00"
    assert UTC_MOMENTS.short(NOON + 60_000 + DAY) == "1 Feb, 12:01"
    assert UTC_MOMENTS.full(NOON) == "31 Jan 2026, 12:00"
    assert UTC_MOMENTS.clock(NOON - 31 * DAY) == "31 Dec 2025, 12:00:00"


def test_a_day_begins_at_midnight_of_the_zone_and_daylight_saving_counts() -> None:
    auckland = Moments(NOON, "Pacific/Auckland")
    assert (auckland.zone_name, auckland.clock(NOON)) == ("Pacific/Auckland", "01:00:00")
    assert auckland.clock(NOON - 2 * 3_600_000) == "31 Jan, 23:00:00"
    assert Moments(NOON, "Europe/Berlin").short(NOON + 180 * DAY) == "30 Jul, 14:00"


@pytest.mark.parametrize(
    "name",
    ["", "Mars/Olympus", "../../etc/passwd", "/etc/localtime", "Europe", "Europe/Berlin\n", "A" * 65, "posixrules/.."],
)
def test_what_is_no_zone_is_none_and_times_are_in_utc(name: str) -> None:
    assert zone_named(name) is None
    assert Moments(NOON, name).zone_name == "UTC"


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("ada", "A"), ("Ada Lovelace", "AL"), ("john_doe", "JD"), ("mary.jane.watson", "MW"), ("Éva Ñandú", "ÉÑ"),
        ("- -", "?"), ("", "?"), ("李 小龙", "李小"),
    ],
)  # fmt: skip
def test_a_face_is_one_or_two_letters(name: str, letters: str) -> None:
    assert initials(name) == letters
