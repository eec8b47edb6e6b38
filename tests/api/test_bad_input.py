"""Malformed requests: a bad value in any field is answered with 400 and changes nothing."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest

from tests.clients import Person
from tests.conftest import MakePerson
from tests.running import RunningServer

pytestmark = [pytest.mark.gen_test, pytest.mark.any_store]

NO_TEXT = ["0", "1.5", "true", "[]", "{}", '["a"]', '{"$gt":""}', '{"$where":"1"}']
NO_NUMBER = [
    "1.5",
    '"1"',
    "true",
    "false",
    "null",
    "[1]",
    '{"$gt":0}',
    "9223372036854775808",
    "-1",
    "0",
    "1e400",
    "1e1000",
]
NO_BOOLEAN = ["0", "1", '"true"', "null", "[]", '{"$ne":true}']
NEVER = [
    "NaN",
    "Infinity",
    "-Infinity",
    '"\\ud800"',
    '"\\udc00\\ud800"',
    '"\x00"',
    "[" * 1000 + "]" * 1000,
    '{"a":' * 1000 + "1" + "}" * 1000,
]


@dataclass(frozen=True)
class Field:
    """A field of a request body, the rest of the body, and invalid values of the field, as JSON text."""

    method: str
    path: str
    name: str
    others: dict[str, Any]
    bad: list[str]


PASSWORD = f"password {secrets.token_hex(8)}"
ADA = {"username": "new", "password": PASSWORD}
FIELDS = [
    Field("POST", "/auth/register", "username", {"password": PASSWORD}, [
        *NO_TEXT, "null", '""', '" a"', '"a "', '"a\\u0000b"', '"a\\nb"', '"a\\u0085b"', f'"{"a" * 65}"',
    ]),
    Field("POST", "/auth/register", "password", {"username": "new"}, [
        *NO_TEXT, "null", '"short"', f'"{"p" * 1025}"', '"password with \\u0000 nul"',
    ]),
    Field("POST", "/auth/register", "profile_image_url", ADA, [
        *NO_TEXT, '""', '"javascript:alert(1)"', '"http://a b"', '"//example.com"', f'"https://a/{"a" * 2048}"',
    ]),
    Field("POST", "/auth/login", "username", {"password": PASSWORD}, [*NO_TEXT, "null", f'"{"a" * 65}"', '"a\\u0000"']),
    Field("POST", "/auth/login", "password", {"username": "ada"}, [
        *NO_TEXT, "null", f'"{"p" * 1025}"', '"password with \\u0000 nul"',
    ]),
    Field("POST", "/auth/refresh", "refresh_token", {}, [*NO_TEXT, "null"]),
    Field("PATCH", "/users/me", "username", {}, [*NO_TEXT, "null", '""', '"a\\tb"', '"a\\n"', f'"{"a" * 65}"']),
    Field("PATCH", "/users/me", "profile_image_url", {}, [*NO_TEXT, '"data:text/html,x"', '"https://a\\u0000"']),
    Field("PUT", "/users/me/status", "is_online", {}, NO_BOOLEAN),
    Field("PUT", "/users/me/status", "is_busy", {}, NO_BOOLEAN),
    Field("PUT", "/users/me/status", "busy_until", {}, [
        *NO_TEXT, '""', '"now"', "1799999999", '"2099-01-01"', '"2099-01-01T25:00:00Z"',
    ]),
    Field("POST", "/calls/start", "callee_id", {"call_type": "audio"}, [*NO_NUMBER, str(2**53), "-0.0"]),
    Field("POST", "/calls/start", "call_type", {"callee_id": 1}, [*NO_TEXT, "null", '"AUDIO"', '""', '"text"']),
    Field("POST", "/calls/end", "call_id", {}, [*NO_TEXT, "null", '"a\\u0000b"', '""', f'"{"a" * 300}"']),
    Field("POST", "/calls/end", "reason", {"call_id": "x"}, [*NO_TEXT, "null", '"ongoing"', '""']),
]  # fmt: skip


def body_with(field: Field, value: str) -> str:
    """Return the body as JSON text, with the value inserted as it is."""
    others = "".join(f"{json.dumps(name)}:{json.dumps(other)}," for name, other in field.others.items())
    return f"{{{others}{json.dumps(field.name)}:{value}}}"


async def state(server: RunningServer, caller: Person) -> tuple[Any, ...]:
    """Return everything that a request could have changed."""
    status = (await caller.get("/users/me/status")).body
    return len(server.core.registry), status["is_online"], status["is_busy"], (await caller.get("/users/me")).body


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: f"{field.path}:{field.name}")
async def test_a_field_that_is_not_what_it_must_be_is_refused(
    server: RunningServer, user: MakePerson, field: Field
) -> None:
    ada = await user("ada")
    before = await state(server, ada)
    wrong: list[str] = []
    for value in [*field.bad, *NEVER]:
        answer = await ada.request(field.method, field.path, body_with(field, value).encode("utf-8", "surrogatepass"))
        if (answer.status, answer.code) != (400, "INVALID_REQUEST"):
            wrong.append(f"{value[:40]} → {answer.status} {answer.code}")
    assert wrong == []
    assert await state(server, ada) == before


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: f"{field.path}:{field.name}")
async def test_a_key_that_nobody_knows_is_refused(user: MakePerson, field: Field) -> None:
    ada = await user("ada")
    for extra in ("extra", "$where", "user_id", "__class__", field.name.upper()):
        answer = await ada.request(field.method, field.path, json.dumps({**field.others, extra: 1}))
        assert (answer.status, answer.code) == (400, "INVALID_REQUEST"), extra


BODIES = sorted({(field.method, field.path) for field in FIELDS})
NO_BODIES = [("POST", "/users/me/heartbeat"), ("POST", "/auth/logout"), ("POST", "/auth/ticket")]


@pytest.mark.parametrize(("method", "path"), BODIES + NO_BODIES)
@pytest.mark.parametrize(
    "body",
    [b"{", b"nonsense", b"null", b"[]", b'"text"', b"1", b"\xff\xfe", b'{"a":1}}', b"{}{}", b"\x00", b"{'a':1}"],
)
async def test_a_body_that_is_no_json_object_is_refused(user: MakePerson, method: str, path: str, body: bytes) -> None:
    ada = await user("ada")
    answer = await ada.request(method, path, body)
    assert (answer.status, answer.code) == (400, "INVALID_REQUEST")
    assert (await ada.get("/users/me")).status == 200


@pytest.mark.parametrize(("method", "path"), NO_BODIES)
async def test_where_nothing_is_asked_an_empty_object_is_understood_and_anything_else_refused(
    user: MakePerson, method: str, path: str
) -> None:
    ada = await user("ada")
    assert (await ada.request(method, path, '{"is_online":true}')).status == 400
    assert (await ada.request(method, path, "{}")).status == 200


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("/feed/users", ["online_only", "available_only"]),
        ("/feed/users", ["page", "per_page"]),
        ("/calls/history", ["page", "per_page"]),
        ("/calls/history", ["call_type", "status"]),
        ("/calls/ongoing", ["page", "per_page"]),
        ("/calls/ongoing", ["call_type", "status"]),
    ],
)
async def test_a_query_that_is_not_what_it_must_be_is_refused(user: MakePerson, path: str, names: list[str]) -> None:
    ada = await user("ada")
    values = ["", "x", "-1", "1.5", "NaN", "2", "null", "[1]", '{"$gt":0}', "9" * 400, str(2**63), "\x00", "10000001"]
    wrong: list[str] = []
    for name in names:
        for value in values:
            if value == "2" and name in ("page", "per_page"):
                continue
            answer = await ada.get(f"{path}?{name}={quote(value)}")
            if (answer.status, answer.code) != (400, "INVALID_REQUEST"):
                wrong.append(f"{name}={value[:30]!r} → {answer.status} {answer.code}")
    assert wrong == []


@pytest.mark.parametrize("path", ["/feed/users", "/calls/history", "/calls/ongoing", "/users/presence"])
async def test_a_query_key_that_is_unknown_or_doubled_or_no_utf8_is_refused(user: MakePerson, path: str) -> None:
    ada = await user("ada")
    for query in ("x=1", "page=1&page=1", "per_page=1&per_page=2", "q=%ff", "$where=1", "user_ids=1&user_ids=2"):
        answer = await ada.get(f"{path}?{query}")
        assert (answer.status, answer.code) == (400, "INVALID_REQUEST"), query


async def test_a_search_text_is_bounded_and_has_no_nul(user: MakePerson) -> None:
    ada = await user("ada")
    assert (await ada.get("/feed/users", q="a" * 65)).status == 400
    assert (await ada.get("/feed/users", q="a\x00")).status == 400
    assert (await ada.get("/feed/users", q="a" * 64)).status == 200


@pytest.mark.parametrize("per_page", [0, 101])
async def test_a_page_has_from_one_to_a_hundred_items(user: MakePerson, per_page: int) -> None:
    ada = await user("ada")
    for path in ("/feed/users", "/calls/history", "/calls/ongoing"):
        assert (await ada.get(path, per_page=per_page)).code == "INVALID_REQUEST"


@pytest.mark.settings(body_limit_bytes=1024)
async def test_a_body_beyond_the_limit_is_refused(user: MakePerson) -> None:
    ada = await user("ada")
    answer = await ada.request("PATCH", "/users/me", json.dumps({"username": "a" * 2048}))
    assert (answer.status, answer.code) == (413, "BODY_TOO_LARGE")
    assert (await ada.get("/users/me")).body["username"] == "ada"
