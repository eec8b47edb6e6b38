"""Service keys: their form, what is stored of them, and how they end."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from models.database import Database
from models.errors import Conflict
from models.service_keys import SCOPES, ServiceKey, hash_of, is_key, new_key
from models.stores import Stores

pytestmark = pytest.mark.gen_test

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


def test_a_key_has_a_prefix_and_enough_digits_and_no_two_are_the_same() -> None:
    keys = {new_key() for _ in range(100)}
    assert len(keys) == 100
    assert all(re.fullmatch(r"rk_[0-9A-Za-z]{49}", key) and is_key(key) for key in keys)


def test_a_scanner_tells_a_key_from_other_text_by_its_checksum() -> None:
    key = new_key()
    wrong = [key[:-1], key + "0", key[:-1] + ("0" if key[-1] != "0" else "1"), key.replace("rk_", "rk-"), "", "rk_"]
    other = "1" if key[10] == "0" else "0"
    assert not any(is_key(each) for each in [*wrong, key[:10] + other + key[11:], f" {key}", f"{key}\n"])


@pytest.mark.parametrize("scope", SCOPES)
def test_a_scope_may_do_what_the_scopes_before_it_may(scope: str) -> None:
    key = ServiceKey("abcdefgh", "backend", scope, "", NOON)  # type: ignore[arg-type]
    assert [key.may(each) for each in SCOPES] == [place <= SCOPES.index(key.scope) for place in range(3)]


async def test_a_key_is_stored_as_a_hash_alone(stores: Stores, database: Database) -> None:
    key, text = await stores.service_keys.add("backend", "write", NOON)
    (document,) = await database.collection("service_keys").find({})
    assert document == {
        "_id": key.key_id, "name": "backend", "scope": "write", "key_hash": hash_of(text), "created_at": NOON,
        "last_used_at": None, "revoked_at": None,
    }  # fmt: skip
    assert re.fullmatch("[a-z]{8}", key.key_id)
    assert key.actor == "key:backend"
    assert await stores.service_keys.all() == [key]


async def test_a_name_is_taken_for_good(stores: Stores) -> None:
    await stores.service_keys.add("backend", "read", NOON)
    await stores.service_keys.revoke("backend", NOON)
    with pytest.raises(Conflict, match="There is already a key named backend"):
        await stores.service_keys.add("backend", "admin", NOON)
    assert len(await stores.service_keys.all()) == 1


async def test_keys_are_listed_in_the_order_in_which_they_were_added(stores: Stores) -> None:
    for place, name in enumerate(["one", "two", "three"]):
        await stores.service_keys.add(name, "read", NOON + timedelta(seconds=place))
    assert [key.name for key in await stores.service_keys.all()] == ["one", "two", "three"]


async def test_a_key_is_revoked_once(stores: Stores) -> None:
    await stores.service_keys.add("backend", "read", NOON)
    first = await stores.service_keys.revoke("backend", NOON)
    assert first is not None
    assert first.revoked_at == NOON
    assert await stores.service_keys.revoke("backend", NOON + timedelta(days=1)) == first
    assert await stores.service_keys.revoke("nobody", NOON) is None


async def test_the_last_use_is_noted(stores: Stores) -> None:
    key, _ = await stores.service_keys.add("backend", "read", NOON)
    await stores.service_keys.note_use(key.key_id, NOON + timedelta(hours=1))
    (found,) = await stores.service_keys.all()
    assert found.last_used_at == NOON + timedelta(hours=1)
