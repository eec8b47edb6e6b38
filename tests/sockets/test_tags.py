"""subscribe with tags: who has them, who gets them and who loses them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.clients import Person, Socket
from tests.conftest import MakeBackend, MakePerson, OpenSocket
from tests.running import RunningServer
from tests.tagging import tag

pytestmark = pytest.mark.gen_test


async def watching(opened: Socket, *tags: str, **fields: Any) -> list[int]:
    """Subscribe by tags, and return the users in the snapshot."""
    await opened.send({"type": "subscribe", "subscription": "feed", "tags": list(tags), "snapshot": True, **fields})
    await opened.next("subscription_confirmed")
    return [each["user_id"] for each in (await opened.next("snapshot"))["users"]]


async def heard(opened: Socket) -> list[tuple[str, int]]:
    """Return the type and the user of each message about a user."""
    return [(each["type"], each["user_id"]) for each in await opened.told() if each["type"].startswith("user_")]


async def three(user: MakePerson) -> tuple[Person, Person, Person]:
    return await user("ada"), await user("bob"), await user("cyd")


@pytest.mark.also_clustered
async def test_a_socket_follows_who_has_a_tag(server: RunningServer, user: MakePerson, socket: OpenSocket) -> None:
    ada, bob, cyd = await three(user)
    await tag(server, ada.user_id, "sales")
    opened = await socket(cyd)
    assert await watching(opened, "sales", "support") == [ada.user_id]
    await bob.post("/users/me/heartbeat")
    assert await heard(opened) == []

    await tag(server, bob.user_id, "support")
    update = await opened.update(bob.user_id)
    assert update["status"] == (await cyd.get(f"/users/{bob.user_id}/presence")).body
    await tag(server, ada.user_id, "hr")
    removed = await opened.next("user_removed")
    assert removed == {"type": "user_removed", "user_id": ada.user_id, "seq": update["seq"] + 1}
    await ada.put("/users/me/status", {"is_busy": True})
    await bob.put("/users/me/status", {"is_busy": True})
    assert await heard(opened) == [("user_status_update", bob.user_id)]


@pytest.mark.also_clustered
async def test_after_a_reconnect_a_new_subscription_has_everyone(
    server: RunningServer, user: MakePerson, socket: OpenSocket
) -> None:
    ada, bob, cyd = await three(user)
    await tag(server, ada.user_id, "sales")
    opened = await socket(cyd)
    assert await watching(opened, "sales") == [ada.user_id]
    await opened.close()
    await tag(server, ada.user_id)
    await tag(server, bob.user_id, "sales")
    again = await socket(cyd)
    assert await watching(again, "sales") == [bob.user_id]
    await tag(server, bob.user_id)
    assert await heard(again) == [("user_removed", bob.user_id)]


@pytest.mark.any_store
async def test_ids_and_tags_narrow_together(server: RunningServer, user: MakePerson, socket: OpenSocket) -> None:
    ada, bob, cyd = await three(user)
    for person in (ada, bob):
        await tag(server, person.user_id, "sales")
    opened = await socket(cyd)
    assert await watching(opened, "sales", user_ids=[bob.user_id, cyd.user_id]) == [bob.user_id]
    await tag(server, ada.user_id)
    await tag(server, bob.user_id)
    await tag(server, cyd.user_id, "sales")
    assert await heard(opened) == [("user_removed", bob.user_id), ("user_status_update", cyd.user_id)]


@pytest.mark.any_store
async def test_other_sockets_are_told_nothing_of_tags(
    server: RunningServer, user: MakePerson, socket: OpenSocket
) -> None:
    ada, bob, _ = await three(user)
    opened = await socket(bob)
    await opened.told()
    await tag(server, ada.user_id, "sales")
    assert await heard(opened) == []
    await ada.put("/users/me/status", {"is_busy": True})
    assert await heard(opened) == [("user_status_update", ada.user_id)]


@pytest.mark.any_store
async def test_a_backend_watches_by_tags(
    server: RunningServer, user: MakePerson, backend: MakeBackend, socket: OpenSocket
) -> None:
    ada, _, _ = await three(user)
    opened = await socket(await backend("read"))
    assert await watching(opened, "sales") == []
    await tag(server, ada.user_id, "sales")
    assert await heard(opened) == [("user_status_update", ada.user_id)]


@pytest.mark.any_store
@pytest.mark.parametrize("fields", [{"tags": ["x" * 65]}, {"tags": [""]}, {"tags": "sales"}, {"tags": [1]}])
async def test_tags_that_no_user_can_have_are_refused(user: MakePerson, socket: OpenSocket, fields: Any) -> None:
    opened = await socket(await user("ada"))
    error = await opened.ask({"type": "subscribe", "subscription": "feed", **fields}, "error")
    assert error["code"] == "INVALID_MESSAGE_ERROR"
