"""Drain: every client is told when to come back, and nobody goes offline because of it."""

from __future__ import annotations

import asyncio
import contextlib
import socket as socket_module
from typing import Any

import pytest

from chaos.crowd import upgrade_request
from tests.clients import PATIENCE_SECONDS, Message, Person
from tests.conftest import MakePerson, OpenSocket
from tests.running import RunningServer

pytestmark = pytest.mark.gen_test


@pytest.mark.settings(reconnect_spread_seconds=2.0, sockets_per_user=50)
async def test_every_client_is_told_a_delay_of_its_own_then_closed_with_1012(
    server: RunningServer, user: MakePerson, socket: OpenSocket
) -> None:
    people = [await user(name) for name in ("ada", "bob")]
    sockets = [await socket(people[number % 2], "/ws/presence") for number in range(20)]
    for each in sockets:
        await each.settle()
    await server.drain()
    last: list[Message] = [await each.take() for each in sockets]
    assert all(message.keys() == {"type", "reconnect_after_ms"} for message in last)
    assert {message["type"] for message in last} == {"server_draining"}
    delays = sorted(message["reconnect_after_ms"] for message in last)
    assert len(set(delays)) == 20
    assert delays[0] >= 500
    assert delays[-1] <= 2500
    assert {await each.closed() for each in sockets} == {1012}


async def test_a_drain_announces_nothing_and_takes_nobody_offline(
    server: RunningServer, user: MakePerson, socket: OpenSocket
) -> None:
    ada, bob = await user("ada"), await user("bob")
    sockets = [await socket(ada), await socket(bob)]
    for each in sockets:
        await each.settle()
    seq = server.core.changes.seq
    await server.drain()
    assert server.core.changes.seq == seq
    assert [entry.status.is_online for entry in server.core.registry] == [True, True]


async def test_a_socket_that_comes_while_the_server_drains_is_closed_with_1013(
    server: RunningServer, user: MakePerson, socket: OpenSocket
) -> None:
    ada = await user("ada")
    server.core.admission.closing = True
    assert await (await socket(ada, first=True)).closed() == 1013


@pytest.mark.parametrize("path", ["/ws/feed", "/ws/operators"])
async def test_an_upgrade_on_an_open_connection_of_a_draining_server_is_refused_so_that_a_proxy_tries_another(
    server: RunningServer, user: MakePerson, path: str
) -> None:
    ada = await user("ada")
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(request_of(ada, "GET", "/users/me"))
    assert (await answer_of(reader))[0] == 200
    await server.server.drain()
    writer.write(upgrade_request(server.port, path))
    status, headers, _ = await answer_of(reader)
    assert (status, headers["Connection"], headers["Retry-After"]) == (503, "close", "1")


async def test_an_upgrade_at_a_server_that_is_cut_off_from_the_others_is_refused_so_that_a_proxy_tries_another(
    server: RunningServer, user: MakePerson, socket: OpenSocket
) -> None:
    ada = await user("ada")
    server.core.admission.is_cut_off = True
    server.core.operator_sessions.drain(lambda: 1)
    for path in ("/ws/feed", "/ws/operators"):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(upgrade_request(server.port, path))
        status, headers, body = await answer_of(reader)
        assert (status, headers["Retry-After"]) == (503, "1")
        assert b"cut off" in body
        writer.close()
    server.core.admission.is_cut_off = False
    await (await socket(ada)).quiet()


async def test_no_new_connection_is_taken_while_the_server_drains(
    server: RunningServer, user: MakePerson, socket: OpenSocket
) -> None:
    await socket(await user("ada"))
    await server.drain()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", server.port)


@pytest.mark.settings(drain_seconds=0.3)
async def test_a_client_that_does_not_answer_the_close_holds_the_drain_up_no_longer_than_set(
    server: RunningServer, user: MakePerson, socket: OpenSocket
) -> None:
    deaf = await socket(await user("ada"))
    deaf.connection.transport.pause_reading()
    await server.stop()


