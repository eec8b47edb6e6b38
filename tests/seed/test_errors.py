"""Section "Error Handling" of the document: each error, word for word, and the reconnection strategy."""

from __future__ import annotations

import pytest

from tests.clients import Socket
from tests.conftest import MakePerson, OpenSocket
from tests.running import RunningServer
from tests.seed import shapes

pytestmark = pytest.mark.gen_test


async def test_authentication_error_is_word_for_word(server: RunningServer) -> None:
    """Connection Errors › Authentication Error."""
    async with await Socket.open(f"ws://{server.address}/ws/feed?token=nonsense") as refused:
        assert await refused.take() == shapes.AUTH_ERROR


@pytest.mark.settings(command_burst=1, commands_per_second=0.01)
async def test_rate_limit_error_is_word_for_word(user: MakePerson, socket: OpenSocket) -> None:
    """Connection Errors › Rate Limit Error."""
    feed = await socket(await user("ada"), first=True)
    await feed.ask({"type": "ping"}, "pong")
    await feed.send({"type": "ping"})
    assert await feed.next("error") == shapes.RATE_LIMIT_ERROR


async def test_invalid_message_error_is_word_for_word(user: MakePerson, socket: OpenSocket) -> None:
    """Connection Errors › Invalid Message Error."""
    feed = await socket(await user("ada"))
    await feed.send("{not json")
    assert await feed.next("error") == shapes.INVALID_MESSAGE_ERROR


@pytest.mark.settings(reconnect_spread_seconds=0.3)
async def test_a_planned_close_tells_every_client_a_delay_of_its_own(
    server: RunningServer, user: MakePerson, socket: OpenSocket
) -> None:
    """Reconnection Strategy 1, Exponential Backoff: "Increase delay between reconnection attempts"."""
    ada = await user("ada")
    clients = [await socket(ada) for _ in range(5)]
    await server.stop()
    delays = [(await each.next("server_draining"))["reconnect_after_ms"] for each in clients]
    assert len(set(delays)) == len(delays)


@pytest.mark.parametrize("attempts", [5])
async def test_a_client_that_gives_up_after_some_attempts_is_not_needed_by_the_server(
    server: RunningServer, user: MakePerson, socket: OpenSocket, attempts: int
) -> None:
    """Reconnection Strategy 2, Maximum Attempts: `maxReconnectAttempts = 5`; failed attempts leave nothing behind."""
    ada = await user("ada")
    for _ in range(attempts):
        async with await Socket.open(f"ws://{server.address}/ws/feed?token=nonsense") as refused:
            assert await refused.closed() == 4500
    assert len(server.sessions) == 0
    await socket(ada)
    assert len(server.sessions) == 1


@pytest.mark.settings(clean_close_seconds=0.0)
async def test_a_clean_disconnect_ends_the_presence(user: MakePerson, socket: OpenSocket) -> None:
    """Reconnection Strategy 3, Clean Disconnect: `ws.close(1000, 'User disconnected')` on app shutdown."""
    ada, bob = await user("ada"), await user("bob")
    feed, leaving = await socket(ada), await socket(bob)
    await feed.update(bob.user_id)
    await leaving.connection.close(1000, "User disconnected")
    update = await feed.update(bob.user_id)
    assert (update["status"]["is_online"], update["reason"]) == (False, "disconnected")


async def test_state_is_recovered_after_a_reconnection(user: MakePerson, socket: OpenSocket) -> None:
    """Reconnection Strategy 4, State Recovery: "Recover connection state after reconnection"."""
    ada, bob = await user("ada"), await user("bob")
    feed = await socket(ada, first=True)
    before = await feed.take()
    await feed.drop()
    await bob.post("/users/me/heartbeat")
    again = await socket(ada, first=True, epoch=before["epoch"], since=before["seq"])
    assert (await again.take())["resumed"] is True
    assert (await again.update(bob.user_id))["status"]["is_online"] is True
