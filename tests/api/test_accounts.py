"""POST /auth/register, /auth/login, /auth/refresh, /auth/logout, /auth/ticket."""

from __future__ import annotations

import asyncio
import secrets

import pytest

from tests.clients import PATIENCE_SECONDS, Api
from tests.conftest import MakePerson, OpenSocket
from tests.running import RunningServer

pytestmark = pytest.mark.gen_test

PAIR = {"access_token", "refresh_token", "token_type", "expires_in", "user_id"}


def password() -> str:
    """Return a new random password."""
    return f"password {secrets.token_hex(12)}"


async def test_registering_answers_201_and_a_token_pair(api: Api) -> None:
    answer = await api.post("/auth/register", {"username": "ada", "password": password()})
    assert answer.status == 201
    assert answer.body.keys() == PAIR
    assert (answer.body["token_type"], answer.body["expires_in"]) == ("bearer", 900)
    assert (await api.with_token(answer.body["access_token"]).get("/users/me")).body["user_id"] == answer.body[
        "user_id"
    ]


async def test_registering_keeps_the_profile_image(api: Api) -> None:
    url = "https://example.com/ada.jpg"
    answer = await api.post("/auth/register", {"username": "ada", "password": password(), "profile_image_url": url})
    me = await api.with_token(answer.body["access_token"]).get("/users/me")
    assert me.body["profile_image_url"] == url


async def test_a_new_user_is_offline_and_everyone_is_told(api: Api, user: MakePerson, socket: OpenSocket) -> None:
    feed = await socket(await user("watcher"))
    answer = await api.post("/auth/register", {"username": "ada", "password": password()})
    update = await feed.update(answer.body["user_id"])
    assert (update["status"]["is_online"], update["reason"]) == (False, "set")


@pytest.mark.parametrize("name", ["ada", "ADA", "ａｄａ"])
async def test_a_name_is_taken_whatever_its_case_and_form(api: Api, user: MakePerson, name: str) -> None:
    await user("ada")
    answer = await api.post("/auth/register", {"username": name, "password": password()})
    assert (answer.status, answer.code) == (409, "USERNAME_TAKEN")


async def test_of_ten_registrations_of_one_name_one_wins(api: Api) -> None:
    answers = await asyncio.gather(
        *(api.post("/auth/register", {"username": "ada", "password": password()}) for _ in range(10))
    )
    assert sorted(answer.status for answer in answers) == [201] + [409] * 9


async def test_a_password_has_at_least_twelve_characters(api: Api) -> None:
    assert (await api.post("/auth/register", {"username": "ada", "password": "p" * 11})).status == 400
    assert (await api.post("/auth/register", {"username": "ada", "password": secrets.token_hex(6)})).status == 201


@pytest.mark.settings(registration_open=False)
async def test_registration_can_be_closed(api: Api) -> None:
    answer = await api.post("/auth/register", {"username": "ada", "password": password()})
    assert (answer.status, answer.code) == (403, "REGISTRATION_CLOSED")


async def test_logging_in_answers_a_new_token_pair(api: Api) -> None:
    given = {"username": "ada", "password": password()}
    first = await api.post("/auth/register", given)
    answer = await api.post("/auth/login", {**given, "username": "Ada"})
    assert answer.status == 200
    assert answer.body.keys() == PAIR
    assert answer.body["user_id"] == first.body["user_id"]
    assert answer.body["access_token"] != first.body["access_token"]


async def test_a_wrong_password_and_an_unknown_name_answer_the_same(api: Api) -> None:
    await api.post("/auth/register", {"username": "ada", "password": password()})
    answers = [await api.post("/auth/login", {"username": name, "password": password()}) for name in ("ada", "nobody")]
    assert [answer.status for answer in answers] == [401, 401]
    assert [answer.code for answer in answers] == ["AUTH_ERROR", "AUTH_ERROR"]
    assert answers[0].body["error"]["message"] == answers[1].body["error"]["message"]


