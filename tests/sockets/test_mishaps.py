"""Mishaps: whatever goes wrong in a handshake or just after, nothing is left behind."""

from __future__ import annotations

import asyncio

import pytest

from tests.clients import Person, RawSocket, eventually
from tests.conftest import MakePerson, OpenSocket
from tests.running import RunningServer

pytestmark = [pytest.mark.gen_test, pytest.mark.any_store]


def assert_nothing_is_left(server: RunningServer) -> None:
    core = server.core
    assert (len(core.hub), len(core.fan_out), core.fan_out.behind()) == (0, 0, [])
    assert [entry.sessions for entry in core.registry if entry.sessions] == []
    assert [key for key in core.timers._live if isinstance(key, tuple) and key[0] == "token"] == []
    assert not core.fan_out._subscribers


@pytest.mark.one_node
@pytest.mark.settings(grace_seconds=0.1, clean_close_seconds=0.1)
async def test_an_error_in_opening_leaves_no_socket_and_no_presence(
    server: RunningServer, user: MakePerson, socket: OpenSocket, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = await user("ada")

    def broken(*_: object) -> None:
        raise RuntimeError("inner details")

    for part in ("_first_frames", "_create"):
        with monkeypatch.context() as patch:
            patch.setattr(server.core.admission, part, broken)
            assert await (await socket(ada, first=True)).closed() != 1000
        await eventually(lambda: server.core.registry.online == 0)
        assert_nothing_is_left(server)
    await socket(ada)


async def reset_in_the_handshake(server: RunningServer, person: Person) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(f"GET /ws/feed?token={person.token} HTTP/1.1\r\nHost: localhost\r\nUpgrade: webs".encode())
    await asyncio.sleep(0)
    writer.transport.abort()


async def close_before_the_first_message(server: RunningServer, person: Person) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(
        f"GET /ws/feed?token={person.token} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade"
        "\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    await asyncio.sleep(0)
    writer.transport.abort()


async def drop_just_after_opening(server: RunningServer, person: Person) -> None:
    raw, _ = await RawSocket.open(server.port, f"/ws/presence?token={person.token}")
    raw.end()


async def leave_half_a_frame(server: RunningServer, person: Person) -> None:
    raw, _ = await RawSocket.open(server.port, f"/ws/presence?token={person.token}")
    raw.writer.write(b"\x81\xfe\x01")
    raw.writer.close()


MISHAPS = [reset_in_the_handshake, close_before_the_first_message, drop_just_after_opening, leave_half_a_frame]


@pytest.mark.settings(grace_seconds=0.1, clean_close_seconds=0.1, sockets_per_user=1000)
async def test_two_hundred_mixed_mishaps_leave_no_sockets_no_tasks_and_everyone_offline(
    server: RunningServer, user: MakePerson
) -> None:
    people = [await user(f"user {number}") for number in range(10)]
    tasks = len(asyncio.all_tasks())
    for turn in range(10):
        await asyncio.gather(*(MISHAPS[(turn + place) % 4](server, person) for place, person in enumerate(people * 2)))
    await eventually(lambda: len(server.sessions) == 0 and server.core.registry.online == 0)
    await eventually(lambda: len(asyncio.all_tasks()) <= tasks)
    assert_nothing_is_left(server)
    assert server.server._traffic.sockets == 0
    assert server.server._traffic.requests == 0


async def test_closed_sockets_leave_nothing_behind(server: RunningServer, user: MakePerson, socket: OpenSocket) -> None:
    ada, bob = await user("ada"), await user("bob")
    for person in (ada, bob, ada):
        opened = await socket(person)
        narrowed = {"type": "subscribe", "subscription": "feed", "user_ids": [ada.user_id, bob.user_id]}
        await opened.ask(narrowed, "subscription_confirmed")
        await opened.close()
    await eventually(lambda: len(server.sessions) == 0)
    assert_nothing_is_left(server)


async def test_a_deadline_that_fails_does_not_end_the_others(
    server: RunningServer, user: MakePerson, socket: OpenSocket
) -> None:
    def broken() -> None:
        raise RuntimeError("inner details")

    ran: list[str] = []
    server.core.timers.at(0.0, "broken", broken)
    server.core.timers.at(server.core.environment.clock.now() + 0.2, "next", lambda: ran.append("next"))
    await eventually(lambda: ran == ["next"])
