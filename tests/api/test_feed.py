"""GET /feed/users and GET /feed/stats."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.clients import Person
from tests.conftest import MakePerson

pytestmark = [pytest.mark.gen_test, pytest.mark.any_store]


async def names(caller: Person, **query: Any) -> list[str]:
    """Return the usernames in the feed, in order."""
    answer = await caller.get("/feed/users", **query)
    assert answer.status == 200, answer.body
    return [each["username"] for each in answer.body["items"]]


async def six(user: MakePerson) -> dict[str, Person]:
    """Create two available, two busy and two offline users; the second of each pair was seen later."""
    people = {name: await user(name) for name in ("gone", "left", "busy1", "busy2", "free1", "free2")}
    for person in people.values():
        await person.post("/users/me/heartbeat")
        await asyncio.sleep(0.002)  # last_seen has a resolution of milliseconds
        if person.username.startswith("busy"):
            await person.put("/users/me/status", {"is_busy": True})
        elif not person.username.startswith("free"):
            await person.put("/users/me/status", {"is_online": False})
        await asyncio.sleep(0.002)
    return people


@pytest.mark.one_node
async def test_the_available_come_first_then_the_busy_then_the_offline_each_by_the_newest_last_seen(
    user: MakePerson,
) -> None:
    people = await six(user)
    assert await names(people["gone"]) == ["free2", "free1", "busy2", "busy1", "left", "gone"]
    await people["free1"].post("/users/me/heartbeat")
    assert (await names(people["gone"]))[:2] == ["free1", "free2"]


async def test_the_feed_is_narrowed_to_who_is_online_or_available(user: MakePerson) -> None:
    caller = (await six(user))["gone"]
    assert await names(caller, online_only="true") == ["free2", "free1", "busy2", "busy1"]
    assert await names(caller, available_only="true") == ["free2", "free1"]
    assert await names(caller, available_only="true", online_only="true") == ["free2", "free1"]
    assert len(await names(caller, online_only="false", available_only="false")) == 6


async def test_items_are_statuses(user: MakePerson) -> None:
    ada = await user("ada")
    answer = await ada.get("/feed/users")
    assert answer.body["items"] == [(await ada.get("/users/me/status")).body]


async def test_a_search_is_literal_and_knows_no_case(user: MakePerson) -> None:
    ada = await user("Ada Lovelace")
    for name in ("a.*", "50%_off", "[x]", "STRASSE", "名前"):
        await user(name)
    assert await names(ada, q="lovel") == ["Ada Lovelace"]
    assert await names(ada, q="LOVEL") == ["Ada Lovelace"]
    assert await names(ada, q=".*") == ["a.*"]
    assert await names(ada, q="%_") == ["50%_off"]
    assert await names(ada, q="[x]") == ["[x]"]
    assert await names(ada, q="straße") == ["STRASSE"]
    assert await names(ada, q="名") == ["名前"]
    assert await names(ada, q="nobody") == []
    assert await names(ada, q=str(ada.user_id)) == ["Ada Lovelace"]


async def test_a_search_goes_with_filters(user: MakePerson) -> None:
    caller = (await six(user))["gone"]
    assert await names(caller, q="1", online_only="true") == ["free1", "busy1"]
    assert await names(caller, q="busy", available_only="true") == []


async def test_a_list_is_paged(user: MakePerson) -> None:
    caller = (await six(user))["gone"]
    pages = [(await caller.get("/feed/users", page=page, per_page=4)).body for page in (1, 2, 3)]
    assert [len(page["items"]) for page in pages] == [4, 2, 0]
    assert [page["has_next"] for page in pages] == [True, False, False]
    assert [(page["page"], page["per_page"], page["total"]) for page in pages] == [(1, 4, 6), (2, 4, 6), (3, 4, 6)]
    assert pages[0].keys() == {"items", "page", "per_page", "total", "has_next"}


async def test_a_page_that_ends_with_the_list_has_no_next(user: MakePerson) -> None:
    caller = (await six(user))["gone"]
    assert (await caller.get("/feed/users", per_page=6)).body["has_next"] is False
    assert (await caller.get("/feed/users", per_page=3, page=2)).body["has_next"] is False


async def test_a_page_has_twenty_items_unless_asked_otherwise(user: MakePerson) -> None:
    people = [await user(f"user {number}") for number in range(21)]
    body = (await people[0].get("/feed/users")).body
    assert (body["per_page"], len(body["items"]), body["has_next"]) == (20, 20, True)
    assert (await people[0].get("/feed/users", per_page=100)).body["total"] == 21


async def test_the_figures_count_everyone_once(user: MakePerson) -> None:
    people = await six(user)
    await people["free1"].post("/calls/start", {"callee_id": people["free2"].user_id, "call_type": "audio"})
    answer = await people["gone"].get("/feed/stats")
    assert answer.status == 200
    assert answer.body == {"total_users": 6, "online": 4, "available": 0, "busy": 4, "ongoing_calls": 1}
