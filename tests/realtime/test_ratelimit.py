"""Rate limits: buckets and windows, with a given clock."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.addresses import address_key
from realtime.ratelimit import Buckets, SlidingWindow, TokenBucket, Turns


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


def test_a_token_that_is_owed_is_paid_back_first() -> None:
    buckets = Buckets(2, 1.0, 10)
    for _ in range(3):
        buckets.charge("key", 0.0)
    assert buckets.seconds_until_next("key", 0.0) == 2.0
    assert not buckets.take("key", 1.5)
    assert buckets.take("key", 2.0)


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
    buckets = Buckets(1, 1.0, keys_limit=10)
    assert buckets.take("a", 0.0)
    assert not buckets.take("a", 0.0)
    assert buckets.take("b", 0.0)


def test_full_buckets_are_dropped_and_others_kept() -> None:
    buckets = Buckets(2, 1.0, keys_limit=10)
    buckets.take("old", 0.0)
    buckets.take("new", 0.75)
    buckets.drop_full(1.0)
    assert len(buckets) == 1
    assert [buckets.take("new", 1.0) for _ in range(2)] == [True, False]


def test_a_bucket_says_when_it_has_the_next_token() -> None:
    bucket = TokenBucket(1, 0.5, now=0.0)
    assert bucket.seconds_until_next(0.0) == 0.0
    bucket.take(0.0)
    assert [bucket.seconds_until_next(now) for now in (0.0, 1.5, 9.0)] == [2.0, 0.5, 0.0]


def test_a_token_that_is_given_back_can_be_taken_again() -> None:
    buckets = Buckets(1, 1.0, keys_limit=10)
    assert buckets.take("a", 0.0)
    buckets.give_back("a")
    buckets.give_back("a")
    buckets.give_back("unknown")
    assert [buckets.take("a", 0.0) for _ in range(2)] == [True, False]


def test_there_are_never_more_keys_than_the_limit_and_the_least_recent_goes() -> None:
    buckets = Buckets(1, 0.001, keys_limit=3)
    for key in ("a", "b", "c"):
        buckets.take(key, 0.0)
    buckets.take("a", 1.0)
    buckets.take("d", 2.0)
    assert len(buckets) == 3
    assert [buckets.take(key, 3.0) for key in ("a", "c", "d", "b")] == [False, False, False, True]


@given(st.lists(st.tuples(st.integers(0, 30), st.floats(0, 2)), max_size=60))
def test_no_flood_of_keys_keeps_more_than_the_limit_and_all_are_dropped_in_the_end(
    takes: list[tuple[int, float]],
) -> None:
    buckets, now = Buckets(2, 1.0, keys_limit=5), 0.0
    for key, gap in takes:
        now += gap
        buckets.take(key, now)
        buckets.drop_full(now)
        assert len(buckets) <= 5
    buckets.drop_full(now + 2.1)
    assert len(buckets) == 0


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("::1", "::1"),
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.2", "127.0.0.2"),
        ("::ffff:127.0.0.1", "127.0.0.1"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("x" * 1000, "x" * 64),
    ],
)
def test_the_key_of_an_address_is_its_network(address: str, key: str) -> None:
    assert address_key(address) == key


def test_so_many_have_a_turn_and_the_others_wait_in_order() -> None:
    async def run() -> None:
        turns, served = Turns(2, waiting_limit=10), list[int]()

        async def work(number: int) -> None:
            assert await turns.take("ada")
            served.append(number)

        tasks = [asyncio.create_task(work(number)) for number in range(5)]
        await asyncio.sleep(0)
        assert served == [0, 1]
        for count in (3, 4, 5):
            turns.leave("ada")
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert served == list(range(count))
        await asyncio.gather(*tasks)
        for _ in range(2):
            turns.leave("ada")
        assert len(turns) == 0

    asyncio.run(run())


def test_one_key_waits_for_no_other() -> None:
    async def run() -> None:
        turns = Turns(1, waiting_limit=0)
        assert [await turns.take(key) for key in ("ada", "bob", "ada")] == [True, True, False]

    asyncio.run(run())


def test_a_turn_that_nobody_waits_for_any_more_goes_to_the_next() -> None:
    async def run() -> None:
        turns = Turns(1, waiting_limit=10)
        await turns.take("ada")
        first, second, third = [asyncio.create_task(turns.take("ada")) for _ in range(3)]
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.sleep(0)
        turns.leave("ada")
        second.cancel()  # just when its turn comes
        await asyncio.wait([second])
        assert second.cancelled()
        assert await third
        turns.leave("ada")
        assert len(turns) == 0

    asyncio.run(run())
