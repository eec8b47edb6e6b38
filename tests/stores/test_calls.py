"""Calls in the store, as the dashboard pages through them."""

from __future__ import annotations

import random
import sqlite3
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import msgspec
import pytest

import models.calls as calls_module
import models.merged as merged_module
from models.calls import NEWEST_FIRST, Call, CallLock, CallState, CallType, ended
from models.database import Database, open_database
from models.embedded.query import order, where
from models.stores import Stores, open_stores
from tests.stores.conftest import store_settings

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


async def test_the_pages_of_one_user_in_the_dashboards_list_follow_each_other(stores: Stores) -> None:
    for each in CALLS:
        await stores.calls.insert(each)
    pages = [await stores.calls.page(user_ids=[1], skip=skip, limit=2) for skip in (0, 2)]
    assert [[each.call_id for each in found] for found, _ in pages] == [["c4", "c3"], ["c1"]]
    assert {total for _, total in pages} == {3}


async def test_calls_of_which_a_part_lies_between_two_moments_are_found(stores: Stores) -> None:
    over = [ended(call(n, 1, 2), "completed", NOON + timedelta(minutes=n + 2), 1) for n in (0, 5, 9, 12)]
    for each in [*over, call(3, 1, 3), call(30, 2, 1), call(8, 2, 3)]:
        await stores.calls.insert(each)
    found = await stores.calls.overlapping(1, NOON + timedelta(minutes=6), NOON + timedelta(minutes=12), 10)
    assert [each.call_id for each in found] == ["c9", "c5", "c3"]
    found = await stores.calls.overlapping(1, NOON + timedelta(minutes=2), NOON + timedelta(minutes=30), 2)
    assert [each.call_id for each in found] == ["c12", "c9"]


