"""Rate limits: buckets and windows, on a clock that is given."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from realtime.ratelimit import Buckets, SlidingWindow, TokenBucket


def test_a_bucket_gives_its_burst_at_once_and_then_none() -> None:
    bucket = TokenBucket(3, 1.0, now=0.0)
    assert [bucket.take(0.0) for _ in range(4)] == [True, True, True, False]


def test_a_bucket_refills_at_its_rate() -> None:
    bucket = TokenBucket(3, 2.0, now=0.0)
    for _ in range(3):
        bucket.take(0.0)
    assert not bucket.take(0.25)
    assert bucket.take(0.5)


def test_a_bucket_never_holds_more_than_its_burst() -> None:
    bucket = TokenBucket(2, 1.0, now=0.0)
    assert [bucket.take(100.0) for _ in range(3)] == [True, True, False]


def test_a_refused_token_costs_nothing() -> None:
    bucket = TokenBucket(1, 1.0, now=0.0)
    bucket.take(0.0)
    for tenth in range(1, 10):
        assert not bucket.take(tenth / 10)
    assert bucket.take(1.0)


def test_a_bucket_is_full_again_after_it_was_left_alone() -> None:
    bucket = TokenBucket(2, 1.0, now=0.0)
    bucket.take(0.0)
    assert not bucket.is_full(0.5)
    assert bucket.is_full(1.0)


def test_a_window_is_full_after_its_limit() -> None:
    window = SlidingWindow(2, 1.0)
    assert [window.take(0.0) for _ in range(3)] == [True, True, False]


def test_a_full_window_opens_when_its_oldest_leaves_it() -> None:
    window = SlidingWindow(2, 1.0)
    window.take(0.0)
    window.take(0.5)
    assert window.opens_at(0.75) == 1.0
    assert window.take(1.0)
    assert not window.take(1.25)


def test_a_window_that_is_open_opens_now() -> None:
    assert SlidingWindow(1, 1.0).opens_at(7.0) == 7.0


@given(st.lists(st.floats(0, 3), max_size=40))
def test_no_second_holds_more_than_the_limit(gaps: list[float]) -> None:
    window, now, taken = SlidingWindow(4, 1.0), 0.0, list[float]()
    for gap in gaps:
        now += gap
        if window.take(now):
            taken.append(now)
    assert all(later - earlier >= 1.0 for earlier, later in zip(taken, taken[4:], strict=False))


def test_each_key_has_a_bucket_of_its_own() -> None:
    buckets = Buckets(1, 1.0)
    assert buckets.take("a", 0.0)
    assert not buckets.take("a", 0.0)
    assert buckets.take("b", 0.0)


def test_full_buckets_are_dropped_and_others_kept() -> None:
    buckets = Buckets(2, 1.0)
    buckets.take("old", 0.0)
    buckets.take("new", 0.75)
    buckets.drop_full(1.0)
    assert len(buckets) == 1
    assert [buckets.take("new", 1.0) for _ in range(2)] == [True, False]
