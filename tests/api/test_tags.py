"""Tags: the feed and its figures, of users who have any of some tags."""

from __future__ import annotations

from typing import Any

import pytest

from tests.clients import Person
from tests.conftest import MakePerson
from tests.running import RunningServer
from tests.tagging import tag

pytestmark = pytest.mark.gen_test


async def team(server: RunningServer, user: MakePerson) -> dict[str, Person]:
    """Create five users, three of whom have tags."""
    people = {name: await user(name) for name in ("ada", "bob", "cyd", "dan", "eve")}
    await tag(server, people["ada"].user_id, "sales", "süd")
    await tag(server, people["bob"].user_id, "support")
    await tag(server, people["cyd"].user_id, "sales")
    return people


async def listed(caller: Person, query: str) -> list[str]:
    """Return the names on a page of the feed."""
    answer = await caller.get(f"/feed/users?{query}")
    assert answer.status == 200, answer.body
    assert answer.body["total"] == len(answer.body["items"])
    return sorted(each["username"] for each in answer.body["items"])


@pytest.mark.also_clustered
async def test_the_feed_shows_users_who_have_any_of_the_tags(server: RunningServer, user: MakePerson) -> None:
    people = await team(server, user)
    eve = people["eve"]
    assert await listed(eve, "tag=sales") == ["ada", "cyd"]
    assert await listed(eve, "tag=sales&tag=support") == ["ada", "bob", "cyd"]
    assert await listed(eve, "tag=s%C3%BCd") == await listed(eve, "tag=su%CC%88d") == ["ada"]
    assert await listed(eve, "tag=Sales") == []
    assert await listed(eve, "tag=sales&q=cy") == ["cyd"]
    await people["cyd"].post("/users/me/heartbeat")
    for narrowed in ("online_only", "available_only"):
        assert await listed(eve, f"tag=sales&{narrowed}=true") == ["cyd"]
    await tag(server, people["cyd"].user_id)
    assert await listed(eve, "tag=sales") == ["ada"]


@pytest.mark.also_clustered
async def test_the_figures_count_users_who_have_any_of_the_tags(server: RunningServer, user: MakePerson) -> None:
    people = await team(server, user)
    for name in ("ada", "bob", "dan"):
        await people[name].post("/users/me/heartbeat")
    body = {"callee_id": people["dan"].user_id, "call_type": "audio"}
    assert (await people["ada"].post("/calls/start", body)).status == 200

    async def figures(query: str) -> list[int]:
        return list((await people["eve"].get(f"/feed/stats{query}")).body.values())

    assert await figures("") == [5, 3, 1, 2, 1]
    assert await figures("?tag=sales") == [2, 1, 0, 1, 1]
    assert await figures("?tag=sales&tag=support") == [3, 2, 1, 1, 1]
    assert await figures("?tag=support") == [1, 1, 1, 0, 0]
    assert await figures("?tag=nobody") == [0, 0, 0, 0, 0]


async def test_tags_survive_a_restart(server: RunningServer, user: MakePerson) -> None:
    people = await team(server, user)
    await server.restart()
    assert await listed(people["eve"], "tag=sales") == ["ada", "cyd"]


@pytest.mark.any_store
@pytest.mark.parametrize(
    "query", ["tag=", "tag=" + "x" * 65, "tag=%00", "tag=a%0Ab", "tag=%20a", "tag=%FF", "&".join(["tag=a"] * 21)]
)
@pytest.mark.parametrize("path", ["/feed/users", "/feed/stats"])
async def test_tags_that_no_user_can_have_are_refused(user: MakePerson, path: str, query: str) -> None:
    answer = await (await user("ada")).get(f"{path}?{query}")
    assert (answer.status, answer.code) == (400, "INVALID_REQUEST")


@pytest.mark.any_store
async def test_only_tags_may_be_repeated(user: MakePerson) -> None:
    ada: Any = await user("ada")
    answer = await ada.get("/feed/users?tag=a&tag=b&page=1&page=2")
    assert answer.status == 400
    assert "page is given more than once" in answer.body["error"]["message"]
