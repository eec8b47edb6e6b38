"""A duration reads the same everywhere."""

from __future__ import annotations

import pytest

from realtime.dashboard.event_text import ago, duration, duration_in_words, duration_with_units
from tests.durations import DURATIONS


@pytest.mark.parametrize(("milliseconds", "text", "in_words", "with_units", "passed"), DURATIONS)
def test_a_duration_reads_as_in_the_table_that_the_scripts_follow(
    milliseconds: int, text: str, in_words: str, with_units: str, passed: str
) -> None:
    assert (duration(milliseconds), duration_in_words(milliseconds)) == (text, in_words)
    assert (duration_with_units(milliseconds), ago(milliseconds)) == (with_units, passed)


def test_a_part_of_a_millisecond_does_not_matter() -> None:
    assert (duration(59_999.9), duration_in_words(59_999.9)) == ("00:59", "59 s")
