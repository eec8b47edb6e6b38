"""Logs: JSON lines in which no secret of the run stands, whatever was asked."""

from __future__ import annotations

import json
import logging
import secrets
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus

from tests.clients import RawSocket, Socket
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
