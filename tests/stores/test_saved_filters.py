"""Saved filters in the store: each operator's own, bounded, under names that are taken once."""

from __future__ import annotations

import asyncio

import pytest

from models.errors import Invalid, NotFound
from models.saved_filters import FILTERS_LIMIT, SavedFilter
from models.stores import Stores

pytestmark = pytest.mark.gen_test(timeout=60)


async def save(stores: Stores, name: str, query: str = "status=busy", operator_id: int = 1) -> None:
    await stores.saved_filters.save(operator_id, SavedFilter("users", name, query))


async def names(stores: Stores, operator_id: int = 1) -> list[str]:
    return [each.name for each in await stores.saved_filters.of_operator(operator_id)]


async def test_each_operator_has_their_own_by_page_and_in_alphabetical_order(stores: Stores) -> None:
    for name in ("late shift", "Early shift", "  two   words "):
        await save(stores, name)
    await save(stores, "theirs", operator_id=2)
    await stores.saved_filters.save(1, SavedFilter("events", "theirs, too", "kind=busy"))
    assert await names(stores) == ["theirs, too", "Early shift", "late shift", "two words"]
    assert await names(stores, 2) == ["theirs"]
    assert await stores.saved_filters.of_operator(1, "events") == [SavedFilter("events", "theirs, too", "kind=busy")]
    assert await names(stores, 3) == []


async def test_a_filter_saved_again_under_its_name_replaces_the_one_before(stores: Stores) -> None:
    await save(stores, "Shift", "q=ada")
    await save(stores, "shift", "q=bob")
    (saved,) = await stores.saved_filters.of_operator(1)
    assert saved == SavedFilter("users", "shift", "q=bob")


async def test_one_is_renamed_and_deleted(stores: Stores) -> None:
    await save(stores, "one")
    await save(stores, "two")
    await stores.saved_filters.rename(1, "users", "one", "ONE")
    with pytest.raises(Invalid, match="already a filter named “two”"):
        await stores.saved_filters.rename(1, "users", "one", "two")
    await stores.saved_filters.delete(1, "users", "two")
    assert await names(stores) == ["ONE"]
    for gone in (
        stores.saved_filters.delete(1, "users", "two"),
        stores.saved_filters.rename(1, "users", "two", "three"),
        stores.saved_filters.delete(1, "calls", "ONE"),
    ):
        with pytest.raises(NotFound):
            await gone


async def test_number_and_length_are_bounded(stores: Stores) -> None:
    for number in range(FILTERS_LIMIT):
        await save(stores, f"filter {number}")
    with pytest.raises(Invalid, match="Delete one first"):
        await save(stores, "one more")
    await save(stores, "filter 0", "q=new")
    for name, query in (("", ""), (" ", ""), ("x" * 61, ""), ("a\u202eb", ""), ("long", "q=" + "x" * 1000)):
        with pytest.raises(Invalid):
            await save(stores, name, query)
    assert len(await names(stores)) == FILTERS_LIMIT


async def test_of_changes_at_the_same_moment_none_is_lost(stores: Stores) -> None:
    await asyncio.gather(*(save(stores, f"filter {number}") for number in range(6)))
    assert await names(stores) == [f"filter {number}" for number in range(6)]
