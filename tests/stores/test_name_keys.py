"""Stored names are keyed anew when the rule has changed; names that are the same then keep working."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from models.database import Database
from models.errors import Conflict
from models.name_keys import COLLISIONS_SHOWN, Collision, Renewal
from models.stores import Stores
from models.user_documents import NewUser, PasswordRecord
from models.usernames import KEY_VERSION, folded_name, username_key

pytestmark = pytest.mark.gen_test(timeout=60)

NOON = datetime(2026, 1, 31, 12, 0, 0, 123_000, tzinfo=UTC)

SHARP = "ß\u0323"
"""The key of today joins its second s with the dot below. The earlier one did not."""

DOTTED = "sṣ"
"""Another name under the earlier key, and the same under the one of today."""


async def store_as_before(database: Database, stores: Stores, *names: str) -> list[int]:
    """Users as an earlier version stored them. Their password hashes are their names."""
    users = database.collection("users")
    ids = [
        (await stores.users.create(NewUser(f"new {number}", name, None), NOON)).profile.user_id
        for number, name in enumerate(names)
    ]
    for user_id, name in zip(ids, names, strict=True):
        await users.update_one({"_id": user_id}, {"$set": {"username": name, "username_key": folded_name(name)}})
    await database.collection("counters").delete_one({"_id": "name_keys"})
    return ids


async def key_of(database: Database, user_id: int) -> str:
    document = await database.collection("users").find_one({"_id": user_id})
    assert document is not None
    return str(document["username_key"])


def test_the_names_of_this_file_were_told_apart_and_are_the_same_now() -> None:
    assert folded_name(SHARP) != folded_name(DOTTED)
    assert username_key(SHARP) == username_key(DOTTED) == "sṣ"


async def test_a_stored_name_is_keyed_anew(database: Database, stores: Stores) -> None:
    ids = await store_as_before(database, stores, "Ada", SHARP, "a\u202eb")
    assert await stores.name_keys.renew() == Renewal(1)
    assert [await key_of(database, user_id) for user_id in ids] == ["ada", "sṣ", "a\u202eb"]
    for user_id, name in zip(ids, ("ADA", SHARP, "a\u202eb"), strict=True):
        found = await stores.users.credentials(name)
        assert found is not None
        assert found.user_id == user_id


async def test_names_are_read_only_if_their_keys_are_of_another_version(database: Database, stores: Stores) -> None:
    [user_id] = await store_as_before(database, stores, SHARP)
    counters = database.collection("counters")
    await counters.update_one({"_id": "name_keys"}, {"$set": {"version": KEY_VERSION}}, upsert=True)
    assert await stores.name_keys.renew() == Renewal()
    assert await key_of(database, user_id) == folded_name(SHARP)
    await counters.update_one({"_id": "name_keys"}, {"$set": {"version": "1"}})
    assert await stores.name_keys.renew() == Renewal(1)
    assert await stores.name_keys.renew() == Renewal()


@pytest.mark.parametrize("names", [(SHARP, DOTTED), (DOTTED, SHARP)], ids=ascii)
async def test_of_two_users_who_collide_both_are_found_by_their_exact_names(
    database: Database, stores: Stores, names: tuple[str, str]
) -> None:
    ids = await store_as_before(database, stores, *names)
    by_name = dict(zip(names, ids, strict=True))
    renewal = await stores.name_keys.renew()
    assert renewal == Renewal(0, [Collision("users", by_name[SHARP], SHARP, by_name[DOTTED], DOTTED)])
    assert await key_of(database, by_name[SHARP]) == folded_name(SHARP)
    for name, user_id in by_name.items():
        assert await stores.users.credentials(name) == PasswordRecord(user_id, name, False, 0)
    assert await stores.users.taken([SHARP]) == {"sṣ"}


async def test_a_user_whose_name_collides_keeps_it_and_changes_the_rest(database: Database, stores: Stores) -> None:
    dotted, sharp = await store_as_before(database, stores, DOTTED, SHARP)
    await stores.name_keys.renew()
    url = "https://example.com/sharp.jpg"
    saved = await stores.users.save_profile(sharp, {"username": SHARP, "profile_image_url": url}, rev=0)
    assert (saved.profile.username, saved.profile.profile_image_url) == (SHARP, url)
    with pytest.raises(Conflict):
        await stores.users.save_profile(sharp, {"username": DOTTED}, rev=1)
    assert await stores.users.save_profile(dotted, {"username": "dotted"}, rev=0)
    assert await stores.users.credentials(SHARP) == PasswordRecord(sharp, SHARP, False, 0)
    assert await stores.users.save_profile(sharp, {"username": SHARP}, rev=1)
    assert await key_of(database, sharp) == "sṣ"


async def test_operators_are_keyed_anew_too(database: Database, stores: Stores) -> None:
    one = await stores.operators.add("one", "hash of one", "admin", NOON)
    two = await stores.operators.add("two", "hash of two", "admin", NOON)
    operators = database.collection("operators")
    for operator, name in ((one, DOTTED), (two, SHARP)):
        changes = {"name": name, "name_key": folded_name(name)}
        await operators.update_one({"_id": operator.operator_id}, {"$set": changes})
    await database.collection("counters").delete_one({"_id": "name_keys"})
    collision = Collision("operators", two.operator_id, SHARP, one.operator_id, DOTTED)
    assert await stores.name_keys.renew() == Renewal(0, [collision])
    for name, operator, hashed in ((DOTTED, one, "hash of one"), (SHARP, two, "hash of two")):
        found = await stores.operators.credentials(name)
        assert found is not None
        assert (found[0].operator_id, found[1]) == (operator.operator_id, hashed)


async def test_many_collisions_are_counted_but_not_all_are_described(database: Database, stores: Stores) -> None:
    names = [name for number in range(COLLISIONS_SHOWN + 5) for name in (f"{DOTTED}{number}", f"{SHARP}{number}")]
    await store_as_before(database, stores, *names)
    renewal = await stores.name_keys.renew()
    assert (renewal.renewed, len(renewal.collisions), renewal.more_collisions) == (0, COLLISIONS_SHOWN, 5)
