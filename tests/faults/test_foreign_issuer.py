"""Another issuer that is away, changes its keys, and is back: servers keep what they know, and log no secret."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import websockets

from tests.certificate import make_certificate
from tests.clients import Api, Socket
from tests.issuer import AUDIENCE, ISSUER, Issuer, IssuerKey
from tests.jwks_server import JwksServer
from tests.program import MakeProgram, ServerProgram
from tests.secrets_seen import SecretsSeen

pytestmark = [pytest.mark.slow, pytest.mark.gen_test(timeout=90)]

API_KEY = "an-api-key-that-no-log-may-have"


async def until(holds: Callable[[], Any]) -> None:
    """Wait until a question is answered with yes."""
    async with asyncio.timeout(20):
        while not await holds():
            await asyncio.sleep(0.1)


async def close_code(server: ServerProgram, token: str) -> int:
    """Return the code that a socket with this token is closed with."""
    async with await Socket.open(f"ws://127.0.0.1:{server.port}/ws/feed?token={token}") as feed:
        return await feed.closed()


async def test_what_an_issuer_goes_through_ends_well(
    program: MakeProgram, tmp_path: Path, secrets_seen: SecretsSeen
) -> None:
    certificate = make_certificate(tmp_path)
    issuer = Issuer("ES256", "HS256")
    secrets_seen.note(API_KEY)
    secrets_seen.note(issuer.key("HS256").jwk["k"])
    jwks = JwksServer(issuer.jwks, certificate)
    server = program(
        foreign_token_keys=f"{jwks.url}?apikey={API_KEY}", foreign_token_issuer=ISSUER,
        foreign_token_audience=AUDIENCE, foreign_token_ca_file=certificate.certificate, provision_users=True,
        foreign_token_retry_seconds=0.2, foreign_token_timeout_seconds=1.0, log_level="debug",
    )  # fmt: skip

    def api(kind: str = "ES256", **claims: Any) -> Api:
        token = issuer.token("ada", kind, **claims)
        secrets_seen.note(token)
        return server.api.with_token(token)

    async def is_accepted(caller: Api) -> bool:
        return (await caller.get("/users/me")).status == 200

    await server.start()
    answer = await api().get("/users/me")
    assert (answer.status, answer.code) == (401, "AUTH_ERROR")
    assert await close_code(server, str(api().token)) == 1013
    assert (await server.register("bob")).user_id > 0, "our own users come in meanwhile"

    jwks.start()
    first = api(name="Ada")
    await until(lambda: is_accepted(first))
    user_id = (await first.get("/users/me")).body["user_id"]
    assert await is_accepted(api("HS256"))

    await jwks.stop()
    server.kill()
    await server.start()
    assert not await is_accepted(api()), "the keys are in memory alone"
    jwks.start()
    await until(lambda: is_accepted(api()))
    assert (await api().get("/users/me")).body["user_id"] == user_id

    before = api()
    assert await is_accepted(before)
    issuer.keys["ES256"] = IssuerKey("ES256", "rotated")
    jwks.document = issuer.jwks
    assert await is_accepted(api())
    assert not await is_accepted(before)

    await jwks.stop()
    assert await is_accepted(api()), "the keys are kept"
    assert await server.stop() == 0
    with pytest.raises((OSError, websockets.WebSocketException)):
        await close_code(server, str(api().token))
    said = [each["event"] for each in server.events()]
    assert "the keys of foreign tokens cannot be read" in said
    assert "keys of foreign tokens read" in said
