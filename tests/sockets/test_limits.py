"""Limits: the rate of commands, the number of invalid messages, and the number of sockets."""

from __future__ import annotations

import contextlib
import json

import pytest
from websockets.exceptions import InvalidStatus

from chaos.raw_frames import CONTINUATION, PONG, TEXT
from tests.clients import RawSocket, Socket, eventually
from tests.conftest import MakePerson, OpenSocket
from tests.running import RunningServer

pytestmark = [pytest.mark.gen_test, pytest.mark.any_store, pytest.mark.one_node]

RATE = pytest.mark.settings(command_burst=20, commands_per_second=0.001, rate_strikes=5)


@RATE
async def test_twenty_commands_go_at_once_and_the_next_is_limited(user: MakePerson, socket: OpenSocket) -> None:
    opened = await socket(await user("ada"), first=True)
    for number in range(20):
        await opened.ask({"type": "ping", "timestamp": number}, "pong")
    await opened.send({"type": "heartbeat"})
    assert await opened.next("error") == {
        "type": "error", "message": "Rate limit exceeded", "code": "RATE_LIMIT_ERROR",
    }  # fmt: skip


@pytest.mark.settings(command_burst=2, commands_per_second=20.0, rate_strikes=100_000)
async def test_commands_are_allowed_again_after_a_while(user: MakePerson, socket: OpenSocket) -> None:
    opened = await socket(await user("ada"), first=True)
    for _ in range(3):
        await opened.send({"type": "ping"})
    await opened.next("error", code="RATE_LIMIT_ERROR")
    while True:
        await opened.send({"type": "ping", "timestamp": "again"})
        message = await opened.take()
        if message["type"] == "pong" and message["timestamp"] == "again":
            break


@RATE
async def test_all_sockets_of_a_user_share_the_limit_and_users_do_not(user: MakePerson, socket: OpenSocket) -> None:
    ada, bob = await user("ada"), await user("bob")
    one, other, bobs = [await socket(person, first=True) for person in (ada, ada, bob)]
    for _ in range(10):
        for each in (one, other):
            await each.ask({"type": "ping"}, "pong")
    await one.send({"type": "ping"})
    await one.next("error", code="RATE_LIMIT_ERROR")
    await bobs.ask({"type": "ping"}, "pong")


@RATE
async def test_a_flood_is_closed_with_4003(user: MakePerson, socket: OpenSocket) -> None:
    opened = await socket(await user("ada"), first=True)
    for _ in range(20 + 5 + 1):
        await opened.send({"type": "ping"})
    assert await opened.closed() == 4003


@RATE
async def test_protocol_pings_count_as_commands(server: RunningServer, user: MakePerson) -> None:
    raw, _ = await RawSocket.open(server.port, f"/ws/presence?token={(await user('ada')).token}")
    for _ in range(20 + 5 + 1):
        raw.write_frame(0x9, b"ping")
    assert await raw.close_code() == 4003
    raw.end()


@RATE
@pytest.mark.parametrize("opcode", [PONG, CONTINUATION], ids=["pongs that nobody asked for", "empty fragments"])
async def test_frames_that_say_nothing_count_as_commands(server: RunningServer, user: MakePerson, opcode: int) -> None:
    raw, _ = await RawSocket.open(server.port, f"/ws/presence?token={(await user('ada')).token}")
    raw.write_frame(TEXT, b"x", final=False)
    for _ in range(20 + 5 + 1):
        raw.write_frame(opcode, final=opcode == PONG)
    assert await raw.close_code() == 4003
    raw.end()


@RATE
async def test_fragments_with_a_payload_are_one_command(server: RunningServer, user: MakePerson) -> None:
    raw, _ = await RawSocket.open(server.port, f"/ws/presence?token={(await user('ada')).token}")
    text = b'{"type":"ping","timestamp":"of 40 bytes"}'
    raw.write_frame(TEXT, text[:1], final=False)
    for place in range(1, len(text)):
        raw.write_frame(CONTINUATION, text[place : place + 1], final=place == len(text) - 1)
    while b'"pong"' not in (await raw.read_frame())[1]:
        pass
    raw.end()


