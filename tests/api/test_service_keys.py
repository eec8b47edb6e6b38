"""Service keys at the endpoints for users: where they may read, and where they are refused."""

from __future__ import annotations

import json

import pytest

from models.service_keys import SCOPES, Scope, new_key
from tests.clients import Api
from tests.conftest import MakeBackend, MakePerson
from tests.running import RunningServer
from tests.secrets_seen import SecretsSeen

pytestmark = [pytest.mark.gen_test, pytest.mark.any_store]

READABLE = ["/users/1/presence", "/users/presence?user_ids=1", "/feed/users", "/feed/stats"]

FOR_USERS = [
    ("POST", "/auth/register"),
    ("POST", "/auth/login"),
    ("POST", "/auth/refresh"),
    ("POST", "/auth/logout"),
    ("POST", "/auth/ticket"),
    ("GET", "/users/me"),
    ("PATCH", "/users/me"),
    ("DELETE", "/users/me"),
    ("PUT", "/users/me/password"),
    ("GET", "/users/me/status"),
    ("PUT", "/users/me/status"),
    ("POST", "/users/me/heartbeat"),
    ("POST", "/calls/start"),
    ("POST", "/calls/end"),
    ("GET", "/calls/ongoing"),
    ("GET", "/calls/history"),
]


@pytest.mark.parametrize("scope", SCOPES)
async def test_a_key_reads_what_everyone_may_read(backend: MakeBackend, user: MakePerson, scope: Scope) -> None:
    ada, key = await user("ada"), await backend(scope)
    for path in READABLE:
        answer = await key.get(path)
        assert (answer.status, answer.body) == (200, (await ada.get(path)).body), path


@pytest.mark.parametrize(("method", "path"), FOR_USERS)
async def test_a_key_is_refused_where_only_a_user_has_business(backend: MakeBackend, method: str, path: str) -> None:
    key = await backend("admin")
    answer = await key.request(method, path, "{}" if method != "GET" else None)
    assert (answer.status, answer.code) == (403, "FORBIDDEN")
    assert "service key" in answer.body["error"]["message"]


@pytest.mark.parametrize("path", ["/admin", "/admin/login", "/admin/audit", "/admin/users/1", "/admin/nothing"])
async def test_a_key_does_not_open_the_dashboard(backend: MakeBackend, path: str) -> None:
    key = await backend("admin")
    answer = await key.request("GET", path, headers={"Accept": "application/json"})
    assert (answer.status, answer.code) == (403, "FORBIDDEN")
    assert "service key" in answer.body["error"]["message"]


async def test_what_is_no_key_or_was_revoked_is_no_credential(server: RunningServer, backend: MakeBackend) -> None:
    revoked = await backend("admin")
    await server.stores.service_keys.revoke("backend", server.core.environment.clock.utc())
    wrong = [new_key(), revoked.token[:-1], revoked.token.lower(), revoked.token + "0", "rk_", f"{revoked.token}."]
    for text in (revoked.token, *wrong):
        for method, path in (*(("GET", each) for each in READABLE), *FOR_USERS):
            answer = await revoked.with_token(text).request(method, path, "{}" if method != "GET" else None)
            assert (answer.status, answer.code) == (401, "AUTH_ERROR"), (text, path)
            assert answer.headers["WWW-Authenticate"] == "Bearer"
    for text in (revoked.token, wrong[0]):
        answer = await revoked.with_token(text).request("GET", "/admin/users", headers={"Accept": "application/json"})
        assert (answer.status, answer.code) == (401, "AUTH_ERROR")


async def test_a_key_in_the_query_or_in_a_body_is_none(api: Api, backend: MakeBackend) -> None:
    key = await backend("admin")
    assert (await api.get(f"/feed/stats?token={key.token}")).status == 401
    assert (await api.post("/auth/refresh", {"refresh_token": key.token})).status == 401


@pytest.mark.one_node
@pytest.mark.settings(key_request_burst=2, key_requests_per_second=0.01)
async def test_a_key_has_a_rate_of_its_own(backend: MakeBackend, user: MakePerson) -> None:
    ada, one, other = await user("ada"), await backend("read"), await backend("read", "other")
    assert [(await one.get("/feed/stats")).status for _ in range(3)] == [200, 200, 429]
    refused = await one.get("/feed/stats")
    assert refused.code == "TOO_MANY_REQUESTS"
    assert int(refused.headers["Retry-After"]) > 0
    assert (await other.get("/feed/stats")).status == 200
    assert (await ada.get("/feed/stats")).status == 200


async def test_a_key_is_in_no_log_wherever_it_stands(
    server: RunningServer, backend: MakeBackend, secrets_seen: SecretsSeen
) -> None:
    key = await backend("admin")
    for path in (f"/{key.token}", f"/users/{key.token}/presence", f"/feed/users?q={key.token}", f"/static/{key.token}"):
        await key.get(path)
    await key.request("GET", "/nothing", headers={"User-Agent": key.token, "Referer": key.token, "Origin": key.token})
    await key.request("POST", "/auth/login", json.dumps({"username": key.token, "password": "x"}))
    assert secrets_seen.leaks() == []
