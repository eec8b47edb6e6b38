"""Users are imported all or not at all."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from models.errors import Conflict, StoreUnavailable
from models.user_documents import NewUser
from tests.running import RunningServer

pytestmark = pytest.mark.gen_test

NOW = datetime(2026, 1, 15, tzinfo=UTC)


def users(count: int, *more: str) -> list[NewUser]:
    return [NewUser(name, None, None) for name in (*(f"user {each}" for each in range(count)), *more)]


async def test_a_name_taken_at_the_last_moment_takes_everyone_back(server: RunningServer) -> None:
    store = server.stores.users
    await store.create(NewUser("ada", None, None), NOW)
    with pytest.raises(Conflict):
        await store.create_many(users(1500, "ADA"), NOW)
    assert [user.profile.username for user in await store.page(0, 2000)] == ["ada"]


async def test_a_store_that_fails_halfway_takes_everyone_back(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = server.stores.users
    insert, calls = store._users.insert_many, 0

    async def fail_the_second_time(documents: list[dict[str, object]]) -> object:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise StoreUnavailable("users.insert_many: away")
        return await insert(documents)

    monkeypatch.setattr(store._users, "insert_many", fail_the_second_time)
    with pytest.raises(StoreUnavailable):
        await store.create_many(users(1500), NOW)
    assert await store.page(0, 2000) == []


async def test_what_is_written_is_told_as_it_goes(server: RunningServer) -> None:
    told: list[int] = []
    ids = await server.stores.users.create_many(users(1500), NOW, told.append)
    assert told == [1000, 500]
    assert len(ids) == 1500
