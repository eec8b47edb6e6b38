"""Checkpoints in the store: complete or not there, found by time, and deleted with the events after them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from models.checkpoints import PART_ROWS, Checkpoint, PartRows, PastCall, PastUser, checkpoint_id
from models.database import Database
from models.errors import UnusableStore
from models.stores import Stores
from models.times import milliseconds

pytestmark = pytest.mark.gen_test(timeout=60)

NOON = datetime(2026, 1, 31, 12, 0, 0, 123_000, tzinfo=UTC)
HOUR = timedelta(hours=1)


def made(hours: int, newest_user: int = 3) -> Checkpoint:
    at = NOON + hours * HOUR
    return Checkpoint(checkpoint_id(at, "server"), at, f"{milliseconds(at):012x}~", newest_user)


def users(count: int) -> list[PastUser]:
    return [PastUser(number, "available", 1_796_000_000_000 + number, "set", "maya") for number in range(count)]


def calls(count: int) -> list[PastCall]:
    return [PastCall(f"call{number}", number, number + 1, "video", 5) for number in range(count)]


async def add(stores: Stores, hours: int, *parts: PartRows) -> None:
    await stores.checkpoints.add(made(hours), parts)


async def part_ids(database: Database) -> list[str]:
    return [row["_id"] for row in await database.collection("checkpoint_parts").find({}, {"_id": 1}, sort=[("_id", 1)])]


async def test_a_checkpoint_comes_back_as_it_was_added(stores: Stores) -> None:
    rows: list[PartRows] = [("users", users(PART_ROWS)), ("users", users(3)), ("calls", calls(2))] * 10
    await add(stores, 0, *rows)
    found = await stores.checkpoints.last_until(NOON)
    assert found is not None
    assert (found.at, found.reached, found.newest_user, found.parts) == (NOON, made(0).reached, 3, 30)
    assert await stores.checkpoints.rows(found) == ((users(PART_ROWS) + users(3)) * 10, calls(2) * 10)


async def test_checkpoints_are_found_by_time(stores: Stores) -> None:
    assert await stores.checkpoints.oldest() is None
    for hours in (2, 0, 1):
        await add(stores, hours)
    second = timedelta(seconds=1)

    def at(found: Checkpoint | None) -> datetime | None:
        return None if found is None else found.at

    checkpoints = stores.checkpoints
    assert at(await checkpoints.oldest()) == NOON
    assert at(await checkpoints.last_until(NOON - second)) is None
    assert at(await checkpoints.last_until(NOON + HOUR)) == NOON + HOUR
    assert at(await checkpoints.last_until(NOON + HOUR - second)) == NOON
    assert at(await checkpoints.first_after(NOON)) == NOON + HOUR
    assert at(await checkpoints.first_after(NOON + 2 * HOUR)) is None


async def test_adding_it_again_after_a_failure_changes_nothing(stores: Stores, database: Database) -> None:
    for _ in range(2):
        await add(stores, 0, ("users", users(2)), ("calls", calls(1)))
    assert len(await part_ids(database)) == 2
    found = await stores.checkpoints.last_until(NOON)
    assert found is not None
    assert await stores.checkpoints.rows(found) == (users(2), calls(1))


async def test_a_checkpoint_without_all_its_parts_is_not_read(stores: Stores, database: Database) -> None:
    await add(stores, 0, ("users", users(2)), ("calls", calls(1)))
    found = await stores.checkpoints.last_until(NOON)
    assert found is not None
    parts = database.collection("checkpoint_parts")
    await parts.update_one({"kind": "calls"}, {"$set": {"rows": "bm9uc2Vuc2U="}})
    with pytest.raises(UnusableStore, match="cannot be read"):
        await stores.checkpoints.rows(found)
    await parts.delete_one({"kind": "calls"})
    with pytest.raises(UnusableStore, match="missing"):
        await stores.checkpoints.rows(found)


async def test_old_checkpoints_are_deleted_with_their_parts(stores: Stores, database: Database) -> None:
    for hours in range(3):
        await add(stores, hours, ("users", users(1)), ("calls", calls(1)))
    # Of a checkpoint that was never completed.
    await database.collection("checkpoint_parts").insert_one(
        {"_id": "000000000001x-00000", "kind": "users", "rows": ""}
    )
    assert await stores.checkpoints.forget(NOON + 2 * HOUR) == 2
    assert await part_ids(database) == [f"{made(2).checkpoint_id}-{number:05}" for number in range(2)]
    assert await stores.checkpoints.forget(NOON) == 0


async def test_checkpoints_that_lack_deleted_events_are_deleted(stores: Stores) -> None:
    for hours in range(3):
        await add(stores, hours, ("users", users(1)))
    assert await stores.checkpoints.forget_without_events(made(1).reached) == 1
    oldest = await stores.checkpoints.oldest()
    assert oldest is not None
    assert oldest.at == NOON + HOUR
