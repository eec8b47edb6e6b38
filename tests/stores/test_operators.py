"""Operators in the store: added once by name, changed field by field."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from models.database import Database
from models.errors import Conflict
from models.operators import Operator, is_at_least
from models.stores import Stores

pytestmark = pytest.mark.gen_test(timeout=60)

NOON = datetime(2026, 1, 31, 12, 0, 0, 123_000, tzinfo=UTC)


async def test_operators_come_back_as_added_in_their_order(stores: Stores) -> None:
    maya = await stores.operators.add("Maya", "hash of maya", "admin", NOON)
    sam = await stores.operators.add("sam", "hash of sam", "viewer", NOON)
    assert maya == Operator(maya.operator_id, "Maya", "admin", False, NOON)
    assert await stores.operators.all() == [maya, sam]
    assert await stores.operators.get(sam.operator_id) == sam
    assert await stores.operators.get(sam.operator_id + 1) is None


async def test_a_name_is_found_whatever_its_case(stores: Stores) -> None:
    maya = await stores.operators.add("Maya", "the hash", "admin", NOON)
    assert await stores.operators.credentials("mAYA") == (maya, "the hash")
    assert await stores.operators.credentials("nobody") is None


async def test_of_two_who_take_a_name_at_once_one_gets_it(stores: Stores) -> None:
    results = await asyncio.gather(
        *(stores.operators.add(name, "hash", "viewer", NOON) for name in ("maya", "MAYA")), return_exceptions=True
    )
    assert [type(each) for each in results if not isinstance(each, Operator)] == [Conflict]
    assert len(await stores.operators.all()) == 1


async def test_a_change_leaves_what_it_does_not_name(stores: Stores) -> None:
    maya = await stores.operators.add("maya", "first", "viewer", NOON)
    changed = await stores.operators.change(maya.operator_id, role="operator")
    assert changed == Operator(maya.operator_id, "maya", "operator", False, NOON)
    disabled = await stores.operators.change(maya.operator_id, disabled=True)
    assert disabled == Operator(maya.operator_id, "maya", "operator", True, NOON)
    enabled = await stores.operators.change(maya.operator_id, disabled=False, password_hash="second")
    assert enabled == changed
    assert await stores.operators.credentials("maya") == (changed, "second")
    assert await stores.operators.change(maya.operator_id) == changed


async def test_a_change_of_nobody_is_none(stores: Stores) -> None:
    assert await stores.operators.change(7, disabled=True) is None
    assert await stores.operators.all() == []


async def test_operators_and_users_do_not_share_names_or_ids(stores: Stores, database: Database) -> None:
    await stores.operators.add("maya", "hash", "admin", NOON)
    assert await database.collection("users").count_documents({}) == 0
    assert await stores.users.credentials("maya") is None


@pytest.mark.parametrize(
    ("role", "may"),
    [("viewer", {"viewer"}), ("operator", {"viewer", "operator"}), ("admin", {"viewer", "operator", "admin"})],
)
async def test_a_role_may_do_what_the_roles_before_it_may(role: str, may: set[str]) -> None:
    assert {wanted for wanted in ("viewer", "operator", "admin") if is_at_least(role, wanted)} == may  # type: ignore[arg-type]
