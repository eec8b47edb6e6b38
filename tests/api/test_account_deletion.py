"""DELETE /users/me."""

from __future__ import annotations

import secrets
from typing import Any

import pytest

from tests.clients import Api, Person
from tests.conftest import MakePerson, OpenSocket
from tests.running import RunningServer

pytestmark = [pytest.mark.gen_test]

PASSWORD = f"right password {secrets.token_hex(8)}"


async def ada_of(api: Api) -> Person:
    """Register ada."""
    answer = await api.post("/auth/register", {"username": "ada", "password": PASSWORD})
    return Person(api, answer.body["user_id"], "ada", answer.body["access_token"])


async def delete(person: Api, body: Any = None) -> Any:
    """Ask for the deletion."""
    return await person.delete("/users/me", body)


@pytest.mark.also_clustered
async def test_a_deleted_user_is_gone_everywhere(api: Api, user: MakePerson, socket: OpenSocket) -> None:
    ada, bob = await ada_of(api), await user("bob")
    other = (await api.post("/auth/login", {"username": "ada", "password": PASSWORD})).body
    sockets, watching = [await socket(ada), await socket(ada, "/ws/presence")], await socket(bob)
    answer = await delete(ada, {"password": PASSWORD})
    assert (answer.status, answer.body) == (204, "")
    assert [await each.closed() for each in sockets] == [4501, 4501]
    assert (await watching.next("user_removed"))["user_id"] == ada.user_id
    assert (await ada.get("/users/me")).status == 401
    assert (await api.with_token(other["access_token"]).get("/users/me")).status == 401
    assert (await api.post("/auth/refresh", {"refresh_token": other["refresh_token"]})).status == 401
    assert (await api.post("/auth/login", {"username": "ada", "password": PASSWORD})).status == 401
    assert (await bob.get(f"/users/{ada.user_id}/presence")).status == 404
    assert [each["username"] for each in (await bob.get("/feed/users")).body["items"]] == ["bob"]


async def test_the_name_is_free_again_and_the_id_is_not(api: Api) -> None:
    ada = await ada_of(api)
    await delete(ada, {"password": PASSWORD})
    again = await ada_of(api)
    assert again.user_id > ada.user_id
    assert (await ada.get("/users/me")).status == 401


async def test_it_survives_a_restart(server: RunningServer, api: Api) -> None:
    ada = await ada_of(api)
    await delete(ada, {"password": PASSWORD})
    await server.restart()
    assert (await ada.get("/users/me")).status == 401
    assert (await api.post("/auth/login", {"username": "ada", "password": PASSWORD})).status == 401


@pytest.mark.parametrize("body", [None, {}, {"password": None}, {"password": "wrong"}, {"password": ""}], ids=str)
async def test_without_the_right_password_it_is_403_and_nothing_is_deleted(api: Api, body: Any) -> None:
    ada = await ada_of(api)
    answer = await delete(ada, body)
    assert (answer.status, answer.code) == (403, "WRONG_PASSWORD")
    assert (await ada.get("/users/me")).status == 200


async def test_guesses_count_as_failed_sign_ins_and_a_missing_password_does_not(api: Api) -> None:
    ada = await ada_of(api)
    assert [(await delete(ada)).status for _ in range(6)] == [403] * 6
    assert [(await delete(ada, {"password": "wrong"})).status for _ in range(6)] == [403] * 5 + [429]
    assert (await delete(ada, {"password": PASSWORD})).status == 429


@pytest.mark.parametrize("body", [None, {}, {"password": "whatever it is"}], ids=str)
async def test_who_has_no_password_needs_none(user: MakePerson, body: Any) -> None:
    ada = await user("ada")
    assert (await delete(ada, body)).status == 204
    assert (await ada.get("/users/me")).status == 401


@pytest.mark.one_node
async def test_where_passwords_are_turned_off_an_account_with_one_stays(server: RunningServer, api: Api) -> None:
    ada = await ada_of(api)
    await server.restart(password_login_open=False)
    answer = await delete(ada, {"password": PASSWORD})
    assert (answer.status, answer.code) == (403, "PASSWORDS_CLOSED")
    assert (await ada.get("/users/me")).status == 200


@pytest.mark.settings(password_login_open=False)
async def test_where_passwords_are_turned_off_an_account_without_one_can_be_deleted(user: MakePerson) -> None:
    ada = await user("ada")
    assert (await delete(ada)).status == 204


async def test_a_malformed_body_is_400(user: MakePerson) -> None:
    ada = await user("ada")
    for body in ({"password": 1}, {"passwort": "x"}, [], "x"):
        answer = await delete(ada, body)
        assert (answer.status, answer.code) == (400, "INVALID_REQUEST")
    assert (await ada.get("/users/me")).status == 200


@pytest.mark.also_clustered
async def test_an_ongoing_call_ends_and_stays_in_the_history_of_the_other(
    api: Api, user: MakePerson, socket: OpenSocket
) -> None:
    ada, bob = await ada_of(api), await user("bob")
    await ada.post("/users/me/heartbeat")
    await bob.post("/users/me/heartbeat")
    opened = await socket(bob)
    call = (await ada.post("/calls/start", {"callee_id": bob.user_id, "call_type": "audio"})).body
    assert (await delete(ada, {"password": PASSWORD})).status == 204
    while (await opened.next("call_status_update"))["call"]["status"] == "ongoing":
        pass
    assert (await bob.get("/users/me/status")).body["is_busy"] is False
    (kept,) = (await bob.get("/calls/history")).body["items"]
    assert (kept["call_id"], kept["caller_id"]) == (call["call_id"], ada.user_id)