async def test_who_has_no_password_cannot_log_in_by_one(api: Api, user: MakePerson) -> None:
    await user("imported")
    assert (await api.post("/auth/login", {"username": "imported", "password": ""})).status == 401
    assert (await api.post("/auth/login", {"username": "imported", "password": password()})).status == 401


async def test_refreshing_answers_a_new_pair_of_the_same_login(server: RunningServer, api: Api) -> None:
    first = (await api.post("/auth/register", {"username": "ada", "password": password()})).body
    answer = await api.post("/auth/refresh", {"refresh_token": first["refresh_token"]})
    assert answer.status == 200
    assert answer.body.keys() == PAIR
    logins = [server.tokens.verify(pair["access_token"], "access").login_id for pair in (first, answer.body)]
    assert logins[0] == logins[1]
    assert (await api.with_token(answer.body["access_token"]).get("/users/me")).status == 200
    assert (await api.post("/auth/refresh", {"refresh_token": answer.body["refresh_token"]})).status == 200


async def test_a_refresh_token_used_again_gets_the_same_successor_and_a_fresh_access_token(
    server: RunningServer, api: Api
) -> None:
    first = (await api.post("/auth/register", {"username": "ada", "password": password()})).body
    second = (await api.post("/auth/refresh", {"refresh_token": first["refresh_token"]})).body
    await server.restart()
    third = await api.post("/auth/refresh", {"refresh_token": second["refresh_token"]})
    again = await api.post("/auth/refresh", {"refresh_token": first["refresh_token"]})
    assert (third.status, again.status) == (200, 200)
    assert again.body["refresh_token"] == second["refresh_token"]
    assert again.body["access_token"] != second["access_token"]
    assert (await api.with_token(again.body["access_token"]).get("/users/me")).status == 200


@pytest.mark.settings(refresh_leeway_seconds=0.0)
async def test_using_a_refresh_token_twice_revokes_its_whole_family(api: Api) -> None:
    first = (await api.post("/auth/register", {"username": "ada", "password": password()})).body
    second = (await api.post("/auth/refresh", {"refresh_token": first["refresh_token"]})).body
    third = (await api.post("/auth/refresh", {"refresh_token": second["refresh_token"]})).body
    again = await api.post("/auth/refresh", {"refresh_token": first["refresh_token"]})
    assert (again.status, again.code) == (401, "AUTH_ERROR")
    assert (await api.post("/auth/refresh", {"refresh_token": third["refresh_token"]})).status == 401
    for pair in (first, second, third):
        await refused_everywhere(api.with_token(pair["access_token"]))


