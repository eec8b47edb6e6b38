"""When the store fails or the server ends: nothing is done without an entry in the audit, and keys stay known."""

from __future__ import annotations

from typing import Any

import pytest

from models.errors import StoreUnavailable
from models.guard import GuardedCollection
from tests.conftest import MakeBackend, MakePerson
from tests.running import RunningServer

pytestmark = [pytest.mark.gen_test, pytest.mark.any_store]


def fail(monkeypatch: pytest.MonkeyPatch, collection: str, operation: str, error: Exception) -> None:
    """Let an operation on a collection fail."""
    real = getattr(GuardedCollection, operation)

    async def broken(self: GuardedCollection, *args: Any, **kwargs: Any) -> Any:
        if self.name == collection:
            raise error
        return await real(self, *args, **kwargs)

    monkeypatch.setattr(GuardedCollection, operation, broken)


async def test_nothing_is_done_that_cannot_be_recorded(
    user: MakePerson, backend: MakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, key = await user("ada"), await backend()
    fail(monkeypatch, "audit", "insert_one", StoreUnavailable("insert_one"))
    path = f"/server/users/{ada.user_id}"
    for answer in (
        await key.put(f"{path}/status", {"is_busy": True}),
        await key.post(f"{path}/disable"),
        await key.post("/server/users/batch", {"users": [{"external_id": "1"}]}),
    ):
        assert (answer.status, answer.code) == (503, "STORE_UNAVAILABLE")
    assert not (await key.get(path)).body["status"]["is_busy"]
    assert (await key.get("/server/users")).body["total"] == 1


async def test_what_was_done_stays_done_if_the_entry_cannot_be_completed(
    server: RunningServer, user: MakePerson, backend: MakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, key = await user("ada"), await backend()
    fail(monkeypatch, "audit", "update_one", StoreUnavailable("update_one"))
    assert (await key.put(f"/server/users/{ada.user_id}/status", {"is_busy": True})).body["is_busy"]
    (entry,), _ = await server.stores.audit.page(operator="key:backend", skip=0, limit=10)
    assert entry.outcome == "started"


async def test_a_write_that_fails_is_recorded_as_such(
    server: RunningServer, user: MakePerson, backend: MakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = await backend()
    for name, error, code in (
        ("ada", StoreUnavailable("update_one"), "STORE_UNAVAILABLE"), ("bob", RuntimeError("a mistake"), "SERVER_ERROR")
    ):  # fmt: skip
        person = await user(name)
        fail(monkeypatch, "users", "update_one", error)
        assert (await key.put(f"/server/users/{person.user_id}/status", {"is_busy": True})).code == code
        monkeypatch.undo()
    entries, _ = await server.stores.audit.page(operator="key:backend", skip=0, limit=10)
    assert [each.outcome for each in entries] == ["failed: SERVER_ERROR", "refused: STORE_UNAVAILABLE"]


@pytest.mark.one_node
async def test_a_key_reads_from_memory_while_the_store_is_down(
    user: MakePerson, backend: MakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, key, new = await user("ada"), await backend("read"), await backend("read", "new")
    assert (await key.get("/feed/stats")).status == 200
    fail(monkeypatch, "service_keys", "find", StoreUnavailable("find"))
    fail(monkeypatch, "service_keys", "update_one", StoreUnavailable("update_one"))
    assert (await key.get(f"/server/users/{ada.user_id}")).status == 200
    assert (await new.get("/feed/stats")).status in (200, 503)


async def test_keys_are_known_and_revoked_keys_are_refused_after_a_restart(
    server: RunningServer, backend: MakeBackend
) -> None:
    key, revoked = await backend("read"), await backend("read", "revoked")
    await server.stores.service_keys.revoke("revoked", server.core.environment.clock.utc())
    await server.stop()
    await server.start()
    assert len(server.core.authenticator.key_ring._by_id) == 2
    assert (await key.get("/feed/stats")).status == 200
    assert (await revoked.get("/feed/stats")).status == 401


async def test_a_user_who_is_refused_before_being_created_leaves_nothing(
    server: RunningServer, backend: MakeBackend
) -> None:
    key = await backend()
    assert (await key.put("/server/users/external:1", {"username": "\u202e"})).code == "INVALID_REQUEST"
    assert await server.stores.external_ids.reserve_new(["1"]) != {}
