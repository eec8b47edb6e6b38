"""Sockets that a backend opens with a service key: where the key may stand, what is sent, and how they end."""

from __future__ import annotations

import asyncio

import pytest
from websockets.exceptions import InvalidStatus

from models.service_keys import new_key
from realtime.protocol import CloseCode
from tests.clients import Backend, Socket, eventually
from tests.conftest import MakeBackend, MakePerson, OpenSocket
from tests.running import RunningServer

pytestmark = pytest.mark.gen_test


async def revoke(server: RunningServer, backend: Backend) -> None:
    """Revoke a key as the command line does."""
    await server.stores.service_keys.revoke(backend.key.name, server.core.environment.clock.utc())
    await server.stores.notices.post("keys_changed")


@pytest.mark.also_clustered
@pytest.mark.parametrize("path", ["/ws/feed", "/ws/presence"])
async def test_a_backend_watches_and_is_nobody(
    backend: MakeBackend, user: MakePerson, socket: OpenSocket, path: str
) -> None:
    ada, reader = await user("ada"), await backend("read")
    before = (await reader.get("/feed/stats")).body
    watching = await socket(reader, path, first=True)
    greeting = await watching.take()
    assert (greeting["type"], greeting["user_id"]) == ("connection_established", None)
    assert [message["type"] for message in await watching.told()] == (["feed_stats"] if path == "/ws/feed" else [])
    assert (await reader.get("/feed/stats")).body == before
    assert (await reader.get("/feed/users")).body["total"] == 1
    await ada.post("/users/me/heartbeat")
    assert (await watching.update(ada.user_id))["status"]["is_online"]
    assert (await watching.ask({"type": "heartbeat"}, "heartbeat_ack"))["status"] is None
    assert (await reader.get("/feed/stats")).body["online"] == 1


@pytest.mark.any_store
async def test_a_key_may_stand_wherever_a_token_may(server: RunningServer, backend: MakeBackend) -> None:
    reader = await backend("read")
    url = f"ws://{server.address}/ws/feed"
    for opening in (
        Socket.open(f"{url}?token={reader.token}"),
        Socket.open(url, headers={"Authorization": f"Bearer {reader.token}"}),
        Socket.open(url, subprotocols=["rollcall.v1", f"bearer.{reader.token}"]),
    ):
        async with await opening as opened:
            assert (await opened.take())["user_id"] is None


@pytest.mark.also_clustered
async def test_a_backend_that_was_away_resumes(backend: MakeBackend, user: MakePerson, socket: OpenSocket) -> None:
    ada, reader = await user("ada"), await backend("read")
    first = await socket(reader, first=True)
    greeting = await first.take()
    await first.drop()
    await ada.post("/users/me/heartbeat")
    again = await socket(reader, first=True, epoch=greeting["epoch"], since=greeting["seq"])
    assert (await again.take())["resumed"]
    told = [message for message in await again.told() if message["type"] != "feed_stats"]
    assert [message["type"] for message in told] == ["user_status_update", "resume_complete"]
    assert told[0]["user_id"] == ada.user_id


@pytest.mark.also_clustered
@pytest.mark.settings(notice_interval_seconds=0.05)
async def test_revoking_a_key_closes_its_sockets_on_every_server(
    server: RunningServer, backend: MakeBackend, user: MakePerson, socket: OpenSocket
) -> None:
    reader, other, ada = await backend("read"), await backend("read", "other"), await user("ada")
    sockets = [await socket(reader) for _ in range(3)]
    stays = [await socket(other), await socket(ada)]
    await revoke(server, reader)
    assert [await each.closed() for each in sockets] == [CloseCode.REVOKED] * 3
    for each in stays:
        await each.ask({"type": "ping"}, "pong")
    again = await socket(reader, first=True)
    assert (await again.take())["code"] == "AUTH_ERROR"
    assert await again.closed() == CloseCode.REFUSED


@pytest.mark.any_store
@pytest.mark.parametrize("text", ["rk_", "rk_nonsense", new_key()], ids=["prefix", "nonsense", "unknown"])
async def test_a_made_up_key_is_refused(server: RunningServer, text: str) -> None:
    opened = await Socket.open(f"ws://{server.address}/ws/feed?token={text}")
    assert (await opened.take())["code"] == "AUTH_ERROR"
    assert await opened.closed() == CloseCode.REFUSED


@pytest.mark.one_node
@pytest.mark.any_store
@pytest.mark.settings(sockets_per_key=2)
async def test_a_key_has_a_limited_number_of_sockets(backend: MakeBackend, socket: OpenSocket) -> None:
    reader = await backend("read")
    for _ in range(2):
        await socket(reader)
    assert await (await socket(reader, first=True)).closed() == CloseCode.TRY_LATER


@pytest.mark.one_node
@pytest.mark.any_store
@pytest.mark.settings(connect_burst=1)
async def test_a_key_opens_sockets_at_a_limited_rate(
    server: RunningServer, backend: MakeBackend, socket: OpenSocket
) -> None:
    reader = await backend("read")
    await socket(reader)
    with pytest.raises(InvalidStatus) as refused:
        await socket(reader)
    assert refused.value.response.status_code == 429


@pytest.mark.one_node
@pytest.mark.any_store
async def test_the_dashboard_and_the_metrics_count_the_sockets_of_keys_apart(
    server: RunningServer, backend: MakeBackend, user: MakePerson, socket: OpenSocket
) -> None:
    ada, reader = await user("ada"), await backend("read")
    await asyncio.gather(socket(ada), socket(reader), socket(reader))
    metrics = (await ada.get("/metrics")).body
    assert 'rollcall_sockets{channel="feed"} 1.0' in metrics
    assert 'rollcall_sockets{channel="service_keys"} 2.0' in metrics
    assert server.core.registry.online == 1


@pytest.mark.any_store
async def test_the_last_use_is_noted(server: RunningServer, backend: MakeBackend, socket: OpenSocket) -> None:
    reader = await backend("read")
    await socket(reader)

    async def used() -> bool:
        (key,) = await server.stores.service_keys.all()
        return key.last_used_at is not None

    for _ in range(100):
        if await used():
            return
        await asyncio.sleep(0.02)
    await eventually(lambda: False)
