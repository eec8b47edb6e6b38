"""Host × Origin × Sec-Fetch-Site, on sockets and on the API: what a page of another site may request."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest

from tests.clients import Person, RawSocket
from tests.conftest import MakePerson
from tests.running import RunningServer

OK, HOST, ORIGIN = None, "HOST_NOT_ALLOWED", "ORIGIN_NOT_ALLOWED"

pytestmark = [
    pytest.mark.gen_test,
    pytest.mark.any_store,
    pytest.mark.settings(
        allowed_hosts=("app.example", "*.wild.example", "ported.example:8443"),
        allowed_origins=(
            "https://web.example", "https://*.pages.example", "http://plain.example:80", "ws://swift.example:81",
            "capacitor://localhost", "chrome-extension://abcdefghijklmnop", "app://.",
        ),
    ),
]  # fmt: skip


@dataclass(frozen=True)
class OriginCase:
    """A request's headers, with PORT for the server's port, and the code of its refusal."""

    host: str
    origin: str | None
    site: str | None
    refusal: str | None


ROWS = [
    OriginCase("127.0.0.1:PORT", None, None, OK),
    OriginCase("localhost:PORT", None, None, OK),
    OriginCase("LOCALHOST:PORT", None, None, OK),
    OriginCase("[::1]:PORT", None, None, OK),
    OriginCase("app.example", None, None, OK),
    OriginCase("app.example:PORT", None, "same-origin", OK),
    OriginCase("localhost:PORT", None, "none", OK),
    OriginCase("localhost:PORT", "http://localhost:PORT", "same-origin", OK),
    OriginCase("localhost:PORT", "HTTP://LOCALHOST:PORT", None, OK),
    OriginCase("localhost:PORT", "https://localhost:PORT", None, OK),
    OriginCase("[::1]:PORT", "http://[::1]:PORT", None, OK),
    OriginCase("localhost:PORT", "https://web.example", "cross-site", OK),
    OriginCase("app.example", "https://web.example", "same-site", OK),
    OriginCase("evil.example", None, None, HOST),
    OriginCase("evil.example:PORT", "http://evil.example:PORT", "same-origin", HOST),
    OriginCase("localhost.evil.example", None, None, HOST),
    OriginCase("evil-localhost", None, None, HOST),
    OriginCase("app.example.evil.example", None, None, HOST),
    OriginCase("notapp.example", None, None, HOST),
    OriginCase("app.example.", None, None, HOST),
    OriginCase("localhost:x", None, None, HOST),
    OriginCase("127.0.0.1.evil.example", None, None, HOST),
    OriginCase("localhost:PORT", "null", "cross-site", ORIGIN),
    OriginCase("localhost:PORT", "", None, ORIGIN),
    OriginCase("localhost:PORT", "file://", None, ORIGIN),
    OriginCase("localhost:PORT", "http://evil.example", "cross-site", ORIGIN),
    OriginCase("localhost:PORT", "http://localhost:1", "same-site", ORIGIN),
    OriginCase("localhost:PORT", "http://localhost", "same-site", ORIGIN),
    OriginCase("localhost:PORT", "http://127.0.0.1:PORT", "cross-site", ORIGIN),
    OriginCase("localhost:PORT", "http://localhost:PORT.evil.example", None, ORIGIN),
    OriginCase("localhost:PORT", "http://localhost:PORT/", None, ORIGIN),
    OriginCase("localhost:PORT", "http://evil@localhost:PORT", None, ORIGIN),
    OriginCase("localhost:PORT", "ws://localhost:PORT", None, OK),
    OriginCase("localhost:PORT", "wss://localhost:PORT", None, OK),
    OriginCase("localhost:PORT", "ws://localhost:1", None, ORIGIN),
    OriginCase("app.example", "https://app.example", "same-origin", OK),
    OriginCase("app.example", "https://app.example:443", None, OK),
    OriginCase("app.example:443", "https://app.example", None, OK),
    OriginCase("app.example", "http://app.example:80", None, OK),
    OriginCase("app.example:80", "http://app.example", None, OK),
    OriginCase("app.example", "https://app.example:80", None, ORIGIN),
    OriginCase("app.example:443", "http://app.example", None, ORIGIN),
    OriginCase("app.example:", "http://app.example", None, OK),
    OriginCase("[0:0:0:0:0:0:0:1]:PORT", "http://[::1]:PORT", None, OK),
    OriginCase("[::1", None, None, HOST),
    OriginCase("[localhost]", None, None, HOST),
    OriginCase("localhost:99999", None, None, HOST),
    OriginCase("a.wild.example", None, None, OK),
    OriginCase("A.B.Wild.example:PORT", "http://a.b.wild.example:PORT", "same-origin", OK),
    OriginCase("wild.example", None, None, HOST),
    OriginCase("evilwild.example", None, None, HOST),
    OriginCase(".wild.example", None, None, HOST),
    OriginCase("*.wild.example", None, None, HOST),
    OriginCase("a.wild.example.evil.example", None, None, HOST),
    OriginCase("ported.example:8443", None, None, OK),
    OriginCase("ported.example", None, None, HOST),
    OriginCase("ported.example:8444", None, None, HOST),
    OriginCase("localhost:PORT", "https://web.example:443", "cross-site", OK),
    OriginCase("localhost:PORT", "wss://web.example", "cross-site", OK),
    OriginCase("localhost:PORT", "http://plain.example", "cross-site", OK),
    OriginCase("localhost:PORT", "http://swift.example:81", "cross-site", OK),
    OriginCase("localhost:PORT", "https://a.pages.example", "cross-site", OK),
    OriginCase("localhost:PORT", "https://a.b.pages.example:443", "cross-site", OK),
    OriginCase("localhost:PORT", "http://a.pages.example", "cross-site", ORIGIN),
    OriginCase("localhost:PORT", "https://pages.example", "cross-site", ORIGIN),
    OriginCase("localhost:PORT", "https://evilpages.example", "cross-site", ORIGIN),
    OriginCase("localhost:PORT", "https://*.pages.example", "cross-site", ORIGIN),
    OriginCase("localhost:PORT", "https://a.pages.example:444", "cross-site", ORIGIN),
    OriginCase("localhost:PORT", "https://a.pages.example/", "cross-site", ORIGIN),
    OriginCase("localhost:PORT", "capacitor://localhost", "cross-site", OK),
    OriginCase("localhost:PORT", "chrome-extension://abcdefghijklmnop", "cross-site", OK),
    OriginCase("localhost:PORT", "app://.", "cross-site", OK),
    OriginCase("localhost:PORT", "capacitor://evil", "cross-site", ORIGIN),
    OriginCase("localhost:PORT", "ionic://localhost", "cross-site", ORIGIN),
    OriginCase("localhost:PORT", "tauri://localhost", "cross-site", ORIGIN),
    OriginCase("localhost:PORT", "chrome-extension://ponmlkjihgfedcba", "cross-site", ORIGIN),
    OriginCase("localhost:PORT", "capacitor://localhost:PORT", "cross-site", ORIGIN),
    OriginCase("localhost:PORT", "ftp://localhost:PORT", None, ORIGIN),
    OriginCase("localhost:PORT", "://localhost:PORT", None, ORIGIN),
    OriginCase("localhost:PORT", "localhost:PORT", None, ORIGIN),
    OriginCase("localhost:PORT", "http://web.example", "cross-site", ORIGIN),
    OriginCase("localhost:PORT", "https://web.example:444", "cross-site", ORIGIN),
    OriginCase("localhost:PORT", "https://web.example.evil.example", "cross-site", ORIGIN),
    OriginCase("localhost:PORT", "https://evilweb.example", "cross-site", ORIGIN),
    OriginCase("localhost:PORT", "https://web.example, https://evil.example", "cross-site", ORIGIN),
    OriginCase("localhost:PORT", None, "cross-site", ORIGIN),
]


def headers_of(row: OriginCase, port: int) -> dict[str, str]:
    given = {"Host": row.host, "Origin": row.origin, "Sec-Fetch-Site": row.site}
    return {name: value.replace("PORT", str(port)) for name, value in given.items() if value is not None}


async def get(server: RunningServer, person: Person, path: str, headers: dict[str, str]) -> tuple[int, str]:
    """Return (status, body) of a GET, written by hand because clients set the Host themselves."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    lines = {**headers, "Authorization": f"Bearer {person.token}", "Connection": "close"}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    writer.write(f"GET {path} HTTP/1.1\r\n{head}\r\n".encode())
    async with asyncio.timeout(8):
        answer = (await reader.read()).decode()
    writer.close()
    return int(answer.split()[1]), answer.partition("\r\n\r\n")[2]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.host} {row.origin} {row.site}")
