"""Liveness: the server's own pings, and the closing of sockets that don't answer them."""

from __future__ import annotations

import pytest

from tests.clients import RawSocket, eventually
from tests.conftest import MakePerson, OpenSocket
from tests.running import RunningServer

pytestmark = [
    pytest.mark.gen_test,
    pytest.mark.any_store,
    pytest.mark.settings(ping_interval_seconds=0.4, pong_timeout_seconds=0.2, silent_socket_seconds=0.5),
]


async def test_a_client_that_never_answers_pings_is_closed_with_4000(server: RunningServer, user: MakePerson) -> None:
    silent, status = await RawSocket.open(server.port, f"/ws/feed?token={(await user('ada')).token}")
    assert status == 101
    assert await silent.close_code() == 4000
    await eventually(lambda: len(server.sessions) == 0)
    assert server.core.counters.closes == {4000: 1}
    silent.end()


async def test_a_client_that_answers_pings_stays(server: RunningServer, user: MakePerson, socket: OpenSocket) -> None:
    ada = await user("ada")
    answering = await socket(ada)
    for _ in range(2):  # each silent socket lives for one ping and its timeout
        silent, _ = await RawSocket.open(server.port, f"/ws/feed?token={ada.token}")
        assert await silent.close_code() == 4000
        silent.end()
    await answering.ask({"type": "ping"}, "pong")


async def test_the_servers_ping_is_answered_by_a_pong_alone(server: RunningServer, user: MakePerson) -> None:
    raw, _ = await RawSocket.open(server.port, f"/ws/feed?token={(await user('ada')).token}")
    pings = 0
    while pings < 3:
        opcode, payload = await raw.read_frame()
        assert opcode in (0x1, 0x9)
        if opcode == 0x9:
            raw.write_frame(0xA, payload)
            pings += 1
    raw.end()


async def test_a_ping_of_the_clients_is_answered_with_its_payload(server: RunningServer, user: MakePerson) -> None:
    raw, _ = await RawSocket.open(server.port, f"/ws/presence?token={(await user('ada')).token}")
    raw.write_frame(0x9, b"payload")
    while (frame := await raw.read_frame())[0] != 0xA:
        pass
    assert frame[1] == b"payload"
    raw.end()


@pytest.mark.settings(invalid_strikes=100_000)
async def test_invalid_messages_do_not_keep_a_client_alive(server: RunningServer, user: MakePerson) -> None:
    raw, _ = await RawSocket.open(server.port, f"/ws/presence?token={(await user('ada')).token}")
    while True:
        opcode, payload = await raw.read_frame()
        if opcode == 0x8:
            break
        raw.write_frame(0x1, b"nonsense")
    assert int.from_bytes(payload[:2], "big") == 4000
    raw.end()


@pytest.mark.settings(grace_seconds=0.1, clean_close_seconds=0.1)
async def test_who_fell_silent_is_announced_as_timed_out_after_the_grace(
    server: RunningServer, user: MakePerson, socket: OpenSocket
) -> None:
    ada, bob = await user("ada"), await user("bob")
    watching = await socket(ada)
    silent, _ = await RawSocket.open(server.port, f"/ws/feed?token={bob.token}")
    assert (await watching.update(bob.user_id))["reason"] == "connected"
    update = await watching.update(bob.user_id)
    assert (update["reason"], update["status"]["is_online"]) == ("timed_out", False)
    silent.end()
