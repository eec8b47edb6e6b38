"""Headers: every response has a request id and no version, and all errors have the same shape."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.clients import Api, eventually
from tests.conftest import MakePerson
from tests.running import RunningServer
from tests.secrets_seen import SecretsSeen

pytestmark = [pytest.mark.gen_test, pytest.mark.any_store]


async def test_every_answer_has_a_request_id_of_its_own_and_names_no_server(api: Api, user: MakePerson) -> None:
    ada = await user("ada")
    answers = [
        await ada.get("/users/me"),
        await api.get("/users/me"),
        await api.get("/nothing"),
        await ada.request("POST", "/users/me"),
        await ada.post("/calls/start", {"x": 1}),
        await api.get("/"),
        await api.get("/healthz"),
        await api.get("/metrics"),
        await api.get("/static/nothing"),
        await api.get("/ws/feed"),
        await api.request("GET", "/users/me", headers={"Host": "evil.example"}),
    ]
    assert len({answer.headers["X-Request-Id"] for answer in answers}) == len(answers)
    assert [answer.headers.get("Server") for answer in answers] == [None] * len(answers)
    assert {answer.headers["X-Content-Type-Options"] for answer in answers} == {"nosniff"}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/users/me", 401),
        ("GET", "/nothing", 404),
        ("POST", "/users/me", 405),
        ("POST", "/auth/login", 400),
        ("GET", "/ws/feed", 400),
    ],
)
async def test_an_error_has_a_code_a_message_and_the_request_id_and_nothing_else(
    api: Api, method: str, path: str, status: int
) -> None:
    answer = await api.request(method, path, b"nonsense" if method == "POST" else None)
    assert answer.status == status
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.body.keys() == {"error"}
    assert answer.body["error"].keys() == {"code", "message", "request_id"}
    assert answer.body["error"]["request_id"] == answer.headers["X-Request-Id"]


async def test_an_unexpected_error_is_500_without_its_details(
    api: Api, user: MakePerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = await user("ada")

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("inner details")

    monkeypatch.setattr("realtime.sockets.stats.Stats.counts", broken)
    answer = await ada.get("/feed/stats")
    assert (answer.status, answer.code) == (500, "SERVER_ERROR")
    assert "inner" not in str(answer.body)
    monkeypatch.undo()


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"POST /auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000000\r\n\r\n",
        b"POST /auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"GET / HTTP/1.1\r\n no name\r\n\r\n",
    ],
    ids=["long header", "long url", "long body", "negative length", "no HTTP", "two lengths", "no header name"],
)
async def test_a_request_that_is_none_ends_the_connection(
    server: RunningServer, api: Api, request_bytes: bytes
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(request_bytes)
    async with asyncio.timeout(5):
        answer = await reader.read()
    assert not answer or 400 <= int(answer.split()[1]) < 500
    writer.close()
    assert (await api.get("/healthz")).status == 200


@pytest.mark.settings(header_timeout_seconds=0.2)
async def test_a_connection_that_asks_nothing_is_closed(server: RunningServer) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: ")
    async with asyncio.timeout(5):
        assert await reader.read() == b""
    writer.close()


@pytest.mark.settings(body_timeout_seconds=0.2)
async def test_a_body_that_does_not_come_closes_the_connection(server: RunningServer) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"POST /auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{")
    async with asyncio.timeout(5):
        assert await reader.read() == b""
    writer.close()


BIG = b"POST /auth/login HTTP/1.1\r\nHost: localhost\r\n"

TOO_LARGE = {
    "announced": BIG + b"Content-Length: 100000000\r\n\r\n",
    "announced by many digits": BIG + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n",
    "announced and begun": BIG + b"Content-Length: 70000\r\n\r\n" + b"x" * 60_000,
    "sent": BIG + b"Content-Length: 70000\r\n\r\n" + b"x" * 70_000,
    "expected": BIG + b"Content-Length: 70000\r\nExpect: 100-continue\r\n\r\n",
    "in one chunk": BIG + b"Transfer-Encoding: chunked\r\n\r\n20000\r\n" + b"x" * 70_000,
    "in many chunks": BIG + b"Transfer-Encoding: chunked\r\n\r\n" + (b"400\r\n" + b"x" * 1024 + b"\r\n") * 65,
}


@pytest.mark.parametrize("request_bytes", TOO_LARGE.values(), ids=TOO_LARGE.keys())
async def test_a_body_too_large_is_answered_as_any_other_error(
    server: RunningServer, api: Api, request_bytes: bytes
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(request_bytes)
    async with asyncio.timeout(5):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        headers = dict(line.split(": ", 1) for line in head.splitlines()[1:-1])
        body = json.loads(await reader.readexactly(int(headers["Content-Length"])))
    writer.close()
    assert head.startswith("HTTP/1.1 413 ")
    assert (headers["Content-Type"], headers["Connection"]) == ("application/json", "close")
    assert body["error"].keys() == {"code", "message", "request_id"}
    assert (body["error"]["code"], body["error"]["request_id"]) == ("BODY_TOO_LARGE", headers["X-Request-Id"])
    assert (await api.get("/healthz")).status == 200


@pytest.mark.settings(allowed_origins=("https://web.example",), trusted_proxies=("127.0.0.1",))
@pytest.mark.parametrize(
    ("headers", "readable_by", "address"),
    [
        ("Host: localhost\r\nOrigin: https://web.example", "https://web.example", "127.0.0.1"),
        ("Host: localhost\r\nOrigin: https://web.example\r\nX-Forwarded-For: 192.0.2.1:80", "https://web.example",
         "192.0.2.1"),
        ("Host: localhost\r\nOrigin: https://evil.example", None, "127.0.0.1"),
        ("Host: evil.example\r\nOrigin: https://web.example", None, "127.0.0.1"),
        ("Host: localhost", None, "127.0.0.1"),
        ("Origin: https://web.example", None, "127.0.0.1"),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "body", [b"Content-Length: 70000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n20000\r\n" + b"x" * 70_000],
    ids=["announced", "sent"],
)  # fmt: skip
async def test_a_page_of_an_allowed_origin_may_read_that_a_body_is_too_large(
    server: RunningServer, secrets_seen: SecretsSeen, headers: str, readable_by: str | None, address: str, body: bytes
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(f"POST /auth/login HTTP/1.1\r\n{headers}\r\n".encode() + body)
    async with asyncio.timeout(5):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
    writer.close()
    answered = dict(line.split(": ", 1) for line in head.splitlines()[1:-1])
    if "Host" in headers or body.startswith(b"Content-Length"):
        assert head.startswith("HTTP/1.1 413 ")
        logged = [json.loads(line) for line in (secrets_seen.folder / "server.log").read_text().splitlines()]
        logged = [each for each in logged if "status" in each][-1]
        assert (logged["status"], logged["address"]) == (413, address)
    else:
        assert head.startswith("HTTP/1.1 400 ")
    assert answered.get("Access-Control-Allow-Origin") == readable_by
    exposed = answered.get("Access-Control-Expose-Headers")
    assert exposed == ("Retry-After, X-Request-Id" if readable_by else None)


async def test_a_request_with_too_large_a_body_is_over_once_it_was_refused(server: RunningServer) -> None:
    for request_bytes in TOO_LARGE.values():
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(request_bytes)
        async with asyncio.timeout(5):
            await reader.readuntil(b"\r\n\r\n")
        writer.close()
    await eventually(lambda: server.server._traffic.is_quiet)


async def test_a_body_of_the_largest_size_is_read(server: RunningServer, api: Api) -> None:
    size = server.settings.body_limit_bytes
    answer = await api.request("POST", "/auth/login", b"x" * size)
    assert (answer.status, answer.code) == (400, "INVALID_REQUEST")


@pytest.mark.parametrize(
    "path",
    ["/users/me", "/users/me/status", "/feed/users", "/feed/stats", "/calls/ongoing", "/", "/healthz", "/readyz",
     "/metrics", "/docs", "/openapi.json", "/asyncapi.json", "/static/docs.css", "/nothing", "/users/99/presence"],
)  # fmt: skip
async def test_head_works_wherever_get_does(user: MakePerson, path: str) -> None:
    ada = await user("ada")
    got, headed = await ada.get(path), await ada.request("HEAD", path)
    assert (headed.status, headed.body) == (got.status, "")
    assert headed.headers["Content-Type"] == got.headers["Content-Type"]
    # The figures of /metrics change between two requests.
    assert (
        path == "/metrics"
        or headed.headers["Content-Length"] == str(len(str(got.body).encode()))
        or got.code
        or (isinstance(got.body, dict))
    )


async def test_a_url_without_get_has_no_head_and_says_what_it_has(user: MakePerson) -> None:
    ada = await user("ada")
    answer = await ada.request("HEAD", "/calls/start")
    assert (answer.status, answer.headers["Allow"]) == (405, "POST, OPTIONS")
    answer = await ada.request("POST", "/users/me")
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD, DELETE, PATCH, OPTIONS")
    answer = await ada.request("HEAD", "/ws/feed")
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, OPTIONS")


ODD = {
    "1,500 query arguments": ("/feed/users?" + "&".join(f"a{n}=1" for n in range(1500)), {}),
    "one query argument 1,500 times": ("/feed/users?" + "&".join("page=1" for _ in range(1500)), {}),
    "1,500 tokens": ("/ws/feed?" + "&".join("token=a" for _ in range(1500)), {}),
    "1,500 headers": ("/users/me", {f"X-{n}": "1" for n in range(1500)}),
    "1,500 forwarded addresses": ("/users/me", {"X-Forwarded-For": "1.1.1.1," * 1500}),
    "1,500 cookies": ("/admin/users", {"Cookie": "; ".join(f"a{n}=1" for n in range(1500))}),
    "a long token": ("/users/me", {"Authorization": f"Bearer {'eyJ' * 4000}"}),
    "a long path like a token": ("/" + "eyJ" * 4000, {}),
    "a long path of slashes": ("/" * 12_000, {}),
    "a long path of escapes": ("/users/" + "%41" * 4000 + "/presence", {}),
    "a long number": ("/users/" + "9" * 12_000 + "/presence", {}),
    "a long host": ("/users/me", {"Host": "a." * 6000}),
    "a long origin": ("/users/me", {"Origin": "https://" + "a." * 6000}),
    "a long scheme": ("/users/me", {"Origin": "a" * 12_000 + "://x"}),
    "long protocols": ("/ws/feed", {"Sec-WebSocket-Protocol": "bearer.x," * 1300}),
}


@pytest.mark.parametrize(("target", "headers"), ODD.values(), ids=ODD.keys())
@pytest.mark.settings(trusted_proxies=("127.0.0.0/8",))
async def test_odd_and_long_requests_are_refused(
    server: RunningServer, api: Api, target: str, headers: dict[str, str]
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    given = {"Host": "localhost", "Connection": "close", **headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in given.items())
    writer.write(f"GET {target} HTTP/1.1\r\n{lines}\r\n".encode())
    async with asyncio.timeout(5):
        answer = await reader.read()
    writer.close()
    assert not answer or 300 <= int(answer.split()[1]) < 500
    assert (await api.get("/healthz")).status == 200
