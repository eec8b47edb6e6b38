"""Pauses: the gaps between the times in which servers were running."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from realtime.dashboard.day_spans import Pause
from realtime.dashboard.pauses import SHORTEST, RunningTime, pauses_of

SECOND = 1000


def time(start: int, end: int, server: str) -> RunningTime:
    """A time in which a server was running, in seconds."""
    return RunningTime(start * SECOND, end * SECOND, server)


def test_between_a_stop_and_the_next_start_is_a_pause() -> None:
    assert pauses_of([time(70, 90, "c"), time(0, 10, "a"), time(20, 60, "b")]) == [
        Pause(10 * SECOND, 20 * SECOND), Pause(60 * SECOND, 70 * SECOND),
    ]  # fmt: skip


def test_while_any_server_is_running_there_is_no_pause() -> None:
    assert pauses_of([time(0, 50, "a"), time(10, 20, "b"), time(40, 60, "c")]) == []


def test_a_server_that_failed_to_save_events_was_running_but_nothing_is_known() -> None:
    assert pauses_of([time(0, 10, "a"), time(20, 30, "a")]) == [Pause(10 * SECOND, 20 * SECOND, "unknown")]


def test_a_very_short_gap_is_no_pause() -> None:
    assert pauses_of([RunningTime(0, 10, "a"), RunningTime(10 + SHORTEST - 1, 5000, "b")]) == []


def test_without_any_time_nothing_is_known() -> None:
    assert pauses_of([]) == []


times = st.builds(
    lambda start, length, server: time(start, start + length, server),
    st.integers(0, 500),
    st.integers(0, 60),
    st.sampled_from("abcdefgh"),
)


@given(st.lists(times, max_size=12))
def test_pauses_lie_between_the_times_and_follow_each_other(given: list[RunningTime]) -> None:
    pauses = pauses_of(given)
    assert all(pause.start < pause.end for pause in pauses)
    assert all(one.end <= other.start for one, other in pairwise(pauses))
    assert all(time.end <= pause.start or time.start >= pause.end for pause in pauses for time in given)
