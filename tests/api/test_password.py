"""PUT /users/me/password."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

import pytest

from tests.clients import Answer, Api, Message, Person
from tests.conftest import MakePerson, OpenSocket
from tests.running import RunningServer

pytestmark = [pytest.mark.gen_test]

URL = "/users/me/password"


def password() -> str:
    """Return a new random password."""
    return f"password {secrets.token_hex(12)}"


class Account:
    """A user with a password, who signs in on several devices."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self.password = password()

    @classmethod
    async def registered(cls, api: Api) -> tuple[Account, Person]:
        """Register the account. Returns it and its first login."""
        account = cls(api)
        answer = await api.post("/auth/register", account.credentials())
        assert answer.status == 201, answer.body
        return account, Person(api, answer.body["user_id"], "ada", answer.body["access_token"])

    def credentials(self, password: str | None = None) -> Message:
        """Return what a sign-in takes."""
        return {"username": "ada", "password": password or self.password}

    async def signed_in(self) -> Any:
        """Sign in, and return the tokens."""
        answer = await self._api.post("/auth/login", self.credentials())
        assert answer.status == 200, answer.body
        return answer.body

    async def change(self, login: Api, new: str | None = None) -> Answer:
        """Change the password."""
        new = new or password()
        answer = await login.put(URL, {"old_password": self.password, "new_password": new})
        if answer.status == 200:
            self.password = new
        return answer


async def test_the_new_password_signs_in_and_the_old_one_does_not(api: Api) -> None:
    account, login = await Account.registered(api)
    old = account.password
    answer = await account.change(login)
    assert (answer.status, answer.body) == (200, {})
    assert (await api.post("/auth/login", account.credentials(old))).status == 401
    assert (await api.post("/auth/login", account.credentials())).status == 200


@pytest.mark.also_clustered
async def test_this_login_goes_on_and_its_tokens_and_sockets_stay(api: Api, socket: OpenSocket) -> None:
    account, first = await Account.registered(api)
    pair = await account.signed_in()
    login = Person(api, first.user_id, "ada", pair["access_token"])
    opened = await socket(login)
    assert (await account.change(login)).status == 200
    await asyncio.sleep(0.3)  # the time after which sockets with refused tokens are closed
    await opened.ask({"type": "ping"}, "pong")
    assert (await login.get("/users/me")).status == 200
    refreshed = await api.post("/auth/refresh", {"refresh_token": pair["refresh_token"]})
    assert refreshed.status == 200
    assert (await api.with_token(refreshed.body["access_token"]).get("/users/me")).status == 200
    again = await api.post("/auth/refresh", {"refresh_token": refreshed.body["refresh_token"]})
    assert again.status == 200


@pytest.mark.also_clustered
async def test_all_other_logins_end_and_their_sockets_are_closed_with_4501(api: Api, socket: OpenSocket) -> None:
    account, login = await Account.registered(api)
    others = [await account.signed_in() for _ in range(3)]
    people = [Person(api, login.user_id, "ada", pair["access_token"]) for pair in others]
    sockets = [await socket(person) for person in people]
    assert (await account.change(login)).status == 200
    assert [await each.closed() for each in sockets] == [4501] * 3
    assert [(await each.get("/users/me")).status for each in people] == [401] * 3
    refreshes = [await api.post("/auth/refresh", {"refresh_token": pair["refresh_token"]}) for pair in others]
    assert [each.status for each in refreshes] == [401] * 3


async def test_it_survives_a_restart(server: RunningServer, api: Api) -> None:
    account, login = await Account.registered(api)
    other = await account.signed_in()
    await account.change(login)
    await server.restart()
    assert (await login.get("/users/me")).status == 200
    assert (await api.with_token(other["access_token"]).get("/users/me")).status == 401


async def test_each_change_keeps_the_login_that_made_it_only(api: Api) -> None:
    account, first = await Account.registered(api)
    await account.change(first)
    second = api.with_token((await account.signed_in())["access_token"])
    assert (await account.change(second)).status == 200
    assert [(await each.get("/users/me")).status for each in (first, second)] == [401, 200]
    assert (await account.change(second)).status == 200
    assert (await second.get("/users/me")).status == 200


@pytest.mark.also_clustered
async def test_a_sign_out_everywhere_ends_the_login_that_was_kept(server: RunningServer, api: Api) -> None:
    account, login = await Account.registered(api)
    await account.change(login)
    await server.core.revocations.revoke(login.user_id)
    assert (await login.get("/users/me")).status == 401
    assert (await account.change(login)).status == 401
    assert (await api.post("/auth/login", account.credentials())).status == 200


@pytest.mark.one_node
async def test_logging_out_ends_the_login_that_was_kept(api: Api) -> None:
    account, login = await Account.registered(api)
    await account.change(login)
    assert (await login.post("/auth/logout")).status == 200
    assert (await login.get("/users/me")).status == 401


