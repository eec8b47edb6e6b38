"""Runtime statistics: figures for the last minute."""

from __future__ import annotations

from collections import Counter

from handlers.admin.flash import FLASH_MESSAGES_LIMIT, FlashMessage, FlashMessages
from handlers.api.runtime_stats import SECONDS_KEPT, RuntimeStats


class Time:
    """A clock that the test advances."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_before_anything_happened_all_is_zero() -> None:
    runtime_stats = RuntimeStats(Time())
    assert (runtime_stats.lag(), runtime_stats.messages_a_second(), runtime_stats.store_calls()) == (
        (0.0, 0.0),
        (0.0, 0.0),
        [],
    )


def test_lag_is_the_worst_of_the_last_second_and_of_the_last_minute() -> None:
    time = Time()
    runtime_stats = RuntimeStats(time)
    for lag in (0.5, 0.1):
        runtime_stats.note_lag(lag)
    time.now += 1
    for lag in (0.02, 0.03, 0.01):
        runtime_stats.note_lag(lag)
    assert runtime_stats.lag() == (0.03, 0.5)
    for _ in range(SECONDS_KEPT):
        time.now += 1
        runtime_stats.note_lag(0.001)
    assert runtime_stats.lag() == (0.001, 0.001)


def test_messages_a_second_are_of_the_last_ten_seconds() -> None:
    time, ins, outs = Time(), Counter({"ping": 1000}), Counter({"pong": 2000})
    runtime_stats = RuntimeStats(time)
    runtime_stats.read_from(ins, outs)
    for _ in range(30):
        runtime_stats.note_lag(0.0)
        time.now += 1
        ins["ping"] += 2
        outs["pong"] += 5
    assert runtime_stats.messages_a_second() == (2.0, 5.0)
    assert runtime_stats.uptime() == 30.0


def test_store_calls_are_told_by_operation_those_called_most_first() -> None:
    runtime_stats = RuntimeStats(Time())
    for seconds in (0.003, 0.001, 0.002):
        runtime_stats.note_store("users.find", seconds, ok=True)
    runtime_stats.note_store("calls.find", 1.5, ok=False)
    first, second = runtime_stats.store_calls()
    assert (first.operation, first.count, first.failed, first.middle, first.worst) == ("users.find", 3, 0, 0.002, 0.003)
    assert (second.operation, second.failed) == ("calls.find", 1)


def test_a_flash_message_is_shown_once_to_the_sign_in_it_is_for() -> None:
    messages = FlashMessages()
    messages.leave("one", FlashMessage("done"))
    assert messages.take("other") is None
    assert messages.take("one") == FlashMessage("done")
    assert messages.take("one") is None


def test_flash_messages_that_nobody_comes_for_are_forgotten() -> None:
    messages = FlashMessages()
    for number in range(FLASH_MESSAGES_LIMIT + 1):
        messages.leave(str(number), FlashMessage("done"))
    assert messages.take("0") is None
    assert messages.take("1") == FlashMessage("done")
