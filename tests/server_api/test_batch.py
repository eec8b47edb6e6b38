"""Many users at once: each has a result, others are served meanwhile, and only this body may be large."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from handlers.server_api.batch import NEW_AT_ONCE
from tests.clients import Answer
from tests.conftest import MakeBackend, MakePerson, OpenSocket
from tests.running import RunningServer

pytestmark = pytest.mark.gen_test


def batch_of(count: int, **fields: Any) -> dict[str, Any]:
    """Return the body of a batch."""
    return {"users": [{"external_id": f"id-{n}", "username": f"user {n}", **fields} for n in range(count)]}


def outcomes(answer: Answer) -> list[str]:
    assert answer.status == 200, answer.body
    return [each["outcome"] for each in answer.body["results"]]


@pytest.mark.also_clustered
async def test_many_users_are_put_at_once_and_each_has_a_result(server: RunningServer, backend: MakeBackend) -> None:
    key = await backend("write")
    assert outcomes(await key.post("/server/users/batch", batch_of(30, tags=["x"]))) == ["created"] * 30
    assert outcomes(await key.post("/server/users/batch", batch_of(31, tags=["x"]))) == ["unchanged"] * 30 + ["created"]
    mixed = {
        "users": [
            {"external_id": "id-0", "username": "user 0"},
            {"external_id": "id-1", "tags": ["y"]},
            {"external_id": "id-2", "username": "user 3"},
            {"external_id": "id-3", "surprise": 1},
            {"external_id": ""},
            {"username": "nobody"},
            17,
            {"external_id": "new", "username": "first"},
            {"external_id": "new", "username": "second"},
        ]
    }
    answer = await key.post("/server/users/batch", mixed)
    assert outcomes(answer) == [
        "unchanged", "updated", "refused", "refused", "refused", "refused", "refused", "created", "updated",
    ]  # fmt: skip
    results = answer.body["results"]
    assert [each["external_id"] for each in results] == ["id-0", "id-1", "id-2", "id-3", "", None, None, "new", "new"]
    assert [each["error"] and each["error"]["code"] for each in results[2:7]] == [
        "USERNAME_TAKEN", *["INVALID_REQUEST"] * 4,
    ]  # fmt: skip
    assert all(each["error"] is None and each["user_id"] for each in (*results[:2], *results[7:]))
    assert (await key.get("/server/users/external:new")).body["username"] == "second"
    entries, _ = await server.stores.audit.page(operator="key:backend", action="put_users", skip=0, limit=10)
    assert [each.after for each in entries] == [
        "1 created, 5 refused, 1 unchanged, 2 updated", "1 created, 30 unchanged", "30 created",
    ]  # fmt: skip
    _, created = await server.stores.audit.page(operator="key:backend", action="create_user", skip=0, limit=10)
    _, updated = await server.stores.audit.page(operator="key:backend", action="change_user", skip=0, limit=10)
    assert (created, updated) == (32, 2)


@pytest.mark.any_store
async def test_a_batch_has_a_limit_of_its_own_and_no_other_body_has(backend: MakeBackend, user: MakePerson) -> None:
    ada, key = await user("ada"), await backend("write")
    large = json.dumps({"users": [{"external_id": "x" * 100_000}]})
    assert outcomes(await key.request("POST", "/server/users/batch", large)) == ["refused"]
    assert outcomes(await key.request("POST", "/server/users/batch?", large)) == ["refused"]
    for path in ("/server/users/external:x", "/server/users/batch/", "/users/me/status"):
        assert (await key.request("PUT", path, large)).status == 413
    assert (await ada.request("POST", "/server/users/batch", large)).status == 413
    assert (await key.with_token(None).request("POST", "/server/users/batch", large)).status == 413
    larger = json.dumps({"users": [{"external_id": "x" * 1024 * 1024}]})
    assert (await key.request("POST", "/server/users/batch", larger)).code == "BODY_TOO_LARGE"
    assert (await key.request("PUT", "/users/me/status", large)).status == 413


@pytest.mark.any_store
@pytest.mark.settings(batch_users_limit=3)
async def test_a_batch_of_too_many_is_refused_as_a_whole(backend: MakeBackend) -> None:
    key = await backend("write")
    assert (await key.post("/server/users/batch", batch_of(4))).code == "INVALID_REQUEST"
    assert (await key.get("/server/users")).body["total"] == 0
    for body in ({}, {"users": 1}, {"users": [], "more": 1}, []):
        assert (await key.request("POST", "/server/users/batch", json.dumps(body))).code == "INVALID_REQUEST"


@pytest.mark.any_store
@pytest.mark.one_node
async def test_others_are_served_while_a_thousand_users_are_created(
    server: RunningServer, backend: MakeBackend, user: MakePerson, socket: OpenSocket
) -> None:
    ada, key = await user("ada"), await backend("write")
    watching = await socket(ada, "/ws/presence")
    creating = asyncio.ensure_future(key.post("/server/users/batch", batch_of(1000)))
    users, most_between = len(server.core.registry), 0
    while not creating.done():
        await watching.ask({"type": "ping"}, "pong")
        created = len(server.core.registry) - users
        users, most_between = users + created, max(most_between, created)
    assert outcomes(creating.result()) == ["created"] * 1000
    assert most_between <= 4 * NEW_AT_ONCE, "users created while a ping waited"
    assert len(server.core.registry) == 1001
