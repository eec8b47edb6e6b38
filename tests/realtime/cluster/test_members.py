"""Members: a server is silent if its counter stays the same for the lease, by the observer's own clock."""

from __future__ import annotations

import pytest

from realtime.clock import Clock
from realtime.cluster.members import Members
from realtime.presence.incarnation import Incarnation
from settings import Settings
from tests.realtime.world import FakeClock


class Observer:
    """A server with the name `b`."""

    def __init__(self) -> None:
        self.time = FakeClock()
        self.clock = Clock(self.time.monotonic, self.time.wall, stall_seconds=1)
        self.incarnation = Incarnation("b", lambda: "z")
        self.members = Members(Settings(), self.clock, self.incarnation)

    def after(self, seconds: float, **nodes: int | None) -> dict[str, int]:
        """Observe the counters some seconds later."""
        for _ in range(int(seconds)):
            self.time.seconds += 1
            self.clock.tick()
        return self.members.observe(nodes)


@pytest.fixture
def observer() -> Observer:
    return Observer()


def test_a_server_whose_counter_rises_is_not_silent(observer: Observer) -> None:
    assert [observer.after(2, a=number) for number in range(1, 9)] == [{}] * 8


def test_a_server_whose_counter_stays_the_same_for_the_lease_is_silent(observer: Observer) -> None:
    assert [observer.after(2, a=1) for _ in range(4)] == [{}, {}, {}, {"a": 1}]


def test_time_in_which_nothing_was_observed_does_not_count(observer: Observer) -> None:
    observer.after(2, a=1)
    assert observer.after(60, a=1) == {}
    assert observer.after(2, a=1) == {}


def test_a_pause_of_the_observer_does_not_count(observer: Observer) -> None:
    observer.after(2, a=1)
    observer.time.seconds += 60
    assert observer.after(2, a=1) == {}


def test_the_first_is_the_living_server_with_the_lowest_name(observer: Observer) -> None:
    assert observer.members.is_first
    observer.after(2, a=1, b=1, c=1)
    assert not observer.members.is_first
    assert observer.members.living == {"a", "b", "c"}
    observer.members.has_gone("a")
    assert observer.members.is_first


def test_a_server_that_was_declared_lost_or_has_left_is_lost(observer: Observer) -> None:
    observer.after(2, a=None, b=1, c=1, d=1)
    observer.members.has_gone("c")
    lost = [observer.members.is_lost(name) for name in ("a", "b", "c", "d", None)]
    assert lost == [True, False, True, False, True]


def test_a_server_whose_end_the_log_has_lost_lives(observer: Observer) -> None:
    observer.after(2, a=None)
    observer.after(2, a=1)
    assert not observer.members.is_lost("a")


def test_a_server_that_nobody_has_heard_of_is_lost_after_the_lease(observer: Observer) -> None:
    assert not observer.members.is_lost("new")
    observer.after(5)
    assert not observer.members.is_lost("new")
    observer.after(1)
    assert observer.members.is_lost("new")


def test_a_server_that_has_joined_meanwhile_is_not_lost(observer: Observer) -> None:
    assert not observer.members.is_lost("new")
    observer.after(8, new=1)
    assert not observer.members.is_lost("new")


def test_a_name_that_this_server_had_before_is_its_own(observer: Observer) -> None:
    observer.incarnation.renew()
    assert observer.members.own == "z"
    assert observer.members.is_own("b")
    assert not observer.members.is_own("a")
    assert not observer.members.is_lost("b")
