"""Section "Message Types" of the document: each message, field by field, as in its example."""

from __future__ import annotations

import pytest

from tests.clients import Socket
from tests.conftest import MakePerson, OpenSocket
from tests.running import RunningServer
from tests.seed import shapes

pytestmark = pytest.mark.gen_test


async def test_connection_established_is_as_in_its_example(user: MakePerson, socket: OpenSocket) -> None:
    """Incoming Messages › Connection Established: `type`, `message` "Connected to feed updates", `user_id`."""
    ada = await user("ada")
    message = await (await socket(ada, first=True)).take()
    shapes.assert_like(shapes.CONNECTION_ESTABLISHED, message)
    assert message["type"] == "connection_established"
    assert message["message"] == "Connected to feed updates"
    assert message["user_id"] == ada.user_id


async def test_user_status_update_is_as_in_its_example(user: MakePerson, socket: OpenSocket) -> None:
    """Incoming Messages › User Status Update: `type`, `user_id`, and `status` with its eight fields."""
    ada = await user("ada")
    john = await user("john_doe", profile_image_url="https://example.com/profile.jpg")
    feed = await socket(ada)
    await john.post("/users/me/heartbeat")
    message = await feed.update(john.user_id)
    shapes.assert_like(shapes.USER_STATUS_UPDATE, message)
    assert message["status"].keys() == shapes.USER_STATUS_UPDATE["status"].keys()
    last_seen = message["status"].pop("last_seen")
    assert message["status"] == {
        "user_id": john.user_id,
        "username": "john_doe",
        "profile_image_url": "https://example.com/profile.jpg",
        "is_online": True,
        "is_busy": False,
        "busy_until": None,
        "is_available": True,
    }
    assert last_seen.endswith("Z")


async def test_pong_brings_back_the_timestamp_of_the_ping(user: MakePerson, socket: OpenSocket) -> None:
    """Incoming Messages › Pong Response and Outgoing Messages › Ping: `type`, `timestamp`."""
    feed = await socket(await user("ada"))
    message = await feed.ask(shapes.PING, "pong")
    shapes.assert_like(shapes.PONG, message)
    assert message["timestamp"] == "2024-01-15T10:30:00Z"


async def test_error_is_as_in_its_example(server: RunningServer) -> None:
    """Incoming Messages › Error Message: `type`, `message` "Invalid token", `code` "AUTH_ERROR"."""
    async with await Socket.open(f"ws://{server.address}/ws/feed?token=nonsense") as refused:
        assert await refused.take() == shapes.AUTH_ERROR


async def test_subscribe_is_understood_as_in_its_example(user: MakePerson, socket: OpenSocket) -> None:
    """Outgoing Messages › Subscribe: `type`, `subscription` "feed"."""
    ada, bob = await user("ada"), await user("bob")
    presence = await socket(ada, "/ws/presence")
    answer = await presence.ask(shapes.SUBSCRIBE, "subscription_confirmed")
    assert answer["subscription"] == "feed"
    await bob.post("/users/me/heartbeat")
    assert (await presence.update(bob.user_id))["status"]["is_online"] is True


async def test_every_message_is_json_text_with_a_type(user: MakePerson, socket: OpenSocket) -> None:
    """Integration Examples: `const message = JSON.parse(event.data); switch (message.type)`."""
    ada, bob = await user("ada"), await user("bob")
    feed = await socket(ada, first=True)
    await bob.post("/users/me/heartbeat")
    await feed.send({"type": "heartbeat"})
    await feed.send({"type": "nonsense"})
    messages = await feed.told()
    assert {"connection_established", "user_status_update", "heartbeat_ack", "error"} <= {m["type"] for m in messages}
