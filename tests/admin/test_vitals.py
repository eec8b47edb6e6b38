"""Vitals: the last minute in numbers."""

from __future__ import annotations

from collections import Counter

from handlers.admin.remarks import REMARKS_LIMIT, Remark, Remarks
from handlers.vitals import SECONDS_KEPT, Vitals


class Time:
    """A clock that is advanced."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_before_anything_happened_all_is_zero() -> None:
    vitals = Vitals(Time())
    assert (vitals.lag(), vitals.messages_a_second(), vitals.store_calls()) == ((0.0, 0.0), (0.0, 0.0), [])


def test_lag_is_the_worst_of_the_last_second_and_of_the_last_minute() -> None:
    time = Time()
    vitals = Vitals(time)
    for lag in (0.5, 0.1):
        vitals.note_lag(lag)
    time.now += 1
    for lag in (0.02, 0.03, 0.01):
        vitals.note_lag(lag)
    assert vitals.lag() == (0.03, 0.5)
    for _ in range(SECONDS_KEPT):
        time.now += 1
        vitals.note_lag(0.001)
    assert vitals.lag() == (0.001, 0.001)


def test_messages_a_second_are_of_the_last_ten_seconds() -> None:
    time, ins, outs = Time(), Counter({"ping": 1000}), Counter({"pong": 2000})
    vitals = Vitals(time)
    vitals.read_from(ins, outs)
    for _ in range(30):
        vitals.note_lag(0.0)
        time.now += 1
        ins["ping"] += 2
        outs["pong"] += 5
    assert vitals.messages_a_second() == (2.0, 5.0)
    assert vitals.uptime() == 30.0


def test_store_calls_are_told_by_operation_those_called_most_first() -> None:
    vitals = Vitals(Time())
    for seconds in (0.003, 0.001, 0.002):
        vitals.note_store("users.find", seconds, ok=True)
    vitals.note_store("calls.find", 1.5, ok=False)
    first, second = vitals.store_calls()
    assert (first.operation, first.count, first.failed, first.middle, first.worst) == ("users.find", 3, 0, 0.002, 0.003)
    assert (second.operation, second.failed) == ("calls.find", 1)


def test_a_remark_is_said_once_to_the_sign_in_it_is_for() -> None:
    remarks = Remarks()
    remarks.leave("one", Remark("done"))
    assert remarks.take("other") is None
    assert remarks.take("one") == Remark("done")
    assert remarks.take("one") is None


def test_remarks_that_nobody_comes_for_are_forgotten() -> None:
    remarks = Remarks()
    for number in range(REMARKS_LIMIT + 1):
        remarks.leave(str(number), Remark("done"))
    assert remarks.take("0") is None
    assert remarks.take("1") == Remark("done")