async def test_a_wrong_old_password_is_403_and_changes_nothing(api: Api) -> None:
    account, login = await Account.registered(api)
    other = await account.signed_in()
    answer = await login.put(URL, {"old_password": password(), "new_password": password()})
    assert (answer.status, answer.code) == (403, "WRONG_PASSWORD")
    assert (await api.with_token(other["access_token"]).get("/users/me")).status == 200
    assert (await api.post("/auth/login", account.credentials())).status == 200


async def test_guesses_of_the_old_password_count_as_failed_sign_ins(api: Api) -> None:
    account, login = await Account.registered(api)
    guesses = [await login.put(URL, {"old_password": password(), "new_password": password()}) for _ in range(6)]
    assert [answer.status for answer in guesses] == [403] * 5 + [429]
    assert 0 < int(guesses[-1].headers["Retry-After"]) <= 900
    assert (await account.change(login)).status == 429
    assert (await api.post("/auth/login", account.credentials())).status == 429


async def test_a_right_old_password_forgives_the_failures(api: Api) -> None:
    account, login = await Account.registered(api)
    for _ in range(4):
        await login.put(URL, {"old_password": password(), "new_password": password()})
    assert (await account.change(login)).status == 200
    assert (await login.put(URL, {"old_password": password(), "new_password": password()})).status == 403


@pytest.mark.one_node
@pytest.mark.settings(sign_in_burst=2, sign_ins_per_second=0.01)
async def test_an_address_may_not_change_passwords_more_often_than_it_may_sign_in(api: Api) -> None:
    account, login = await Account.registered(api)
    answers = [await account.change(login) for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 429]


async def test_who_has_no_password_is_told_so(user: MakePerson) -> None:
    ada = await user("ada")
    answer = await ada.put(URL, {"old_password": "", "new_password": password()})
    assert (answer.status, answer.code) == (403, "PASSWORD_NOT_SET")


@pytest.mark.settings(password_login_open=False)
async def test_where_passwords_are_turned_off_it_is_403(user: MakePerson) -> None:
    ada = await user("ada")
    answer = await ada.put(URL, {"old_password": password(), "new_password": password()})
    assert (answer.status, answer.code) == (403, "PASSWORDS_CLOSED")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"new_password": "a password that is long enough"},
        {"old_password": "something"},
        {"old_password": "something", "new_password": "p" * 11},
        {"old_password": "something", "new_password": "p" * 1025},
        {"old_password": "something", "new_password": "a password\0with a nul"},
        {"old_password": None, "new_password": "a password that is long enough"},
        {"old_password": "something", "new_password": "a password that is long enough", "user_id": 1},
    ],
    ids=["nothing", "no old one", "no new one", "short", "long", "NUL", "null", "an unknown field"],
)
async def test_a_malformed_request_is_400_and_counts_as_no_guess(api: Api, body: Message) -> None:
    account, login = await Account.registered(api)
    answers = [await login.put(URL, body) for _ in range(6)]
    assert [(answer.status, answer.code) for answer in answers] == [(400, "INVALID_REQUEST")] * 6
    assert (await account.change(login)).status == 200


async def test_without_a_token_it_is_401(api: Api) -> None:
    answer = await api.put(URL, {"old_password": password(), "new_password": password()})
    assert (answer.status, answer.code) == (401, "AUTH_ERROR")


async def test_of_two_changes_at_once_one_wins_and_the_other_is_refused(api: Api) -> None:
    account, first = await Account.registered(api)
    second = api.with_token((await account.signed_in())["access_token"])
    wanted = [password(), password()]
    bodies = [{"old_password": account.password, "new_password": new} for new in wanted]
    answers = await asyncio.gather(*(login.put(URL, body) for login, body in zip((first, second), bodies, strict=True)))
    assert sorted(answer.status for answer in answers) in ([200, 401], [200, 403])
    winner = [answer.status for answer in answers].index(200)
    signed_in = [(await api.post("/auth/login", account.credentials(new))).status for new in wanted]
    assert signed_in == [200 if place == winner else 401 for place in range(2)]
    assert ([(await each.get("/users/me")).status for each in (first, second)]) == signed_in


async def test_a_change_of_the_profile_at_the_same_time_is_kept(api: Api) -> None:
    account, login = await Account.registered(api)
    changed, renamed = await asyncio.gather(account.change(login), login.patch("/users/me", {"username": "Ada L."}))
    assert (changed.status, renamed.status) == (200, 200)
    assert (await login.get("/users/me")).body["username"] == "Ada L."
    assert (await api.post("/auth/login", {"username": "Ada L.", "password": account.password})).status == 200
