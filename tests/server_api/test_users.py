"""Users of a backend: created, updated, disabled, enabled and deleted, one by one and many at once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from realtime.protocol import CloseCode
from tests.clients import Api, Backend, Person, Socket
from tests.conftest import MakeBackend, MakePerson, OpenSocket
from tests.running import RunningServer

pytestmark = [pytest.mark.gen_test]


async def person(api: Api, key: Backend, external_id: str) -> Person:
    """Return a user of the backend, with a token from it."""
    tokens = (await key.post(f"/server/users/external:{external_id}/token")).body
    return Person(api, tokens["user_id"], external_id, tokens["access_token"])


async def actions(server: RunningServer) -> list[tuple[str, str, str]]:
    """Return (action, target, outcome) of the backend's entries in the audit, oldest first."""
    entries, _ = await server.stores.audit.page(operator="key:backend", skip=0, limit=100)
    return [(each.action, each.target, each.outcome) for each in entries[::-1]]


async def told(watching: Socket, user_id: int, **fields: Any) -> dict[str, Any]:
    """Return the next status of a user with these fields that a socket is told."""
    while True:
        status: dict[str, Any] = (await watching.update(user_id))["status"]
        if all(status[name] == value for name, value in fields.items()):
            return status


@pytest.mark.also_clustered
async def test_a_user_is_created_once_and_then_updated(
    server: RunningServer, backend: MakeBackend, user: MakePerson, socket: OpenSocket
) -> None:
    ada, key = await user("ada"), await backend("write")
    watching = await socket(ada)
    body = {"username": "Zoë", "profile_image_url": "https://example.org/z.png", "tags": ["red", "blue", "red"]}
    first = await key.put("/server/users/external:z-1", body)
    assert first.status == 201
    assert (first.body["username"], first.body["external_id"], first.body["tags"]) == ("Zoë", "z-1", ["blue", "red"])
    again = await key.put("/server/users/external:z-1", body)
    assert (again.status, again.body) == (200, first.body)
    renamed = await key.put("/server/users/external:z-1", {"username": "Zoe"})
    assert (renamed.status, renamed.body["username"], renamed.body["tags"]) == (200, "Zoe", ["blue", "red"])
    user_id = first.body["user_id"]
    assert (await told(watching, user_id, username="Zoe"))["external_id"] == "z-1"
    assert (await key.get(f"/users/{user_id}/presence")).body["external_id"] == "z-1"
    assert await actions(server) == [("put_user", f"user:{user_id}", "done")] * 3


@pytest.mark.also_clustered
async def test_of_requests_that_create_a_user_at_the_same_time_one_is_told_so(
    server: RunningServer, backend: MakeBackend
) -> None:
    key = await backend("write")
    answers = await asyncio.gather(*[key.put("/server/users/external:new", {"username": "ada"}) for _ in range(8)])
    assert sorted(each.status for each in answers) == [200] * 7 + [201]
    assert len({each.body["user_id"] for each in answers}) == 1
    users = {"users": [{"external_id": f"new-{number}"} for number in range(5)]}
    batches = await asyncio.gather(*[key.post("/server/users/batch", users) for _ in range(4)])
    outcomes = [each["outcome"] for batch in batches for each in batch.body["results"]]
    assert sorted(outcomes) == ["created"] * 5 + ["unchanged"] * 15


async def test_a_user_without_a_name_gets_one(backend: MakeBackend) -> None:
    key = await backend("write")
    made = await key.put("/server/users/external:erika", {})
    assert (made.status, made.body["username"]) == (201, "erika")
    taken = await key.put("/server/users/external:ERIKA", {})
    assert taken.status == 201
    assert taken.body["username"] != "erika"


async def test_a_name_that_is_taken_is_refused(server: RunningServer, backend: MakeBackend, user: MakePerson) -> None:
    await user("ada")
    key = await backend("write")
    assert (await key.put("/server/users/external:1", {"username": "ADA"})).code == "USERNAME_TAKEN"
    assert (await key.get("/server/users/external:1")).code == "NOT_FOUND"
    await key.put("/server/users/external:1", {"username": "bob"})
    assert (await key.patch("/server/users/external:1", {"username": "Ada"})).code == "USERNAME_TAKEN"
    assert [outcome for _, _, outcome in await actions(server)] == [
        "refused: USERNAME_TAKEN", "done", "refused: USERNAME_TAKEN",
    ]  # fmt: skip


@pytest.mark.any_store
async def test_what_is_malformed_is_refused(backend: MakeBackend, user: MakePerson) -> None:
    ada, key = await user("ada"), await backend("write")
    for body in (
        {"username": ""}, {"username": " x"}, {"username": "x" * 65}, {"username": None}, {"username": 1},
        {"profile_image_url": "javascript:x"}, {"tags": ["x"] * 1 + [""]}, {"tags": [str(n) for n in range(21)]},
        {"tags": None}, {"tags": ["x" * 65]}, {"tags": "x"}, {"surprise": 1}, {"external_id": "2"},
    ):  # fmt: skip
        for answer in (
            await key.put("/server/users/external:1", body), await key.patch(f"/server/users/{ada.user_id}", body)
        ):  # fmt: skip
            assert (answer.status, answer.code) == (400, "INVALID_REQUEST"), body
    assert (await key.patch(f"/server/users/{ada.user_id}", {})).code == "INVALID_REQUEST"
    assert (await key.put(f"/server/users/{ada.user_id}", {"username": "x"})).code == "INVALID_REQUEST"
    assert (await key.get("/server/users?external_id=1")).body["total"] == 0


