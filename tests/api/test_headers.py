"""What stands in every answer: a request id, no version, and errors of one shape."""

from __future__ import annotations

import asyncio

import pytest

from tests.clients import Api
from tests.conftest import MakePerson
from tests.running import RunningServer

pytestmark = [pytest.mark.gen_test, pytest.mark.any_store]


async def test_every_answer_has_a_request_id_of_its_own_and_names_no_server(api: Api, user: MakePerson) -> None:
    ada = await user("ada")
    answers = [
        await ada.get("/users/me"),
        await api.get("/users/me"),
        await api.get("/nothing"),
        await ada.request("DELETE", "/users/me"),
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
        ("DELETE", "/users/me", 405),
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
