"""ping, heartbeat, and messages that are not commands."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.clients import RawSocket
from tests.conftest import MakePerson, OpenSocket
from tests.running import RunningServer

pytestmark = [pytest.mark.gen_test, pytest.mark.any_store]


@pytest.mark.parametrize("path", ["/ws/feed", "/ws/presence"])
@pytest.mark.parametrize("timestamp", ["2024-01-15T10:30:00Z", "anything", "", 1705314600000, 1.5, -1, "é\U0001f600"])
async def test_a_pong_brings_back_the_timestamp_as_it_was(
    user: MakePerson, socket: OpenSocket, path: str, timestamp: Any
) -> None:
    opened = await socket(await user("ada"), path)
    reply = await opened.ask({"type": "ping", "timestamp": timestamp}, "pong")
    assert reply.keys() == {"type", "timestamp", "server_time"}
    assert reply["timestamp"] == timestamp


@pytest.mark.parametrize("command", [{"type": "ping"}, {"type": "ping", "timestamp": None}])
async def test_a_ping_without_a_timestamp_gets_the_servers(
    user: MakePerson, socket: OpenSocket, command: dict[str, Any]
) -> None:
    reply = await (await socket(await user("ada"))).ask(command, "pong")
    assert reply["timestamp"] == reply["server_time"]
    assert reply["server_time"].endswith("Z")


@pytest.mark.one_node
@pytest.mark.parametrize("path", ["/ws/feed", "/ws/presence"])
async def test_a_heartbeat_is_answered_with_the_own_status(user: MakePerson, socket: OpenSocket, path: str) -> None:
    ada = await user("ada")
    reply = await (await socket(ada, path)).ask({"type": "heartbeat"}, "heartbeat_ack")
    assert reply.keys() == {"type", "status", "server_time"}
    assert reply["status"] == (await ada.get("/users/me/status")).body


async def test_a_heartbeat_over_a_socket_tells_nobody_anything(user: MakePerson, socket: OpenSocket) -> None:
    ada, bob = await user("ada"), await user("bob")
    watching, own = await socket(bob), await socket(ada)
    await watching.settle()
    await own.ask({"type": "heartbeat"}, "heartbeat_ack")
    await watching.quiet()


async def test_replies_come_in_the_order_of_the_commands(user: MakePerson, socket: OpenSocket) -> None:
    opened = await socket(await user("ada"))
    for number in range(200):
        await opened.send({"type": "ping", "timestamp": number})
    assert [(await opened.next("pong"))["timestamp"] for _ in range(200)] == list(range(200))


DEEP = "[" * 1000 + "]" * 1000
INVALID = [
    "", " ", "nonsense", "null", "true", "1", '"ping"', "[]", '["ping"]', "{}", "{", '{"type"}', '{"type":}',
    '{"type":null}', '{"type":1}', '{"type":true}', '{"type":["ping"]}', '{"type":{"$gt":""}}', '{"type":""}',
    '{"type":"PING"}', '{"type":"pong"}', '{"type":"user_status_update"}', '{"type":"__class__"}', '{"Type":"ping"}',
    '{"type":"ping","extra":1}', '{"type":"ping","timestamp":true}', '{"type":"ping","timestamp":[]}',
    '{"type":"ping","timestamp":{"$gt":""}}', '{"type":"ping","timestamp":NaN}',
    '{"type":"ping","timestamp":Infinity}', f'{{"type":"ping","timestamp":"{"a" * 65}"}}',
    '{"type":"ping","timestamp":"\\ud800"}', f'{{"type":"ping","timestamp":{DEEP}}}',
    '{"type":"ping"}{"type":"ping"}', '{"type":"ping"} x', '{"type":"ping",}', "{'type':'ping'}",
    '{"type":"ping"}\x00', '{"type":"heartbeat","user_id":2}', '{"type":"heartbeat","status":{}}',
    '{"type":"subscribe"}', '{"type":"subscribe","subscription":null}', '{"type":"subscribe","subscription":"all"}',
    '{"type":"subscribe","subscription":["feed"]}', '{"type":"subscribe","subscription":{"$ne":1}}',
    '{"type":"subscribe","subscription":"feed","user_ids":1}',
    '{"type":"subscribe","subscription":"feed","user_ids":"1"}',
    '{"type":"subscribe","subscription":"feed","user_ids":["1"]}',
    '{"type":"subscribe","subscription":"feed","user_ids":[true]}',
    '{"type":"subscribe","subscription":"feed","user_ids":[1.5]}',
    '{"type":"subscribe","subscription":"feed","user_ids":[null]}',
    '{"type":"subscribe","subscription":"feed","user_ids":[0]}',
    '{"type":"subscribe","subscription":"feed","user_ids":[-1]}',
    f'{{"type":"subscribe","subscription":"feed","user_ids":[{2**53}]}}',
    f'{{"type":"subscribe","subscription":"feed","user_ids":[{2**63}]}}',
    '{"type":"subscribe","subscription":"feed","user_ids":[1e400]}',
    f'{{"type":"subscribe","subscription":"feed","user_ids":{DEEP}}}',
    '{"type":"subscribe","subscription":"feed","user_ids":{"$gt":0}}',
    '{"type":"subscribe","subscription":"stats","user_ids":[1]}',
    '{"type":"subscribe","subscription":"calls","user_ids":[1]}',
    '{"type":"subscribe","subscription":"feed","snapshot":1}',
    '{"type":"subscribe","subscription":"feed","snapshot":"true"}',
    '{"type":"subscribe","subscription":"feed","updates_only":0}',
    '{"type":"subscribe","subscription":"feed","snapshot":true,"updates_only":true}',
    '{"type":"subscribe","subscription":"feed","q":"x"}', '{"type":"unsubscribe"}',
    '{"type":"unsubscribe","subscription":"all"}', '{"type":"unsubscribe","subscription":"feed","user_ids":[1]}',
    '{"type":"refresh"}', '{"type":"refresh","token":null}', '{"type":"refresh","token":1}',
    '{"type":"refresh","token":{"$ne":""}}', b"", b'{"type":"ping"}', b"\xff",
]  # fmt: skip


async def test_what_is_no_command_is_answered_with_an_error_and_changes_nothing(
    server: RunningServer, user: MakePerson, socket: OpenSocket
) -> None:
    ada, bob = await user("ada"), await user("bob")
    opened = await socket(ada)
    before = (await ada.get("/users/me/status")).body
    wrong: list[str] = []
    for text in INVALID:
        await opened.send(text)
        told = await opened.told()
        errors = [message for message in told if message["type"] != "feed_stats"]
        if [(each["type"], each.get("code")) for each in errors] != [("error", "INVALID_MESSAGE_ERROR")]:
            wrong.append(f"{text[:60]!r} → {json.dumps(errors)[:100]}")
    assert wrong == []
    after = (await ada.get("/users/me/status")).body
    assert {**before, "last_seen": ""} == {**after, "last_seen": ""}
    await bob.post("/users/me/heartbeat")
    await opened.update(bob.user_id)


async def test_errors_are_answered_once_a_second_at_most(
    server: RunningServer, user: MakePerson, socket: OpenSocket
) -> None:
    await server.restart(error_interval_seconds=60.0)
    opened = await socket(await user("ada"))
    for _ in range(10):
        await opened.send("nonsense")
    assert [message["type"] for message in await opened.told() if message["type"] == "error"] == ["error"]


async def test_invalid_commands_are_no_sign_of_life(
    server: RunningServer, user: MakePerson, socket: OpenSocket
) -> None:
    ada = await user("ada")
    opened = await socket(ada)
    before = (await ada.get("/users/me/status")).body["last_seen"]
    (session,) = server.core.hub
    heard_at = session.heard_at
    await opened.send("nonsense")
    await opened.next("error")
    assert session.heard_at == heard_at
    assert (await ada.get("/users/me/status")).body["last_seen"] == before


async def test_a_command_that_fails_in_the_server_is_the_servers_error_and_the_socket_stays(
    server: RunningServer, user: MakePerson, socket: OpenSocket, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = await socket(await user("ada"))

    def broken(*_: object) -> None:
        raise RuntimeError("inner details")

    with monkeypatch.context() as patch:
        patch.setattr(server.core.commands, "dispatch", broken)
        await opened.send({"type": "ping"})
        assert await opened.next("error") == {
            "type": "error", "message": "Something went wrong", "code": "SERVER_ERROR",
        }  # fmt: skip
    await opened.ask({"type": "ping"}, "pong")


async def test_a_message_beyond_four_kilobytes_closes_with_1009(user: MakePerson, socket: OpenSocket) -> None:
    ada = await user("ada")
    opened = await socket(ada)
    most = {"type": "refresh", "token": ""}
    most["token"] = "a" * (4096 - len(json.dumps(most)))
    await opened.send(most)
    assert (await opened.next("error"))["code"] == "AUTH_ERROR"
    await opened.send(json.dumps(most) + " ")
    assert await opened.closed() == 1009


async def test_a_message_in_fragments_is_one_command(server: RunningServer, user: MakePerson) -> None:
    raw, _ = await RawSocket.open(server.port, f"/ws/presence?token={(await user('ada')).token}")
    for _ in range(2):
        await raw.read_frame()
    text = b'{"type":"ping","timestamp":"whole"}'
    raw.write_frame(0x1, text[:10], final=False)
    raw.write_frame(0x9, b"between")
    raw.write_frame(0x0, text[10:20], final=False)
    raw.write_frame(0x0, text[20:])
    assert await raw.read_frame() == (0xA, b"between")
    opcode, payload = await raw.read_frame()
    assert (opcode, json.loads(payload)["timestamp"]) == (0x1, "whole")
    raw.end()


@pytest.mark.parametrize(
    "frame",
    [
        b"\xc1\x80\x00\x00\x00\x00",  # a reserved bit
        b"\x83\x80\x00\x00\x00\x00",  # a reserved opcode
        b"\x89\xfe\x00\x80\x00\x00\x00\x00" + b"x" * 128,  # a long ping
        b"\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00",  # 2**63 - 1 bytes
        b"\x80\x80\x00\x00\x00\x00",  # a continuation without a beginning
        b"\x81\x82\x00\x00\x00\x00\xff\xfe",  # not UTF-8
    ],
    ids=["reserved bit", "reserved opcode", "long ping", "endless", "continuation", "no utf-8"],
)
async def test_a_frame_against_the_protocol_ends_the_socket_but_never_with_1000(
    server: RunningServer, user: MakePerson, socket: OpenSocket, frame: bytes
) -> None:
    ada = await user("ada")
    healthy = await socket(ada)
    raw, _ = await RawSocket.open(server.port, f"/ws/presence?token={ada.token}")
    raw.writer.write(frame)
    assert await raw.close_code() != 1000
    raw.end()
    await healthy.ask({"type": "ping"}, "pong")
    assert len(server.sessions) == 1
