"""The breaker, with a clock that the test advances."""

from __future__ import annotations

import pytest

from models.breaker import Breaker


class ManualClock:
    """A clock in seconds, advanced by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def breaker(clock: ManualClock) -> Breaker:
    return Breaker(failures=3, retry_seconds=0.5, clock=clock)


def fail(breaker: Breaker, times: int) -> None:
    for _ in range(times):
        breaker.failed()


def test_it_stays_closed_below_its_number_of_failures(breaker: Breaker) -> None:
    fail(breaker, 2)
    assert not breaker.is_open
    assert [breaker.allows() for _ in range(5)] == [True] * 5


def test_a_success_starts_the_count_anew(breaker: Breaker) -> None:
    fail(breaker, 2)
    breaker.succeeded()
    fail(breaker, 2)
    assert not breaker.is_open


def test_it_opens_at_its_number_of_failures_and_lets_nothing_through(breaker: Breaker) -> None:
    fail(breaker, 3)
    assert breaker.is_open
    assert not breaker.allows()


def test_open_it_lets_one_trial_through_each_interval(breaker: Breaker, clock: ManualClock) -> None:
    fail(breaker, 3)
    clock.now += 0.49
    assert not breaker.allows()
    clock.now += 0.01
    assert [breaker.allows() for _ in range(3)] == [True, False, False]
    clock.now += 0.5
    assert [breaker.allows() for _ in range(3)] == [True, False, False]


def test_late_failures_do_not_put_the_trial_off(breaker: Breaker, clock: ManualClock) -> None:
    fail(breaker, 3)
    clock.now += 0.5
    fail(breaker, 10)
    assert breaker.allows()


def test_a_trial_that_succeeds_closes_it(breaker: Breaker, clock: ManualClock) -> None:
    fail(breaker, 3)
    clock.now += 0.5
    assert breaker.allows()
    breaker.succeeded()
    assert not breaker.is_open
    assert [breaker.allows() for _ in range(3)] == [True] * 3


def test_a_trial_that_fails_keeps_it_open(breaker: Breaker, clock: ManualClock) -> None:
    fail(breaker, 3)
    clock.now += 0.5
    assert breaker.allows()
    breaker.failed()
    assert breaker.is_open
    assert not breaker.allows()
