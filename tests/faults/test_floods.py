"""Floods and invalid data: whatever one connection does, the server keeps running and serves the others."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from typing import Any
from urllib.parse import quote

import pytest

from chaos.bad_input import BAD_FRAMES, FLOODS, HUGE_REQUESTS
from chaos.crowd import Member, answers, enter, enter_all
from tests.clients import Person, RawSocket
from tests.program import MakeProgram, ServerProgram, until

pytestmark = [pytest.mark.slow, pytest.mark.gen_test(timeout=90)]

GROWTH_BYTES = 24 * 1024 * 1024
"""Memory that a flood may cost: more than what the server queues, because allocators don't free it at once."""

HALF_OPEN = 200
HANDSHAKES = 200
OPEN_FILES = 96


class Other:
    """An uninvolved client, and the server's memory use at the beginning."""

    def __init__(self, server: ServerProgram, member: Member) -> None:
        self._server = server
        self._member = member
        self._bytes = server.resident_bytes()

    async def is_served(self) -> None:
        """Check that a pong comes, and that memory is bounded."""
        assert await answers(self._member)
        assert self._server.resident_bytes() - self._bytes < GROWTH_BYTES


async def begin(program: MakeProgram, **settings: Any) -> tuple[ServerProgram, Person, Other]:
    """Start a server, with a user for the test to act as and an uninvolved client."""
    server = program(**{"command_burst": 200, **settings})
    person, other = await server.populate(2)
    await server.start()
    return server, person, Other(server, await enter(server.port, other))


async def upgraded(server: ServerProgram, person: Person) -> RawSocket:
    raw, status = await RawSocket.open(server.port, f"/ws/feed?token={person.token}")
    assert status == 101
    return raw


async def only_the_other_is_left(server: ServerProgram) -> None:
    async def is_so() -> bool:
        return await server.metric("rollcall_sockets") == 1

    await until(is_so)


@pytest.mark.parametrize("kind", FLOODS)
async def test_a_flood_on_one_socket_ends_it_and_nothing_else(program: MakeProgram, kind: str) -> None:
    server, person, other = await begin(program)
    flood, codes = FLOODS[kind]
    raw = await upgraded(server, person)
    raw.writer.transport.pause_reading()  # type: ignore[attr-defined]
    raw.writer.write(flood)
    await only_the_other_is_left(server)
    await other.is_served()
    metrics = (await server.api.get("/metrics")).body
    assert any(f'rollcall_closes_total{{code="{code}"}}' in metrics for code in codes)
    raw.end()


@pytest.mark.parametrize("kind", BAD_FRAMES)
async def test_a_bad_frame_ends_its_socket_alone(program: MakeProgram, kind: str) -> None:
    server, person, other = await begin(program)
    raw = await upgraded(server, person)
    raw.writer.write(BAD_FRAMES[kind])
    if kind.endswith("reset"):
        await raw.writer.drain()
        raw.end()
    elif kind.startswith("text"):
        assert await raw.close_code() in (1006, 1007)
    else:
        assert await raw.close_code() != 1000 or kind.startswith("a close reason")
    await only_the_other_is_left(server)
    await other.is_served()
    raw.end()


@pytest.mark.parametrize("kind", HUGE_REQUESTS)
async def test_a_request_that_is_too_much_is_refused_or_closed(program: MakeProgram, kind: str) -> None:
    server, _, other = await begin(program)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    with contextlib.suppress(ConnectionError):
        writer.write(HUGE_REQUESTS[kind])
        await asyncio.wait_for(writer.drain(), 30)
    head = b""
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
        head = await asyncio.wait_for(reader.readline(), 30)
    assert head == b"" or 400 <= int(head.split()[1]) < 500 or b" 101 " in head
    writer.transport.abort()
    await only_the_other_is_left(server)
    await other.is_served()


async def test_a_token_of_many_bytes_on_a_socket_is_refused_as_any_other(program: MakeProgram) -> None:
    server, _, other = await begin(program)
    raw, status = await RawSocket.open(server.port, "/ws/feed?token=" + quote("ä" * 1000))
    assert status == 101
    assert await raw.close_code() == 4500
    raw.end()
    await other.is_served()


