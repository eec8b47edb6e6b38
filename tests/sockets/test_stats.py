"""feed_stats: sent at most once per interval, and only if the figures changed."""

from __future__ import annotations

import pytest

from tests.clients import Message, Socket
from tests.conftest import MakePerson, OpenSocket
from tests.running import RunningServer

pytestmark = [pytest.mark.gen_test, pytest.mark.any_store]


def figures(messages: list[Message]) -> list[Message]:
    return [message["stats"] for message in messages if message["type"] == "feed_stats"]


async def told_once(server: RunningServer, socket: Socket) -> None:
    """Skip the first interval, which sends the figures in any case."""
    server.core.stats.tick()
    await socket.settle()


@pytest.mark.settings(stats_interval_seconds=60.0)
async def test_many_changes_within_an_interval_are_told_together(
    server: RunningServer, user: MakePerson, socket: OpenSocket
) -> None:
    ada, bob, carol = [await user(name) for name in ("ada", "bob", "carol")]
    feed = await socket(ada)
    await told_once(server, feed)
    for person in (bob, carol):
        await person.post("/users/me/heartbeat")
    await bob.post("/calls/start", {"callee_id": carol.user_id, "call_type": "audio"})
    assert figures(await feed.told()) == []
    server.core.stats.tick()
    now = {"total_users": 3, "online": 3, "available": 1, "busy": 2, "ongoing_calls": 1}
    assert figures(await feed.told()) == [now]
    assert (await ada.get("/feed/stats")).body == now


@pytest.mark.settings(stats_interval_seconds=60.0)
async def test_figures_that_are_the_same_again_are_not_told(
    server: RunningServer, user: MakePerson, socket: OpenSocket
) -> None:
    ada, bob = await user("ada"), await user("bob")
    feed = await socket(ada)
    await told_once(server, feed)
    await bob.post("/users/me/heartbeat")
    await bob.put("/users/me/status", {"is_online": False})
    server.core.stats.tick()
    assert figures(await feed.told()) == []


@pytest.mark.settings(stats_interval_seconds=0.05)
async def test_the_server_tells_them_by_itself(user: MakePerson, socket: OpenSocket) -> None:
    ada, bob = await user("ada"), await user("bob")
    feed = await socket(ada)
    for is_busy in (True, False):
        await bob.put("/users/me/status", {"is_online": True, "is_busy": is_busy})
        await feed.next("feed_stats", stats={
            "total_users": 2, "online": 2, "available": 2 - is_busy, "busy": int(is_busy), "ongoing_calls": 0,
        })  # fmt: skip
