"""Early heads: which upgrades are answered before Tornado knows of the connection."""

from __future__ import annotations

import asyncio
import socket

import pytest

from chaos.raw_frames import PING, PONG, frame, upgrade
from handlers.sockets.early_heads import EarlyHead, EarlyHeads, EarlyRequest
from handlers.sockets.readable_sockets import ReadableSockets
from handlers.sockets.socket_stream import SocketStream
from tests.clients import RawSocket, connect_raw, eventually
from tests.conftest import MakePerson
from tests.running import RunningServer

pytestmark = [pytest.mark.gen_test, pytest.mark.any_store]


def is_early(server: RunningServer) -> bool:
    """Whether the only socket was opened before Tornado knew of it."""
    (session,) = server.core.hub
    return isinstance(session.transport._stream, SocketStream)  # type: ignore[attr-defined]


def read_head(data: bytes, heads: EarlyHeads | None = None) -> EarlyHead | None:
    return (heads or EarlyHeads({"/ws/feed"})).read(data, ("127.0.0.1", 1))


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


@pytest.mark.settings(trusted_proxies=("127.0.0.1",))
@pytest.mark.parametrize(
    ("changed", "extra", "status"),
    [
        ([], [], 101),
        (["Sec-WebSocket-Key: short"], [], 400),
        (["Authorization: Bearer nobody's"], [], 101),  # then the socket is closed with 4001
        ([], ["Authorization: Bearer TOKEN"], 101),
        ([], ["sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ=="], 400),
        ([], ["Origin: https://localhost"], 101),
        ([], ["Origin: http://evil.example"], 403),
        ([], ["X-Forwarded-Proto: https", "Origin: http://localhost"], 403),
        ([], ["X-Forwarded-Proto: http", "Origin: http://localhost"], 101),
        ([], ["Content-Length: 0"], 101),
        (["Sec-WebSocket-Version: 12"], [], 426),
        (["X-Forwarded-For: 203.0.113.7"], [], 101),
        (["Sec-WebSocket-Protocol: rollcall.v1"], [], 101),
    ],
)
async def test_a_client_is_judged_by_its_own_headers_after_others_like_it(
    server: RunningServer, user: MakePerson, changed: list[str], extra: list[str], status: int
) -> None:
    ada = (await user("ada")).token.encode()
    others, request = upgrade().replace(b"TOKEN", ada), upgrade(*changed, extra=extra).replace(b"TOKEN", ada)
    for sent, expected in ((others, 101), (request, status), (others, 101), (request, status)):
        reader, writer = await connect_raw(server.port, sent, early=True)
        assert (await reader.readline()).startswith(f"HTTP/1.1 {expected} ".encode())
        writer.transport.abort()


@pytest.mark.parametrize(
    "lines",
    [
        "Host: a\r\nHost: a",
        "Host: a\nX: b",
        "Host: a\rX: b",
        "Host: a\r\nX : b",
        "Host: a\r\n X: b",
        "Host: a\r\nX:b",
        "Host: a\r\nX: \x00",
        "Host: a\r\nX: é",
        "Host: a\r\nAuthorization: x\r\nauthorization: y",
        "Host: a\r\nAuthorization: x\ty",
        "Host: a\r\nAuthorization:  x",
        "Host: a\r\nAuthorization: ",
        "X: y",
        "",
    ],
)
def test_a_head_that_parsers_may_read_differently_is_not_read_early(lines: str) -> None:
    heads = EarlyHeads({"/ws/feed"})
    for _ in range(2):  # the second time from what is kept
        data = f"GET /ws/feed HTTP/1.1\r\n{lines}\r\n\r\n".encode("latin-1")
        assert read_head(data, heads) is None


@pytest.mark.parametrize(
    "first",
    [
        "GET /ws/feed HTTP/1.0",
        "GET /ws/feed  HTTP/1.1",
        "GET /ws/feed HTTP/1.1 ",
        "GET /ws/feed\nHTTP/1.1",
        "GET /ws/feed?a=\x01 HTTP/1.1",
        "GET /ws/feed?a=é HTTP/1.1",
        "GET /ws/other HTTP/1.1",
        "GET /ws/feed#x HTTP/1.1",
        "get /ws/feed HTTP/1.1",
    ],
)
def test_a_first_line_that_parsers_may_read_differently_is_not_read_early(first: str) -> None:
    assert read_head(f"{first}\r\nHost: a\r\n\r\n".encode("latin-1")) is None


def test_a_head_is_read_as_it_was_sent_with_what_came_after_it() -> None:
    head = b"GET /ws/feed?token=a.b.c HTTP/1.1\r\nhost: a\r\nX-Forwarded-For: 1.2.3.4\r\nUser-Agent: x  y\r\n\r\n"
    found = read_head(head + b"more\r\n\r\n")
    assert found is not None
    assert found.rest == b"more\r\n\r\n"
    assert found.request.headers == {"host": "a", "x-forwarded-for": "1.2.3.4", "user-agent": "x  y"}
    assert found.request.query_arguments == {"token": [b"a.b.c"]}
    assert found.request.remote_ip == "127.0.0.1"


def test_lines_of_any_length_are_read_but_only_short_ones_are_kept() -> None:
    heads = EarlyHeads({"/ws/feed"})

    def read(extra: str) -> EarlyRequest:
        data = f"GET /ws/feed HTTP/1.1\r\nHost: a\r\nX: {extra}\r\nSec-WebSocket-Key: {extra[:3]}\r\n\r\n".encode()
        found = read_head(data, heads)
        assert found is not None
        return found.request

    assert read("short").common is read("short").common
    assert read("x" * 2000).common is not read("x" * 2000).common
    assert read("x" * 2000).headers["x"] == "x" * 2000


def test_the_secrets_of_a_client_are_not_among_the_lines_that_are_kept() -> None:
    secrets = {"Authorization": "Bearer secret", "Cookie": "a=secret", "Sec-WebSocket-Protocol": "bearer.secret"}
    lines = "".join(f"{name}: {value}\r\n" for name, value in secrets.items())
    found = read_head(f"GET /ws/feed?token=secret HTTP/1.1\r\nHost: a\r\n{lines}\r\n".encode())
    assert found is not None
    assert found.request.headers == {"host": "a", **{name.lower(): value for name, value in secrets.items()}}
    assert found.request.common.headers == {"host": "a"}


async def test_another_server_answers_the_same_head_by_its_own_settings(
    server: RunningServer, user: MakePerson
) -> None:
    request = upgrade(extra=["Origin: http://app.example"]).replace(b"TOKEN", (await user("ada")).token.encode())
    for allowed, status in ((("http://app.example",), 101), ((), 403)):
        await server.restart(allowed_origins=allowed)
        reader, writer = await connect_raw(server.port, request, early=True)
        assert (await reader.readline()).startswith(f"HTTP/1.1 {status} ".encode())
        writer.transport.abort()


async def test_a_socket_that_is_closed_passes_on_nothing_that_was_read_before() -> None:
    near, far = socket.socketpair()
    near.setblocking(False)
    arrived = list[bytes | None]()
    stream = SocketStream(near, ReadableSockets(), b"begun")
    stream.read(arrived.append)
    stream.close()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert arrived == [None]
    far.close()
