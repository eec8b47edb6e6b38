"""Slow readers: updates are conflated, the queue is bounded, and a client that reads nothing is closed."""

from __future__ import annotations

import asyncio
import json

import pytest

from models.user_documents import NewUser
from realtime.sockets.session import Session
from tests.clients import Message, Person, RawSocket, eventually
from tests.conftest import MakePerson, OpenSocket
from tests.running import RunningServer

pytestmark = [pytest.mark.gen_test, pytest.mark.any_store]

SUBSCRIBE = json.dumps({"type": "subscribe", "subscription": "feed", "snapshot": True}).encode()


async def fill(server: RunningServer) -> None:
    """Create users with long profiles, so that a snapshot has half a megabyte."""
    url = f"https://example.com/{'x' * 2000}"
    new = [NewUser(f"user {number}", None, url) for number in range(250)]
    ids = await server.stores.users.create_many(new, server.core.environment.clock.utc())
    for each in await server.stores.users.page(ids[0] - 1, len(ids)):
        server.core.loader.add(each)


async def stalled(server: RunningServer, person: Person) -> RawSocket:
    """Open a socket that requests snapshots until its connection is full, and reads nothing."""
    raw, _ = await RawSocket.open(server.port, f"/ws/feed?token={person.token}", early=True)
    raw.writer.transport.pause_reading()  # type: ignore[attr-defined]
    for _ in range(30):
        raw.write_frame(0x1, SUBSCRIBE)
    (session,) = server.core.hub.of_user(person.user_id)
    await eventually(lambda: session.outbox.waiting_since is not None and not session.outbox.current)
    return raw


async def read_all(raw: RawSocket) -> tuple[list[Message], int]:
    """Return all messages up to the close, and the close code."""
    messages: list[Message] = []
    while True:
        opcode, payload = await raw.read_frame()
        if opcode == 0x8:
            return messages, int.from_bytes(payload[:2], "big")
        if opcode == 0x1:
            messages.append(json.loads(payload))


@pytest.mark.settings(slow_limit_seconds=0.3)
async def test_a_socket_that_takes_nothing_is_closed_with_4002(
    server: RunningServer, user: MakePerson, socket: OpenSocket
) -> None:
    ada, bob = await user("ada"), await user("bob")
    healthy = await socket(bob)
    await fill(server)
    raw = await stalled(server, ada)
    await eventually(lambda: server.core.counters.closes[4002] == 1)
    assert server.core.hub.of_user(ada.user_id) == []
    await healthy.ask({"type": "ping"}, "pong")
    raw.writer.transport.resume_reading()  # type: ignore[attr-defined]
    _, code = await read_all(raw)
    assert code == 4002
    raw.end()


@pytest.mark.gen_test(timeout=120)
@pytest.mark.settings(slow_limit_seconds=60.0)
async def test_of_each_user_only_the_latest_state_waits(
    server: RunningServer, user: MakePerson, socket: OpenSocket
) -> None:
    ada, bob, carol = await user("ada"), await user("bob"), await user("carol")
    await fill(server)
    await carol.post("/users/me/heartbeat")
    raw = await stalled(server, ada)
    for number in range(300):
        await bob.put("/users/me/status", {"is_online": True, "is_busy": number % 2 == 0})
    await carol.put("/users/me/status", {"is_busy": True})
    last = (await bob.put("/users/me/status", {"is_busy": True})).body
    raw.writer.transport.resume_reading()  # type: ignore[attr-defined]
    told: dict[int, list[Message]] = {bob.user_id: [], carol.user_id: []}
    while not (told[bob.user_id] and told[bob.user_id][-1]["status"]["is_busy"] and told[carol.user_id]):
        opcode, payload = await raw.read_frame()
        message = json.loads(payload) if opcode == 0x1 else {"type": ""}
        if message["type"] == "user_status_update" and message["user_id"] in told:
            told[message["user_id"]].append(message)
    assert [len(each) for each in told.values()] == [1, 1]
    assert {**told[bob.user_id][0]["status"], "last_seen": ""} == {**last, "last_seen": ""}
    raw.end()


def kept_bytes(session: Session) -> int:
    """Return how many bytes the session's stream keeps, whether it is Tornado's or our own."""
    stream = session.transport._stream  # type: ignore[attr-defined]
    return len(getattr(stream, "_stream", stream)._write_buffer)


@pytest.mark.settings(outbox_limit_bytes=65536)
async def test_replies_that_nobody_reads_are_bounded_and_then_the_socket_is_closed(
    server: RunningServer, user: MakePerson
) -> None:
    ada = await user("ada")
    await fill(server)
    raw = await stalled(server, ada)
    (session,) = server.core.hub.of_user(ada.user_id)
    ping = json.dumps({"type": "ping", "timestamp": "x" * 64}).encode()
    most = 0
    while session.is_open:
        for _ in range(50):
            raw.write_frame(0x1, ping)
        await raw.writer.drain()
        await asyncio.sleep(0)
        most = max(most, session.outbox._writer.queued_bytes + kept_bytes(session))
    assert 16384 < most <= 65536
    assert session.close_code == 4002
    raw.end()


async def test_a_pong_of_the_protocol_layer_never_stands_inside_another_frame(
    server: RunningServer, user: MakePerson
) -> None:
    ada = await user("ada")
    await fill(server)
    raw = await stalled(server, ada)
    for number in range(10):
        raw.write_frame(0x9, b"ping %d" % number)
    raw.writer.transport.resume_reading()  # type: ignore[attr-defined]
    opcode, payload = 0x1, b"{}"
    while (opcode, payload) != (0xA, b"ping 9"):  # earlier pings need no answer (RFC 6455 §5.5.3)
        assert opcode in (0x1, 0x9, 0xA)
        if opcode == 0x1:
            json.loads(payload)
        opcode, payload = await raw.read_frame()
    raw.end()


async def test_a_slow_reader_delays_nobody(server: RunningServer, user: MakePerson, socket: OpenSocket) -> None:
    ada, bob, carol = await user("ada"), await user("bob"), await user("carol")
    watching = await socket(carol)
    await fill(server)
    raw = await stalled(server, ada)
    await watching.settle()
    for number in range(50):
        await bob.put("/users/me/status", {"is_busy": number % 2 == 0})
    assert [(await watching.update(bob.user_id))["status"]["is_busy"] for _ in range(50)] == [True, False] * 25
    raw.end()
