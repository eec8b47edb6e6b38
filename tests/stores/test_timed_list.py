"""Lists by time: limited to a range, from a moment, turned round, in batches, and by an index in the embedded store."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from models import timed_list
from models.audit import AuditEntry
from models.calls import Call
from models.collection import Filter, Keys
from models.database import Database
from models.embedded.query import order, where
from models.events import Event
from models.merged import MergedQueries
from models.stores import Stores
from models.timed_list import Side, TimedList

pytestmark = pytest.mark.gen_test(timeout=60)

NOON = datetime(2026, 1, 31, 12, 0, 0, 123_000, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def event(number: int, user_id: int = 1, kind: Any = "available", other_id: int | None = None) -> Event:
    """An event `number` seconds after noon, whose id says nothing about the time."""
    return Event(f"{number * 7 % 30:03}", after(number), kind, user_id, "ada", "connected", other_id)


def entry(number: int) -> AuditEntry:
    fields = ("user:1", "ada", "online", "offline", "test", "127.0.0.1", "done")
    return AuditEntry(f"{number:03}", after(number), "maya" if number % 2 else "sam", "sign_out", *fields)


def call(number: int, caller_id: int = 1, callee_id: int = 2) -> Call:
    status: Any = "ongoing" if number % 5 == 0 else "completed"
    return Call(f"{number:03}", caller_id, callee_id, "audio", status, after(number))


def seconds(found: list[Event]) -> list[int]:
    return [round((each.at - NOON).total_seconds()) for each in found]


async def test_a_range_begins_with_its_start_and_ends_before_its_end(stores: Stores) -> None:
    await stores.events.add_many([event(number) for number in range(20)])
    found, total = await stores.events.page(start=after(5), end=after(9), skip=0, limit=10)
    assert (seconds(found), total) == ([8, 7, 6, 5], 4)
    found, total = await stores.events.page(start=after(5), end=after(9), skip=3, limit=10)
    assert (seconds(found), total) == ([5], 4)
    assert seconds((await stores.events.page(start=after(18), skip=0, limit=10))[0]) == [19, 18]
    assert seconds((await stores.events.page(end=after(2), skip=0, limit=10))[0]) == [1, 0]
    assert await stores.events.page(start=after(30), end=after(60), skip=0, limit=10) == ([], 0)


async def test_a_range_goes_with_each_filter(stores: Stores) -> None:
    kinds = ("available", "busy", "call_started")
    await stores.events.add_many(
        [event(number, number % 2, kinds[number % 3], 1 if number % 6 == 2 else None) for number in range(24)]
    )
    limits: dict[str, Any] = {"start": after(6), "end": after(18), "skip": 0, "limit": 50}
    assert seconds((await stores.events.page(kind="busy", **limits))[0]) == [16, 13, 10, 7]
    assert seconds((await stores.events.page(user_id=1, **limits))[0]) == [17, 15, 14, 13, 11, 9, 8, 7]
    assert seconds((await stores.events.page(user_id=1, kind="call_started", **limits))[0]) == [17, 14, 11, 8]


@pytest.mark.parametrize(
    ("side", "expected"), [("before", [9, 8, 7, 6, 5]), ("from", [10, 11, 12, 13, 14])], ids=["before", "from"]
)
async def test_from_a_moment_a_list_can_be_read_both_ways(stores: Stores, side: Side, expected: list[int]) -> None:
    await stores.events.add_many([event(number) for number in range(20)])
    await stores.audit.add_all([entry(number) for number in range(20)])
    for number in range(20):
        await stores.calls.insert(call(number))
    assert seconds(await stores.events.listed().next_to(after(10), side, 0, 3)) == expected[:3]
    assert seconds(await stores.events.listed(user_id=1).next_to(after(10), side, 2, 3)) == expected[2:]
    assert [each.at for each in await stores.audit.listed().next_to(after(10), side, 0, 5)] == [
        after(number) for number in expected
    ]
    of_two = stores.calls.listed(user_ids=[1, 2])
    assert [each.started_at for each in await of_two.next_to(after(10), side, 0, 5)] == [
        after(number) for number in expected
    ]
    assert await stores.calls.listed(user_ids=[3]).next_to(after(10), side, 0, 5) == []


async def test_rows_of_one_moment_have_one_order_both_ways(stores: Stores) -> None:
    await stores.audit.add_all([msgspec.structs.replace(entry(number), at=NOON) for number in range(6)])
    for listed in (stores.audit.listed(), stores.audit.listed(target="user:1")):
        newest_first = [each.entry_id for each in (await listed.page(0, 10))[0]]
        later = [each.entry_id for each in await listed.next_to(NOON, "from", 0, 10)]
        assert later == newest_first[::-1]


@pytest.mark.parametrize("size", [1, 5])
async def test_turned_round_a_list_has_the_opposite_order_also_in_a_tie(stores: Stores, size: int) -> None:
    await stores.events.add_many(
        [msgspec.structs.replace(event(number), at=after(number // 3)) for number in range(18)]
    )
    await stores.audit.add_all([msgspec.structs.replace(entry(number), at=after(number // 3)) for number in range(18)])
    for number in range(18):
        await stores.calls.insert(msgspec.structs.replace(call(number), started_at=after(number // 3)))
    limits: dict[str, Any] = {"start": after(1), "end": after(5)}
    lists: list[TimedList[Any]] = [
        stores.events.listed(**limits),
        stores.events.listed(user_id=1, **limits),
        stores.audit.listed(**limits),
        stores.calls.listed(user_ids=[1], **limits),
        stores.calls.listed(user_ids=[1, 2], **limits),
    ]
    for newest_first in lists:
        oldest_first, (expected, total) = newest_first.oldest_first(), await newest_first.page(0, 50)
        assert total == 12
        assert await oldest_first.page(0, 50) == (expected[::-1], 12)
        assert await oldest_first.page(3, 4) == (expected[::-1][3:7], 12)
        batches = [batch async for batch in oldest_first.batches(size)]
        assert [each for batch in batches for each in batch] == expected[::-1]
        assert await oldest_first.next_to(after(3), "before", 1, 4) == await newest_first.next_to(
            after(3), "before", 1, 4
        )


async def test_calls_are_limited_by_their_start(stores: Stores) -> None:
    for number in range(20):
        await stores.calls.insert(call(number, callee_id=2 + number % 2))
    limits: dict[str, Any] = {"start": after(4), "end": after(12), "skip": 0, "limit": 50}

    async def found(**filters: Any) -> list[int]:
        calls, total = await stores.calls.page(**filters, **limits)
        assert total == len(calls)
        return [int(each.call_id) for each in calls]

    assert await found() == [11, 10, 9, 8, 7, 6, 5, 4]
    assert await found(state="ongoing") == [10, 5]
    assert await found(state="ended", user_ids=[3]) == [11, 9, 7]
    assert await found(user_ids=[2, 7]) == [10, 8, 6, 4]
    assert await found(user_ids=[]) == []


@pytest.mark.parametrize("size", [1, 3, 50])
async def test_batches_keep_the_range_also_in_a_tie(stores: Stores, size: int) -> None:
    given = [msgspec.structs.replace(event(number), at=after(number // 4)) for number in range(24)]
    await stores.events.add_many(given)
    listed = stores.events.listed(user_id=1, start=after(1), end=after(5))
    found = [each for batch in [batch async for batch in listed.batches(size)] for each in batch]
    expected = [each for each in given if after(1) <= each.at < after(5)]
    assert found == sorted(expected, key=lambda each: (each.at, each.event_id), reverse=True)


@pytest.mark.parametrize("year", [1, 9999])
async def test_the_first_and_the_last_year_are_times_too(stores: Stores, year: int) -> None:
    await stores.events.add_many([event(1)])
    moment = datetime(year, 1, 3 if year == 1 else 1, tzinfo=UTC)
    found = await stores.events.listed().next_to(moment, "from" if year == 1 else "before", 0, 5)
    assert seconds(found) == [1]
    assert await stores.events.page(start=moment, end=moment + timedelta(1), skip=0, limit=5) == ([], 0)


async def test_a_list_is_counted_up_to_a_limit(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timed_list, "COUNT_LIMIT", 5)
    await stores.events.add_many([event(number) for number in range(8)])
    assert await stores.events.listed(start=after(1)).count() == 5


@pytest.mark.parametrize("is_sorted", [False, True])
async def test_what_is_added_after_the_count_is_counted_if_it_is_on_the_page(
    stores: Stores, monkeypatch: pytest.MonkeyPatch, is_sorted: bool
) -> None:
    await stores.events.add_many([event(number) for number in range(3)])
    counted = MergedQueries.count

    async def count_too_early(merged: MergedQueries, limit: int) -> int:
        total = await counted(merged, limit)
        await stores.events.add_many([event(number) for number in range(3, 5)])
        return total

    async def page(skip: int) -> tuple[list[Event], int]:
        listed = stores.events.listed()
        if is_sorted:
            return await listed.sorted_page([("at", -1), ("_id", -1)], {"kind": "available"}, skip, 10)
        return await listed.page(skip, 10)

    with monkeypatch.context() as patched:
        patched.setattr(MergedQueries, "count", count_too_early)
        found, total = await page(0)
    assert (seconds(found), total) == ([4, 3, 2, 1, 0], 5)
    assert await page(7) == ([], 5)


EVENT_FILTERS: list[Any] = [{}, {"kind": "busy"}, {"user_id": 1}, {"user_id": 1, "kind": "busy"}]
ENTRY_FILTERS: list[Any] = [{}, {"operator": "a"}, {"action": "b"}, {"target": "c"}]
CALL_FILTERS: list[Any] = [{}, {"state": "ended"}, {"user_ids": [1]}]


@pytest.mark.parametrize("database", ["embedded"], indirect=True)
async def test_each_list_is_served_by_an_index(stores: Stores, database: Database, tmp_path: Path) -> None:
    """No range is found by reading what lies beside it, and nothing is sorted."""
    await stores.events.add_many([event(1)])
    await stores.audit.add_all([entry(1)])
    await stores.calls.insert(call(1))
    lists: list[TimedList[Any]] = [
        *(stores.events.listed(**given) for given in EVENT_FILTERS),
        *(stores.audit.listed(**given) for given in ENTRY_FILTERS),
        *(stores.calls.listed(**given) for given in CALL_FILTERS),
    ]
    for each in [*lists, *(each.oldest_first() for each in lists)]:
        for limits in ({"$gte": NOON, "$lt": after(1)}, {"$lt": NOON}, {"$gte": NOON}):
            for query in each._merged(limits)._queries:
                plan = planned(tmp_path, each._collection.name, query, each._sort)
                assert f"{each._field}_-1__id_" in plan, (query, plan)
                assert "<expr>>" in plan or "<expr><" in plan, (query, plan)
                assert "TEMP B-TREE" not in plan, (query, plan)


def planned(folder: Path, collection: str, query: Filter, sort: Keys) -> str:
    """How the embedded store finds one page of a list."""
    (file,) = folder.glob("*.db")
    condition = where(query)
    text = f'SELECT doc FROM "{collection}" WHERE {condition.text}{order(sort)} LIMIT 50'
    with sqlite3.connect(file) as connection:
        rows = connection.execute(f"EXPLAIN QUERY PLAN {text}", condition.values).fetchall()
    return " ".join(row[-1] for row in rows)
