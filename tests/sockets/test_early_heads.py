"""Early heads: which upgrades are answered before Tornado knows of the connection."""

from __future__ import annotations

import asyncio
import socket

import pytest

from chaos.raw_frames import PING, PONG, frame, upgrade
from handlers.sockets.socket_stream import SocketStream
from tests.clients import RawSocket, connect_raw, eventually
from tests.conftest import MakePerson
from tests.running import RunningServer

pytestmark = [pytest.mark.gen_test, pytest.mark.any_store]


def is_early(server: RunningServer) -> bool:
    """Whether the only socket was opened before Tornado knew of it."""
    (session,) = server.core.hub
    return isinstance(session.transport._stream, SocketStream)  # type: ignore[attr-defined]


LONG = "X: " + "x" * 5000


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, True),
        ({"line": "GET /ws/feed?since=1&epoch=x HTTP/1.1"}, True),
        ({"extra": ["Origin: http://localhost", "Sec-WebSocket-Protocol: rollcall.v1"]}, True),
        ({"extra": [LONG]}, False),
        ({"extra": ["Content-Length: 0"]}, False),
        ({"end": "\n"}, False),
    ],
)
async def test_a_plain_head_that_is_there_at_once_needs_no_http(
    server: RunningServer, user: MakePerson, change: dict[str, str], *, expected: bool
) -> None:
    request = upgrade(**change).replace(b"TOKEN", (await user("ada")).token.encode())  # type: ignore[arg-type]
    reader, writer = await connect_raw(server.port, request + frame(PING, b"first"), early=True)
    assert (await reader.readline()).startswith(b"HTTP/1.1 101 ")
    await reader.readuntil(frame(PONG, b"first", masked=False))
    assert is_early(server) == expected
    writer.transport.abort()


async def test_a_head_that_comes_in_two_parts_is_left_to_http(server: RunningServer, user: MakePerson) -> None:
    request = upgrade().replace(b"TOKEN", (await user("ada")).token.encode())
    reader, writer = await connect_raw(server.port, request[:50], early=True)
    await asyncio.sleep(0.02)
    writer.write(request[50:])
    assert (await reader.readline()).startswith(b"HTTP/1.1 101 ")
    assert not is_early(server)
    writer.transport.abort()


async def test_a_client_that_left_before_it_was_accepted_leaves_nothing(
    server: RunningServer, user: MakePerson
) -> None:
    request = upgrade().replace(b"TOKEN", (await user("ada")).token.encode())
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(request)
    await eventually(lambda: server.core.counters.closes.total() == 1)
    assert len(server.core.hub) == 0


async def test_the_reset_of_a_connection_that_opened_early_ends_its_session(
    server: RunningServer, user: MakePerson
) -> None:
    ada = await user("ada")
    raw, _ = await RawSocket.open(server.port, f"/ws/presence?token={ada.token}", early=True)
    (session,) = server.core.hub
    raw.end()
    await eventually(lambda: not session.is_open)
    assert len(server.core.hub) == 0


@pytest.mark.parametrize(
    ("changed", "extra", "status"),
    [
        ([], ["Origin: http://evil.example"], 403),
        ([], ["oRIGIN: http://evil.example"], 403),
        ([], ["Sec-Fetch-Site: cross-site"], 403),
        (["Host: evil.example"], [], 403),
        (["Host: a,b"], [], 400),
        ([], ["X: 1", "X: 2"], 101),
    ],
)
async def test_a_head_that_is_read_early_is_judged_like_any_other(
    server: RunningServer, user: MakePerson, changed: list[str], extra: list[str], status: int
) -> None:
    request = upgrade(*changed, extra=extra).replace(b"TOKEN", (await user("ada")).token.encode())
    for early in (True, False):
        reader, writer = await connect_raw(server.port, request, early=early)
        assert (await reader.readline()).startswith(f"HTTP/1.1 {status} ".encode())
        writer.transport.abort()


@pytest.mark.parametrize("query", ["since=1&epoch=%20x+", "epoch=&flag", "&".join(["a=1"] * 200)])
async def test_a_query_means_the_same_early_and_late(server: RunningServer, user: MakePerson, query: str) -> None:
    request = upgrade(line=f"GET /ws/feed?{query} HTTP/1.1").replace(b"TOKEN", (await user("ada")).token.encode())
    for early in (True, False):
        reader, writer = await connect_raw(server.port, request, early=early)
        assert (await reader.readline()).startswith(b"HTTP/1.1 101 ")
        writer.transport.abort()