def long_history(seed: int, count: int) -> list[Call]:
    """Return calls of user 1, of all kinds, many with the same start. User 1 is the caller twice as often."""
    chance = random.Random(seed)
    calls: list[Call] = []
    for number in chance.sample(range(100_000), count):
        caller, callee = (1, 2) if chance.random() < 0.67 else (2, 1)
        began = NOON + timedelta(seconds=chance.randrange(count // 2))
        kind: CallType = "video" if chance.random() < 0.2 else "audio"
        over = ended(Call(f"c{number}", caller, callee, kind, "ongoing", began), "completed", NOON, 1)
        calls.append(msgspec.structs.replace(over, status="dropped") if chance.random() < 0.1 else over)
    return calls


def newest_first(calls: list[Call]) -> list[Call]:
    return sorted(calls, key=lambda each: (-each.started_at.timestamp(), each.call_id))


FILTERS: list[tuple[CallType | None, CallState | None]] = [
    (None, None), ("video", None), (None, "dropped"), ("audio", "completed")
]  # fmt: skip


async def test_a_page_of_a_history_is_what_sorting_everything_would_give(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merged_module, "READ_AT_MOST", 5)
    calls = long_history(1, 120)
    for each in [*calls, call(500_000, 7, 8)]:
        await stores.calls.insert(each)
    for call_type, status in FILTERS:
        expected = newest_first(
            [each for each in calls if call_type in (None, each.call_type) and status in (None, each.status)]
        )
        for skip in (0, 1, 5, 6, 17, 40, 90, len(expected) - 1, len(expected), 200):
            found, total = await stores.calls.history(1, call_type=call_type, status=status, skip=skip, limit=10)
            assert found == expected[skip : skip + 10], (call_type, status, skip)
            assert total == len(expected)


async def test_before_a_call_come_those_that_follow_it_in_the_list(stores: Stores) -> None:
    calls = long_history(2, 60)
    for each in calls:
        await stores.calls.insert(each)
    expected = newest_first(calls)
    for place in (0, 1, 30, 58, 59):
        found, total = await stores.calls.history(
            1, call_type=None, status=None, before=expected[place], skip=0, limit=7
        )
        assert (found, total) == (expected[place + 1 : place + 8], 60)
    video = [each for each in expected[11:] if each.call_type == "video"]
    found, _ = await stores.calls.history(1, call_type="video", status=None, before=expected[10], skip=0, limit=100)
    assert found == video


async def test_a_history_is_counted_up_to_a_limit(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls_module, "COUNT_LIMIT", 10)
    for each in long_history(3, 30):
        await stores.calls.insert(each)
    found, total = await stores.calls.history(1, call_type=None, status=None, skip=20, limit=30)
    assert (len(found), total) == (10, 10)


async def test_no_page_of_a_history_looks_at_calls_that_it_does_not_show(tmp_path: Path) -> None:
    """Each query reads its documents in order from an index, whatever the filter."""
    database = await open_database(store_settings(tmp_path))
    await open_stores(database, store_settings(tmp_path))
    await database.close()
    later = {"started_at": {"$lte": NOON}, "$or": [{"started_at": {"$lt": NOON}}, {"_id": {"$gt": "c"}}]}
    with sqlite3.connect(tmp_path / "rollcall.db") as connection:
        for narrowed in (
            {},
            {"call_type": "video"},
            {"status": "dropped"},
            {"call_type": "video", "status": "dropped"},
        ):
            for participant, more in product(("caller_id", "callee_id"), ({}, later)):
                condition = where({participant: 1, **narrowed, **more})
                text = f"EXPLAIN QUERY PLAN SELECT doc FROM calls WHERE {condition.text}{order(NEWEST_FIRST)}"
                plan = "; ".join(row[3] for row in connection.execute(text, condition.values))
                assert f"USING INDEX calls.{participant}" in plan
                assert plan.count("=?") == 1 + len(narrowed), plan
                assert "TEMP B-TREE" not in plan, plan


def test_each_participant_has_the_other() -> None:
    assert (CALLS[0].other(1), CALLS[0].other(2)) == (2, 1)


async def test_a_lock_has_the_incarnation_that_made_it(stores: Stores, database: Database) -> None:
    assert await stores.calls.lock("c1", (2, 1), "here") is None
    assert await stores.calls.lock("c2", (2, 3), "there") == 2
    assert await stores.calls.lock_of(1) == CallLock(1, "c1", "here")
    await database.collection("call_claims").insert_one({"_id": 7, "call_id": "old"})
    assert await stores.calls.lock_of(7) == CallLock(7, "old", None)
    assert len(await stores.calls.all_locks()) == 3


async def test_only_the_very_lock_that_was_read_is_released(stores: Stores, database: Database) -> None:
    await stores.calls.lock("c1", (1, 2), "here")
    await database.collection("call_claims").insert_one({"_id": 7, "call_id": "old"})
    for other in (CallLock(1, "c1", "there"), CallLock(1, "c1"), CallLock(1, "c2", "here"), CallLock(7, "old", "here")):
        await stores.calls.release(other)
    assert len(await stores.calls.all_locks()) == 3
    await stores.calls.release(CallLock(1, "c1", "here"))
    await stores.calls.release(CallLock(7, "old"))
    assert await stores.calls.all_locks() == [CallLock(2, "c1", "here")]


async def test_a_confirmed_lock_names_no_incarnation_and_is_not_released_as_one_that_did(stores: Stores) -> None:
    await stores.calls.lock("c1", (1, 2), "here")
    for _ in range(2):
        assert await stores.calls.confirm("c1", (1, 2), "here")
    await stores.calls.release(CallLock(1, "c1", "here"))
    assert await stores.calls.all_locks() == [CallLock(1, "c1"), CallLock(2, "c1")]


async def test_a_lock_that_was_given_up_is_not_confirmed(stores: Stores) -> None:
    await stores.calls.lock("c1", (1, 2), "here")
    assert not await stores.calls.confirm("c1", (1, 2), "there")
    await stores.calls.release(CallLock(2, "c1", "here"))
    await stores.calls.lock("c2", (2, 3), "there")
    assert not await stores.calls.confirm("c1", (1, 2), "here")