async def test_who_asks_from_where_decides_on_sockets_pages_and_the_api(
    server: RunningServer, user: MakePerson, row: OriginCase
) -> None:
    ada = await user("ada")
    headers = headers_of(row, server.port)
    for path in ("/feed/stats", "/", "/nothing"):
        status, body = await get(server, ada, path, headers)
        assert (status == 403, row.refusal is None or row.refusal in body) == (row.refusal is not None, True), path
    raw, status = await RawSocket.open(server.port, f"/ws/feed?token={ada.token}", **headers)
    assert status == (101 if row.refusal is None else 403)
    raw.end()


@pytest.mark.parametrize("row", [row for row in ROWS if row.refusal], ids=lambda row: f"{row.host} {row.origin}")
async def test_a_ticket_or_token_is_not_used_up_by_who_may_not_ask(
    server: RunningServer, user: MakePerson, row: OriginCase
) -> None:
    ada = await user("ada")
    ticket = (await ada.post("/auth/ticket")).body["ticket"]
    raw, status = await RawSocket.open(server.port, f"/ws/feed?ticket={ticket}", **headers_of(row, server.port))
    raw.end()
    assert status == 403
    raw, status = await RawSocket.open(server.port, f"/ws/feed?ticket={ticket}")
    assert (status, (await raw.read_frame())[1][:30]) == (101, b'{"type":"connection_establishe')
    raw.end()


