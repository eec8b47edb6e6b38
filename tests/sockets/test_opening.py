"""The first messages on a socket, and the credentials that open it."""

from __future__ import annotations

import asyncio

import pytest
from websockets.exceptions import InvalidStatus

from tests.clients import Message, Socket
from tests.conftest import MakePerson, OpenSocket
from tests.running import RunningServer

pytestmark = [pytest.mark.gen_test, pytest.mark.any_store]

ESTABLISHED = {
    "type", "message", "user_id", "channel", "session_id", "epoch", "seq", "server_time", "heartbeat_interval",
    "resumed", "command_burst", "commands_per_second",
}  # fmt: skip


@pytest.mark.parametrize(("path", "channel"), [("/ws/feed", "feed"), ("/ws/presence", "presence")])
async def test_the_first_message_says_where_one_is(
    user: MakePerson, socket: OpenSocket, path: str, channel: str
) -> None:
    ada = await user("ada")
    first = await (await socket(ada, path, first=True)).take()
    assert first.keys() == ESTABLISHED
    assert (first["type"], first["user_id"], first["channel"]) == ("connection_established", ada.user_id, channel)
    assert (first["heartbeat_interval"], first["resumed"]) == (30, False)
    assert first["server_time"].endswith("Z")


async def test_the_own_status_comes_second_and_the_feed_gets_the_figures_third(
    user: MakePerson, socket: OpenSocket
) -> None:
    ada = await user("ada")
    feed, presence = await socket(ada, first=True), await socket(ada, "/ws/presence", first=True)
    told = [(await feed.take()), (await feed.take()), (await feed.take())]
    assert [message["type"] for message in told] == ["connection_established", "user_status_update", "feed_stats"]
    assert told[1].keys() == {"type", "user_id", "status", "seq", "reason"}
    assert (told[1]["user_id"], told[1]["status"]["is_online"], told[1]["reason"]) == (ada.user_id, True, "connected")
    assert told[2]["stats"]["online"] == 1
    assert [message["type"] for message in await presence.told()] == ["connection_established", "user_status_update"]


async def test_the_own_status_is_sent_once(user: MakePerson, socket: OpenSocket) -> None:
    ada = await user("ada")
    told = await (await socket(ada, first=True)).told()
    assert len([message for message in told if message["type"] == "user_status_update"]) == 1


async def test_sessions_have_ids_of_their_own_and_share_the_epoch(user: MakePerson, socket: OpenSocket) -> None:
    ada = await user("ada")
    first: list[Message] = [await (await socket(ada, first=True)).take() for _ in range(3)]
    assert len({message["session_id"] for message in first}) == 3
    assert len({message["epoch"] for message in first}) == 1


async def test_nothing_falls_between_the_first_messages_and_the_updates(
    server: RunningServer, user: MakePerson, socket: OpenSocket
) -> None:
    ada, bob = await user("ada"), await user("bob")
    await bob.post("/users/me/heartbeat")

    async def change() -> None:
        for number in range(40):
            await bob.put("/users/me/status", {"is_busy": number % 2 == 0})

    changing = asyncio.ensure_future(change())
    sockets = [await socket(ada, first=True) for _ in range(8)]
    await changing
    now = (await (await socket(ada, first=True)).take())["seq"]
    own = server.core.changes.latest_seq(ada.user_id)  # told at the beginning, also if that was before it was announced
    for each in sockets:
        told = await each.told()
        start = told[0]["seq"]
        seqs = [message["seq"] for message in told if message["type"] == "user_status_update"][1:]
        assert seqs == [seq for seq in range(start + 1, now + 1) if seq != own]


async def test_a_token_in_the_header_opens_a_socket(server: RunningServer, user: MakePerson) -> None:
    ada = await user("ada")
    headers = {"Authorization": f"Bearer {ada.token}"}
    async with await Socket.open(f"ws://{server.address}/ws/feed", headers=headers) as opened:
        assert (await opened.take())["user_id"] == ada.user_id


async def test_a_token_among_the_subprotocols_opens_a_socket_and_is_not_echoed(
    server: RunningServer, user: MakePerson
) -> None:
    ada = await user("ada")
    offered = ["rollcall.v1", f"bearer.{ada.token}"]
    async with await Socket.open(f"ws://{server.address}/ws/feed", subprotocols=offered) as opened:
        assert (await opened.take())["user_id"] == ada.user_id
        assert opened.connection.subprotocol == "rollcall.v1"
        assert opened.connection.response is not None
        assert ada.token not in str(opened.connection.response.headers)


async def test_a_ticket_opens_a_socket(user: MakePerson, socket: OpenSocket) -> None:
    ada = await user("ada")
    ticket = (await ada.post("/auth/ticket")).body["ticket"]
    assert (await (await socket(None, ticket=ticket, first=True)).take())["user_id"] == ada.user_id


async def test_two_credentials_at_once_are_refused(server: RunningServer, user: MakePerson) -> None:
    ada = await user("ada")
    ticket = (await ada.post("/auth/ticket")).body["ticket"]
    url, header = f"ws://{server.address}/ws/feed", {"Authorization": f"Bearer {ada.token}"}
    for target, headers in (
        (f"{url}?token={ada.token}&token={ada.token}", {}),
        (f"{url}?token={ada.token}&ticket={ticket}", {}),
        (f"{url}?token={ada.token}", header),
        (f"{url}?ticket={ticket}", header),
    ):
        async with await Socket.open(target, headers=headers) as refused:
            assert (await refused.take())["code"] == "AUTH_ERROR"
            assert await refused.closed() == 4500


async def test_an_expired_token_is_refused_with_4401(
    server: RunningServer, user: MakePerson, socket: OpenSocket
) -> None:
    ada = await user("ada")
    expired, _ = server.tokens.mint(ada.user_id, "login", "access", -1)
    refused = await socket(None, token=expired, first=True)
    assert await refused.take() == {"type": "error", "message": "Token expired", "code": "AUTH_ERROR"}
    assert await refused.closed() == 4401


async def test_a_plain_request_to_a_socket_is_400(user: MakePerson) -> None:
    answer = await (await user("ada")).get("/ws/feed")
    assert (answer.status, answer.code) == (400, "INVALID_REQUEST")


@pytest.mark.one_node
@pytest.mark.settings(refusals_per_address=3, refusals_per_second=0.01)
async def test_an_address_that_sends_bad_tokens_on_and_on_is_answered_429_before_the_upgrade(
    server: RunningServer, user: MakePerson, socket: OpenSocket
) -> None:
    ada = await user("ada")
    for _ in range(3):
        assert await (await socket(None, token="bad", first=True)).closed() == 4500
    with pytest.raises(InvalidStatus) as refused:
        await Socket.open(f"ws://{server.address}/ws/feed?token=bad")
    assert refused.value.response.status_code == 429
    await socket(ada)
