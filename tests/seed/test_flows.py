"""Section "Real-time Flow" of the document: the three diagrams, step by step."""

from __future__ import annotations

import asyncio

import pytest

from tests.conftest import MakePerson, OpenSocket

pytestmark = [pytest.mark.gen_test, pytest.mark.also_clustered]


async def test_user_goes_online(user: MakePerson, socket: OpenSocket) -> None:
    """1. User Goes Online: POST /users/me/heartbeat, status online, broadcast to all clients, 200 OK."""
    ada, bob, carol = await user("ada"), await user("bob"), await user("carol")
    clients = [await socket(ada), await socket(carol, "/ws/presence")]
    answer = await bob.post("/users/me/heartbeat")
    assert answer.status == 200
    assert (await bob.get("/users/me/status")).body["is_online"] is True
    for client in clients:
        update = await client.update(bob.user_id)
        assert update["status"]["is_online"] is True
        assert update["status"]["is_available"] is True


async def test_user_goes_busy(user: MakePerson, socket: OpenSocket) -> None:
    """2. User Goes Busy: PUT /users/me/status, status busy, broadcast to all clients, 200 OK."""
    ada, bob, carol = await user("ada"), await user("bob"), await user("carol")
    await bob.post("/users/me/heartbeat")
    clients = [await socket(ada), await socket(carol, "/ws/presence")]
    answer = await bob.put("/users/me/status", {"is_busy": True})
    assert answer.status == 200
    assert answer.body["is_busy"] is True
    for client in clients:
        update = await client.update(bob.user_id)
        assert update["status"]["is_busy"] is True
        assert update["status"]["is_available"] is False


async def test_call_status_change(user: MakePerson, socket: OpenSocket) -> None:
    """3. Call Status Change: POST /calls/start, both users busy, status updates to all clients, then 200 OK."""
    ada, bob, carol = await user("ada"), await user("bob"), await user("carol")
    await bob.post("/users/me/heartbeat")
    await ada.post("/users/me/heartbeat")
    other = await socket(carol)
    answer = await ada.post("/calls/start", {"callee_id": bob.user_id, "call_type": "audio"})
    assert answer.status == 200
    updates = {update["user_id"]: update["status"] for update in [await other.next("user_status_update") for _ in "ab"]}
    assert updates.keys() == {ada.user_id, bob.user_id}
    assert all(status["is_busy"] and not status["is_available"] for status in updates.values())


async def test_the_broadcast_goes_out_before_the_answer(user: MakePerson, socket: OpenSocket) -> None:
    """All three diagrams: "Broadcast" comes before "200 OK"."""
    ada, bob = await user("ada"), await user("bob")
    feed = await socket(ada)
    order: list[str] = []

    async def listen() -> None:
        for _ in range(3):
            await feed.update(bob.user_id)
            order.append("told")

    async def act() -> None:
        for request in (
            bob.post("/users/me/heartbeat"),
            bob.put("/users/me/status", {"is_busy": True}),
            bob.put("/users/me/status", {"is_busy": False}),
        ):
            assert (await request).status == 200
            order.append("answered")

    await asyncio.gather(listen(), act())
    assert order == ["told", "answered"] * 3
