"""Clock: steady through stalls, and independent of the wall clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from realtime.clock import Clock
from tests.realtime.world import FakeClock


def stall_clock(time: FakeClock) -> Clock:
    return Clock(time.monotonic, time.wall, stall_seconds=1.0)


def test_steady_time_begins_at_zero() -> None:
    assert stall_clock(FakeClock()).now() == 0.0


def test_steady_time_passes_between_ticks() -> None:
    time = FakeClock()
    clock = stall_clock(time)
    time.seconds += 0.75
    assert clock.now() == 0.75


def test_a_stall_counts_as_its_limit_and_no_more() -> None:
    time = FakeClock()
    clock = stall_clock(time)
    time.seconds += 3600
    assert clock.now() == 1.0
    assert clock.tick() == 1.0


def test_after_a_stall_time_passes_as_before() -> None:
    time = FakeClock()
    clock = stall_clock(time)
    time.seconds += 3600
    clock.tick()
    time.seconds += 0.5
    assert clock.now() == 1.5


def test_a_jump_of_the_wall_clock_moves_no_steady_time() -> None:
    time = FakeClock()
    clock = stall_clock(time)
    time.jumped = timedelta(days=-1)
    assert clock.now() == 0.0


def test_wall_time_is_utc_cut_to_the_millisecond() -> None:
    wall = datetime(2030, 1, 1, 12, 0, 0, 123999, tzinfo=UTC)
    assert Clock(lambda: 0.0, lambda: wall, stall_seconds=1.0).utc() == datetime(
        2030, 1, 1, 12, 0, 0, 123000, tzinfo=UTC
    )
