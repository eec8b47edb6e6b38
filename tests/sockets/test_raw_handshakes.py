"""A table of raw upgrade requests: what the server answers to each.

Most rows state what Tornado does, to reveal an upgrade that changes it. Rows with an error code state what Rollcall
checks itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import NamedTuple

import pytest

from chaos.raw_frames import ACCEPT, KEY, upgrade
from tests.clients import PATIENCE_SECONDS, connect_raw
from tests.conftest import MakePerson
from tests.running import RunningServer

pytestmark = [pytest.mark.gen_test, pytest.mark.any_store, pytest.mark.settings(sockets_per_user=100_000)]


class Answer(NamedTuple):
    """The parts of a response that are checked: the status line, some headers, and the error code."""

    status: str
    code: str | None = None
    accept: str | None = None
    protocol: str | None = None
    extensions: str | None = None
    version: str | None = None
    allow: str | None = None


UPGRADED = Answer("HTTP/1.1 101 Switching Protocols", accept=ACCEPT)
OURS = UPGRADED._replace(protocol="rollcall.v1")
NO_UPGRADE = Answer("HTTP/1.1 400 Bad Request", "INVALID_REQUEST")
MALFORMED = Answer("HTTP/1.1 400 Bad Request")
OTHER_VERSION = Answer("HTTP/1.1 426 Upgrade Required", version="13")
BAD_METHOD = Answer("HTTP/1.1 405 Method Not Allowed", "METHOD_NOT_ALLOWED", allow="GET, OPTIONS")
BAD_HOST = Answer("HTTP/1.1 403 Forbidden", "HOST_NOT_ALLOWED")
BAD_ORIGIN = Answer("HTTP/1.1 403 Forbidden", "ORIGIN_NOT_ALLOWED")
NOT_FOUND = Answer("HTTP/1.1 404 Not Found", "NOT_FOUND")
CLOSED = Answer("")

UPGRADE = {
    "a good request": (upgrade(), UPGRADED),
    "no Upgrade": (upgrade(without=["Upgrade"]), NO_UPGRADE),
    "Upgrade in another case": (upgrade("Upgrade: WebSocket"), UPGRADED),
    "Upgrade to something else": (upgrade("Upgrade: h2c"), NO_UPGRADE),
    "Upgrade with a list": (upgrade("Upgrade: websocket, h2c"), NO_UPGRADE),
    "Upgrade with a version": (upgrade("Upgrade: websocket/13"), NO_UPGRADE),
    "an empty Upgrade": (upgrade("Upgrade: "), NO_UPGRADE),
    "two Upgrades": (upgrade(extra=["Upgrade: websocket"]), NO_UPGRADE),
    "no Connection": (upgrade(without=["Connection"]), NO_UPGRADE),
    "Connection: keep-alive": (upgrade("Connection: keep-alive"), NO_UPGRADE),
    "Connection with a list": (upgrade("Connection: keep-alive, Upgrade"), UPGRADED),
    "Connection in capitals": (upgrade("Connection: UPGRADE"), UPGRADED),
    "Connection with a longer word": (upgrade("Connection: Upgrades"), NO_UPGRADE),
    "two Connections": (upgrade("Connection: keep-alive", extra=["Connection: Upgrade"]), UPGRADED),
    "Connection: close, Upgrade": (upgrade("Connection: close, Upgrade"), UPGRADED),
}

KEYS_AND_VERSIONS = {
    "no key": (upgrade(without=["Sec-WebSocket-Key"]), NO_UPGRADE),
    "an empty key": (upgrade("Sec-WebSocket-Key: "), NO_UPGRADE),
    "a key of 5 bytes": (upgrade("Sec-WebSocket-Key: c2hvcnQ="), NO_UPGRADE),
    "a key of 17 bytes": (upgrade("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAAA="), NO_UPGRADE),
    "a key that is not Base64": (upgrade("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j!!=="), NO_UPGRADE),
    "a key without its padding": (upgrade(f"Sec-WebSocket-Key: {KEY[:-2]}"), NO_UPGRADE),
    "two keys": (upgrade(extra=[f"Sec-WebSocket-Key: {KEY}"]), NO_UPGRADE),
    "no version": (upgrade(without=["Sec-WebSocket-Version"]), OTHER_VERSION),
    "version 8": (upgrade("Sec-WebSocket-Version: 8"), OTHER_VERSION),
    "version 0": (upgrade("Sec-WebSocket-Version: 0"), OTHER_VERSION),
    "version 99": (upgrade("Sec-WebSocket-Version: 99"), OTHER_VERSION),
    "version 013": (upgrade("Sec-WebSocket-Version: 013"), OTHER_VERSION),
    "a list of versions": (upgrade("Sec-WebSocket-Version: 13, 8"), OTHER_VERSION),
    "two versions": (upgrade(extra=["Sec-WebSocket-Version: 13"]), OTHER_VERSION),
    "a version in words": (upgrade("Sec-WebSocket-Version: thirteen"), OTHER_VERSION),
}

PROTOCOLS_AND_EXTENSIONS = {
    "our subprotocol": (upgrade("Sec-WebSocket-Protocol: rollcall.v1"), OURS),
    "subprotocols of others": (upgrade("Sec-WebSocket-Protocol: chat, superchat"), UPGRADED),
    "our subprotocol and another": (upgrade("Sec-WebSocket-Protocol: chat, rollcall.v1"), OURS),
    "our subprotocol in a second header": (
        upgrade("Sec-WebSocket-Protocol: chat", extra=["Sec-WebSocket-Protocol: rollcall.v1"]),
        OURS,
    ),
    "our subprotocol in another case": (upgrade("Sec-WebSocket-Protocol: Rollcall.V1"), UPGRADED),
    "our subprotocol and a token": (
        upgrade("Sec-WebSocket-Protocol: rollcall.v1, bearer.TOKEN", without=["Authorization"]),
        OURS,
    ),
    "an empty subprotocol": (upgrade("Sec-WebSocket-Protocol: "), UPGRADED),
    "subprotocols of commas": (upgrade("Sec-WebSocket-Protocol: ,,"), UPGRADED),
    "permessage-deflate": (upgrade("Sec-WebSocket-Extensions: permessage-deflate"), UPGRADED),
    "permessage-deflate with a parameter": (
        upgrade("Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"),
        UPGRADED,
    ),
    "permessage-deflate with a bad parameter": (
        upgrade("Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=99"),
        UPGRADED,
    ),
    "an unknown extension": (upgrade("Sec-WebSocket-Extensions: x-webkit-deflate-frame"), UPGRADED),
    "an extension that is not well formed": (upgrade('Sec-WebSocket-Extensions: ;;=,"'), UPGRADED),
}

REQUEST_LINES = {
    "HTTP/1.0": (upgrade(line="GET /ws/presence HTTP/1.0"), NO_UPGRADE),
    "HTTP/1.2": (upgrade(line="GET /ws/presence HTTP/1.2"), NO_UPGRADE),
    "HTTP/2.0": (upgrade(line="GET /ws/presence HTTP/2.0"), MALFORMED),
    "http/1.1 in small letters": (upgrade(line="GET /ws/presence http/1.1"), MALFORMED),
    "no HTTP version": (upgrade(line="GET /ws/presence"), MALFORMED),
    "two spaces": (upgrade(line="GET  /ws/presence HTTP/1.1"), MALFORMED),
    "the preface of HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", MALFORMED),
    "the first bytes of TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(40) + b"\r\n\r\n", MALFORMED),
    "POST": (upgrade(line="POST /ws/presence HTTP/1.1"), BAD_METHOD),
    "PUT": (upgrade(line="PUT /ws/presence HTTP/1.1"), BAD_METHOD),
    "HEAD": (upgrade(line="HEAD /ws/presence HTTP/1.1"), BAD_METHOD._replace(code=None)),
    "OPTIONS": (upgrade(line="OPTIONS /ws/presence HTTP/1.1"), Answer("HTTP/1.1 204 No Content")),
    "CONNECT": (upgrade(line="CONNECT /ws/presence HTTP/1.1"), BAD_METHOD),
    "an unknown method": (upgrade(line="BREW /ws/presence HTTP/1.1"), BAD_METHOD),
    "get in small letters": (upgrade(line="get /ws/presence HTTP/1.1"), BAD_METHOD),
    "a target in absolute form": (upgrade(line="GET http://localhost/ws/presence HTTP/1.1"), NOT_FOUND),
    "a target at another host": (upgrade(line="GET http://evil.example/ws/presence HTTP/1.1"), NOT_FOUND),
    "a target without a slash": (upgrade(line="GET ws/presence HTTP/1.1"), NOT_FOUND),
    "a target with two slashes": (upgrade(line="GET //ws/presence HTTP/1.1"), NOT_FOUND),
    "a target with dots": (upgrade(line="GET /ws/../ws/presence HTTP/1.1"), NOT_FOUND),
    "a target with a slash at its end": (upgrade(line="GET /ws/presence/ HTTP/1.1"), NOT_FOUND),
    "a target with an escaped letter": (upgrade(line="GET /ws/%70resence HTTP/1.1"), NOT_FOUND),
    "a target with a fragment": (upgrade(line="GET /ws/presence#top HTTP/1.1"), NOT_FOUND),
    "an asterisk for a target": (upgrade(line="GET * HTTP/1.1"), NOT_FOUND),
    "an unknown query": (upgrade(line="GET /ws/presence?x=%zz HTTP/1.1"), UPGRADED),
}

HEADERS = {
    "names in small letters": (upgrade().replace(b"Sec-WebSocket", b"sec-websocket"), UPGRADED),
    "no Host": (upgrade(without=["Host"]), MALFORMED),
    "two Hosts": (upgrade(extra=["Host: localhost"]), MALFORMED),
    "two Hosts, one of another site": (upgrade(extra=["Host: evil.example"]), MALFORMED),
    "a list of Hosts": (upgrade("Host: localhost, localhost"), MALFORMED),
    "an empty Host": (upgrade("Host: "), BAD_HOST),
    "another Host": (upgrade("Host: evil.example"), BAD_HOST),
    "a Host with a port that does not exist": (upgrade("Host: localhost:99999"), BAD_HOST),
    "an Origin of our own": (upgrade(extra=["Origin: http://localhost"]), UPGRADED),
    "another Origin": (upgrade(extra=["Origin: http://evil.example"]), BAD_ORIGIN),
    "a request from another site": (upgrade(extra=["Sec-Fetch-Site: cross-site"]), BAD_ORIGIN),
    "a folded header": (upgrade().replace(b"Upgrade: websocket", b"Upgrade:\r\n websocket"), MALFORMED),
    "a folded line before the first header": (upgrade().replace(b"\r\nHost", b"\r\n x\r\nHost"), MALFORMED),
    "lines that end with LF alone": (upgrade(end="\n"), UPGRADED),
    "one line that ends with CR alone": (upgrade().replace(b"localhost\r\n", b"localhost\r"), MALFORMED),
    "a space before a colon": (upgrade().replace(b"Host:", b"Host :"), MALFORMED),
    "a header without a colon": (upgrade(extra=["nonsense"]), MALFORMED),
    "a header whose name has a space": (upgrade(extra=["X Y: z"]), MALFORMED),
    "a NUL in a header": (upgrade(extra=["X: \0"]), MALFORMED),
    "a control character in a header": (upgrade(extra=["X: \x01"]), MALFORMED),
    "a byte above 127 in a header": (upgrade(extra=["X: \xe9"]), UPGRADED),
    "a header with underscores": (upgrade(extra=["Sec_WebSocket_Key: x"]), UPGRADED),
    "an empty line before the request": (b"\r\n" + upgrade(), UPGRADED),
    "two empty lines before the request": (b"\r\n\r\n" + upgrade(), MALFORMED),
    "a head of 20 KB": (upgrade(extra=["X: " + "x" * 20_000]), CLOSED),
    "a body with its length": (upgrade("Content-Length: 3") + b"abc", UPGRADED),
    "a body in chunks": (upgrade("Transfer-Encoding: chunked") + b"0\r\n\r\n", UPGRADED),
    "a body both with its length and in chunks": (
        upgrade("Content-Length: 5", "Transfer-Encoding: chunked") + b"0\r\n\r\n",
        MALFORMED,
    ),
    "two lengths": (upgrade("Content-Length: 3", extra=["Content-Length: 4"]) + b"abc", MALFORMED),
    "Expect: 100-continue": (upgrade(extra=["Expect: 100-continue"]), Answer("HTTP/1.1 100 (Continue)")),
}

TABLE = {**UPGRADE, **KEYS_AND_VERSIONS, **PROTOCOLS_AND_EXTENSIONS, **REQUEST_LINES, **HEADERS}


async def ask(server: RunningServer, request: bytes, *, early: bool) -> Answer:
    """Send a request and read one response."""
    reader, writer = await connect_raw(server.port, request, early=early)
    head, body = b"", b""
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        async with asyncio.timeout(PATIENCE_SECONDS):
            head = await reader.readuntil(b"\r\n\r\n")
            size = _headers(head).get("content-length")
            if size is not None and not request.startswith(b"HEAD"):
                body = await reader.readexactly(int(size))
    writer.transport.abort()
    return _answer(head, body)


def _headers(head: bytes) -> dict[str, str]:
    lines = head.decode("latin-1").splitlines()[1:]
    return {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}


def _answer(head: bytes, body: bytes) -> Answer:
    headers = _headers(head)
    is_error = headers.get("content-type") == "application/json" and body
    return Answer(
        head.partition(b"\r\n")[0].decode("latin-1"),
        json.loads(body)["error"]["code"] if is_error else None,
        headers.get("sec-websocket-accept"),
        headers.get("sec-websocket-protocol"),
        headers.get("sec-websocket-extensions"),
        headers.get("sec-websocket-version"),
        headers.get("allow"),
    )


@pytest.mark.parametrize("early", [False, True])
@pytest.mark.usefixtures("unharmed")
async def test_every_upgrade_request_is_answered_as_the_table_says(
    server: RunningServer, user: MakePerson, *, early: bool
) -> None:
    token = (await user("ada")).token.encode()
    requests = [request.replace(b"TOKEN", token) for request, _ in TABLE.values()]
    found = await asyncio.gather(*(ask(server, request, early=early) for request in requests))
    answers = zip(TABLE.items(), found, strict=True)
    assert [f"{name}: {answer}" for (name, (_, expected)), answer in answers if answer != expected] == []


@pytest.mark.usefixtures("unharmed")
async def test_a_request_that_ends_in_the_middle_is_not_answered(server: RunningServer) -> None:
    for size in (0, 1, 20, len(upgrade()) - 2):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(upgrade()[:size])
        writer.write_eof()
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert await reader.read() == b""
        writer.transport.abort()


@pytest.mark.parametrize("early", [False, True])
@pytest.mark.usefixtures("unharmed")
async def test_a_request_after_an_upgrade_is_read_as_frames(
    server: RunningServer, user: MakePerson, *, early: bool
) -> None:
    """A second request in the same packet must not reach HTTP (request smuggling)."""
    request = upgrade().replace(b"TOKEN", (await user("ada")).token.encode())
    sent = request + b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    reader, writer = await connect_raw(server.port, sent, early=early)
    async with asyncio.timeout(PATIENCE_SECONDS):
        received = await reader.read()
    writer.transport.abort()
    assert received.count(b"HTTP/1.1") == 1
    assert b"alive" not in received


async def _head(server: RunningServer, request: bytes, *, early: bool = False) -> list[bytes]:
    """Return the lines of the answer to an upgrade, without what differs each time."""
    reader, writer = await connect_raw(server.port, request, early=early)
    async with asyncio.timeout(PATIENCE_SECONDS):
        head = await reader.readuntil(b"\r\n\r\n")
    writer.transport.abort()
    changing = (b"Date: ", b"X-Request-Id: ")
    return [next((name for name in changing if line.startswith(name)), line) for line in head.split(b"\r\n")]


@pytest.mark.parametrize("extra", [[], ["Origin: http://localhost", "Sec-WebSocket-Protocol: rollcall.v1"]])
async def test_a_ticket_and_a_token_get_the_same_answer(
    server: RunningServer, user: MakePerson, extra: list[str]
) -> None:
    """A request with a ticket, or with a body, goes through a handler. Others are answered directly."""
    ada = await user("ada")
    token = ada.token.encode()
    ticket = (await ada.post("/auth/ticket")).body["ticket"]
    line = f"GET /ws/presence?ticket={ticket} HTTP/1.1"
    direct = await _head(server, upgrade(extra=extra).replace(b"TOKEN", token))
    assert await _head(server, upgrade(extra=extra).replace(b"TOKEN", token), early=True) == direct
    assert direct[0] == b"HTTP/1.1 101 Switching Protocols"
    assert await _head(server, upgrade(line=line, without=["Authorization"], extra=extra)) == direct
    assert await _head(server, upgrade(extra=[*extra, "Content-Length: 0"]).replace(b"TOKEN", token)) == direct
