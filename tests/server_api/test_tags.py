"""Tags of a backend's users, as sockets that watch by tags are told of them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.clients import Socket
from tests.conftest import MakeBackend, OpenSocket

pytestmark = [pytest.mark.gen_test]


async def heard(watching: Socket) -> list[tuple[str, int, str]]:
    """Return the type, the user and the name of each message about a user."""
    messages = [each for each in await watching.told() if each["type"].startswith("user_")]
    return [(each["type"], each["user_id"], each.get("status", {}).get("username", "")) for each in messages]


@pytest.mark.also_clustered
async def test_a_socket_follows_the_tags_that_a_backend_gives(backend: MakeBackend, socket: OpenSocket) -> None:
    key = await backend("admin")
    watching, everyone = await socket(key), await socket(key)
    subscribe: dict[str, Any] = {"type": "subscribe", "subscription": "feed", "tags": ["sales"], "snapshot": True}
    await watching.ask(subscribe, "subscription_confirmed")
    assert (await watching.next("snapshot"))["users"] == []

    ada = (await key.put("/server/users/external:ada", {"tags": ["sales"]})).body["user_id"]
    bob = (await key.put("/server/users/external:bob", {"tags": ["hr"]})).body["user_id"]
    assert await heard(watching) == [("user_status_update", ada, "ada")]
    await key.patch(f"/server/users/{bob}", {"tags": ["hr", "sales"], "username": "robert"})
    assert await heard(watching) == [("user_status_update", bob, "robert")]
    await heard(everyone)
    await key.patch(f"/server/users/{ada}", {"tags": []})
    assert (await heard(watching), await heard(everyone)) == ([("user_removed", ada, "")], [])
    await key.patch(f"/server/users/{bob}", {"tags": ["hr"], "username": "bob"})
    assert await heard(watching) == [("user_removed", bob, "")]
    assert await heard(everyone) == [("user_status_update", bob, "bob")]


async def test_a_deleted_user_is_removed_once(backend: MakeBackend, socket: OpenSocket) -> None:
    key = await backend("admin")
    ada = (await key.put("/server/users/external:ada", {"tags": ["sales", "hr"]})).body["user_id"]
    await key.put("/server/users/external:bob", {"tags": ["it"]})
    watching = await socket(key)
    for subscription, tags in (("feed", ["sales", "it"]), ("presence", ["hr"])):
        command = {"type": "subscribe", "subscription": subscription, "tags": tags}
        await watching.ask(command, "subscription_confirmed")
    assert (await key.delete(f"/server/users/{ada}")).status == 200
    assert await heard(watching) == [("user_removed", ada, "")]
    assert [each["username"] for each in (await key.get("/feed/users?tag=sales&tag=it")).body["items"]] == ["bob"]


async def test_a_batch_gives_tags_to_many(backend: MakeBackend, socket: OpenSocket) -> None:
    key = await backend("write")
    watching = await socket(key)
    await watching.ask({"type": "subscribe", "subscription": "feed", "tags": ["sales"]}, "subscription_confirmed")
    rows = [{"external_id": f"u{number}", "tags": ["sales"] if number % 2 else ["hr"]} for number in range(10)]
    assert (await key.post("/server/users/batch", {"users": rows})).status == 200
    assert len(await heard(watching)) == 5
    assert (await key.get("/feed/stats?tag=sales")).body["total_users"] == 5
