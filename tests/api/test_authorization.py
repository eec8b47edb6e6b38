"""Authorization: every route without a token, with a bad token, and with an expired token."""

from __future__ import annotations

import pytest

from tests.clients import Api
from tests.conftest import MakePerson
from tests.running import RunningServer

pytestmark = [pytest.mark.gen_test, pytest.mark.any_store]

NEEDS_A_TOKEN = [
    ("POST", "/auth/logout"),
    ("POST", "/auth/ticket"),
    ("GET", "/users/me"),
    ("PATCH", "/users/me"),
    ("GET", "/users/me/status"),
    ("PUT", "/users/me/status"),
    ("POST", "/users/me/heartbeat"),
    ("GET", "/users/1/presence"),
    ("GET", "/users/presence?user_ids=1"),
    ("GET", "/feed/users"),
    ("GET", "/feed/stats"),
    ("POST", "/calls/start"),
    ("POST", "/calls/end"),
    ("GET", "/calls/ongoing"),
    ("GET", "/calls/history"),
]
OPEN = [("GET", "/"), ("GET", "/healthz"), ("GET", "/readyz"), ("GET", "/metrics")]


@pytest.mark.parametrize(("method", "path"), NEEDS_A_TOKEN)
async def test_who_has_no_good_token_is_refused_with_401(
    server: RunningServer, api: Api, user: MakePerson, method: str, path: str
) -> None:
    ada = await user("ada")
    expired, _ = server.tokens.mint(ada.user_id, "login", "access", -10)
    refresh, _ = server.tokens.mint(ada.user_id, "login", "refresh", 900)
    nobody, _ = server.tokens.mint(999, "login", "access", 900)
    for header in (
        None, "", "Bearer", "Bearer ", f"Basic {ada.token}", ada.token, f"Bearer {ada.token} x", f"Bearer  {ada.token}",
        f"Bearer {ada.token[:-2]}", f"Bearer {expired}", f"Bearer {refresh}", f"Bearer {nobody}",
    ):  # fmt: skip
        body = b"nonsense" if method != "GET" else None
        answer = await api.request(method, path, body, {} if header is None else {"Authorization": header})
        assert (answer.status, answer.code) == (401, "AUTH_ERROR"), header
        assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(("method", "path"), NEEDS_A_TOKEN)
async def test_a_token_in_the_query_is_none_over_rest(api: Api, user: MakePerson, method: str, path: str) -> None:
    ada = await user("ada")
    joined = f"{path}{'&' if '?' in path else '?'}token={ada.token}"
    assert (await api.request(method, joined, "{}" if method != "GET" else None)).status == 401


@pytest.mark.parametrize(("method", "path"), OPEN)
async def test_what_needs_no_token_is_answered_without_one(api: Api, method: str, path: str) -> None:
    assert (await api.request(method, path)).status == 200


async def test_the_scheme_of_a_token_knows_no_case(api: Api, user: MakePerson) -> None:
    ada = await user("ada")
    assert (await api.request("GET", "/users/me", headers={"Authorization": f"bEARER {ada.token}"})).status == 200


async def test_a_user_who_is_disabled_is_refused(server: RunningServer, user: MakePerson) -> None:
    ada = await user("ada")
    server.core.presence.disable(ada.user_id)
    assert (await ada.get("/users/me")).status == 401


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"])
async def test_a_method_that_a_url_does_not_know_is_405(user: MakePerson, method: str) -> None:
    ada = await user("ada")
    known = {"/users/me": ("GET", "HEAD", "PATCH", "DELETE"), "/calls/start": ("POST",), "/feed/users": ("GET", "HEAD")}
    for path, methods in known.items():
        if method not in methods:
            answer = await ada.request(method, path, b"{}" if method in ("POST", "PUT", "PATCH") else None)
            assert answer.status == 405
            assert method == "HEAD" or answer.code == "METHOD_NOT_ALLOWED"


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_a_url_that_is_not_there_is_404(api: Api, method: str) -> None:
    for path in ("/nothing", "/users", "/users/me/", "//users/me", "/ws", "/users/1/presence/x"):
        answer = await api.request(method, path, b"{}" if method == "POST" else None)
        assert (answer.status, answer.code) == (404, "NOT_FOUND"), path


@pytest.mark.parametrize("path", ["../server.py", "%2e%2e/server.py", "..%2fserver.py", "/etc/passwd", "%00", "."])
async def test_only_what_is_static_is_served_as_such(api: Api, path: str) -> None:
    answer = await api.get(f"/static/{path}")
    assert answer.status in (403, 404)
    assert answer.code in ("REFUSED", "NOT_FOUND")
