"""Section "WebSocket Lifecycle" of the document, point by point."""

from __future__ import annotations

import asyncio

import pytest

from tests.clients import RawSocket, Socket
from tests.conftest import MakePerson, OpenSocket
from tests.running import RunningServer
from tests.seed import shapes

pytestmark = pytest.mark.gen_test


async def test_the_token_is_validated_on_connection(server: RunningServer) -> None:
    """Connection Establishment 1, Authentication: "Token validated on connection"."""
    for query in ("", "?token=", "?token=nonsense"):
        async with await Socket.open(f"ws://{server.address}/ws/presence{query}") as refused:
            assert (await refused.take())["code"] == "AUTH_ERROR"
            assert await refused.closed() != 1000


async def test_the_user_id_comes_from_the_token(user: MakePerson, socket: OpenSocket) -> None:
    """Connection Establishment 2, User Identification: "User ID extracted from token"."""
    for name in ("ada", "bob"):
        person = await user(name)
        assert (await (await socket(person, first=True)).take())["user_id"] == person.user_id


@pytest.mark.parametrize("path", ["/ws/feed", "/ws/presence"])
async def test_the_user_is_subscribed_without_asking(user: MakePerson, socket: OpenSocket, path: str) -> None:
    """Connection Establishment 3, Channel Subscription: "User subscribed to relevant channels"."""
    ada, bob = await user("ada"), await user("bob")
    watching = await socket(ada, path, first=True)
    await bob.post("/users/me/heartbeat")
    await watching.update(bob.user_id)


@pytest.mark.parametrize("path", ["/ws/feed", "/ws/presence"])
async def test_the_own_status_is_sent_first(user: MakePerson, socket: OpenSocket, path: str) -> None:
    """Connection Establishment 4, Initial State: "Current user status sent to client"."""
    ada = await user("ada")
    opened = await socket(ada, path, first=True)
    assert (await opened.take())["type"] == "connection_established"
    own = await opened.take()
    assert (own["type"], own["user_id"], own["status"]["is_online"]) == ("user_status_update", ada.user_id, True)


async def test_the_format_of_every_message_is_checked(user: MakePerson, socket: OpenSocket) -> None:
    """Message Processing 1, Message Validation: "All messages validated for format"."""
    feed = await socket(await user("ada"))
    for bad in ("", "nonsense", "[]", '"ping"', "{}", '{"type":"unknown"}', '{"type":"subscribe"}', b"\x00"):
        await feed.send(bad)
        assert (await feed.next("error"))["code"] == "INVALID_MESSAGE_ERROR", bad


@pytest.mark.settings(token_grace_seconds=0, token_warning_seconds=1)
async def test_the_token_is_checked_with_each_message(
    server: RunningServer, registered: MakePerson, socket: OpenSocket
) -> None:
    """Message Processing 2, Authentication Check: "Token validated for each message"."""
    ada = await registered("ada")
    feed = await socket(ada)
    login_id = server.tokens.verify(ada.token, "access").login_id
    for node in server.nodes:
        node.core.authenticator.note_revoked(login_id, 900)
    await feed.send({"type": "ping"})
    assert (await feed.next("error"))["code"] == "AUTH_ERROR"
    assert await feed.closed() == 4501


@pytest.mark.one_node
@pytest.mark.settings(command_burst=3, commands_per_second=0.01)
async def test_messages_are_limited_for_each_user(user: MakePerson, socket: OpenSocket) -> None:
    """Message Processing 3, Rate Limiting: "Message rate limited per user"."""
    ada, bob = await user("ada"), await user("bob")
    one, other = await socket(ada, first=True), await socket(ada, first=True)
    for each in (one, other, one):
        await each.ask({"type": "ping"}, "pong")
    await other.send({"type": "ping"})
    assert (await other.next("error"))["code"] == "RATE_LIMIT_ERROR"
    await (await socket(bob, first=True)).ask({"type": "ping"}, "pong")


async def test_an_invalid_message_is_answered_with_an_error_and_the_socket_stays(
    user: MakePerson, socket: OpenSocket
) -> None:
    """Message Processing 4, Error Handling: "Invalid messages rejected with error"."""
    feed = await socket(await user("ada"))
    await feed.send("nonsense")
    assert await feed.next("error") == shapes.INVALID_MESSAGE_ERROR
    await feed.ask({"type": "ping"}, "pong")


@pytest.mark.settings(ping_interval_seconds=0.2, pong_timeout_seconds=0.1, silent_socket_seconds=0.25)
async def test_the_connection_is_kept_healthy_by_pings(
    server: RunningServer, user: MakePerson, socket: OpenSocket
) -> None:
    """Connection Management 1, Heartbeat: "Ping/pong mechanism for connection health"."""
    ada = await user("ada")
    healthy = await socket(ada)
    silent, _ = await RawSocket.open(server.port, f"/ws/feed?token={ada.token}")
    assert await silent.close_code() == 4000
    await healthy.ask({"type": "ping"}, "pong")


async def test_a_client_connects_again_after_its_connection_was_lost(user: MakePerson, socket: OpenSocket) -> None:
    """Connection Management 2, Reconnection: "Automatic reconnection on connection loss"."""
    ada = await user("ada")
    await (await socket(ada)).drop()
    again = await socket(ada, first=True)
    assert (await again.take())["type"] == "connection_established"


async def test_the_server_never_closes_so_that_the_client_stays_away(
    server: RunningServer, user: MakePerson, socket: OpenSocket
) -> None:
    """Integration Examples: "Attempt to reconnect if not a clean close", `event.code !== 1000`."""
    ada = await user("ada")
    feed = await socket(ada)
    stopping = asyncio.ensure_future(server.stop())
    assert await feed.closed() != 1000
    await stopping


@pytest.mark.settings(clean_close_seconds=0.05)
async def test_the_status_follows_a_disconnection(user: MakePerson, socket: OpenSocket) -> None:
    """Connection Management 3, Cleanup: "User status updated on disconnection"."""
    ada, bob = await user("ada"), await user("bob")
    feed, leaving = await socket(ada), await socket(bob)
    await feed.update(bob.user_id)
    await leaving.close(1000)
    assert (await feed.update(bob.user_id))["status"]["is_online"] is False


@pytest.mark.settings(
    ping_interval_seconds=0.2,
    pong_timeout_seconds=0.1,
    silent_socket_seconds=0.25,
    grace_seconds=0.1,
    clean_close_seconds=0.1,
)
async def test_a_silent_connection_is_cleaned_up(server: RunningServer, user: MakePerson, socket: OpenSocket) -> None:
    """Connection Management 4, Resource Management: "Connections cleaned up on timeout"."""
    ada, bob = await user("ada"), await user("bob")
    feed = await socket(ada)
    silent, _ = await RawSocket.open(server.port, f"/ws/feed?token={bob.token}")
    assert await silent.close_code() == 4000
    assert (await feed.next("user_status_update", reason="timed_out"))["user_id"] == bob.user_id
    assert len(server.sessions) == 1