async def answer_of(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    """Return the next HTTP response on a connection: status, headers and body."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in head[1:] if line)
        return int(head[0].split()[1]), headers, await reader.readexactly(int(headers["Content-Length"]))


def request_of(person: Person, method: str, path: str, body: bytes = b"") -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {person.token}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def test_the_next_request_on_an_open_connection_is_refused_with_503_and_the_connection_ends(
    server: RunningServer, user: MakePerson
) -> None:
    ada = await user("ada")
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(request_of(ada, "GET", "/users/me"))
    status, headers, _ = await answer_of(reader)
    assert (status, "Connection" in headers) == (200, False)
    await server.drain()
    writer.write(request_of(ada, "PUT", "/users/me/status", b'{"is_busy": true}'))
    status, headers, body = await answer_of(reader)
    assert (status, headers["Connection"], headers["Retry-After"]) == (503, "close", "1")
    assert b"OVERLOADED" in body
    assert await reader.read() == b""
    assert not server.core.presence.status(ada.user_id).is_busy


async def test_a_request_under_way_is_answered_and_told_that_its_connection_ends(
    server: RunningServer, user: MakePerson
) -> None:
    ada = await user("ada")
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    body = b'{"username": "bob", "password": "a long enough password"}'
    writer.write(request_of(ada, "POST", "/auth/register", body))
    while not server.server._traffic.requests:
        await asyncio.sleep(0)
    await server.stop()
    status, headers, _ = await answer_of(reader)
    assert (status, headers["Connection"]) == (201, "close")


@pytest.mark.settings(drain_seconds=5.0)
async def test_a_request_whose_body_is_still_arriving_is_answered(server: RunningServer, user: MakePerson) -> None:
    ada = await user("ada")
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    sent = request_of(ada, "PUT", "/users/me/status", b'{"is_busy": true}')
    writer.write(sent[:-5])
    while not server.server._traffic.arriving:
        await asyncio.sleep(0.01)
    stopping = asyncio.ensure_future(server.stop())
    await asyncio.sleep(0.05)
    writer.write(sent[-5:])
    status, headers, _ = await answer_of(reader)
    assert (status, headers["Connection"], headers["Retry-After"]) == (503, "close", "1")
    await stopping


@pytest.mark.settings(drain_seconds=5.0)
async def test_a_long_answer_reaches_a_client_that_reads_slowly(server: RunningServer, user: MakePerson) -> None:
    ada = await user("ada")
    listening = socket_module.socket()
    listening.setsockopt(socket_module.SOL_SOCKET, socket_module.SO_RCVBUF, 4096)
    listening.connect(("127.0.0.1", server.port))
    reader, writer = await asyncio.open_connection(sock=listening, limit=4096)
    writer.write(request_of(ada, "GET", "/openapi.json") * 100)
    while not server.server._traffic.answering:
        await asyncio.sleep(0.01)
    stopping = asyncio.ensure_future(server.stop())
    await asyncio.sleep(0.05)
    answers = [await answer_of(reader)]
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionResetError):
        while True:
            answers.append(await answer_of(reader))
    # What the client had not read when the server was told to stop is complete; the next request is refused.
    assert [status for status, _, _ in answers] == [200] * (len(answers) - 1) + [503]
    assert answers[-1][1]["Connection"] == "close"
    writer.close()
    await stopping


@pytest.mark.settings(drain_seconds=0.2, exit_seconds=10.0)
async def test_a_slow_request_is_still_answered_after_the_sockets_are_closed(
    server: RunningServer, user: MakePerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = await user("ada")
    save = server.stores.users.save_profile

    async def save_slowly(*given: Any, **named: Any) -> Any:
        await asyncio.sleep(0.6)
        return await save(*given, **named)

    monkeypatch.setattr(server.stores.users, "save_profile", save_slowly)
    renaming = asyncio.ensure_future(ada.patch("/users/me", {"username": "Ada L."}))
    while not server.server._traffic.requests:
        await asyncio.sleep(0.01)
    await server.stop()
    assert (await renaming).status == 200
