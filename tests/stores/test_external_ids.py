"""External ids: each belongs to one user, however many ask for it at once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from models.database import Database
from models.errors import Conflict, Invalid
from models.external_ids import checked_external_id
from models.stores import Stores
from models.user_documents import NewUser

pytestmark = pytest.mark.gen_test(timeout=60)

NOON = datetime(2026, 1, 31, 12, 0, 0, 123_000, tzinfo=UTC)

STRANGE = [
    "auth0|5f7",
    "a,b/c",
    "..",
    "external:1",
    "7",
    "Zoë",
    "Zoe\u0308",
    " ",
    "[1]",
    '{"a"}',
    "\U0010ffff!t",
    "x" * 128,
]


async def create(stores: Stores, external_id: str, name: str = "ada") -> int:
    user_id = await stores.external_ids.reserve(external_id)
    user = await stores.users.create(NewUser(name, None, None, external_id), NOON, user_id)
    return user.profile.user_id


async def test_a_user_is_found_by_the_external_id(stores: Stores) -> None:
    ids = {external_id: await create(stores, external_id, f"user{n}") for n, external_id in enumerate(STRANGE)}
    assert len(set(ids.values())) == len(STRANGE)
    for external_id, user_id in ids.items():
        user = await stores.external_ids.find(external_id)
        assert user is not None
        assert (user.profile.user_id, user.profile.external_id) == (user_id, external_id)
        assert await create(stores, external_id, "another") == user_id
    assert await stores.external_ids.find("AUTH0|5F7") is None


async def test_all_who_create_a_user_at_once_get_the_same(stores: Stores, database: Database) -> None:
    ids = await asyncio.gather(*(create(stores, "ada", f"ada{number}") for number in range(8)))
    assert len(set(ids)) == 1
    assert await database.collection("users").count_documents({}) == 1


async def test_what_an_interrupted_creation_left_is_taken_over(stores: Stores) -> None:
    user_id = await stores.external_ids.reserve("ada")
    assert await stores.external_ids.find("ada") is None
    assert await create(stores, "ada") == user_id


async def test_a_name_that_is_taken_leaves_the_external_id_to_the_next_attempt(stores: Stores) -> None:
    await create(stores, "ada", "ada")
    with pytest.raises(Conflict):
        await create(stores, "bob", "ada")
    assert await stores.external_ids.find("bob") is None
    user_id = await create(stores, "bob", "bob")
    found = await stores.external_ids.find("bob")
    assert found is not None
    assert found.profile.user_id == user_id


@pytest.mark.parametrize("is_interrupted", [False, True])
async def test_the_external_id_of_a_deleted_user_makes_a_new_one(stores: Stores, is_interrupted: bool) -> None:
    user_id = await create(stores, "ada")
    await stores.users.delete(user_id, NOON)
    if not is_interrupted:
        await stores.external_ids.forget("ada", user_id)
    assert await stores.external_ids.find("ada") is None
    again = await create(stores, "ada")
    assert again == user_id + 1
    await stores.external_ids.forget("ada", user_id)  # late
    assert await create(stores, "ada") == again


async def test_a_late_creation_does_not_bring_back_a_deleted_user(stores: Stores) -> None:
    user_id = await stores.external_ids.reserve("ada")
    await create(stores, "ada")
    await stores.users.delete(user_id, NOON)
    await stores.external_ids.forget("ada", user_id)
    late = await stores.users.create(NewUser("ada", None, None, "ada"), NOON, user_id)
    assert late.deleted_at == NOON
    assert await stores.users.get(user_id) is None


@pytest.mark.parametrize("text", ["", "x" * 129, "a\0b", "\ud800"])
async def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(Invalid):
        checked_external_id(text)


async def test_any_other_text_is_kept_as_it_is() -> None:
    assert [checked_external_id(text) for text in STRANGE] == STRANGE


async def test_many_are_reserved_at_once_except_for_those_that_are_taken(stores: Stores) -> None:
    taken = await stores.external_ids.reserve("b")
    reserved = await stores.external_ids.reserve_new(["a", "b", "c"])
    assert set(reserved) == {"a", "c"}
    assert len({taken, *reserved.values()}) == 3
    assert [await stores.external_ids.reserve(each) for each in ("a", "c")] == [reserved["a"], reserved["c"]]
    assert await stores.external_ids.reserve_new(["a", "b"]) == {}


async def test_many_that_two_reserve_at_the_same_time_belong_to_one_of_them(stores: Stores) -> None:
    wanted = [f"id {number}" for number in range(20)]
    one, other = await asyncio.gather(*(stores.external_ids.reserve_new(wanted) for _ in range(2)))
    assert not one.keys() & other.keys()
    for external_id, user_id in {**one, **other}.items():
        assert await stores.external_ids.reserve(external_id) == user_id
