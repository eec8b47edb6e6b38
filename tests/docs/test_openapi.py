"""/openapi.json: valid OpenAPI, complete, and true of what every endpoint responds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from openapi_spec_validator import OpenAPIV31SpecValidator
from tornado.web import Application, RequestHandler

from handlers.docs.asyncapi import asyncapi
from handlers.docs.endpoints import ENDPOINTS
from handlers.docs.error_codes import API_ERRORS
from handlers.docs.openapi import CODES_KEY, openapi
from settings import Settings
from tests.clients import Answer, Api, Backend, Person
from tests.conftest import MakeBackend, MakePerson
from tests.running import RunningServer

pytestmark = pytest.mark.any_store

METHODS = ("get", "post", "put", "patch", "delete")
OF_THE_DASHBOARD = ("/admin", "/static/v/", "/ws/operators", "/ws/screens")
"""Prefixes of pages for people and of their assets, which are not part of the API."""

RenderedPage = dict[str, Any]


class Described:
    """The documented responses, and the endpoints whose responses were checked against them."""

    def __init__(self, document: RenderedPage) -> None:
        self._document = document
        self.seen: set[tuple[str, str]] = set()

    def check(self, method: str, url: str, answer: Answer, status: int | None = None) -> Any:
        """Check a response against its description, and return its body."""
        self.seen.add((method, url))
        assert answer.status == (status or ENDPOINTS[method, url].status), answer.body
        response = self._document["paths"][url][method.lower()]["responses"][str(answer.status)]
        if "content" not in response:
            assert answer.body == ""
            return None
        content_type = answer.headers["Content-Type"].partition(";")[0]
        assert content_type in response["content"] or "*/*" in response["content"]
        assert all(name in answer.headers for name in response["headers"])
        assert CODES_KEY not in response or answer.code in response[CODES_KEY]
        schema = response["content"].get(content_type, {}).get("schema", {})
        whole = {**schema, "components": self._document["components"]}
        Draft202012Validator(whole, format_checker=FormatChecker(["date-time"])).validate(answer.body)
        return answer.body


def routes(server: RunningServer) -> set[tuple[str, str]]:
    """Return (METHOD, URL) of everything that the server serves, without the names of path parameters."""
    application = server.server._http.request_callback
    assert isinstance(application, Application)
    return {
        (method.upper(), rule.matcher.regex.pattern.rstrip("$").replace("\\", ""))  # type: ignore[attr-defined]
        for rule in application.wildcard_router.rules
        for method in METHODS
        if getattr(rule.target, method) is not RequestHandler._unimplemented_method
        if not rule.matcher.regex.pattern.startswith(OF_THE_DASHBOARD)  # type: ignore[attr-defined]
    }


def test_every_verb_of_every_url_is_described_in_one_of_the_two(server: RunningServer) -> None:
    http = {(method, url.replace("{id}", "([^/]+)").replace("{path}", "(.*)")) for method, url in ENDPOINTS}
    sockets = {("GET", channel["address"]) for channel in asyncapi(server.settings)["channels"].values()}
    assert not http & sockets
    assert http | sockets == routes(server)


def test_it_is_openapi() -> None:
    document = openapi(Settings())
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []
    del document["paths"]["/users/{id}/presence"]["get"]["parameters"]
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) != []


def test_limits_that_are_settings_are_those_of_this_server() -> None:
    lower = Settings(page_limit=7, page_default=5, password_length_minimum=9)
    schemas = openapi(lower)["components"]["schemas"]
    assert schemas["FeedQuery"]["properties"]["per_page"] == {
        "type": "integer", "minimum": 1, "maximum": 7, "default": 5
    }  # fmt: skip
    assert schemas["Registration"]["properties"]["password"]["minLength"] == 9
    assert "x-settings" not in str(openapi(lower))


def test_times_are_said_to_be_times() -> None:
    schemas = openapi(Settings())["components"]["schemas"]
    assert schemas["Status"]["properties"]["last_seen"] == {"type": "string", "format": "date-time"}
    assert schemas["Status"]["properties"]["busy_until"]["anyOf"][0]["format"] == "date-time"


@pytest.mark.gen_test
async def test_the_server_shows_it(api: Api, server: RunningServer) -> None:
    answer = await api.get("/openapi.json")
    assert answer.status == 200
    assert answer.body == openapi(server.settings)


async def check_server_api(described: Described, key: Backend, caller_id: int, callee_id: int) -> None:
    """Check the responses to a backend."""
    of_user = "/server/users/{id}"
    for path in ("", "/status", "/calls/ongoing", "/calls/history"):
        described.check("GET", of_user + path, await key.get(f"/server/users/{caller_id}{path}"))
    described.check("GET", "/server/users", await key.get("/server/users"))
    status = await key.put(f"/server/users/{callee_id}/status", {"is_online": True})
    described.check("PUT", f"{of_user}/status", status)
    starting = {"caller_id": caller_id, "callee_id": callee_id, "call_type": "audio"}
    call = described.check("POST", "/server/calls/start", await key.post("/server/calls/start", starting))
    ending = {"call_id": call["call_id"]}
    described.check("POST", "/server/calls/end", await key.post("/server/calls/end", ending))
    changed = await key.patch(f"/server/users/{caller_id}", {"tags": ["red"]})
    described.check("PATCH", of_user, changed)
    for status in (201, 200):
        described.check("PUT", of_user, await key.put("/server/users/external:new", {}), status)
    users = {"users": [{"external_id": "new"}, {"external_id": ""}]}
    described.check("POST", "/server/users/batch", await key.post("/server/users/batch", users))
    for path in ("/disable", "/enable"):
        described.check("POST", of_user + path, await key.post(f"/server/users/external:new{path}"))
    described.check("DELETE", of_user, await key.request("DELETE", "/server/users/external:new"))
    for body in ({}, {"pair": True}):
        described.check("POST", f"{of_user}/token", await key.post(f"/server/users/{caller_id}/token", body))
    for path in ("/disconnect", "/revoke_tokens"):
        described.check("POST", of_user + path, await key.post(f"/server/users/{callee_id}{path}"))


@pytest.mark.gen_test
async def test_every_endpoint_answers_in_the_shape_that_is_described(
    api: Api,
    registered: Callable[[str], Awaitable[Person]],
    user: MakePerson,
    backend: MakeBackend,
    server: RunningServer,
) -> None:
    described = Described(openapi(server.settings))
    ada, bob = await registered("ada"), await user("bob")
    await bob.post("/users/me/heartbeat")
    credentials = {"username": "cem", "password": "a long enough one"}
    pair = described.check("POST", "/auth/register", await api.post("/auth/register", credentials))
    refreshing = {"refresh_token": pair["refresh_token"]}
    described.check("POST", "/auth/login", await api.post("/auth/login", credentials))
    described.check("POST", "/auth/refresh", await api.post("/auth/refresh", refreshing))
    described.check("POST", "/auth/ticket", await ada.post("/auth/ticket"))
    described.check("PATCH", "/users/me", await ada.patch("/users/me", {"profile_image_url": "https://a.example/"}))
    described.check(
        "PUT", "/users/me/status", await ada.put("/users/me/status", {"busy_until": "2199-01-01T00:00:00Z"})
    )
    described.check("PUT", "/users/me/status", await ada.put("/users/me/status", {"is_busy": False}))
    described.check("POST", "/users/me/heartbeat", await ada.post("/users/me/heartbeat"))
    new = {"old_password": credentials["password"], "new_password": "another long enough one"}
    cem = api.with_token(pair["access_token"])
    described.check("PUT", "/users/me/password", await cem.put("/users/me/password", new))
    starting = {"callee_id": bob.user_id, "call_type": "audio"}
    call = described.check("POST", "/calls/start", await ada.post("/calls/start", starting))
    described.check("GET", "/calls/ongoing", await ada.get("/calls/ongoing"))
    described.check("POST", "/calls/end", await ada.post("/calls/end", {"call_id": call["call_id"]}))
    described.check("GET", "/users/presence", await ada.get("/users/presence", user_ids="1,2"))
    described.check("GET", "/users/{id}/presence", await ada.get(f"/users/{bob.user_id}/presence"))
    described.check("GET", "/static/{path}", await api.get("/static/docs.css"))
    described.check("GET", "/docs/{path}", await api.get("/docs/protocol"))
    await check_server_api(described, await backend(), ada.user_id, bob.user_id)
    for method, url in ENDPOINTS:
        if method == "GET" and (method, url) not in described.seen:
            described.check(method, url, await ada.get(url))
    described.check("POST", "/auth/logout", await ada.post("/auth/logout"))
    password = {"password": new["new_password"]}
    described.check("DELETE", "/users/me", await cem.delete("/users/me", password))
    assert described.seen == set(ENDPOINTS)


@pytest.mark.gen_test
async def test_refusals_are_answered_in_the_shape_that_is_described(
    api: Api, user: MakePerson, server: RunningServer
) -> None:
    described = Described(openapi(server.settings))
    ada, _ = await user("ada"), await user("bob")
    nobody = {"callee_id": 99, "call_type": "audio"}
    described.check("GET", "/users/me", await api.get("/users/me"), 401)
    described.check("GET", "/feed/users", await ada.get("/feed/users", page=0), 400)
    described.check("POST", "/calls/start", await ada.post("/calls/start", nobody), 404)
    described.check("PATCH", "/users/me", await ada.patch("/users/me", {"username": "BOB"}), 409)
    described.check("GET", "/", await api.request("GET", "/", headers={"Host": "evil.example"}), 403)


@pytest.mark.gen_test
async def test_a_method_that_a_url_does_not_know_is_told_which_it_knows(api: Api) -> None:
    answer = await api.request("DELETE", "/users/me/status")
    assert (answer.status, answer.code) == (405, "METHOD_NOT_ALLOWED")
    assert answer.headers["Allow"] == "GET, HEAD, PUT, OPTIONS"


def test_an_endpoint_names_only_errors_that_there_are() -> None:
    assert {code for each in ENDPOINTS.values() for code in each.errors} <= set(API_ERRORS)


def test_each_operation_says_which_credential_it_takes() -> None:
    document = openapi(Settings())
    assert document["components"]["securitySchemes"].keys() == {"token", "serviceKey"}
    taken = {
        (method, path): [name for each in operation["security"] for name in each]
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    }
    assert all(names == ["serviceKey"] for (_, path), names in taken.items() if path.startswith("/server/"))
    assert taken["get", "/feed/users"] == ["token", "serviceKey"]
    assert taken["get", "/users/me"] == ["token"]
    assert taken["post", "/auth/login"] == []
    assert "scope `admin`" in document["paths"]["/server/users/{id}"]["delete"]["description"]
