"""Webhooks in the store: batches keep their order, notes never go back, and only the holder moves the cursor."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from models.stores import Stores
from models.webhook_batches import StoredBatch, batch_id
from models.webhook_told import ToldCall, ToldNews, ToldUser

pytestmark = pytest.mark.gen_test(timeout=60)

NOON = datetime(2026, 1, 31, 12, 0, 0, 123_000, tzinfo=UTC)


def batch(number: int, body: str = "{}") -> StoredBatch:
    return StoredBatch(
        batch_id=batch_id(1, number), webhook_id=f"msg_{number}", body=body, told="{}", count=number, at=NOON,
        last_event_id=f"e{number}",
    )  # fmt: skip


async def test_batches_come_back_in_their_order(stores: Stores) -> None:
    batches = stores.webhook_batches
    await batches.add_many([batch(1), batch(2)])
    await batches.add_many([batch(10)])
    assert await batches.next("") == batch(1)
    assert await batches.next(batch_id(1, 2)) == batch(10)
    assert await batches.next(batch_id(1, 10)) is None
    assert await batches.newest(2) == [batch(2), batch(10)]
    assert [each.count for each in await batches.sizes(batch_id(1, 1))] == [2, 10]
    assert await batches.count_waiting("") == 3
    await batches.forget(batch_id(1, 2))
    assert await batches.newest(5) == [batch(10)]


async def test_a_write_of_batches_can_be_repeated(stores: Stores) -> None:
    batches = stores.webhook_batches
    await batches.add_many([batch(1)])
    await batches.add_many([batch(1, "other"), batch(2), batch(3)])
    await batches.add_many([batch(1, "other"), batch(2, "other"), batch(3, "other")])
    assert await batches.newest(5) == [batch(1), batch(2), batch(3)]


async def test_a_note_never_replaces_one_of_a_later_batch(stores: Stores) -> None:
    told = stores.webhook_told
    await told.note(batch_id(1, 10), ToldNews([ToldUser(7, "new", "their-7"), ToldUser(8, "new")], [], []))
    await told.note(batch_id(1, 9), ToldNews([ToldUser(7, "old"), ToldUser(8, "zzz")], [], []))
    assert await told.users(0, 10) == [ToldUser(7, "new", "their-7"), ToldUser(8, "new")]
    await told.note(batch_id(2, 1), ToldNews([ToldUser(7, "newer")], [], [8]))
    assert await told.users(0, 10) == [ToldUser(7, "newer", "their-7")]
    assert await told.users(7, 10) == []


async def test_a_call_that_has_ended_stays_so(stores: Stores) -> None:
    told, started = stores.webhook_told, ToldCall("c", False, NOON)
    await told.note("1", ToldNews([], [started, ToldCall("d", False, NOON)], []))
    await told.note("2", ToldNews([], [ToldCall("c", True, NOON)], []))
    await told.note("1", ToldNews([], [started], []))
    assert await told.open_calls() == [ToldCall("d", False, NOON)]
    assert await told.calls(["c", "x"]) == {"c": ToldCall("c", True, NOON)}
    await told.forget_calls(NOON)
    assert await told.calls(["c"]) != {}
    await told.forget_calls(NOON + timedelta(seconds=1))
    assert (await told.calls(["c"]), len(await told.open_calls())) == ({}, 1)


async def test_only_the_holder_moves_the_cursor(stores: Stores) -> None:
    cursors = stores.webhook_cursor
    assert await cursors.read() is None
    first = await cursors.create("one", NOON)
    assert first is not None
    assert await cursors.create("two", NOON) is None
    assert await cursors.renew(first.fence, sent="x", failing_since=NOON)
    second = await cursors.take(first, "two")
    assert second is None, "it was renewed since it was seen"
    seen = await cursors.read()
    assert seen is not None
    second = await cursors.take(seen, "two")
    assert second is not None
    assert (second.fence, second.holder, second.sent, second.failing_since) == (2, "two", "x", NOON)
    assert await cursors.take(seen, "three") is None
    assert not await cursors.renew(first.fence, sent="y")
    assert await cursors.renew(second.fence)
    found = await cursors.read()
    assert found is not None
    assert found.sent == "x"
