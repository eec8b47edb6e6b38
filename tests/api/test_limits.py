"""Limits per user and per address: requests, registrations and sign-ins."""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from typing import Any

import pytest
from tornado.ioloop import IOLoop

from tests.clients import Answer, Api, eventually
from tests.conftest import MakePerson
from tests.running import RunningServer

pytestmark = [pytest.mark.gen_test, pytest.mark.any_store, pytest.mark.one_node]

SLOW = 0.0001
"""A rate so low that no request is added during a test."""

PROXY = ("127.0.0.1",)


def credentials(name: str) -> dict[str, str]:
    """Return a body for a registration, or for a sign-in that fails."""
    return {"username": name, "password": f"password {secrets.token_hex(8)}"}


async def post_from(api: Api, address: str, path: str, body: Any) -> Answer:
    """Send a POST through the trusted proxy, from an address behind it."""
    return await api.post(path, body, {"X-Forwarded-For": address})


def assert_limited(answer: Answer) -> None:
    assert (answer.status, answer.code) == (429, "TOO_MANY_REQUESTS")
    assert int(answer.headers["Retry-After"]) >= 1
    assert answer.body["error"]["request_id"] == answer.headers["X-Request-Id"]


@pytest.mark.settings(request_burst=60, requests_per_second=SLOW)
async def test_sixty_requests_of_a_user_go_at_once_and_the_next_is_refused(api: Api, user: MakePerson) -> None:
    ada, bob = await user("ada"), await user("bob")
    answers = await asyncio.gather(*(ada.get("/users/me") for _ in range(90)))
    assert Counter(each.status for each in answers) == {200: 60, 429: 30}
    assert_limited(await ada.put("/users/me/status", {"is_busy": True}))
    assert (await bob.get("/users/me")).status == 200
    assert (await api.get("/healthz")).status == 200
    metrics = (await api.get("/metrics")).body
    assert 'rollcall_requests_refused_total{reason="requests"} 31.0' in metrics


@pytest.mark.settings(request_burst=3, requests_per_second=SLOW)
async def test_refreshes_count_as_requests_of_the_user(api: Api) -> None:
    pair = (await api.post("/auth/register", credentials("ada"))).body
    body = {"refresh_token": pair["refresh_token"]}
    assert [(await api.post("/auth/refresh", body)).status for _ in range(4)][2:] == [200, 429]
    assert (await api.with_token(pair["access_token"]).get("/users/me")).status == 429


@pytest.mark.settings(request_burst=1, requests_per_second=20.0)
async def test_a_user_may_send_requests_again_after_a_while(user: MakePerson) -> None:
    ada = await user("ada")
    statuses = [(await ada.get("/users/me")).status for _ in range(3)]
    while statuses[-1] == 429:
        statuses.append((await ada.get("/users/me")).status)
    assert statuses[0] == statuses[-1] == 200


@pytest.mark.settings(request_burst=2, requests_per_second=SLOW)
async def test_what_is_no_users_request_counts_for_nobody(api: Api, user: MakePerson) -> None:
    ada = await user("ada")
    for _ in range(5):
        assert (await ada.request("POST", "/users/me")).status == 405
        assert (await ada.request("OPTIONS", "/users/me")).status == 204
        assert (await api.get("/users/me")).status == 401
    assert [(await ada.get("/users/me")).status for _ in range(3)] == [200, 200, 429]