async def refused_everywhere(api: Api) -> None:
    """Wait until the token is refused. Other servers than the one that revoked it learn of that through the log."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (await api.get("/users/me")).status != 401:
            await asyncio.sleep(0.005)


async def test_of_ten_refreshes_by_one_token_all_get_the_same_successor(api: Api) -> None:
    first = (await api.post("/auth/register", {"username": "ada", "password": password()})).body
    answers = await asyncio.gather(
        *(api.post("/auth/refresh", {"refresh_token": first["refresh_token"]}) for _ in range(10))
    )
    assert [answer.status for answer in answers] == [200] * 10
    assert len({answer.body["refresh_token"] for answer in answers}) == 1
    assert len({answer.body["access_token"] for answer in answers}) == 10
    assert (await api.with_token(answers[-1].body["access_token"]).get("/users/me")).status == 200


@pytest.mark.settings(refresh_leeway_seconds=0.0)
async def test_revoking_a_family_closes_its_sockets_and_no_others(api: Api, socket: OpenSocket) -> None:
    given = {"username": "ada", "password": password()}
    one, other = await api.post("/auth/register", given), await api.post("/auth/login", given)
    closing, staying = [await socket(None, token=each.body["access_token"]) for each in (one, other)]
    second = await api.post("/auth/refresh", {"refresh_token": one.body["refresh_token"]})
    await api.post("/auth/refresh", {"refresh_token": second.body["refresh_token"]})
    await api.post("/auth/refresh", {"refresh_token": one.body["refresh_token"]})
    assert await closing.closed() == 4501
    await staying.ask({"type": "ping"}, "pong")


async def test_an_access_token_does_not_refresh_and_a_refresh_token_gives_no_access(api: Api) -> None:
    pair = (await api.post("/auth/register", {"username": "ada", "password": password()})).body
    assert (await api.post("/auth/refresh", {"refresh_token": pair["access_token"]})).status == 401
    assert (await api.with_token(pair["refresh_token"]).get("/users/me")).status == 401


async def test_logging_out_kills_the_tokens_and_closes_the_sockets_of_this_login(api: Api, socket: OpenSocket) -> None:
    given = {"username": "ada", "password": password()}
    one, other = await api.post("/auth/register", given), await api.post("/auth/login", given)
    closing, staying = [await socket(None, token=each.body["access_token"]) for each in (one, other)]
    answer = await api.with_token(one.body["access_token"]).post("/auth/logout")
    assert (answer.status, answer.body) == (200, {})
    assert await closing.closed() == 4501
    assert (await api.with_token(one.body["access_token"]).get("/users/me")).status == 401
    assert (await api.post("/auth/refresh", {"refresh_token": one.body["refresh_token"]})).status == 401
    await staying.ask({"type": "ping"}, "pong")
    assert (await api.with_token(other.body["access_token"]).get("/users/me")).status == 200


async def test_a_logout_is_remembered_over_a_restart(server: RunningServer, registered: MakePerson) -> None:
    ada = await registered("ada")
    await ada.post("/auth/logout")
    await server.restart()
    assert (await ada.get("/users/me")).status == 401


async def test_tokens_live_on_over_a_restart(server: RunningServer, registered: MakePerson) -> None:
    ada = await registered("ada")
    await server.restart()
    assert (await ada.get("/users/me")).status == 200


async def test_a_ticket_opens_one_socket(user: MakePerson, socket: OpenSocket) -> None:
    ada = await user("ada")
    answer = await ada.post("/auth/ticket")
    assert answer.status == 200
    assert answer.body.keys() == {"ticket", "expires_in"}
    assert answer.body["expires_in"] == 30
    opened = await socket(None, first=True, ticket=answer.body["ticket"])
    assert (await opened.take())["user_id"] == ada.user_id
    second = await socket(None, first=True, ticket=answer.body["ticket"])
    assert (await second.take())["code"] == "AUTH_ERROR"
    assert await second.closed() == 4500


@pytest.mark.settings(ticket_seconds=0.000001)
async def test_a_ticket_ends_by_itself(user: MakePerson, socket: OpenSocket) -> None:
    ticket = (await (await user("ada")).post("/auth/ticket")).body["ticket"]
    late = await socket(None, first=True, ticket=ticket)
    assert (await late.take())["code"] == "AUTH_ERROR"


@pytest.mark.one_node
async def test_a_ticket_dies_with_the_login_that_asked_for_it(registered: MakePerson, socket: OpenSocket) -> None:
    ada = await registered("ada")
    ticket = (await ada.post("/auth/ticket")).body["ticket"]
    await ada.post("/auth/logout")
    refused = await socket(None, first=True, ticket=ticket)
    assert (await refused.take())["code"] == "AUTH_ERROR"


@pytest.mark.settings(password_workers=1, password_waiting_limit=0, argon2_memory_kib=8 * 1024, argon2_passes=8)
async def test_more_passwords_than_may_wait_are_answered_with_503(api: Api) -> None:
    answers = await asyncio.gather(
        *(api.post("/auth/login", {"username": f"user {n}", "password": password()}) for n in range(8))
    )
    refused = [answer for answer in answers if answer.status == 503]
    assert refused
    assert {answer.status for answer in answers} <= {401, 503}
    assert all((answer.code, answer.headers["Retry-After"]) == ("OVERLOADED", "1") for answer in refused)
