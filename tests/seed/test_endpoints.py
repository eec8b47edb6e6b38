"""Sections "Overview" and "WebSocket Endpoints" of the document."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.conftest import MakePerson, OpenSocket

pytestmark = [pytest.mark.gen_test, pytest.mark.also_clustered]


async def test_feed_updates_are_at_ws_feed_with_the_token_in_the_query(user: MakePerson, socket: OpenSocket) -> None:
    """Feed Updates WebSocket: `ws://localhost:8000/ws/feed?token=<access_token>`."""
    ada = await user("ada")
    feed = await socket(ada, "/ws/feed", first=True)
    assert (await feed.take())["message"] == "Connected to feed updates"


async def test_presence_updates_are_at_ws_presence_with_the_token_in_the_query(
    user: MakePerson, socket: OpenSocket
) -> None:
    """Presence Updates WebSocket: `ws://localhost:8000/ws/presence?token=<access_token>`."""
    ada = await user("ada")
    presence = await socket(ada, "/ws/presence", first=True)
    assert (await presence.take())["type"] == "connection_established"


@pytest.mark.parametrize("path", ["/ws/feed", "/ws/presence"])
async def test_both_endpoints_tell_online_busy_and_offline(user: MakePerson, socket: OpenSocket, path: str) -> None:
    """Purpose: "User status updates (online/offline/busy)", "User presence changes", "Status updates"."""
    ada, bob = await user("ada"), await user("bob")
    watching = await socket(ada, path)
    await bob.put("/users/me/status", {"is_online": True})
    assert (await watching.update(bob.user_id))["status"]["is_online"] is True
    await bob.put("/users/me/status", {"is_busy": True})
    assert (await watching.update(bob.user_id))["status"]["is_busy"] is True
    await bob.put("/users/me/status", {"is_online": False})
    assert (await watching.update(bob.user_id))["status"]["is_online"] is False


async def test_the_feed_tells_of_new_users_coming_online(user: MakePerson, socket: OpenSocket) -> None:
    """Feed Updates WebSocket, purpose: "New users coming online"."""
    feed = await socket(await user("ada"))
    newcomer = await user("newcomer")
    await socket(newcomer, "/ws/presence")
    assert (await feed.next("user_status_update", reason="connected"))["user_id"] == newcomer.user_id


async def test_the_feed_tells_of_availability_changes(user: MakePerson, socket: OpenSocket) -> None:
    """Feed Updates WebSocket, purpose: "User availability changes"."""
    ada, bob = await user("ada"), await user("bob")
    feed = await socket(ada)
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    await bob.post("/users/me/heartbeat")
    assert (await feed.update(bob.user_id))["status"]["is_available"] is True
    await bob.put("/users/me/status", {"is_busy": True, "busy_until": until})
    assert (await feed.update(bob.user_id))["status"]["is_available"] is False


@pytest.mark.settings(stats_interval_seconds=0.05)
async def test_the_feed_tells_its_statistics(user: MakePerson, socket: OpenSocket) -> None:
    """Feed Updates WebSocket, purpose: "Feed statistics updates"."""
    ada, bob = await user("ada"), await user("bob")
    feed = await socket(ada)
    await bob.post("/users/me/heartbeat")
    stats = {"total_users": 2, "online": 2, "available": 2, "busy": 0, "ongoing_calls": 0}
    await feed.next("feed_stats", stats=stats)


async def test_the_presence_channel_answers_heartbeats(user: MakePerson, socket: OpenSocket) -> None:
    """Presence Updates WebSocket, purpose: "Heartbeat responses"."""
    presence = await socket(await user("ada"), "/ws/presence")
    answer = await presence.ask({"type": "heartbeat"}, "heartbeat_ack")
    assert answer["status"]["is_online"] is True


async def test_the_presence_channel_tells_the_status_of_the_connection(user: MakePerson, socket: OpenSocket) -> None:
    """Presence Updates WebSocket, purpose: "Connection status"."""
    ada = await user("ada")
    presence = await socket(ada, "/ws/presence", first=True)
    established = await presence.take()
    assert (established["message"], established["user_id"]) == ("Connected to presence updates", ada.user_id)


async def test_the_channels_are_separate_endpoints_that_one_user_may_use_together(
    user: MakePerson, socket: OpenSocket
) -> None:
    """Overview: "Multiple Channels: Different WebSocket endpoints for different purposes"."""
    ada, bob = await user("ada"), await user("bob")
    both = [await socket(ada, "/ws/feed"), await socket(ada, "/ws/presence")]
    await bob.post("/users/me/heartbeat")
    assert [(await each.update(bob.user_id))["status"]["is_online"] for each in both] == [True, True]
