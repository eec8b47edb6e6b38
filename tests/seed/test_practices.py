"""Sections "Best Practices" and "Security Considerations" of the document, where they concern the server."""

from __future__ import annotations

import asyncio

import pytest

from tests.clients import Socket
from tests.conftest import MakePerson, OpenSocket
from tests.running import RunningServer

pytestmark = pytest.mark.gen_test


async def test_one_socket_per_user_is_enough_for_everything(user: MakePerson, socket: OpenSocket) -> None:
    """Connection Management › Single Connection: "Use one WebSocket connection per user"."""
    ada, bob = await user("ada"), await user("bob")
    only = await socket(ada, "/ws/presence")
    await only.ask({"type": "subscribe", "subscription": "feed"}, "subscription_confirmed")
    await only.ask({"type": "subscribe", "subscription": "stats", "snapshot": True}, "feed_stats")
    await bob.post("/users/me/heartbeat")
    assert [each["type"] for each in await only.told() if each.get("user_id") == bob.user_id] == ["user_status_update"]


async def test_a_closed_connection_leaves_nothing_behind(
    server: RunningServer, user: MakePerson, socket: OpenSocket
) -> None:
    """Connection Management › Proper Cleanup: "Close connections when not needed"."""
    ada, bob = await user("ada"), await user("bob")
    watching = await socket(ada)
    for _ in range(3):
        await (await socket(bob)).close()
    await watching.settle()
    assert [session.user_id for session in server.sessions] == [ada.user_id]


async def test_an_error_does_not_end_the_connection(user: MakePerson, socket: OpenSocket) -> None:
    """Message Handling › Error Recovery: "Implement error recovery mechanisms"."""
    feed = await socket(await user("ada"))
    await feed.send("nonsense")
    await feed.next("error")
    assert (await feed.ask({"type": "heartbeat"}, "heartbeat_ack"))["status"]["is_online"] is True


@pytest.mark.settings(flush_interval_seconds=0.05)
async def test_several_updates_arrive_together(user: MakePerson, socket: OpenSocket) -> None:
    """Performance › Message Batching: "Batch multiple updates when possible"; no update is lost."""
    ada = await user("ada")
    others = [await user(f"user {number}") for number in range(10)]
    feed = await socket(ada)
    await asyncio.gather(*(each.post("/users/me/heartbeat") for each in others))
    updates = [await feed.next("user_status_update") for _ in others]
    assert {update["user_id"] for update in updates} == {each.user_id for each in others}


async def test_a_client_may_leave_what_it_does_not_process(user: MakePerson, socket: OpenSocket) -> None:
    """Performance › Selective Updates: "Only process relevant message types"."""
    ada, bob = await user("ada"), await user("bob")
    feed = await socket(ada)
    await feed.ask({"type": "unsubscribe", "subscription": "feed"}, "unsubscription_confirmed")
    await bob.post("/users/me/heartbeat")
    await feed.quiet()


async def test_a_token_is_refreshed_without_a_new_connection(user: MakePerson, socket: OpenSocket) -> None:
    """Authentication › Token Refresh: "Handle token expiration gracefully"."""
    ada = await user("ada")
    feed = await socket(ada)
    await feed.ask({"type": "refresh", "token": ada.token}, "token_refreshed")
    await feed.ask({"type": "ping"}, "pong")


async def test_an_error_tells_nothing_of_the_inside(
    server: RunningServer, user: MakePerson, socket: OpenSocket
) -> None:
    """Data Protection › Error Information: "Don't expose sensitive error details"."""
    feed = await socket(await user("ada"))
    await feed.send('{"type":"subscribe","subscription":{"$where":"1"}}')
    error = await feed.next("error")
    assert error.keys() == {"type", "message", "code"}
    assert "$where" not in error["message"]
    async with await Socket.open(f"ws://{server.address}/ws/feed?token=a.b.c") as refused:
        assert (await refused.take()).keys() == {"type", "message", "code"}


async def test_nobody_acts_for_somebody_else(user: MakePerson, socket: OpenSocket) -> None:
    """Data Protection › Access Control: "Implement proper access controls"."""
    ada, bob = await user("ada"), await user("bob")
    feed = await socket(ada)
    await feed.send({"type": "refresh", "token": bob.token})
    assert (await feed.next("error"))["code"] == "FORBIDDEN_ERROR"
