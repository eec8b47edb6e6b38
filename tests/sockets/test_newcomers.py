"""Newcomers: connections that say nothing at first, and how sockets that can be read are found."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import select
import socket
import time

import pytest

from chaos.raw_frames import PING, PONG, frame, upgrade
from handlers import newcomers
from handlers.newcomers import Newcomers
from handlers.sockets import readable_sockets
from handlers.sockets.readable_sockets import ReadableSockets
from handlers.sockets.socket_stream import SocketStream
from tests.clients import connect_raw, eventually
from tests.conftest import MakePerson
from tests.running import RunningServer

pytestmark = [pytest.mark.gen_test]

ASKS_FOR_HEALTH = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


def waiting(server: RunningServer) -> Newcomers:
    found = server.server._http._newcomers
    assert found is not None
    return found


async def test_an_upgrade_that_comes_after_its_connection_needs_no_http(
    server: RunningServer, user: MakePerson
) -> None:
    request = upgrade().replace(b"TOKEN", (await user("ada")).token.encode())
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    await eventually(lambda: len(waiting(server)) == 1)
    writer.write(request)
    assert (await reader.readline()).startswith(b"HTTP/1.1 101 ")
    (session,) = server.core.hub
    assert isinstance(session.transport._stream, SocketStream)  # type: ignore[attr-defined]
    assert len(waiting(server)) == 0
    writer.transport.abort()


async def test_a_request_that_comes_after_its_connection_is_answered(server: RunningServer) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    await eventually(lambda: len(waiting(server)) == 1)
    writer.write(ASKS_FOR_HEALTH)
    assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
    writer.close()


async def test_a_connection_that_stays_silent_is_left_to_http(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(newcomers, "WAIT_SECONDS", 0.05)
    first, second = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(2)]
    await eventually(lambda: len(waiting(server)) > 0)
    await eventually(lambda: len(waiting(server)) == 0)
    for reader, writer in (first, second):
        writer.write(ASKS_FOR_HEALTH)
        assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
        writer.close()


async def test_a_client_that_leaves_without_a_word_leaves_nothing(server: RunningServer) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", server.port)
    await eventually(lambda: len(waiting(server)) == 1)
    writer.transport.abort()
    await eventually(lambda: len(waiting(server)) == 0)


async def test_a_silent_connection_does_not_hold_up_a_drain(server: RunningServer) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    await eventually(lambda: len(waiting(server)) == 1)
    async with asyncio.timeout(5):
        await server.stop()
        assert await reader.read() == b""
    writer.close()


async def test_a_head_with_one_header_twice_is_left_to_http(server: RunningServer, user: MakePerson) -> None:
    twice = upgrade(extra=["Upgrade: websocket"]).replace(b"TOKEN", (await user("ada")).token.encode())
    reader, writer = await connect_raw(server.port, twice, early=True)
    assert (await reader.readline()).startswith(b"HTTP/1.1 400 ")
    writer.close()


async def test_a_failure_of_one_socket_is_not_one_of_the_others() -> None:
    readable, read = ReadableSockets(), list[str]()

    def fail() -> None:
        raise RuntimeError

    pairs = [socket.socketpair() for _ in range(2)]
    for (near, far), on_readable in zip(pairs, (fail, lambda: read.append("second")), strict=True):
        far.send(b"x")
        readable.add(near.fileno(), on_readable)
    await eventually(lambda: bool(read))
    for near, far in pairs:
        readable.remove(near.fileno())
        near.close()
        far.close()


async def test_a_socket_that_another_one_closes_is_not_read() -> None:
    readable, read = ReadableSockets(), list[int]()
    pairs = [socket.socketpair() for _ in range(2)]

    def take(own: socket.socket, other: socket.socket) -> None:
        read.append(own.fileno())
        readable.remove(other.fileno())
        other.close()

    (one, one_far), (two, two_far) = pairs
    one_far.send(b"x")
    two_far.send(b"x")
    readable.add(one.fileno(), lambda: take(one, two))
    readable.add(two.fileno(), lambda: take(two, one))
    await eventually(lambda: bool(read))
    await asyncio.sleep(0.01)
    assert len(read) >= 1
    assert len(set(read)) == 1
    readable.remove(read[0])
    for each in (one, one_far, two, two_far):
        each.close()


@pytest.mark.parametrize(("name", "value"), [("AT_A_STRETCH", 2), ("STRETCH_SECONDS", 0.002)])
async def test_others_get_a_turn_between_many_readable_sockets(
    monkeypatch: pytest.MonkeyPatch, name: str, value: float
) -> None:
    monkeypatch.setattr(readable_sockets, name, value)
    readable, order = ReadableSockets(), list[str]()
    pairs = [socket.socketpair() for _ in range(4)]

    def take(near: socket.socket) -> None:
        near.recv(1)
        time.sleep(0.0015)
        order.append("socket")
        asyncio.get_running_loop().call_soon(order.append, "other")

    for near, far in pairs:
        far.send(b"x")
        readable.add(near.fileno(), lambda near=near: take(near))  # type: ignore[misc]
    await eventually(lambda: order.count("socket") == 4)
    assert order.index("other") <= 2
    for near, far in pairs:
        readable.remove(near.fileno())
        near.close()
        far.close()


async def test_what_is_not_watched_can_be_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    readable = ReadableSockets()
    readable.remove(1)
    near, far = socket.socketpair()
    opened: list[select.epoll] = []
    monkeypatch.setattr(select, "epoll", lambda make=select.epoll: opened.append(make()) or opened[-1])
    for _ in range(2):
        readable.add(near.fileno(), lambda: None)
        readable.remove(near.fileno())
    readable.remove(near.fileno())
    assert [each.closed for each in opened] == [True, True]
    near.close()
    far.close()


async def test_connections_are_read_even_if_no_file_is_left_for_an_epoll(
    server: RunningServer, user: MakePerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = upgrade().replace(b"TOKEN", (await user("ada")).token.encode())

    def refuse() -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(select, "epoll", refuse)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    await eventually(lambda: len(waiting(server)) == 1)
    writer.write(request)
    assert (await reader.readline()).startswith(b"HTTP/1.1 101 ")
    writer.write(frame(PING, b"heard"))
    await reader.readuntil(frame(PONG, b"heard", masked=False))
    (session,) = server.core.hub
    writer.transport.abort()
    await eventually(lambda: not session.is_open)
    assert len(waiting(server)) == 0


async def test_a_socket_that_cannot_be_read_leaves_no_session(
    server: RunningServer, user: MakePerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = upgrade().replace(b"TOKEN", (await user("ada")).token.encode())

    def fail(*_: object) -> None:
        raise RuntimeError("a mistake")

    monkeypatch.setattr(ReadableSockets, "add", fail)
    reader, writer = await connect_raw(server.port, request, early=True)
    with contextlib.suppress(ConnectionResetError):
        await reader.read()
    await eventually(lambda: server.server._traffic.sockets == 0)
    assert len(server.core.hub) == 0
    writer.close()


async def test_a_silent_connection_that_fails_keeps_no_other_one_waiting(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(newcomers, "WAIT_SECONDS", 0.05)
    http, failures = server.server._http, iter([RuntimeError("a mistake")])
    handle = http.handle_stream

    def fail_once(*given: object) -> None:
        error = next(failures, None)
        if error is not None:
            raise error
        handle(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(http, "handle_stream", fail_once)
    (failing, one), (reader, other) = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(2)]
    assert await failing.read() == b""
    other.write(ASKS_FOR_HEALTH)
    assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
    assert len(waiting(server)) == 0
    one.close()
    other.close()


async def test_an_upgrade_that_nobody_had_time_to_read_needs_no_http(server: RunningServer, user: MakePerson) -> None:
    request = upgrade().replace(b"TOKEN", (await user("ada")).token.encode())
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    await eventually(lambda: len(waiting(server)) == 1)
    writer.write(request)
    for connection, (address, _) in list(waiting(server)._waiting.items()):
        waiting(server)._waiting[connection] = address, 0.0
    waiting(server)._sweep()
    assert (await reader.readline()).startswith(b"HTTP/1.1 101 ")
    (session,) = server.core.hub
    assert isinstance(session.transport._stream, SocketStream)  # type: ignore[attr-defined]
    writer.transport.abort()


async def test_others_get_a_turn_between_many_that_have_waited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(newcomers, "WAIT_SECONDS", 0.0)
    monkeypatch.setattr(newcomers, "STRETCH_SECONDS", 0.002)
    order, pairs = list[str](), [socket.socketpair() for _ in range(4)]

    def begin(_connection: socket.socket, _address: tuple[object, ...]) -> None:
        time.sleep(0.0015)
        order.append("newcomer")
        asyncio.get_running_loop().call_soon(order.append, "other")

    waiting_ones = Newcomers(begin)
    for near, _ in pairs:
        waiting_ones.add(near, ("127.0.0.1", 1))
    await eventually(lambda: order.count("newcomer") == 4)
    assert order.index("other") <= 2
    assert len(waiting_ones) == 0
    for near, far in pairs:
        near.close()
        far.close()