async def test_requests_whose_headers_never_end_are_gone_after_the_header_timeout(program: MakeProgram) -> None:
    server, _, other = await begin(program, header_timeout_seconds=1.0, body_timeout_seconds=1.0)
    beginnings = [
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ",
        b"",
        b"POST /auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\n{",
    ]
    connections = await asyncio.gather(*(asyncio.open_connection("127.0.0.1", server.port) for _ in range(HALF_OPEN)))
    for number, (_, writer) in enumerate(connections):
        writer.write(beginnings[number % len(beginnings)])
    assert (await server.api.get("/healthz")).status == 200

    async def trickle(writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.2)  # an occasional byte keeps a naive server waiting

    drip = asyncio.create_task(trickle(connections[0][1]))
    ends = await asyncio.wait_for(asyncio.gather(*(is_over(reader) for reader, _ in connections)), 20)
    drip.cancel()
    assert all(ends)
    await other.is_served()
    for _, writer in connections:
        writer.transport.abort()


async def is_over(reader: asyncio.StreamReader) -> bool:
    try:
        await reader.read()
    except ConnectionError:
        return True
    return reader.at_eof()


async def test_a_peer_that_vanished_without_a_word_is_closed_with_4000_and_goes_offline(program: MakeProgram) -> None:
    server, person, _ = await begin(
        program, ping_interval_seconds=1.0, pong_timeout_seconds=0.5, silent_socket_seconds=1.2, grace_seconds=1.0
    )
    watching = await server.register("watcher")
    operator_session = await enter(server.port, watching, watches=True)
    silent = await enter(server.port, person, deaf=True)
    await silent.ended
    assert silent.close_code == 4000

    async def is_told() -> bool:
        return (
            bool(operator_session.of(person.user_id))
            and not operator_session.of(person.user_id)[-1]["status"]["is_online"]
        )

    await until(is_told)
    assert operator_session.of(person.user_id)[-1]["reason"] == "timed_out"
    assert await answers(operator_session)


async def test_peers_that_vanish_during_the_upgrade_leave_nothing_behind(program: MakeProgram) -> None:
    server, person, other = await begin(program, grace_seconds=1.0, sockets_per_user=HANDSHAKES)
    before = await server.metric("rollcall_timers")
    requests = [
        f"GET /ws/feed?token={token} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        for token in (person.token, "bad")
    ]
    for number in range(HANDSHAKES):
        request = requests[number // 8 % 2].encode()
        with socket.create_connection(("127.0.0.1", server.port)) as peer:
            peer.sendall(request[: len(request) * (number % 4 + 1) // 4])
            if number % 8 < 4:
                # With a linger time of zero, closing resets the connection.
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    await only_the_other_is_left(server)

    async def is_offline() -> bool:
        return not (await person.get("/users/me/status")).body["is_online"]

    await until(is_offline)
    assert await server.metric("rollcall_timers") <= before
    await other.is_served()


async def test_when_files_run_out_the_open_sockets_are_served_and_new_ones_accepted_again(program: MakeProgram) -> None:
    server = program(open_files=OPEN_FILES, header_timeout_seconds=60)
    *people, late = await server.populate(21)
    await server.start()
    members = await enter_all(server.port, people)
    lines = len(server.events())
    idle = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(200)]
    try:
        # A connection that stayed in the kernel's queue would wake the server again and again.
        await until(lambda: are_turned_away(idle, at_least=len(idle) - OPEN_FILES))
        assert all(await asyncio.gather(*(answers(member) for member in members)))
        assert len(server.events()) - lines <= 8
    finally:
        for each in idle:
            each.close()

    async def is_accepted() -> bool:
        try:
            return (await enter(server.port, late)).is_open
        except ConnectionError:  # the files of those who left are not closed yet
            return False

    await until(is_accepted)
    assert all(member.is_open for member in members)


async def are_turned_away(peers: list[socket.socket], *, at_least: int) -> bool:
    """Return whether the server has closed so many of them."""
    return sum(map(is_turned_away, peers)) >= at_least


def is_turned_away(peer: socket.socket) -> bool:
    try:
        return peer.recv(1, socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True