@pytest.mark.settings(requests_at_once=8, history_reads_at_once=8)
async def test_eight_requests_of_a_user_are_carried_out_and_the_others_wait_in_order(
    server: RunningServer, user: MakePerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, bob = await user("ada"), await user("bob")
    begun, may_end = list[int](), asyncio.Event()
    history = server.stores.calls.history

    async def slow(user_id: int, **query: Any) -> Any:
        begun.append(query["skip"])
        await may_end.wait()
        return await history(user_id, **query)

    monkeypatch.setattr(server.stores.calls, "history", slow)
    asked = []
    for page in range(1, 21):
        asked.append(asyncio.ensure_future(ada.get("/calls/history", page=page, per_page=1)))
        waiting = server.core.limits.turns._waiting
        await eventually(lambda: len(begun) + len(waiting.get(ada.user_id, ())) == page)  # noqa: B023
    assert begun == list(range(8))
    assert (await bob.get("/users/me")).status == 200
    may_end.set()
    assert [each.status for each in await asyncio.gather(*asked)] == [200] * 20
    assert begun == list(range(20))
    assert len(server.core.limits.turns) == 0


async def test_two_pages_of_a_users_history_are_read_at_a_time_while_other_requests_are_answered(
    server: RunningServer, user: MakePerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, bob = await user("ada"), await user("bob")
    begun, may_end = list[int](), asyncio.Event()

    async def slow(user_id: int, **_: Any) -> Any:
        begun.append(user_id)
        await may_end.wait()
        return [], 0

    monkeypatch.setattr(server.stores.calls, "history", slow)
    asked = [asyncio.ensure_future(ada.get("/calls/history")) for _ in range(5)]
    await eventually(lambda: len(server.core.limits.history_turns._waiting.get(ada.user_id, ())) == 3)
    asked.append(asyncio.ensure_future(bob.get("/calls/history")))
    await eventually(lambda: begun == [ada.user_id, ada.user_id, bob.user_id])
    assert (await ada.get("/users/me")).status == 200
    server.core.authenticator.revoke_login(server.tokens.verify(ada.token, "access").login_id, 2e9)
    may_end.set()
    assert [each.status for each in await asyncio.gather(*asked)] == [200, 200, 401, 401, 401, 200]
    assert len(server.core.limits.history_turns) == 0


@pytest.mark.settings(requests_at_once=1)
async def test_a_login_that_is_revoked_while_its_request_waits_is_refused(
    server: RunningServer, user: MakePerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = await user("ada")
    may_end = asyncio.Event()

    async def slow(*_: Any, **__: Any) -> Any:
        await may_end.wait()
        return [], 0

    monkeypatch.setattr(server.stores.calls, "history", slow)
    first = asyncio.ensure_future(ada.get("/calls/history"))
    await eventually(lambda: len(server.core.limits.turns) == 1)
    second = asyncio.ensure_future(ada.get("/users/me"))
    await eventually(lambda: bool(server.core.limits.turns._waiting))
    server.core.authenticator.revoke_login(server.tokens.verify(ada.token, "access").login_id, 2e9)
    may_end.set()
    assert [(await each).status for each in (first, second)] == [200, 401]


@pytest.mark.settings(registration_burst=3, registrations_per_second=SLOW, trusted_proxies=PROXY)
async def test_registrations_are_limited_by_address_before_anything_is_hashed(
    server: RunningServer, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[str] = []
    hash = server.server._passwords.hash

    async def counted(password: str, key: str = "") -> str:
        hashed.append(key)
        return await hash(password, key)

    monkeypatch.setattr(server.server._passwords, "hash", counted)
    here = [f"2001:db8::{number}" for number in range(5)]
    answers = [
        await post_from(api, address, "/auth/register", credentials(f"ada{number}"))
        for number, address in enumerate(here)
    ]
    assert [each.status for each in answers] == [201, 201, 201, 429, 429]
    assert_limited(answers[-1])
    assert hashed == ["2001:db8::/64"] * 3
    assert (await post_from(api, "2001:db8:0:1::1", "/auth/register", credentials("bob"))).status == 201
    assert (await post_from(api, "127.0.0.2", "/auth/register", credentials("carol"))).status == 201
    metrics = (await api.get("/metrics")).body
    assert 'rollcall_requests_refused_total{reason="registrations"} 2.0' in metrics


@pytest.mark.settings(sign_in_burst=3, sign_ins_per_second=SLOW, trusted_proxies=PROXY)
async def test_sign_ins_are_limited_by_address_whether_right_or_wrong(api: Api) -> None:
    ada = credentials("ada")
    assert (await api.post("/auth/register", ada)).status == 201
    here = "198.51.100.1"
    tried = [ada, credentials("ada"), ada, ada, credentials("nobody")]
    answers = [await post_from(api, here, "/auth/login", body) for body in tried]
    assert [each.status for each in answers] == [200, 401, 200, 429, 429]
    assert_limited(answers[-1])
    assert (await post_from(api, "198.51.100.2", "/auth/login", ada)).status == 200


@pytest.mark.settings(registration_burst=2, registrations_per_second=SLOW)
async def test_loopback_is_limited_like_any_address(api: Api) -> None:
    answers = [await api.post("/auth/register", credentials(f"ada{number}")) for number in range(3)]
    assert [each.status for each in answers] == [201, 201, 429]


@pytest.mark.slow
@pytest.mark.settings(password_waiting_limit=20, argon2_memory_kib=32768, trusted_proxies=PROXY)
async def test_who_registers_without_end_keeps_nobody_else_from_signing_in(api: Api) -> None:
    ada, is_over = credentials("ada"), asyncio.Event()
    await api.post("/auth/register", ada)
    statuses = Counter[int]()

    async def flood() -> None:
        while not is_over.is_set():
            body = credentials(secrets.token_hex(8))
            statuses[(await post_from(api, "198.51.100.1", "/auth/register", body)).status] += 1

    flooding = [asyncio.ensure_future(flood()) for _ in range(60)]
    await eventually(lambda: statuses[503] > 0)
    answers = [await post_from(api, "198.51.100.2", "/auth/login", ada) for _ in range(6)]
    is_over.set()
    await asyncio.gather(*flooding)
    assert [each.status for each in answers] == [200] * 6
    assert set(statuses) == {201, 503}


async def test_forty_guesses_at_once_are_compared_five_times(
    server: RunningServer, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = credentials("ada")
    await api.post("/auth/register", ada)
    compared = 0
    matches = server.server._passwords.matches

    async def counted(password: str, stored: str | None, key: str = "") -> bool:
        nonlocal compared
        compared += 1
        return await matches(password, stored, key)

    monkeypatch.setattr(server.server._passwords, "matches", counted)
    answers = await asyncio.gather(*(api.post("/auth/login", credentials("ada")) for _ in range(40)))
    assert Counter(each.status for each in answers) == {401: 5, 429: 35}
    assert compared == 5
    assert_limited(await api.post("/auth/login", ada))


@pytest.mark.settings(trusted_proxies=PROXY)
async def test_nobody_locks_a_user_out_from_elsewhere(api: Api) -> None:
    ada = credentials("ada")
    await api.post("/auth/register", ada)
    for number in range(12):
        guesses = (post_from(api, f"198.51.100.{number}", "/auth/login", credentials("ada")) for _ in range(6))
        assert Counter(each.status for each in await asyncio.gather(*guesses)) == {401: 5, 429: 1}
    began = IOLoop.current().time()
    assert (await post_from(api, "203.0.113.9", "/auth/login", ada)).status == 200
    assert IOLoop.current().time() - began > 0.4


async def test_thirty_right_sign_ins_at_once_all_get_in(api: Api) -> None:
    ada = credentials("ada")
    await api.post("/auth/register", ada)
    answers = await asyncio.gather(*(api.post("/auth/login", ada) for _ in range(30)))
    assert Counter(each.status for each in answers) == {200: 30}
