"""Flapping: users who change too often are detected, and cleared once it is over."""

from __future__ import annotations

import pytest

from realtime.dashboard.flapping import Flapping


@pytest.fixture
def flapping() -> Flapping:
    return Flapping(3, 60.0)


def note(flapping: Flapping, user_id: int, *times: float) -> None:
    for now in times:
        flapping.note(user_id, now)


def test_enough_changes_within_the_span_are_flapping(flapping: Flapping) -> None:
    note(flapping, 7, 0, 30)
    assert flapping.users(30) == []
    note(flapping, 7, 60)
    assert flapping.users(60) == [7]


def test_as_many_changes_over_a_longer_time_are_none(flapping: Flapping) -> None:
    note(flapping, 7, 0, 30, 61)
    assert flapping.users(61) == []


def test_it_is_over_when_the_first_of_the_changes_is_out_of_the_span(flapping: Flapping) -> None:
    note(flapping, 7, 0, 30, 40)
    assert flapping.users(60) == [7]
    assert flapping.users(61) == []


def test_each_user_is_counted_alone(flapping: Flapping) -> None:
    note(flapping, 7, 0, 1)
    note(flapping, 8, 0, 1, 2)
    assert flapping.users(2) == [8]


def test_who_was_seen_to_starts_anew(flapping: Flapping) -> None:
    note(flapping, 7, 0, 1, 2)
    flapping.forget(7)
    assert flapping.users(2) == []
    note(flapping, 7, 3, 4)
    assert flapping.users(4) == []


def test_users_whose_changes_are_long_ago_cost_nothing(flapping: Flapping) -> None:
    note(flapping, 7, 0, 1, 2)
    note(flapping, 8, 30)
    flapping.users(70)
    assert len(flapping) == 1
    flapping.users(91)
    assert len(flapping) == 0


def test_all_changes_within_the_span_are_counted(flapping: Flapping) -> None:
    note(flapping, 7, 0, 30, 40, 50, 55)
    assert (flapping.count(7, 60), flapping.count(7, 61)) == (5, 4)
    assert flapping.users(61) == [7]
