"""What a backend does for users: statuses, calls, tokens and sockets."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from models.audit import AuditEntry
from models.user_documents import NewUser
from realtime.protocol import CloseCode
from tests.clients import Api, Backend, Person
from tests.conftest import MakeBackend, MakePerson, OpenSocket
from tests.running import RunningServer

pytestmark = [pytest.mark.gen_test]


async def audited(server: RunningServer) -> list[AuditEntry]:
    """Return the entries of the backend, oldest first."""
    entries, _ = await server.stores.audit.page(operator="key:backend", skip=0, limit=100)
    return entries[::-1]


async def online(*people: Person) -> None:
    """Bring people online."""
    for person in people:
        await person.post("/users/me/heartbeat")


@pytest.mark.also_clustered
async def test_a_status_is_read_and_set_and_announced(
    server: RunningServer, user: MakePerson, backend: MakeBackend, socket: OpenSocket
) -> None:
    ada, bob, key = await user("ada"), await user("bob"), await backend("write")
    watching = await socket(bob)
    path = f"/server/users/{ada.user_id}/status"
    assert not (await key.get(path)).body["is_online"]
    answer = await key.put(path, {"is_online": True, "is_busy": True})
    assert (answer.status, answer.body["is_online"], answer.body["is_busy"]) == (200, True, True)
    update = await watching.next("user_status_update", user_id=ada.user_id)
    assert (update["reason"], update["status"]["is_busy"]) == ("set", True)
    assert (await key.get(path)).body["is_busy"]
    assert (await ada.get("/users/me/status")).body["is_busy"]
    (entry,) = await audited(server)
    assert (entry.action, entry.target, entry.target_name) == ("set_status", f"user:{ada.user_id}", "ada")
    assert (entry.before, entry.after, entry.outcome, entry.address) == ("offline", "busy", "done", "127.0.0.1")


async def test_a_busy_status_is_no_sign_of_life(user: MakePerson, backend: MakeBackend) -> None:
    ada, key = await user("ada"), await backend("write")
    path = f"/server/users/{ada.user_id}/status"
    before = (await key.get(path)).body["last_seen"]
    await asyncio.sleep(0.01)
    assert (await key.put(path, {"is_busy": True})).body["last_seen"] == before


@pytest.mark.also_clustered
async def test_calls_start_and_end_for_users(
    server: RunningServer, user: MakePerson, backend: MakeBackend, socket: OpenSocket
) -> None:
    ada, bob, key = await user("ada"), await user("bob"), await backend("write")
    await online(ada, bob)
    watching = await socket(ada)
    body = {"caller_id": ada.user_id, "callee_id": bob.user_id, "call_type": "video"}
    call = (await key.post("/server/calls/start", body)).body
    assert (call["caller_id"], call["callee_id"], call["status"]) == (ada.user_id, bob.user_id, "ongoing")
    assert (await watching.next("call_status_update"))["call"]["call_id"] == call["call_id"]
    for person in (ada, bob):
        ongoing = (await key.get(f"/server/users/{person.user_id}/calls/ongoing")).body
        assert [each["call_id"] for each in ongoing["items"]] == [call["call_id"]]
    assert (await key.post("/server/calls/start", body)).code == "ALREADY_IN_CALL"
    end = {"call_id": call["call_id"], "reason": "cancelled"}
    ended = (await key.post("/server/calls/end", end)).body
    assert (ended["status"], ended["end_reason"], ended["ended_by"]) == ("cancelled", "cancelled", None)
    assert (await key.post("/server/calls/end", {"call_id": call["call_id"]})).body == ended
    history = (await key.get(f"/server/users/{bob.user_id}/calls/history")).body
    assert (history["items"], history["total"]) == ([ended], 1)
    assert (await key.get(f"/server/users/{bob.user_id}/calls/ongoing")).body["items"] == []
    assert [(each.action, each.outcome) for each in await audited(server)] == [
        ("start_call", "done"), ("start_call", "refused: ALREADY_IN_CALL"), ("end_call", "done"), ("end_call", "done"),
    ]  # fmt: skip


async def test_an_idempotency_key_of_a_backend_starts_a_call_once_and_is_not_the_users(
    user: MakePerson, backend: MakeBackend
) -> None:
    ada, bob, key = await user("ada"), await user("bob"), await backend("write")
    await online(ada, bob)
    body = f'{{"caller_id": {ada.user_id}, "callee_id": {bob.user_id}, "call_type": "audio"}}'
    headers = {"Idempotency-Key": "one"}
    first = await key.request("POST", "/server/calls/start", body, headers)
    again = await key.request("POST", "/server/calls/start", body, headers)
    assert first.body == again.body
    await key.post("/server/calls/end", {"call_id": first.body["call_id"]})
    own = await ada.request("POST", "/calls/start", f'{{"callee_id": {bob.user_id}, "call_type": "audio"}}', headers)
    assert own.status == 200
    assert own.body["call_id"] != first.body["call_id"]
    wrong = await key.request("POST", "/server/calls/start", body, {"Idempotency-Key": "two words"})
    assert wrong.code == "INVALID_REQUEST"


async def test_history_goes_on_with_before_and_keeps_to_the_user(user: MakePerson, backend: MakeBackend) -> None:
    ada, bob, key = await user("ada"), await user("bob"), await backend("write")
    await online(ada, bob)
    ids = []
    for _ in range(3):
        body = {"caller_id": ada.user_id, "callee_id": bob.user_id, "call_type": "audio"}
        ids.insert(0, (await key.post("/server/calls/start", body)).body["call_id"])
        await key.post("/server/calls/end", {"call_id": ids[0]})
    path = f"/server/users/{ada.user_id}/calls/history"
    older = (await key.get(f"{path}?before={ids[0]}")).body
    assert [each["call_id"] for each in older["items"]] == ids[1:]
    assert (await key.get(f"{path}?before=unknown")).code == "NOT_FOUND"
    assert (await key.get(f"{path}?page=2&before={ids[0]}")).code == "INVALID_REQUEST"


async def test_a_token_for_a_user_works_and_lives_as_long_as_was_asked(
    user: MakePerson, backend: MakeBackend, api: Api, server: RunningServer
) -> None:
    ada, key = await user("ada"), await backend("write")
    path = f"/server/users/{ada.user_id}/token"
    answer = await key.post(path, {"expires_in": 60})
    assert answer.status == 200
    assert answer.body.keys() == {"access_token", "expires_in", "user_id", "token_type"}
    assert (answer.body["expires_in"], answer.body["user_id"]) == (60, ada.user_id)
    assert (await api.with_token(answer.body["access_token"]).get("/users/me")).body["username"] == "ada"
    assert (await key.post(path)).body["expires_in"] == 900
    for wrong in (0, -1, 901, 1.5, "60"):
        assert (await key.post(path, {"expires_in": wrong})).code == "INVALID_REQUEST"
    assert {each.after for each in await audited(server)} == {"for 60 s", "for 900 s"}


async def test_a_pair_can_be_refreshed(user: MakePerson, backend: MakeBackend, api: Api) -> None:
    ada, key = await user("ada"), await backend("write")
    pair = (await key.post(f"/server/users/{ada.user_id}/token", {"pair": True, "expires_in": 30})).body
    assert pair["expires_in"] == 30
    refreshed = await api.post("/auth/refresh", {"refresh_token": pair["refresh_token"]})
    assert refreshed.status == 200
    assert (await api.with_token(refreshed.body["access_token"]).get("/users/me")).body["username"] == "ada"


@pytest.mark.also_clustered
async def test_revoking_tokens_signs_the_user_out_everywhere(
    user: MakePerson, backend: MakeBackend, socket: OpenSocket, api: Api
) -> None:
    ada, bob, key = await user("ada"), await user("bob"), await backend("admin")
    pair = (await key.post(f"/server/users/{ada.user_id}/token", {"pair": True})).body
    ada = Person(api, ada.user_id, "ada", pair["access_token"])
    sockets, other = [await socket(ada) for _ in range(3)], await socket(bob)
    assert (await key.post(f"/server/users/{ada.user_id}/revoke_tokens")).body == {}
    assert [await each.closed() for each in sockets] == [CloseCode.REVOKED] * 3
    assert (await ada.get("/users/me")).status == 401
    assert (await api.post("/auth/refresh", {"refresh_token": pair["refresh_token"]})).status == 401
    new = (await key.post(f"/server/users/{ada.user_id}/token")).body["access_token"]
    assert (await api.with_token(new).get("/users/me")).status == 200
    await other.ask({"type": "ping"}, "pong")


@pytest.mark.also_clustered
async def test_disconnecting_closes_sockets_and_keeps_tokens(
    server: RunningServer, user: MakePerson, backend: MakeBackend, socket: OpenSocket
) -> None:
    ada, key = await user("ada"), await backend("admin")
    sockets = [await socket(ada) for _ in range(3)]
    assert (await key.post(f"/server/users/{ada.user_id}/disconnect")).body == {}
    assert [await each.closed() for each in sockets] == [CloseCode.REVOKED] * 3
    assert (await ada.get("/users/me")).status == 200
    assert (await key.post(f"/server/users/{ada.user_id}/disconnect")).body == {}
    assert [(each.action, each.outcome) for each in await audited(server)] == [("disconnect", "done")] * 2


async def make_external(server: RunningServer, external_id: str, name: str) -> int:
    """Create a user with an external id, past the API."""
    stores, now = server.stores, server.core.environment.clock.utc()
    user_id = await stores.external_ids.reserve(external_id)
    await stores.users.create(NewUser(name, None, None, external_id, ("blue", "red")), now, user_id)
    return user_id


async def test_a_user_is_named_by_the_external_id_as_well(server: RunningServer, backend: MakeBackend) -> None:
    key = await backend("write")
    user_id = await make_external(server, "a/b,c é", "Zoë")
    path = "/server/users/external:a%2Fb%2Cc%20%C3%A9"
    found = (await key.get(path)).body
    assert (found["user_id"], found["external_id"], found["username"]) == (user_id, "a/b,c é", "Zoë")
    assert (found["tags"], found["disabled"], found["status"]["user_id"]) == (["blue", "red"], False, user_id)
    assert (await key.get(f"/server/users/{user_id}")).body == found
    assert (await key.get("/server/users?external_id=a%2Fb%2Cc%20%C3%A9")).body["items"] == [found]
    assert (await key.put(f"{path}/status", {"is_online": True})).body["is_online"]
    other = await make_external(server, "other", "bob")
    await key.put("/server/users/external:other/status", {"is_online": True})
    body = {"caller_id": "external:a/b,c é", "callee_id": str(other), "call_type": "audio"}
    assert (await key.post("/server/calls/start", body)).body["caller_id"] == user_id


async def test_who_is_not_there_is_404_and_what_is_no_id_is_400(backend: MakeBackend) -> None:
    key = await backend("admin")
    for name in ("999", "external:nobody"):
        assert (await key.get(f"/server/users/{name}")).code == "NOT_FOUND"
        assert (await key.put(f"/server/users/{name}/status", {"is_busy": True})).code == "NOT_FOUND"
        assert (await key.post(f"/server/users/{name}/token")).code == "NOT_FOUND"
    for name in ("0", "-1", "x", "external:", f"external:{'x' * 129}", "external:%00", "01", "1.0"):
        answer = await key.get(f"/server/users/{name}")
        assert (answer.status, answer.code) == (400, "INVALID_REQUEST"), name
    for name in ("x", "external:", f"external:{'x' * 129}", "external:\0", "01", 0, 1.5):
        body = {"caller_id": name, "callee_id": name, "call_type": "audio"}
        answer = await key.post("/server/calls/start", body)
        assert (answer.status, answer.code) == (400, "INVALID_REQUEST"), name
        assert "regex" not in answer.body["error"]["message"]
    assert (await key.get("/server/users?external_id=nobody")).body["items"] == []
    assert (await key.post("/server/calls/end", {"call_id": "nothing"})).code == "NOT_FOUND"


async def test_users_are_listed_in_the_order_of_their_ids(user: MakePerson, backend: MakeBackend) -> None:
    people = [await user(f"user{number}") for number in range(5)]
    key: Backend = await backend("read")
    await online(people[3])
    first: dict[str, Any] = (await key.get("/server/users?per_page=3")).body
    second = (await key.get("/server/users?per_page=3&page=2")).body
    ids = [each["user_id"] for each in first["items"] + second["items"]]
    assert ids == [each.user_id for each in people]
    assert (first["total"], first["has_next"], second["has_next"]) == (5, True, False)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/status", '{"is_busy": true}'),
        ("POST", "/token", "{}"),
    ],
)
async def test_nothing_is_done_for_a_disabled_user(
    server: RunningServer, user: MakePerson, backend: MakeBackend, method: str, path: str, body: str
) -> None:
    ada, bob, key = await user("ada"), await user("bob"), await backend("write")
    await online(bob)
    for node in server.nodes:
        await node.core.presence.disable(ada.user_id)
    assert (await key.get(f"/server/users/{ada.user_id}")).body["disabled"]
    assert (await key.request(method, f"/server/users/{ada.user_id}{path}", body)).code == "USER_DISABLED"
    call = {"caller_id": ada.user_id, "callee_id": bob.user_id, "call_type": "audio"}
    assert (await key.post("/server/calls/start", call)).code == "USER_DISABLED"
