"""Timers: one deadline per key, in order, and none after it was cancelled."""

from __future__ import annotations

import pytest

from realtime.clock import Timers


def test_a_deadline_runs_once_now_has_reached_it() -> None:
    timers, ran = Timers(), list[str]()
    timers.at(5.0, "a", lambda: ran.append("a"))
    assert timers.run_due(4.999) == 0
    assert timers.run_due(5.0) == 1
    assert ran == ["a"]


def test_a_deadline_runs_once_only() -> None:
    timers, ran = Timers(), list[str]()
    timers.at(5.0, "a", lambda: ran.append("a"))
    timers.run_due(6.0)
    timers.run_due(7.0)
    assert ran == ["a"]


def test_deadlines_run_in_the_order_of_time_then_of_setting() -> None:
    timers, ran = Timers(), list[str]()
    for when, name in ((3.0, "c"), (1.0, "a"), (1.0, "b")):
        timers.at(when, name, lambda name=name: ran.append(name))
    timers.run_due(9.0)
    assert ran == ["a", "b", "c"]


def test_setting_a_key_again_moves_its_deadline() -> None:
    timers, ran = Timers(), list[str]()
    timers.at(1.0, "a", lambda: ran.append("early"))
    timers.at(9.0, "a", lambda: ran.append("late"))
    timers.run_due(5.0)
    assert ran == []
    timers.run_due(9.0)
    assert ran == ["late"]


def test_a_cancelled_deadline_never_runs() -> None:
    timers, ran = Timers(), list[str]()
    timers.at(1.0, "a", lambda: ran.append("a"))
    timers.cancel("a")
    assert timers.run_due(2.0) == 0
    assert ran == []


def test_cancelling_what_is_not_set_is_nothing() -> None:
    timers = Timers()
    timers.cancel("a")
    assert len(timers) == 0


def test_a_key_is_there_while_its_deadline_is_to_come() -> None:
    timers = Timers()
    timers.at(1.0, "a", lambda: None)
    assert "a" in timers
    timers.run_due(1.0)
    assert "a" not in timers


def test_an_action_can_cancel_what_is_due_after_it() -> None:
    timers, ran = Timers(), list[str]()
    timers.at(1.0, "a", lambda: timers.cancel("b"))
    timers.at(1.0, "b", lambda: ran.append("b"))
    assert timers.run_due(1.0) == 1
    assert ran == []


def test_an_action_can_move_what_is_due_after_it() -> None:
    timers, ran = Timers(), list[str]()
    timers.at(1.0, "a", lambda: timers.at(2.0, "b", lambda: ran.append("moved")))
    timers.at(1.0, "b", lambda: ran.append("first"))
    timers.run_due(1.0)
    timers.run_due(2.0)
    assert ran == ["moved"]


def test_what_an_action_sets_for_now_runs_at_the_next_call() -> None:
    timers, ran = Timers(), list[str]()
    timers.at(1.0, "a", lambda: timers.at(1.0, "a", lambda: ran.append("again")))
    timers.run_due(1.0)
    assert ran == []
    timers.run_due(1.0)
    assert ran == ["again"]


def test_an_action_that_fails_takes_no_other_with_it() -> None:
    timers, ran = Timers(), list[str]()
    timers.at(1.0, "a", lambda: 1 / 0)
    timers.at(1.0, "b", lambda: ran.append("b"))
    with pytest.raises(ZeroDivisionError):
        timers.run_due(1.0)
    timers.run_due(1.0)
    assert ran == ["b"]


def test_deadlines_that_move_all_the_time_do_not_pile_up() -> None:
    timers, ran = Timers(), list[int]()
    for number in range(10_000):
        timers.at(100.0 + number, "a", lambda number=number: ran.append(number))
    assert len(timers._heap) <= 66
    timers.run_due(20_000.0)
    assert ran == [9_999]
