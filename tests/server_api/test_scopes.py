"""Who may do what: every route of the API for backends, for every kind of caller."""

from __future__ import annotations

import json
from typing import Literal

import pytest
from tornado.web import Application, RequestHandler

from handlers.docs.endpoints import ENDPOINTS
from models.service_keys import SCOPES
from tests.clients import Api
from tests.conftest import MakeBackend, MakePerson
from tests.running import RunningServer

pytestmark = [pytest.mark.gen_test, pytest.mark.any_store]

CALL = {"caller_id": 1, "callee_id": 2, "call_type": "audio"}

TABLE: list[tuple[str, str, str, object]] = [
    ("read", "GET", "/server/users", None),
    ("read", "GET", "/server/users/{id}", None),
    ("read", "GET", "/server/users/{id}/status", None),
    ("read", "GET", "/server/users/{id}/calls/ongoing", None),
    ("read", "GET", "/server/users/{id}/calls/history", None),
    ("write", "PUT", "/server/users/{id}", {}),
    ("write", "PATCH", "/server/users/{id}", {"tags": []}),
    ("write", "POST", "/server/users/batch", {"users": []}),
    ("admin", "DELETE", "/server/users/{id}", None),
    ("admin", "POST", "/server/users/{id}/disable", {}),
    ("admin", "POST", "/server/users/{id}/enable", {}),
    ("write", "PUT", "/server/users/{id}/status", {"is_busy": False}),
    ("write", "POST", "/server/users/{id}/token", {}),
    ("write", "POST", "/server/calls/start", CALL),
    ("write", "POST", "/server/calls/end", {"call_id": "x"}),
    ("admin", "POST", "/server/users/{id}/revoke_tokens", {}),
    ("admin", "POST", "/server/users/{id}/disconnect", {}),
]
"""The scope that each route needs, and a request."""

ROUTES = [(scope, method, path.replace("{id}", "1"), body) for scope, method, path, body in TABLE]


def served(server: RunningServer) -> set[tuple[str, str]]:
    """Return (METHOD, URL) of every route below /server."""
    application = server.server._http.request_callback
    assert isinstance(application, Application)
    return {
        (method.upper(), rule.matcher.regex.pattern.rstrip("$").replace("([^/]+)", "{id}"))  # type: ignore[attr-defined]
        for rule in application.wildcard_router.rules
        for method in ("get", "post", "put", "patch", "delete")
        if getattr(rule.target, method) is not RequestHandler._unimplemented_method
        if rule.matcher.regex.pattern.startswith("/server")  # type: ignore[attr-defined]
    }


async def test_the_table_has_every_route_with_the_scope_that_is_documented(server: RunningServer) -> None:
    assert {(method, path) for _, method, path, _ in TABLE} == served(server)
    assert {(method, path): scope for scope, method, path, _ in TABLE} == {
        route: endpoint.scope for route, endpoint in ENDPOINTS.items() if endpoint.scope is not None
    }


async def ask(api: Api, method: str, path: str, body: object) -> tuple[int, str | None]:
    """Send a request. Returns the status and the error code."""
    answer = await api.request(method, path, None if body is None else json.dumps(body))
    return answer.status, answer.code


@pytest.mark.parametrize(("scope", "method", "path", "body"), ROUTES)
async def test_only_a_key_with_the_scope_may(
    server: RunningServer,
    api: Api,
    user: MakePerson,
    backend: MakeBackend,
    scope: Literal["read", "write", "admin"],
    method: str,
    path: str,
    body: object,
) -> None:
    ada = await user("ada")
    revoked = await backend("admin", "revoked")
    await server.stores.service_keys.revoke("revoked", server.core.environment.clock.utc())
    assert await ask(api, method, path, body) == (401, "AUTH_ERROR")
    assert await ask(api.with_token("nonsense"), method, path, body) == (401, "AUTH_ERROR")
    assert await ask(revoked, method, path, body) == (401, "AUTH_ERROR")
    assert await ask(ada, method, path, body) == (403, "FORBIDDEN")
    for given in SCOPES:
        key = await backend(given, given)
        if key.key.may(scope):
            assert (await ask(key, method, path, body))[0] not in (401, 403)
        else:
            answer = await key.request(method, path, None if body is None else json.dumps(body))
            assert (answer.status, answer.code) == (403, "FORBIDDEN")
            assert f"the scope {scope}" in answer.body["error"]["message"]


async def test_a_key_that_may_not_write_changes_nothing_and_the_audit_says_so(
    server: RunningServer, user: MakePerson, backend: MakeBackend
) -> None:
    ada, reader = await user("ada"), await backend("read")
    path = f"/server/users/{ada.user_id}/status"
    assert (await reader.put(path, {"is_busy": True})).status == 403
    assert not (await reader.get(path)).body["is_busy"]
    (entry,), _ = await server.stores.audit.page(operator="key:backend", skip=0, limit=10)
    assert (entry.action, entry.outcome) == ("set_status", "refused: FORBIDDEN")


@pytest.mark.one_node
@pytest.mark.settings(refused_action_burst=3, refused_actions_per_second=0.01)
async def test_a_key_cannot_fill_the_audit_with_refused_writes(
    server: RunningServer, user: MakePerson, backend: MakeBackend
) -> None:
    await user("ada")
    reader = await backend("read")
    for _ in range(8):
        assert (await reader.put("/server/users/1/status", {"is_busy": True})).status == 403
    _, total = await server.stores.audit.page(operator="key:backend", skip=0, limit=10)
    assert total == 3


async def test_without_a_credential_the_answer_says_what_to_send(api: Api) -> None:
    answer = await api.get("/server/users")
    assert "service key" in answer.body["error"]["message"]
    assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_a_method_that_a_url_does_not_know_is_405(backend: MakeBackend) -> None:
    key = await backend()
    answer = await key.request("DELETE", "/server/users")
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")


@pytest.mark.one_node
@pytest.mark.settings(key_request_burst=2, key_requests_per_second=0.01)
async def test_a_key_that_asks_too_much_is_told_when_to_come_back(backend: MakeBackend) -> None:
    key = await backend()
    assert [(await key.get("/server/users")).status for _ in range(3)] == [200, 200, 429]
    assert int((await key.get("/server/users")).headers["Retry-After"]) > 1
