"""Day spans: what is known of a user's past becomes spans without gaps that add up to the whole."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.dashboard.day_spans import KnownCall, KnownState, Past, Pause, Span, clipped, spans_of, thinned
from realtime.dashboard.day_totals import calls_within, totals_of
from realtime.dashboard.span_text import because

DAY = 1000
"""The end of the day in these tests, which begins at 0."""


def call(start: int, end: int, call_id: str = "c") -> KnownCall:
    return KnownCall(call_id, start, end, 2, "bob")


def shown(spans: list[Span]) -> list[tuple[int, str]]:
    """Return (beginning, state) of the spans, and the end of the last one."""
    return [*((span.start, span.state) for span in spans), (spans[-1].end, "")]


def day(past: Past, now: int = 10 * DAY) -> list[tuple[int, str]]:
    return shown(spans_of(past, 0, DAY, now))


def test_a_state_lasts_until_the_next_change_and_the_first_one_comes_from_before() -> None:
    past = Past([KnownState(300, "busy", "set"), KnownState(-50, "available", "connected"), KnownState(700, "offline")])
    assert day(past) == [(0, "available"), (300, "busy"), (700, "offline"), (DAY, "")]


def test_today_ends_now_with_a_span_that_is_open() -> None:
    spans = spans_of(Past([KnownState(0, "available"), KnownState(400, "busy")]), 0, DAY, 600)
    assert shown(spans) == [(0, "available"), (400, "busy"), (600, "")]
    assert [span.is_open for span in spans] == [False, True]


@pytest.mark.parametrize("now", [0, -1])
def test_a_day_that_has_not_begun_has_no_spans(now: int) -> None:
    assert spans_of(Past([KnownState(-5, "available")]), 0, DAY, now) == []


def test_a_call_is_a_span_of_its_own_and_busy_goes_on_after_it() -> None:
    past = Past([KnownState(0, "available"), KnownState(202, "busy", "call_started")], [call(200, 300)])
    spans = spans_of(past, 0, DAY, DAY)
    assert shown(spans) == [(0, "available"), (200, "calls"), (300, "busy"), (DAY, "")]
    assert [because(span) for span in spans] == ["", "with bob", "still busy after a call"]


def test_what_the_end_of_a_call_changes_counts_from_that_end() -> None:
    states = [
        KnownState(0, "available"),
        KnownState(205, "busy", "call_started"),
        KnownState(312, "available", "call_ended"),
    ]
    assert day(Past(states, [call(200, 300)])) == [(0, "available"), (200, "calls"), (300, "available"), (DAY, "")]


def test_a_change_long_after_a_call_is_not_moved_to_it() -> None:
    late = KnownState(20_300, "available", "call_ended")
    past = Past([KnownState(0, "busy", "set"), late], [call(200, 300)])
    assert shown(spans_of(past, 0, 30_000, 30_000)) == [
        (0, "busy"), (200, "calls"), (300, "busy"), (20_300, "available"), (30_000, ""),
    ]  # fmt: skip


def test_calls_reach_over_the_edges_of_the_day() -> None:
    past = Past([KnownState(-500, "available")], [call(-100, 50, "a"), call(900, 1200, "b")])
    assert day(past) == [(0, "calls"), (50, "available"), (900, "calls"), (DAY, "")]


def test_two_calls_that_follow_each_other_are_two_spans() -> None:
    past = Past([KnownState(0, "available")], [call(100, 200, "a"), call(200, 300, "b")])
    assert day(past) == [(0, "available"), (100, "calls"), (200, "calls"), (300, "available"), (DAY, "")]


def test_of_two_calls_at_the_same_time_the_later_one_is_shown() -> None:
    past = Past([KnownState(0, "available")], [call(100, 500, "a"), call(200, 300, "b")])
    spans = [span for span in spans_of(past, 0, DAY, DAY) if span.call]
    assert [(span.call.call_id, span.start, span.end) for span in spans if span.call] == [
        ("a", 100, 200), ("b", 200, 300), ("a", 300, 500),
    ]  # fmt: skip


def test_a_participant_who_is_offline_counts_as_offline() -> None:
    past = Past([KnownState(0, "busy"), KnownState(150, "offline"), KnownState(180, "busy")], [call(100, 200)])
    assert day(past)[:5] == [(0, "busy"), (100, "calls"), (150, "offline"), (180, "calls"), (200, "busy")]


def test_who_is_said_to_be_offline_before_a_call_begins_counts_as_on_the_call() -> None:
    assert day(Past([KnownState(0, "offline")], [call(100, 200)])) == [
        (0, "offline"), (100, "calls"), (200, "offline"), (DAY, ""),
    ]  # fmt: skip


def test_while_no_server_was_running_nothing_else_counts() -> None:
    pauses = [Pause(300, 350), Pause(500, 600), Pause(700, 800, "unknown")]
    assert day(Past([KnownState(0, "available", "set")], [call(250, 400)], pauses)) == [
        (0, "available"), (250, "calls"), (300, "stopped"), (350, "calls"), (400, "available"), (500, "stopped"),
        (600, "available"), (700, "unknown"), (800, "available"), (DAY, ""),
    ]  # fmt: skip


def test_what_nobody_recorded_is_unknown() -> None:
    assert day(Past([])) == [(0, "unknown"), (DAY, "")]
    assert day(Past([KnownState(400, "offline", "timed_out")])) == [(0, "unknown"), (400, "offline"), (DAY, "")]


def test_before_the_user_existed_there_is_nothing_to_know() -> None:
    past = Past([KnownState(300, "offline")], created_at=300)
    spans = spans_of(past, 0, DAY, DAY)
    assert [(span.start, because(span)) for span in spans] == [(0, "this user did not exist yet"), (300, "")]


@pytest.mark.parametrize(
    ("first", "before"),
    [
        (KnownState(400, "available", "connected"), "offline"),
        (KnownState(400, "available", "busy_expired"), "busy"),
        (KnownState(400, "busy", "call_started"), "available"),
        (KnownState(400, "offline", "timed_out"), "unknown"),
    ],
)
def test_the_first_change_tells_what_was_before_it_as_far_back_as_changes_are_recorded(
    first: KnownState, before: str
) -> None:
    expected = [(0, "unknown"), (100, before), (400, first.state), (DAY, "")]
    if before == "unknown":
        del expected[1]
    assert day(Past([first], recorded_since=100)) == expected


def test_a_state_that_is_known_twice_is_one_span_with_its_cause() -> None:
    past = Past([KnownState(100, "busy"), KnownState(102, "busy", "set"), KnownState(300, "busy", "operator", "maya")])
    spans = spans_of(past, 0, DAY, DAY)
    assert [(span.start, span.state, span.cause) for span in spans] == [(0, "unknown", ""), (100, "busy", "set")]


def test_parts_of_spans_are_cut_at_the_edges_and_only_the_last_is_open() -> None:
    spans = spans_of(Past([KnownState(0, "available"), KnownState(400, "busy")]), 0, DAY, DAY)
    first, second = clipped(spans, 0, 700), clipped(spans, 700, DAY)
    assert shown(first) == [(0, "available"), (400, "busy"), (700, "")]
    assert [span.is_open for span in first] == [False, False]
    assert [(span.start, span.end, span.is_open) for span in second] == [(700, DAY, True)]
    assert clipped(spans, DAY, 2 * DAY) == []


def test_totals_count_calls_as_busy_and_say_how_long_they_were() -> None:
    calls = [call(-100, 50, "a"), call(900, 1200, "b"), call(1300, 1400, "elsewhere")]
    past = Past([KnownState(-500, "available"), KnownState(300, "busy"), KnownState(600, "offline")], calls)
    totals = totals_of(spans_of(past, 0, DAY, DAY), calls_within(calls, 0, DAY))
    assert (totals.available, totals.busy, totals.on_calls, totals.offline) == (250, 450, 150, 300)
    assert (totals.calls, totals.call_length, totals.longest_call, totals.average_call) == (2, 150, 100, 75)
    assert totals.whole == DAY
    assert totals_of([], []).average_call == 0


def test_a_call_without_length_counts_where_it_began() -> None:
    calls = [call(0, 0, "a"), call(500, 500, "b")]
    assert [each.call_id for each in calls_within(calls, 0, 500)] == ["a"]
    assert [each.call_id for each in calls_within(calls, 500, DAY)] == ["b"]


def test_neighbours_that_are_too_short_share_a_span_with_the_state_of_most_of_the_time() -> None:
    states = [
        KnownState(at, state)  # type: ignore[arg-type]
        for at, state in (
            (0, "busy"),
            (3, "available"),
            (5, "offline"),
            (9, "busy"),
            (60, "offline"),
            (99, "available"),
        )
    ]
    thin = thinned(spans_of(Past(states), 0, 100, 100), 10)
    assert [(span.start, span.end, span.state, span.is_open) for span in thin] == [
        (0, 9, "offline", False), (9, 60, "busy", False), (60, 99, "offline", False), (99, 100, "available", True),
    ]  # fmt: skip
    assert because(thin[0]) == "most of the time, with many changes"
    assert thinned([], 10) == []


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (Span(0, 1, "available", "heartbeat"), "came online"),
        (Span(0, 1, "available", "operator", "maya"), "busy cleared by maya"),
        (Span(0, 1, "offline", "operator", "maya"), "forced offline by maya"),
        (Span(0, 1, "busy", "busy_expired"), ""),
        (Span(0, 1, "stopped"), "no server was running"),
    ],
)
def test_a_span_says_why(span: Span, text: str) -> None:
    assert because(span) == text


moments = st.integers(-300, DAY + 300)
causes = st.sampled_from(["", "connected", "set", "call_started", "call_ended", "busy_expired", "timed_out"])
known = st.builds(KnownState, moments, st.sampled_from(["available", "busy", "offline"]), causes)
intervals = st.tuples(moments, st.integers(0, 400))
known_calls = st.builds(lambda at, number: call(at[0], at[0] + at[1], f"c{number}"), intervals, st.integers(0, 9))
known_pauses = st.builds(
    lambda at, state: Pause(at[0], at[0] + at[1], state), intervals, st.sampled_from(["stopped", "unknown"])
)
pasts = st.builds(
    Past,
    st.lists(known, max_size=8),
    st.lists(known_calls, max_size=4),
    st.lists(known_pauses, max_size=3),
    st.integers(-300, DAY),
    st.integers(-300, DAY),
)


@given(pasts, moments)
def test_spans_follow_each_other_without_gap_or_overlap_and_add_up(past: Past, now: int) -> None:
    spans = spans_of(past, 0, DAY, now)
    end = min(DAY, now)
    if end <= 0:
        assert spans == []
        return
    assert (spans[0].start, spans[-1].end) == (0, end)
    assert all(one.end == other.start for one, other in pairwise(spans))
    assert all(span.start < span.end for span in spans)
    assert all(_content(one) != _content(other) for one, other in pairwise(spans))
    totals = totals_of(spans, calls_within(past.calls, 0, DAY))
    assert totals.whole == end
    assert 0 <= totals.on_calls <= totals.busy


@given(pasts, st.integers(1, DAY - 1))
def test_the_parts_of_a_time_are_those_of_the_whole(past: Past, cut: int) -> None:
    whole = spans_of(past, 0, DAY, 10 * DAY)
    parts = [*clipped(whole, 0, cut), *clipped(whole, cut, DAY)]
    alone = [*spans_of(past, 0, cut, 10 * DAY), *spans_of(past, cut, DAY, 10 * DAY)]
    assert parts == alone


@given(pasts, st.integers(1, DAY))
def test_thinned_spans_add_up_and_are_few(past: Past, least: int) -> None:
    spans = spans_of(past, 0, DAY, 10 * DAY)
    thin = thinned(spans, least)
    assert (thin[0].start, thin[-1].end) == (0, DAY)
    assert all(one.end == other.start for one, other in pairwise(thin))
    assert len(thin) <= 2 * DAY // least + 1
    assert thinned(spans, 1) == spans


@given(pasts, moments)
def test_each_moment_has_the_state_that_a_plain_search_finds(past: Past, moment: int) -> None:
    found = next((span for span in spans_of(past, 0, DAY, DAY) if span.start <= moment < span.end), None)
    if found is None:
        assert not 0 <= moment < DAY
        return
    covering = [each for each in past.calls if each.start <= moment < each.end]
    if any(each.start <= moment < each.end for each in past.pauses):
        assert found.state in ("stopped", "unknown")
    elif found.state == "calls":
        assert found.call in covering
    elif covering:
        assert found.state == "offline"


def _content(span: Span) -> Span:
    return msgspec.structs.replace(span, start=0, end=0, is_open=False)
