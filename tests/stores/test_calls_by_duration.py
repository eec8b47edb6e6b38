"""Calls by duration: ended and ongoing ones in one order, in pages, with each filter, on both stores."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest

from models.calls import Call, CallFilter
from models.calls_by_duration import CallsByDuration
from models.stores import Stores

pytestmark = pytest.mark.gen_test(timeout=60)

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
NOW = NOON + timedelta(hours=1)


def call(number: int, seconds: int | None) -> Call:
    """A call that began `number` minutes after noon. Without a number of seconds, it is ongoing."""
    start = NOON + timedelta(minutes=number)
    caller, callee = 1 + number % 3, 1 + (number + 1) % 3
    if seconds is None:
        return Call(f"{number:03}", caller, callee, "audio", "ongoing", start)
    end = start + timedelta(seconds=seconds)
    return Call(f"{number:03}", caller, callee, "audio", "completed", start, end, seconds, "completed")


def lasted(each: Call) -> float:
    return each.duration_seconds if each.duration_seconds is not None else (NOW - each.started_at).total_seconds()


FILTERS: list[Any] = [
    {}, {"state": "ongoing"}, {"state": "ended"}, {"user_ids": [1]}, {"user_ids": [1, 2], "state": "ended"},
    {"user_ids": [2], "start": NOON + timedelta(minutes=7), "end": NOON + timedelta(minutes=28)},
]  # fmt: skip


async def test_pages_and_batches_have_the_order_of_the_durations_with_each_filter(stores: Stores) -> None:
    chosen = random.Random(7)
    lengths = [chosen.choice([None, 0, 60, 60, 600, chosen.randrange(4000)]) for _ in range(40)]
    given = [call(number, seconds) for number, seconds in enumerate(lengths)]
    for each in given:
        await stores.calls.insert(each)
    for wanted, is_shortest_first in product(FILTERS, (False, True)):
        expected = sorted(
            (each for each in given if matches(each, wanted)), key=lambda each: (-lasted(each), each.call_id)
        )
        if is_shortest_first:
            expected.reverse()
        listed = CallsByDuration(stores.calls, wanted, NOW, is_shortest_first=is_shortest_first)
        for skip in range(0, len(expected) + 10, 9):
            assert await listed.page(skip, 9) == (expected[skip : skip + 9], len(expected)), (wanted, skip)
        batches = [batch async for batch in listed.batches(16)]
        assert [each for batch in batches for each in batch] == expected


def matches(each: Call, wanted: CallFilter) -> bool:
    is_of_state = wanted.get("state") in (None, "ongoing" if each.status == "ongoing" else "ended")
    users = wanted.get("user_ids")
    start, end = wanted.get("start") or NOON, wanted.get("end") or NOW
    return (
        is_of_state and (users is None or not {*users}.isdisjoint(each.participants)) and start <= each.started_at < end
    )