async def test_an_external_id_with_a_percent_sign_names_nobody_else(backend: MakeBackend) -> None:
    key = await backend("admin")
    for name, username in (("a%2562", "one"), ("ab", "victim")):
        assert (await key.put(f"/server/users/external:{name}", {"username": username})).status == 201
    assert (await key.delete("/server/users/external:a%2562")).status == 200
    path = "/server/users/external:a%2562"
    answers = [
        await key.delete(path), await key.post(f"{path}/disable", {}), await key.get(f"{path}/status"),
        await key.patch(path, {"username": "other"}),
    ]  # fmt: skip
    assert [each.status for each in answers] == [404] * 4
    call = {"caller_id": "external:ab", "callee_id": "external:a%62", "call_type": "audio"}
    assert (await key.post("/server/calls/start", call)).status == 404
    assert (await key.get("/server/users/external:ab")).body["username"] == "victim"


async def test_users_are_found_by_tag(backend: MakeBackend) -> None:
    key = await backend("write")
    for number, tags in enumerate([["a"], ["a", "b"], ["b"], []]):
        await key.put(f"/server/users/external:{number}", {"tags": tags})
    found = (await key.get("/server/users?tag=a")).body
    assert [each["external_id"] for each in found["items"]] == ["0", "1"]
    assert (await key.get("/server/users?tag=a&external_id=2")).body["items"] == []
    await key.patch("/server/users/external:0", {"tags": []})
    assert (await key.get("/server/users?tag=a")).body["total"] == 1
    for wrong in ("", "%20a", "x" * 65):
        refused, by_feed = [await key.get(f"{path}?tag={wrong}") for path in ("/server/users", "/feed/users")]
        assert (refused.status, refused.body["error"]["message"]) == (400, by_feed.body["error"]["message"]), wrong


@pytest.mark.also_clustered
async def test_a_disabled_user_is_out_everywhere_until_enabled(
    server: RunningServer, backend: MakeBackend, user: MakePerson, socket: OpenSocket, api: Api
) -> None:
    bob, key = await user("bob"), await backend("admin")
    watching = await socket(bob)
    await key.put("/server/users/external:a", {"username": "ada"})
    ada = await person(api, key, "a")
    sockets = [await socket(ada) for _ in range(3)]
    await told(watching, ada.user_id, is_online=True)
    disabled = (await key.post("/server/users/external:a/disable")).body
    assert (disabled["disabled"], disabled["status"]["is_online"]) == (True, False)
    assert [await each.closed() for each in sockets] == [CloseCode.REVOKED] * 3
    assert (await ada.get("/users/me")).status == 401
    await told(watching, ada.user_id, is_online=False)
    assert (await key.post("/server/users/external:a/token")).code == "USER_DISABLED"
    enabled = (await key.post("/server/users/external:a/enable")).body
    assert not enabled["disabled"]
    assert (await ada.get("/users/me")).status == 401
    assert (await (await person(api, key, "a")).get("/users/me")).status == 200
    assert [(action, outcome) for action, _, outcome in await actions(server)][2:] == [
        ("disable_user", "done"), ("issue_tokens", "refused: USER_DISABLED"), ("enable_user", "done"),
        ("issue_tokens", "done"),
    ]  # fmt: skip


@pytest.mark.also_clustered
async def test_a_deleted_user_is_gone_and_calls_keep_the_id(
    server: RunningServer, backend: MakeBackend, user: MakePerson, socket: OpenSocket, api: Api
) -> None:
    bob, key = await user("bob"), await backend("admin")
    await bob.post("/users/me/heartbeat")
    watching = await socket(bob)
    await key.put("/server/users/external:a", {"username": "Ada Personal"})
    ada = await person(api, key, "a")
    their_socket = await socket(ada)
    assert (await key.get("/server/users")).body["total"] == 2
    call = {"caller_id": "external:a", "callee_id": bob.user_id, "call_type": "audio"}
    call_id = (await key.post("/server/calls/start", call)).body["call_id"]
    assert (await key.request("DELETE", "/server/users/external:a")).body == {}
    assert await their_socket.closed() == CloseCode.REVOKED
    assert (await watching.next("user_removed"))["user_id"] == ada.user_id
    for name in (ada.user_id, "external:a"):
        assert (await key.get(f"/server/users/{name}")).code == "NOT_FOUND"
        assert (await key.request("DELETE", f"/server/users/{name}")).code == "NOT_FOUND"
    assert [each["user_id"] for each in (await key.get("/server/users")).body["items"]] == [bob.user_id]
    assert (await ada.get("/users/me")).status == 401
    (kept,) = (await key.get(f"/server/users/{bob.user_id}/calls/history")).body["items"]
    assert (kept["call_id"], kept["caller_id"]) == (call_id, ada.user_id)
    entries, _ = await server.stores.audit.page(skip=0, limit=100)
    assert "Ada Personal" not in str(entries)
    new = await key.put("/server/users/external:a", {"username": "Ada Personal"})
    assert new.status == 201
    assert new.body["user_id"] > ada.user_id
