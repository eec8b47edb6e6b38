"""Logs: JSON lines that contain no secret of the run, whatever the requests."""

from __future__ import annotations

import json
import logging
import secrets
import time
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from handlers.logs import redact
from tests.clients import RawSocket, Socket, eventually
from tests.conftest import MakePerson, OpenSocket
from tests.running import RunningServer
from tests.secrets_seen import SecretsSeen

pytestmark = [pytest.mark.gen_test, pytest.mark.any_store]


def lines(seen: SecretsSeen) -> list[str]:
    return (seen.folder / "server.log").read_text(encoding="utf-8").splitlines()


async def test_every_line_is_a_json_object_whatever_was_asked(
    server: RunningServer, user: MakePerson, secrets_seen: SecretsSeen
) -> None:
    ada = await user("ada")
    before = len(lines(secrets_seen))
    for path in ("/nothing%0d%0aX:%20y", "/%1b%5b31m", "/%e2%80%a8", "/%ff", "/a%22%7d"):
        assert (await ada.get(path)).status == 404
    new = [json.loads(line) for line in lines(secrets_seen)[before:]]
    assert len([each for each in new if each["event"] == "request"]) == 5
    assert all({"event", "level", "timestamp", "logger"} <= each.keys() for each in new)


async def test_a_query_is_in_no_line(server: RunningServer, user: MakePerson, secrets_seen: SecretsSeen) -> None:
    ada = await user("ada")
    before = len(lines(secrets_seen))
    assert (await ada.get("/nothing", name="Marie")).status == 404
    logged = [json.loads(line) for line in lines(secrets_seen)[before:]]
    assert [each["path"] for each in logged if each["event"] == "request"] == ["/nothing"]
    assert "Marie" not in json.dumps(logged)