@pytest.mark.settings(invalid_strikes=20)
async def test_twenty_invalid_messages_are_forgiven_and_the_next_closes_with_4504(
    user: MakePerson, socket: OpenSocket
) -> None:
    opened = await socket(await user("ada"))
    for _ in range(20):
        await opened.send("nonsense")
        await opened.next("error", code="INVALID_MESSAGE_ERROR")
    await opened.ask({"type": "ping"}, "pong")
    await opened.send("nonsense")
    assert await opened.closed() == 4504


@pytest.mark.settings(invalid_strikes=2, strike_window_seconds=0.05)
async def test_invalid_messages_far_apart_are_forgiven(user: MakePerson, socket: OpenSocket) -> None:
    ada, bob = await user("ada"), await user("bob")
    opened = await socket(ada)
    until = 0
    while until < 4:
        await opened.send("nonsense")
        await opened.next("error")
        for _ in range(60):  # about 100 ms
            await bob.get("/healthz")
        until += 1
    await opened.ask({"type": "ping"}, "pong")


@pytest.mark.settings(invalid_strikes=20)
async def test_binary_messages_count_as_invalid(user: MakePerson, socket: OpenSocket) -> None:
    opened = await socket(await user("ada"), first=True)
    for _ in range(21):
        await opened.send(b"\x00")
    assert await opened.closed() == 4504


@pytest.mark.settings(sockets_per_user=3)
async def test_a_user_has_so_many_sockets_and_the_most_silent_is_closed_with_4503(
    user: MakePerson, socket: OpenSocket
) -> None:
    ada, bob = await user("ada"), await user("bob")
    sockets = [await socket(ada) for _ in range(3)]
    for each in (sockets[0], sockets[2]):
        await each.ask({"type": "ping"}, "pong")
    newest = await socket(ada)
    assert await sockets[1].closed() == 4503
    for each in (sockets[0], sockets[2], newest):
        await each.ask({"type": "ping"}, "pong")
    await socket(bob)


async def test_ten_sockets_are_a_users(user: MakePerson, socket: OpenSocket) -> None:
    ada = await user("ada")
    oldest = await socket(ada)
    for _ in range(9):
        await socket(ada)
    await socket(ada)
    assert await oldest.closed() == 4503


@pytest.mark.settings(sockets_limit=2)
async def test_beyond_the_limit_of_the_server_a_socket_is_closed_with_1013(
    user: MakePerson, socket: OpenSocket
) -> None:
    people = [await user(name) for name in ("ada", "bob", "carol")]
    await socket(people[0])
    await socket(people[1])
    refused = await socket(people[2], first=True)
    assert await refused.closed() == 1013
    assert (await people[2].get("/users/me/status")).body["is_online"] is False


@pytest.mark.settings(sockets_per_address=2, trusted_proxies=("127.0.0.0/8",))
async def test_behind_a_trusted_proxy_each_address_has_so_many_sockets(server: RunningServer, user: MakePerson) -> None:
    ada = await user("ada")
    url = f"ws://{server.address}/ws/feed?token={ada.token}"

    async def come_from(forwarded: str) -> Socket:
        return await Socket.open(url, headers={"X-Forwarded-For": forwarded})

    sockets = [await come_from("198.51.100.1"), await come_from("203.0.113.9, 198.51.100.1, 127.0.0.2")]
    async with await come_from("198.51.100.1") as refused:
        assert await refused.closed() == 1013
    sockets += [await come_from("198.51.100.2"), await come_from("2001:db8::1"), await come_from("198.51.100.1 x")]
    sockets += [await come_from("127.0.0.1") for _ in range(3)]
    for each in sockets:
        assert (await each.take())["type"] == "connection_established"
        await each.close()


