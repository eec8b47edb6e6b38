"""Deletions: nothing but a number is left of a deleted user, whenever the deletion was interrupted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models import deletions
from models.audit import AuditEntry
from models.calls import Call
from models.database import Database
from models.events import Event
from models.guard import GuardedCollection
from models.name_keys import Renewal
from models.stores import Stores
from models.user_documents import NewUser, StoredUser

pytestmark = pytest.mark.gen_test(timeout=60)

NOON = datetime(2026, 1, 31, 12, 0, 0, 123_000, tzinfo=UTC)


async def add_ada_and_bob(stores: Stores) -> tuple[int, int]:
    """Add two users with a call, and with events, logins and audit entries that name them."""
    user_id = await stores.external_ids.reserve("auth0|ada")
    await stores.users.create(NewUser("ada", "hash", None, "auth0|ada", ("team",)), NOON, user_id)
    bob = (await stores.users.create(NewUser("bob", None, None), NOON)).profile.user_id
    for number, (caller, callee) in enumerate([(user_id, bob), (bob, user_id)]):
        await stores.calls.insert(Call(f"call{number}", caller, callee, "audio", "ongoing", NOON))
    await stores.events.add_many(
        [
            Event("1", NOON, "available", user_id, "ada", "connected"),
            Event("2", NOON, "call_started", user_id, "ada", "audio", bob, "bob", "call0"),
            Event("3", NOON, "call_started", bob, "bob", "audio", user_id, "ada", "call1"),
            Event("4", NOON, "available", bob, "bob", "connected"),
        ]
    )
    for login_id, whose in (("first login", user_id), ("second login", bob)):
        await stores.logins.create(login_id, whose, "refresh", NOON + timedelta(days=1))
    targets = {f"user:{user_id}": "ada", f"user:{bob}": "bob", "call:call0": "ada and bob", "call:call1": "bob and ada"}
    for target, name in targets.items():
        await stores.audit.begin(AuditEntry(target, NOON, "maya", "sign_out", target, name, "", "", "", "", "done"))
    return user_id, bob


async def delete(stores: Stores, user_id: int) -> StoredUser:
    """Delete a user's document."""
    stored = await stores.users.delete(user_id, NOON)
    assert stored is not None
    return stored


async def texts(database: Database) -> str:
    """Return all documents as text."""
    names = ("users", "external_ids", "logins", "events", "audit", "calls", "counters")
    return str([await database.collection(name).find({}) for name in names])


async def test_nothing_but_the_id_is_left(stores: Stores, database: Database) -> None:
    user_id, bob = await add_ada_and_bob(stores)
    await stores.deletions.clean_up(await delete(stores, user_id))
    await stores.deletions.finish(user_id)
    left = await texts(database)
    for gone in ("ada", "team", "hash'", "first login"):
        assert gone not in left.replace("password_hash'", "")
    name = f"deleted user #{user_id}"
    events, _ = await stores.events.page(skip=0, limit=9)
    assert [(each.username, each.other_name) for each in reversed(events)] == [
        (name, ""), (name, "bob"), ("bob", name), ("bob", ""),
    ]  # fmt: skip
    entries, _ = await stores.audit.page(skip=0, limit=9)
    assert {each.target: each.target_name for each in entries} == {
        f"user:{user_id}": name, f"user:{bob}": "bob",
        "call:call0": f"{name} and bob", "call:call1": f"bob and {name}",
    }  # fmt: skip
    found, _ = await stores.calls.history(bob, call_type=None, status=None, skip=0, limit=9)
    assert [each.participants for each in found] == [(user_id, bob), (bob, user_id)]
    assert await stores.logins.get("second login") is not None


async def test_both_participants_of_a_call_may_be_deleted(stores: Stores) -> None:
    user_id, bob = await add_ada_and_bob(stores)
    for each in (user_id, bob):
        await stores.deletions.clean_up(await delete(stores, each))
    entries, _ = await stores.audit.page(target="call:call0", skip=0, limit=9)
    assert entries[0].target_name == f"deleted user #{user_id} and deleted user #{bob}"


async def test_of_the_audit_log_only_the_entries_about_the_user_are_looked_at(
    stores: Stores, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deletions, "CALLS_AT_ONCE", 1)
    user_id, bob = await add_ada_and_bob(stores)
    await stores.calls.insert(Call("other", bob, 99, "audio", "ongoing", NOON))
    about_others = AuditEntry("o", NOON, "key:b", "start_call", "call:other", "bob and zoe", "", "", "", "", "done")
    await stores.audit.begin(about_others)
    read: list[str] = []
    find = GuardedCollection.find

    async def noting(self: GuardedCollection, filter: Any, *given: Any, **more: Any) -> list[Any]:
        found = await find(self, filter, *given, **more)
        read.extend(str(row["target"]) for row in found if self.name == "audit")
        return found

    monkeypatch.setattr(GuardedCollection, "find", noting)
    await stores.deletions.clean_up(await delete(stores, user_id))
    assert sorted(read) == ["call:call0", "call:call1"]
    monkeypatch.undo()
    entries, _ = await stores.audit.page(skip=0, limit=9)
    names = {each.target: each.target_name for each in entries}
    assert (names["call:call1"], names["call:other"]) == (f"bob and deleted user #{user_id}", "bob and zoe")


async def test_an_interrupted_deletion_is_found_until_it_is_finished(stores: Stores) -> None:
    user_id, bob = await add_ada_and_bob(stores)
    assert await stores.deletions.unfinished() == []
    stored = await delete(stores, user_id)
    assert await stores.deletions.unfinished() == [stored]
    await stores.deletions.clean_up(stored)
    assert await stores.deletions.unfinished() == [stored]
    await stores.deletions.finish(user_id)
    assert await stores.deletions.unfinished() == []
    await stores.deletions.finish(bob)
    assert await stores.users.get(bob) is not None


async def test_events_that_are_saved_late_lose_the_name_when_it_is_done_again(stores: Stores) -> None:
    user_id, _ = await add_ada_and_bob(stores)
    stored = await delete(stores, user_id)
    await stores.deletions.clean_up(stored)
    await stores.events.add_many([Event("5", NOON, "offline", user_id, "ada", "set")])
    await stores.deletions.clean_up(stored)
    events, _ = await stores.events.page(user_id=user_id, kind="offline", skip=0, limit=9)
    assert [each.username for each in events] == [f"deleted user #{user_id}"]


async def test_the_keys_of_deleted_users_are_not_renewed(stores: Stores, database: Database) -> None:
    user_id, _ = await add_ada_and_bob(stores)
    await delete(stores, user_id)
    before = await database.collection("users").find_one({"_id": user_id})
    assert await stores.name_keys.renew() == Renewal()
    assert await database.collection("users").find_one({"_id": user_id}) == before
