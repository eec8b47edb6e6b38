"""Calls in the store, as the dashboard pages through them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from models.calls import Call, ended
from models.stores import Stores

pytestmark = pytest.mark.gen_test(timeout=60)

NOON = datetime(2026, 1, 31, 12, 0, 0, 123_000, tzinfo=UTC)


def call(number: int, caller_id: int, callee_id: int, *, is_over: bool = False) -> Call:
    """A call that began `number` minutes after noon."""
    began = Call(f"c{number}", caller_id, callee_id, "audio", "ongoing", NOON + timedelta(minutes=number))
    return ended(began, "completed", NOON + timedelta(hours=1), caller_id) if is_over else began


CALLS = [
    call(1, 1, 2, is_over=True),
    call(2, 2, 3, is_over=True),
    msgspec.structs.replace(call(3, 3, 1, is_over=True), status="dropped"),
    call(4, 1, 2),
    call(5, 3, 4),
]


@pytest.mark.parametrize(
    ("narrowed", "expected"),
    [
        ({}, [5, 4, 3, 2, 1]),
        ({"state": "ongoing"}, [5, 4]),
        ({"state": "ended"}, [3, 2, 1]),
        ({"user_ids": [2]}, [4, 2, 1]),
        ({"user_ids": [2, 4]}, [5, 4, 2, 1]),
        ({"user_ids": [2, 4], "state": "ended"}, [2, 1]),
        ({"user_ids": [7]}, []),
        ({"user_ids": []}, []),
    ],
)
async def test_calls_are_found_by_state_and_by_party_newest_first(
    stores: Stores, narrowed: dict[str, Any], expected: list[int]
) -> None:
    for each in CALLS:
        await stores.calls.insert(each)
    found, total = await stores.calls.page(**narrowed, skip=0, limit=10)
    assert ([each.call_id for each in found], total) == ([f"c{number}" for number in expected], len(expected))


async def test_pages_of_calls_follow_each_other(stores: Stores) -> None:
    for each in CALLS:
        await stores.calls.insert(each)
    pages = [await stores.calls.page(skip=skip, limit=2) for skip in (0, 2, 4)]
    assert [each for found, _ in pages for each in found] == CALLS[::-1]


def test_each_participant_has_the_other() -> None:
    assert (CALLS[0].other(1), CALLS[0].other(2)) == (2, 1)