async def test_tokens_passwords_and_tickets_are_in_no_line_even_when_things_go_wrong(
    server: RunningServer,
    user: MakePerson,
    socket: OpenSocket,
    secrets_seen: SecretsSeen,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ada = await user("ada")
    password = f"password {secrets.token_hex(12)}"
    secrets_seen.note(password)
    ticket = (await ada.post("/auth/ticket")).body["ticket"]
    before = len(lines(secrets_seen))

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("broken")

    with monkeypatch.context() as patch:
        patch.setattr(server.core.admission, "admit", broken)
        patch.setattr("models.users.Users.credentials", broken)
        for query in (f"token={ada.token}", f"ticket={ticket}"):
            async with await Socket.open(f"ws://{server.address}/ws/feed?{query}") as opened:
                await opened.closed()
        await Socket.open(f"ws://{server.address}/ws/feed", subprotocols=["rollcall.v1", f"bearer.{ada.token}"])
        assert (await ada.post("/auth/login", {"username": "ada", "password": password})).status == 500
    await ada.get(f"/nothing?token={ada.token}")
    await ada.request("GET", "/users/me", headers={"Cookie": f"token={ada.token}", "Host": "evil.example"})
    with pytest.raises(InvalidStatus):
        await Socket.open(f"ws://{server.address}/ws/nothing?token={ada.token}")
    raw, _ = await RawSocket.open(server.port, f"/ws/feed?token={ada.token}", Upgrade=f"no{ada.token}")
    raw.end()
    new = lines(secrets_seen)[before:]
    assert len([line for line in new if "RuntimeError: broken" in line]) == 4
    assert secrets_seen.leaks() == []


async def test_a_secret_in_a_log_would_be_found(tmp_path: Path) -> None:
    seen = SecretsSeen()
    secret = f"head.body.{secrets.token_hex(8)}"
    seen.note(secret)
    seen.note("short")
    seen.listen()
    logging.getLogger("rollcall.test").warning("nothing but short things")
    assert (seen.lines(), seen.leaks()) == (1, [])
    logging.getLogger("rollcall.test").warning("signed by %s", secret.rpartition(".")[2])
    assert seen.leaks() == ["server.log:2"]
    (seen.folder / "program.log").write_text(f"a line\n{secret}\n")
    assert seen.leaks() == ["program.log:2", "server.log:2"]
    seen.close()


async def test_what_looks_like_a_secret_is_redacted_also_in_the_lines_of_libraries(secrets_seen: SecretsSeen) -> None:
    token = f"eyJ{secrets.token_hex(8)}.eyJ{secrets.token_hex(8)}.{secrets.token_hex(16)}"
    password = secrets.token_hex(8)
    for secret in (token, password):
        secrets_seen.note(secret)
    log = logging.getLogger("some.library")
    log.warning("GET /ws/feed?token=%s&x=1", token)
    log.warning("cannot reach mongodb://user:%s@db:27017/", password)
    log.warning("Authorization: Bearer %s", token)
    log.warning("Sec-WebSocket-Protocol: rollcall.v1, bearer.%s", token)
    assert secrets_seen.leaks() == []
    assert any("mongodb://[redacted]" in line for line in lines(secrets_seen))


ADVERSARIAL = {
    "JWTs that never end": "eyJ",
    "a JWT after the other": "eyJa.",
    "tokens": "token=",
    "tickets": "ticket=x&",
    "bearers": "bearer bearer.",
    "URLs without a password": "://a",
    "URLs and colons": "://",
    "dots": "eyJ.",
    "one JWT that never ends": "eyJ" + "a" * 65533,
}


@pytest.mark.parametrize("piece", ADVERSARIAL.values(), ids=ADVERSARIAL.keys())
async def test_redaction_takes_time_in_proportion_to_the_text_whatever_it_is(piece: str) -> None:
    adversarial = (piece * (65536 // len(piece) + 1))[:65536]
    harmless = ("/users/17/presence?" * 65536)[:65536]
    # Take the fastest of several runs. A quadratic expression takes more than 1,000 times as long.
    assert min(cost(adversarial) for _ in range(3)) < 100 * min(cost(harmless) for _ in range(3))


def cost(text: str) -> float:
    """Return the processor time of one redaction."""
    began = time.thread_time()
    redact(text)
    return time.thread_time() - began


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("/a/eyJh.b.c/d", "/a/[redacted]/d"),
        ("/a/xeyJh.b.c", "/a/x[redacted]"),
        ("/eyJeyJh.b", "/[redacted]"),
        ("/a.eyJh.b", "/a.[redacted]"),
        ("/eyJh", "/eyJh"),
        ("eyJh.b and eyJh.c", "[redacted] and [redacted]"),
        ("?token=abc&x=1&ticket=def", "?token=[redacted]&x=1&ticket=[redacted]"),
        ("Authorization: BEARER abc", "Authorization: BEARER [redacted]"),
        ("rollcall.v1, bearer.abc, x", "rollcall.v1, bearer.[redacted], x"),
        ("mongodb://me:secret@db/", "mongodb://[redacted]db/"),
    ],
)
async def test_redaction_leaves_what_is_around_a_secret(text: str, safe: str) -> None:
    assert redact(text) == safe


def test_the_driver_of_mongodb_does_not_log_what_it_sends(secrets_seen: SecretsSeen) -> None:
    assert logging.getLogger("rollcall").isEnabledFor(logging.DEBUG)
    assert not logging.getLogger("pymongo.command").isEnabledFor(logging.DEBUG)


async def test_a_line_has_at_most_200_characters_of_a_clients_choice(
    server: RunningServer, user: MakePerson, secrets_seen: SecretsSeen
) -> None:
    ada = await user("ada")
    before = len(lines(secrets_seen))
    long = "x" * 6000
    await ada.get(f"/{long}")
    await ada.request(long.upper()[:5000], "/users/me")
    with pytest.raises(InvalidStatus):
        await Socket.open(f"ws://{server.address}/ws/feed", headers={"Origin": f"https://{long}"})
    new = [json.loads(line) for line in lines(secrets_seen)[before:]]
    new = [each for each in new if each["logger"].startswith("rollcall")]
    assert any(each.get("path") == f"/{'x' * 198}…" for each in new)
    texts = [value for each in new for value in each.values() if isinstance(value, str)]
    assert max(map(len, texts)) == 200


@pytest.mark.settings(allowed_origins=("https://web.example",))
@pytest.mark.parametrize(
    ("headers", "code", "setting"),
    [
        ({"Host": "evil.example"}, "HOST_NOT_ALLOWED", "ROLLCALL_ALLOWED_HOSTS"),
        ({"Origin": "https://app.example"}, "ORIGIN_NOT_ALLOWED", "ROLLCALL_ALLOWED_ORIGINS"),
        ({"Origin": "https://web.example", "Upgrade": "other"}, "INVALID_REQUEST", None),
        ({"Origin": "https://web.example", "Sec_WebSocket_Version": "8"}, 426, None),
        ({"Origin": "https://web.example"}, 4500, None),
    ],
)
async def test_a_refused_upgrade_is_logged_with_what_it_came_with_and_what_would_allow_it(
    server: RunningServer, secrets_seen: SecretsSeen, headers: dict[str, str], code: str | int, setting: str | None
) -> None:
    for path in ("/ws/feed", "/ws/operators"):
        if path == "/ws/operators" and code not in ("HOST_NOT_ALLOWED", "ORIGIN_NOT_ALLOWED"):
            continue
        before = len(lines(secrets_seen))
        raw, _ = await RawSocket.open(server.port, path, **headers)
        raw.end()
        new = [json.loads(line) for line in lines(secrets_seen)[before:]]
        (refused,) = [each for each in new if each["event"] == "upgrade refused"]
        assert (refused["code"], refused["setting"], refused["path"]) == (code, setting, path)
        assert refused["host"] == headers.get("Host", server.address)
        assert refused["origin"] == headers.get("Origin", "")
        assert refused["address"] == "127.0.0.1"


@pytest.mark.one_node
@pytest.mark.settings(connect_burst=1, connects_per_second=0.001, request_burst=1, requests_per_second=0.001)
async def test_what_a_limit_refuses_is_logged_with_the_settings_that_raise_it(
    server: RunningServer, secrets_seen: SecretsSeen, user: MakePerson
) -> None:
    ada = await user("ada")
    before = len(lines(secrets_seen))
    assert [(await ada.get("/users/me")).status for _ in range(2)][-1] == 429
    for _ in range(2):
        raw, _ = await RawSocket.open(server.port, "/ws/feed", Authorization=f"Bearer {ada.token}")
        raw.end()
    new = [json.loads(line) for line in lines(secrets_seen)[before:]]
    (request,) = [
        each for each in new if each["event"] == "request" and each["status"] == 429 and each["path"] == "/users/me"
    ]
    assert request["setting"] == "ROLLCALL_REQUEST_BURST, ROLLCALL_REQUESTS_PER_SECOND"
    (upgrade,) = [each for each in new if each["event"] == "upgrade refused"]
    assert upgrade["setting"] == "ROLLCALL_CONNECT_BURST, ROLLCALL_CONNECTS_PER_SECOND"


@pytest.mark.settings(sockets_limit=1)
async def test_a_socket_beyond_the_most_in_all_is_logged_with_the_setting_that_raises_it(
    server: RunningServer, secrets_seen: SecretsSeen, user: MakePerson
) -> None:
    ada = await user("ada")
    before = len(lines(secrets_seen))
    headers = {"Authorization": f"Bearer {ada.token}"}
    sockets = [(await RawSocket.open(server.port, "/ws/feed", **headers))[0] for _ in range(2)]

    def refused() -> list[dict[str, Any]]:
        new = map(json.loads, lines(secrets_seen)[before:])
        return [line for line in new if line["event"] == "upgrade refused"]

    await eventually(lambda: bool(refused()))
    assert refused()[0]["setting"] == "ROLLCALL_SOCKETS_LIMIT"
    for socket in sockets:
        socket.end()