async def test_an_allowed_origin_may_read_the_answers_and_no_other(server: RunningServer, user: MakePerson) -> None:
    ada = await user("ada")
    allowed = await ada.request("GET", "/users/me", headers={"Origin": "https://web.example"})
    assert allowed.headers["Access-Control-Allow-Origin"] == "https://web.example"
    assert allowed.headers["Vary"] == "Origin"
    assert allowed.headers["Access-Control-Expose-Headers"] == "Retry-After, X-Request-Id"
    refused = await ada.request("GET", "/users/me", headers={"Origin": "https://evil.example"})
    assert refused.headers.get("Access-Control-Allow-Origin") is None
    plain = await ada.get("/users/me")
    assert plain.headers.get("Access-Control-Allow-Origin") is None


async def test_a_browser_may_ask_before_it_sends(server: RunningServer, user: MakePerson) -> None:
    ada = await user("ada")
    asked = {"Origin": "https://web.example", "Access-Control-Request-Method": "PUT"}
    answer = await ada.with_token(None).request("OPTIONS", "/users/me/status", headers=asked)
    assert answer.status == 204
    assert "PUT" in answer.headers["Access-Control-Allow-Methods"]
    assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]
    asked["Origin"] = "https://evil.example"
    assert (await ada.request("OPTIONS", "/users/me/status", headers=asked)).status == 403


async def test_a_link_from_another_site_may_be_followed(server: RunningServer, user: MakePerson) -> None:
    headers = {"Host": "localhost", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    status, _ = await get(server, await user("ada"), "/", headers)
    assert status == 200


@pytest.mark.parametrize("host", [None, "", "user@localhost", "localhost/x", "local host", "localhost,evil.example"])
async def test_a_host_that_is_none_is_refused(server: RunningServer, user: MakePerson, host: str | None) -> None:
    ada = await user("ada")
    headers = {} if host is None else {"Host": host}
    status, _ = await get(server, ada, "/feed/stats", headers)
    assert status in (400, 403)
    _, status = await RawSocket.open(server.port, f"/ws/feed?token={ada.token}", Host=host or "")
    assert status in (400, 403)
