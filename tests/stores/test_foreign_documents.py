"""Collections that another program has written to, and documents that the store cannot read."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId

from models.audit import AuditEntry
from models.calls import Call
from models.database import Database
from models.errors import UnusableStore
from models.events import Event
from models.notices import Notice
from models.samples import Sample
from models.stores import Stores, open_stores
from models.times import milliseconds
from models.user_documents import Evidence, NewUser
from tests.stores.conftest import store_settings

pytestmark = pytest.mark.gen_test(timeout=60)

NOON = datetime(2026, 1, 31, 12, 0, 0, 123_000, tzinfo=UTC)


async def ada(stores: Stores, database: Database, **changes: Any) -> int:
    """Create a user whose document another program has changed."""
    user = await stores.users.create(NewUser("ada", None, None), NOON)
    if changes:
        await database.collection("users").update_one({"_id": user.profile.user_id}, {"$set": changes})
    return user.profile.user_id


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"username": 7}, r"Expected `str`, got `int` - at `\$.username`"),
        ({"disabled": 1}, r"`\$.disabled`"),
        ({"last_seen": "yesterday"}, r"`\$.last_seen`"),
        ({"standing": "busy"}, r"`\$.standing`"),
    ],
)
async def test_a_user_with_a_wrong_field_is_named(
    stores: Stores, database: Database, changes: dict[str, Any], reason: str
) -> None:
    user_id = await ada(stores, database, **changes)
    for read in (stores.users.get(user_id), stores.users.page(0, 10)):
        with pytest.raises(UnusableStore, match=reason) as caught:
            await read
        assert f"the document {user_id} in the collection users" in str(caught.value)
        assert "\n" not in str(caught.value)


async def test_a_user_without_a_field_is_named(stores: Stores, database: Database) -> None:
    await database.collection("users").insert_one({"_id": 12, "username": "ada", "username_key": "ada"})
    for read in (stores.users.get(12), stores.users.page(0, 10), stores.users.credentials("ada")):
        with pytest.raises(UnusableStore, match="the document 12 in the collection users is not one of Rollcall's"):
            await read


@pytest.mark.parametrize("document_id", ["somebody", True])
async def test_a_collection_whose_ids_are_of_another_kind_is_refused_at_start(
    database: Database, tmp_path: Path, document_id: object
) -> None:
    await database.collection("users").insert_one({"_id": document_id, "name": "somebody"})
    with pytest.raises(UnusableStore, match=f"the document {document_id!r} in the collection users"):
        await open_stores(database, store_settings(tmp_path))


@pytest.mark.parametrize("database", [pytest.param("mongodb", marks=pytest.mark.slow)], indirect=True)
async def test_a_collection_with_object_ids_is_refused_at_start(database: Database, tmp_path: Path) -> None:
    await database.collection("users").insert_one({"_id": ObjectId(), "name": "somebody"})
    with pytest.raises(UnusableStore, match=r"ObjectId.* in the collection users"):
        await open_stores(database, store_settings(tmp_path))


async def test_an_index_that_duplicates_prevent_is_named(database: Database, tmp_path: Path) -> None:
    await database.collection("users").insert_many([{"_id": 1, "username_key": "a"}, {"_id": 2, "username_key": "a"}])
    with pytest.raises(UnusableStore, match="cannot create the index username_key_1 of the collection users") as caught:
        await open_stores(database, store_settings(tmp_path))
    assert "several documents have the same value" in str(caught.value)
    assert "\n" not in str(caught.value)


# The tests' MongoDB creates a second index of the same name. test_guard.py covers the refusal of a real MongoDB.
@pytest.mark.parametrize("database", ["embedded"], indirect=True)
async def test_an_index_of_the_same_name_that_is_another_is_named(database: Database, tmp_path: Path) -> None:
    await database.collection("users").create_index([("set_busy", -1)], name="set_busy_1")
    with pytest.raises(UnusableStore, match="cannot create the index set_busy_1 of the collection users") as caught:
        await open_stores(database, store_settings(tmp_path))
    assert "\n" not in str(caught.value)


async def test_a_busy_status_without_an_end_is_read_all_the_same(stores: Stores, database: Database) -> None:
    await database.collection("users").insert_one({"_id": 12, "set_busy": True})
    assert await stores.users.busy() == [(12, None)]


async def test_lists_leave_out_what_cannot_be_read(stores: Stores, database: Database) -> None:
    call = Call("c1", 1, 2, "audio", "ongoing", NOON)
    event = Event("e1", NOON, "busy", 1, "ada", "set")
    entry = AuditEntry("a1", NOON, "maya", "user_disable", "user:1", "ada", "", "", "", "", "done")
    await stores.calls.insert(call)
    await stores.events.add_many([event])
    await stores.audit.begin(entry)
    foreign = {"_id": "x", "caller_id": 1, "started_at": NOON, "status": "ongoing", "user_id": 1, "at": NOON}
    for name in ("calls", "events", "audit"):
        await database.collection(name).insert_one(dict(foreign))
    assert await stores.calls.ongoing() == [call]
    assert (await stores.calls.history(1, call_type=None, status=None, skip=0, limit=10))[0] == [call]
    assert (await stores.calls.page(skip=0, limit=10))[0] == [call]
    assert (await stores.events.page(skip=0, limit=10))[0] == [event]
    assert (await stores.audit.page(skip=0, limit=10))[0] == [entry]
    with pytest.raises(UnusableStore, match="the document 'x' in the collection calls"):
        await stores.calls.get("x")


async def test_call_locks_of_another_program_are_left_out(stores: Stores, database: Database) -> None:
    await database.collection("call_claims").insert_many([{"_id": "x"}, {"_id": 3}, {"_id": 4, "call_id": 7}])
    assert await stores.calls.lock("c1", (1, 2), "here") is None
    assert sorted(lock.user_id for lock in await stores.calls.all_locks()) == [1, 2]
    with pytest.raises(UnusableStore, match="the document 3 in the collection call_claims"):
        await stores.calls.lock_of(3)


async def test_notices_of_another_program_stand_in_the_way_of_none(stores: Stores, database: Database) -> None:
    await database.collection("notices").insert_many([{"_id": "x"}, {"_id": -1}, {"_id": 4, "text": "hello"}])
    await stores.notices.post("user_disabled", 7, 7)
    assert await stores.notices.newest() == 5
    assert await stores.notices.after(0) == [Notice(5, "user_disabled", 7, 7)]


async def test_samples_of_another_program_are_left_out_of_the_chart(stores: Stores, database: Database) -> None:
    sample = Sample(NOON, 1, 2, 3, 4)
    await stores.samples.add(sample)
    figures = {"available": 1, "busy": 2, "offline": 3, "calls": 4}
    foreign = [{"_id": "x", **figures}, {"_id": milliseconds(NOON) + 1, "busy": 1}, {"_id": 2**62, **figures}]
    await database.collection("samples").insert_many(foreign)
    assert await stores.samples.since(NOON) == [sample]


async def test_operators_of_another_program_are_not_listed(stores: Stores, database: Database) -> None:
    maya = await stores.operators.add("maya", "hash", "admin", NOON)
    await database.collection("operators").insert_many([{"_id": 9, "name_key": "a"}, {"_id": "x", "name_key": "b"}])
    assert await stores.operators.all() == [maya]
    with pytest.raises(UnusableStore, match="the document 9 in the collection operators"):
        await stores.operators.get(9)


async def test_one_row_that_the_store_refuses_does_not_fail_the_bulk(stores: Stores) -> None:
    ids = await stores.users.create_many([NewUser(f"user{number}", None, None) for number in range(9)], NOON)
    rows = [Evidence(user_id, online=True, last_seen=NOON, heartbeat_at=NOON) for user_id in ids]
    rows[4] = Evidence(ids[4], online=2**70, last_seen=NOON, heartbeat_at=NOON)  # type: ignore[arg-type]
    await stores.users.save_evidence(rows)
    online = {user.profile.user_id for user in await stores.users.page(0, 100) if user.online}
    assert online == set(ids) - {ids[4]}


@pytest.mark.parametrize("counter", ["user_id", "operator_id"])
@pytest.mark.parametrize("last", ["7", None, True, 7.5])
async def test_a_counter_that_is_no_whole_number_is_named_at_start(
    stores: Stores, database: Database, tmp_path: Path, counter: str, last: object
) -> None:
    await database.collection("counters").update_one({"_id": counter}, {"$set": {"last": last}}, upsert=True)
    with pytest.raises(UnusableStore, match=f"the document '{counter}' in the collection counters") as caught:
        await open_stores(database, store_settings(tmp_path))
    assert "\n" not in str(caught.value)


async def test_a_counter_that_mongodbs_shell_wrote_counts_on(
    stores: Stores, database: Database, tmp_path: Path
) -> None:
    await database.collection("counters").update_one({"_id": "user_id"}, {"$set": {"last": 7.0}}, upsert=True)
    reopened = await open_stores(database, store_settings(tmp_path))
    assert await reopened.users.next_id() == 8