@pytest.mark.settings(sockets_per_address=1)
async def test_without_a_trusted_proxy_no_client_chooses_its_address(
    server: RunningServer, user: MakePerson, socket: OpenSocket
) -> None:
    ada = await user("ada")
    headers = {"X-Forwarded-For": "198.51.100.1", "X-Real-Ip": "198.51.100.1"}
    opened = await Socket.open(f"ws://{server.address}/ws/feed?token={ada.token}", headers=headers)
    await opened.take()
    assert [session.address for session in server.sessions] == ["127.0.0.1"]
    await opened.close()


@pytest.mark.settings(refusals_per_address=1, refusals_per_second=0.001, trusted_proxies=("127.0.0.1",))
async def test_bad_tokens_are_counted_by_the_clients_address(server: RunningServer) -> None:
    url = f"ws://{server.address}/ws/feed?token=bad"
    async with await Socket.open(url, headers={"X-Forwarded-For": "198.51.100.1"}) as refused:
        assert await refused.closed() == 4500
    with pytest.raises(InvalidStatus):
        await Socket.open(url, headers={"X-Forwarded-For": "198.51.100.1"})
    async with await Socket.open(url, headers={"X-Forwarded-For": "198.51.100.2"}) as refused:
        assert await refused.closed() == 4500


@pytest.mark.settings(connect_burst=30, connects_per_second=0.0001)
async def test_thirty_sockets_of_a_user_open_at_once_and_the_next_upgrade_is_refused(
    server: RunningServer, user: MakePerson, socket: OpenSocket
) -> None:
    ada, bob = await user("ada"), await user("bob")
    for _ in range(30):
        await (await socket(ada, first=True)).close()
    for path in ("/ws/feed", "/ws/presence"):
        with pytest.raises(InvalidStatus) as refused:
            await socket(ada, path)
        answer = refused.value.response
        assert answer.status_code == 429
        assert int(answer.headers["Retry-After"]) >= 1
        assert answer.headers["Content-Type"] == "application/json"
        assert json.loads(answer.body)["error"]["code"] == "TOO_MANY_REQUESTS"
    await socket(bob)
    assert server.core.counters.refused["connects"] == 2


@pytest.mark.settings(connect_burst=1, connects_per_second=20.0)
async def test_sockets_may_be_opened_again_after_a_while(user: MakePerson, socket: OpenSocket) -> None:
    ada = await user("ada")
    for _ in range(3):
        while True:
            with contextlib.suppress(InvalidStatus):
                await socket(ada)
                break


@pytest.mark.settings(refusals_per_address=1, refusals_per_second=0.001, trusted_proxies=("127.0.0.1",))
async def test_an_ipv6_network_counts_as_one_address(server: RunningServer) -> None:
    url = f"ws://{server.address}/ws/feed?token=bad"
    async with await Socket.open(url, headers={"X-Forwarded-For": "2001:db8::1"}) as refused:
        assert await refused.closed() == 4500
    with pytest.raises(InvalidStatus):
        await Socket.open(url, headers={"X-Forwarded-For": "2001:db8::2"})
    async with await Socket.open(url, headers={"X-Forwarded-For": "2001:db8:0:1::1"}) as refused:
        assert await refused.closed() == 4500


@pytest.mark.settings(sockets_per_address=2, trusted_proxies=("127.0.0.1",))
async def test_an_ipv6_network_has_as_many_sockets_as_one_address(server: RunningServer, user: MakePerson) -> None:
    url = f"ws://{server.address}/ws/feed?token={(await user('ada')).token}"
    sockets = [await Socket.open(url, headers={"X-Forwarded-For": f"2001:db8::{number}"}) for number in range(3)]
    assert await sockets[-1].closed() == 1013
    for each in sockets:
        await each.close()
    await eventually(lambda: not server.core.hub._by_address)


@pytest.mark.settings(refusals_per_address=5, refusals_per_second=1000.0)
async def test_refusals_leave_nothing_behind(server: RunningServer) -> None:
    url = f"ws://{server.address}/ws/feed?token=bad"
    async with await Socket.open(url) as refused:
        assert await refused.closed() == 4500
    await eventually(lambda: len(server.core.limits.refusals.buckets) == 0)
