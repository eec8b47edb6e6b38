"""Signing in and out: the cookie, what it permits, and how long it is valid."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable

import pytest

from tests.admin.browser import JSON_PLEASE, SESSION_COOKIE, Browser, set_cookies
from tests.admin.conftest import PASSWORD, AddOperator, SignedIn
from tests.clients import Api
from tests.conftest import MakePerson
from tests.running import RunningServer

pytestmark = [pytest.mark.gen_test, pytest.mark.any_store]


def wrong() -> str:
    return f"wrong {secrets.token_hex(8)}"


async def test_who_is_not_signed_in_is_led_to_the_sign_in_and_from_there_to_where_they_wanted(
    browser: Browser, operator: AddOperator
) -> None:
    await operator("viewer")
    sent_away = await browser.get("/admin/users", status="busy")
    assert (sent_away.status, sent_away.headers["Location"]) == (
        303, "/admin/login?next=%2Fadmin%2Fusers%3Fstatus%3Dbusy",
    )  # fmt: skip
    form = await browser.get(sent_away.headers["Location"])
    assert 'name="next" value="/admin/users?status=busy"' in form.body
    answer = await browser.sign_in("viewer", PASSWORD, next="/admin/users?status=busy")
    assert (answer.status, answer.headers["Location"]) == (303, "/admin/users?status=busy")
    assert (await browser.get("/admin/users")).status == 200


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", "/administrators",
        "/admin\n", "/admin/../users", "", "admin", "/docs",
    ],
)  # fmt: skip
async def test_after_the_sign_in_nobody_is_sent_to_another_site(
    browser: Browser, operator: AddOperator, elsewhere: str
) -> None:
    await operator("viewer")
    answer = await browser.sign_in("viewer", PASSWORD, next=elsewhere)
    assert answer.status == 303
    assert answer.headers["Location"] in ("/admin", "/admin/../users")


async def test_a_wrong_password_and_an_unknown_name_are_answered_alike(
    browser: Browser, new_browser: Callable[[], Browser], operator: AddOperator
) -> None:
    await operator("viewer")
    shut_out = await operator("admin", "shut out")
    await operator("admin", "another")
    await browser.signed_in("another", PASSWORD)
    await browser.post(f"/admin/operators/{shut_out.operator_id}", {"change": "disable", "reason": "left"})
    answers = [
        await new_browser().sign_in("viewer", wrong()),
        await new_browser().sign_in("nobody", wrong()),
        await new_browser().sign_in("shut out", PASSWORD),
        await new_browser().sign_in("", ""),
    ]
    assert [answer.status for answer in answers] == [401] * 4
    assert all("Wrong name or password" in answer.body for answer in answers)
    assert all("WWW-Authenticate" not in answer.headers for answer in answers)
    assert all(set_cookies(answer) == [] for answer in answers)


async def test_a_script_that_guesses_is_answered_in_json(browser: Browser) -> None:
    await browser.get("/admin/login")
    answer = await browser.post("/admin/login", {"name": "a", "password": wrong()}, headers=JSON_PLEASE)
    assert (answer.status, answer.code) == (401, "AUTH_ERROR")


async def test_who_guesses_is_refused_in_the_end_even_with_the_right_password(
    new_browser: Callable[[], Browser], operator: AddOperator
) -> None:
    await operator("viewer")
    guesses = [(await new_browser().sign_in("viewer", wrong())).status for _ in range(5)]
    assert guesses == [401] * 5
    for password in (wrong(), PASSWORD):
        answer = await new_browser().sign_in("viewer", password)
        assert answer.status == 429
        assert 0 < int(answer.headers["Retry-After"]) <= 900
        assert 'role="alert"' in answer.body


@pytest.mark.settings(trusted_proxies=("127.0.0.1",))
async def test_nobody_locks_an_operator_out_from_elsewhere(
    new_browser: Callable[[], Browser], operator: AddOperator
) -> None:
    await operator("viewer")

    async def sign_in_from(address: str, password: str) -> int:
        browser, headers = new_browser(), {"X-Forwarded-For": address}
        await browser.get("/admin/login")
        return (await browser.post("/admin/login", {"name": "viewer", "password": password}, headers=headers)).status

    guesses = [await sign_in_from(f"2001:db8::{number}", wrong()) for number in range(7)]
    assert guesses == [401] * 5 + [429] * 2
    assert await sign_in_from("2001:db8::99", PASSWORD) == 429
    assert await sign_in_from("2001:db8:0:1::1", PASSWORD) == 303


@pytest.mark.settings(sign_in_burst=4, sign_ins_per_second=0.0001)
async def test_operators_and_users_share_the_limit_on_sign_ins_of_an_address(
    api: Api, new_browser: Callable[[], Browser], operator: AddOperator
) -> None:
    await operator("viewer")
    for number in range(2):
        body = {"username": f"name{number}", "password": wrong()}
        assert (await api.post("/auth/login", body)).status == 401
    statuses = [(await new_browser().sign_in("viewer", PASSWORD)).status for _ in range(3)]
    assert statuses == [303, 303, 429]
    assert (await api.post("/auth/login", {"username": "ada", "password": wrong()})).status == 429


async def test_the_cookie_is_hidden_from_scripts_and_other_sites(browser: Browser, operator: AddOperator) -> None:
    await operator("viewer")
    form = await browser.get("/admin/login")
    answer = await browser.sign_in("viewer", PASSWORD)
    (cookie,) = [line for line in set_cookies(answer) if line.startswith(SESSION_COOKIE)]
    assert cookie.partition("; ")[2] == "HttpOnly; Path=/; SameSite=Lax"
    (xsrf,) = set_cookies(form)
    assert xsrf.startswith("_xsrf=")
    assert xsrf.partition("; ")[2] == "HttpOnly; Path=/; SameSite=Lax"


@pytest.mark.settings(trusted_proxies=("127.0.0.1",))
async def test_behind_a_proxy_that_speaks_tls_cookies_are_for_tls_alone(
    browser: Browser, operator: AddOperator
) -> None:
    await operator("viewer")
    by_proxy = {"X-Forwarded-Proto": "https"}
    await browser.get("/admin/login", headers=by_proxy)
    answer = await browser.post("/admin/login", {"name": "viewer", "password": PASSWORD}, headers=by_proxy)
    (cookie,) = [line for line in set_cookies(answer) if "rollcall" in line]
    assert cookie.startswith("__Host-rollcall=")
    assert cookie.partition("; ")[2] == "HttpOnly; Path=/; SameSite=Lax; Secure"
    assert (await browser.get("/admin", headers=by_proxy)).status == 200


async def test_a_client_cannot_pretend_to_come_by_tls(browser: Browser, operator: AddOperator) -> None:
    await operator("viewer")
    await browser.get("/admin/login")
    answer = await browser.post(
        "/admin/login", {"name": "viewer", "password": PASSWORD}, headers={"X-Forwarded-Proto": "https"}
    )
    assert [line for line in set_cookies(answer) if line.startswith(SESSION_COOKIE)]


async def test_the_store_has_no_secret_that_signs_in(server: RunningServer, signed_in: SignedIn) -> None:
    secret = (await signed_in("viewer")).cookies[SESSION_COOKIE]
    assert len(secret) >= 43  # 256 bits in base64
    kept = await server.stores.sign_ins.get(hashlib.sha256(secret.encode()).hexdigest())
    assert kept is not None
    assert await server.stores.sign_ins.get(secret) is None


async def test_a_session_that_somebody_planted_is_not_taken_over(browser: Browser, operator: AddOperator) -> None:
    await operator("viewer")
    planted = secrets.token_urlsafe(32)
    browser.cookies[SESSION_COOKIE] = planted
    await browser.sign_in("viewer", PASSWORD)
    assert browser.cookies[SESSION_COOKIE] != planted


async def test_a_new_sign_in_ends_the_one_before_and_its_xsrf_token(
    browser: Browser, new_browser: Callable[[], Browser], operator: AddOperator
) -> None:
    await operator("viewer")
    await browser.signed_in("viewer", PASSWORD)
    old_secret, old_xsrf = browser.cookies[SESSION_COOKIE], browser.cookies["_xsrf"]
    await browser.post("/admin/login", {"name": "viewer", "password": PASSWORD})
    assert "_xsrf" not in browser.cookies
    await browser.get("/admin")
    assert browser.cookies[SESSION_COOKIE] != old_secret
    assert browser.cookies["_xsrf"].split("|")[2] != old_xsrf.split("|")[2]
    thief = new_browser()
    thief.cookies[SESSION_COOKIE] = old_secret
    assert (await thief.get("/admin")).status == 303


async def test_signed_out_the_cookie_is_worth_nothing(signed_in: SignedIn, new_browser: Callable[[], Browser]) -> None:
    browser = await signed_in("viewer")
    thief = new_browser()
    thief.cookies = dict(browser.cookies)
    assert (await thief.get("/admin")).status == 200
    answer = await browser.post("/admin/logout")
    assert (answer.status, answer.headers["Location"]) == (303, "/admin/login")
    assert browser.cookies == {}
    assert (await thief.get("/admin")).status == 303


@pytest.mark.settings(operator_idle_seconds=1, operator_session_seconds=2)
async def test_who_does_nothing_is_signed_out(server: RunningServer, signed_in: SignedIn) -> None:
    browser = await signed_in("viewer")
    (sign_in,) = await server.stores.sign_ins._sign_ins.find({})
    long_ago = sign_in["seen_at"].replace(year=2020)
    await server.stores.sign_ins._sign_ins.update_one({"_id": sign_in["_id"]}, {"$set": {"seen_at": long_ago}})
    assert (await browser.get("/admin")).status == 303


async def test_twelve_hours_are_the_longest(server: RunningServer, signed_in: SignedIn) -> None:
    browser = await signed_in("viewer")
    (sign_in,) = await server.stores.sign_ins._sign_ins.find({})
    long_ago = sign_in["started_at"].replace(year=2020)
    await server.stores.sign_ins._sign_ins.update_one({"_id": sign_in["_id"]}, {"$set": {"started_at": long_ago}})
    assert (await browser.get("/admin")).status == 303


async def test_a_sign_in_outlives_a_restart(server: RunningServer, signed_in: SignedIn) -> None:
    browser = await signed_in("viewer")
    await server.restart()
    assert (await browser.get("/admin")).status == 200


async def test_an_operators_cookie_never_opens_the_api(signed_in: SignedIn) -> None:
    browser = await signed_in("admin")
    for path in ("/users/me", "/feed/users", "/feed/stats", "/calls/history"):
        answer = await browser.get(path)
        assert (answer.status, answer.code) == (401, "AUTH_ERROR"), path


async def test_a_users_token_never_opens_the_dashboard(browser: Browser, user: MakePerson) -> None:
    ada = await user("ada")
    assert (await browser.get("/admin", headers={"Authorization": f"Bearer {ada.token}"})).status == 303
    browser.cookies[SESSION_COOKIE] = ada.token
    assert (await browser.get("/admin")).status == 303
    assert (await browser.get(f"/admin?token={ada.token}")).status == 303


async def test_signing_in_and_out_is_in_the_audit(server: RunningServer, signed_in: SignedIn) -> None:
    browser = await signed_in("viewer")
    await browser.post("/admin/logout")
    entries, _ = await server.stores.audit.page(skip=0, limit=10)
    assert [(entry.operator, entry.action, entry.address) for entry in entries] == [
        ("viewer", "operator_sign_out", "127.0.0.1"),
        ("viewer", "operator_sign_in", "127.0.0.1"),
    ]


async def test_a_password_stands_in_no_page(browser: Browser, operator: AddOperator) -> None:
    await operator("viewer")
    guess = wrong()
    assert guess not in (await browser.sign_in("viewer", guess)).body


async def test_a_name_that_is_markup_comes_back_as_text(browser: Browser) -> None:
    answer = await browser.sign_in('"><script>alert(1)</script>', wrong())
    assert "<script>alert" not in answer.body
    assert "&lt;script&gt;alert" in answer.body
