"""Failed sign-ins: the limits per account and per address."""

from __future__ import annotations

import secrets

import pytest

from tests.clients import Answer, Api
from tests.running import RunningServer

pytestmark = pytest.mark.gen_test

RIGHT = {"username": "ada", "password": f"right password {secrets.token_hex(8)}"}


async def fail(api: Api, times: int, username: str = "ada") -> list[Answer]:
    """Sign in with wrong passwords."""
    wrong = [{"username": username, "password": f"wrong {secrets.token_hex(8)}"} for _ in range(times)]
    return [await api.post("/auth/login", body) for body in wrong]


def assert_limited(answer: Answer) -> None:
    assert (answer.status, answer.code) == (429, "TOO_MANY_REQUESTS")
    assert 0 < int(answer.headers["Retry-After"]) <= 900


async def test_after_five_failures_an_account_is_refused_even_with_the_right_password(api: Api) -> None:
    await api.post("/auth/register", RIGHT)
    assert [answer.status for answer in await fail(api, 5)] == [401] * 5
    assert_limited((await fail(api, 1))[0])
    assert_limited(await api.post("/auth/login", RIGHT))


async def test_the_limit_of_an_account_survives_a_restart(server: RunningServer, api: Api) -> None:
    await api.post("/auth/register", RIGHT)
    await fail(api, 5)
    await server.restart()
    assert_limited(await api.post("/auth/login", RIGHT))


async def test_a_success_forgives_the_failures_of_the_account(api: Api) -> None:
    await api.post("/auth/register", RIGHT)
    await fail(api, 4)
    assert (await api.post("/auth/login", RIGHT)).status == 200
    assert [answer.status for answer in await fail(api, 4)] == [401] * 4


async def test_an_unknown_account_is_limited_like_a_known_one(api: Api) -> None:
    assert [answer.status for answer in await fail(api, 6, "nobody")] == [401] * 5 + [429]


async def test_the_name_counts_whatever_its_case(api: Api) -> None:
    await api.post("/auth/register", RIGHT)
    for name in ("ada", "Ada", "ADA", "aDa", "adA"):
        await fail(api, 1, name)
    assert_limited(await api.post("/auth/login", RIGHT))


@pytest.mark.settings(sign_in_failures_per_address=6)
async def test_an_address_that_tries_many_accounts_is_refused(api: Api) -> None:
    await api.post("/auth/register", RIGHT)
    statuses = [(await fail(api, 1, f"name {number}"))[0].status for number in range(7)]
    assert statuses == [401] * 6 + [429]
    assert_limited(await api.post("/auth/login", RIGHT))


@pytest.mark.settings(sign_in_failures_per_address=2, trusted_proxies=("127.0.0.1",))
async def test_behind_a_trusted_proxy_the_address_is_the_clients(api: Api) -> None:
    async def attempt(address: str) -> int:
        headers = {"X-Forwarded-For": address}
        body = {"username": secrets.token_hex(4), "password": f"wrong {secrets.token_hex(8)}"}
        return (await api.post("/auth/login", body, headers)).status

    assert [await attempt("198.51.100.1") for _ in range(3)] == [401, 401, 429]
    assert await attempt("198.51.100.2") == 401


@pytest.mark.settings(sign_in_failures_per_address=2)
async def test_without_a_trusted_proxy_a_client_cannot_choose_its_address(api: Api) -> None:
    async def attempt(number: int) -> int:
        headers = {"X-Forwarded-For": f"198.51.100.{number}"}
        body = {"username": secrets.token_hex(4), "password": f"wrong {secrets.token_hex(8)}"}
        return (await api.post("/auth/login", body, headers)).status

    assert [await attempt(number) for number in range(3)] == [401, 401, 429]


@pytest.mark.settings(sign_in_failures_per_account=1, sign_in_window_seconds=0.001)
async def test_the_window_ends(api: Api) -> None:
    await api.post("/auth/register", RIGHT)
    await fail(api, 3)
    assert (await api.post("/auth/login", RIGHT)).status == 200
