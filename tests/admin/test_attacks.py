"""Attacks by other websites, by other people, and through the data they stored."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from models.errors import StoreUnavailable
from tests.admin.browser import JSON_PLEASE, SESSION_COOKIE, Browser
from tests.admin.conftest import SignedIn
from tests.conftest import MakePerson
from tests.running import RunningServer

pytestmark = [pytest.mark.gen_test, pytest.mark.any_store]

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https: data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)

MARKUP = "<img src=x onerror=alert(1)>"


async def pages(browser: Browser) -> list[str]:
    """Return all pages that show users, calls, events or operators' actions."""
    paths = (
        "/admin", "/admin/wall", "/admin/users", "/admin/users/1", "/admin/calls", "/admin/events", "/admin/audit",
        "/admin/operators", "/admin/system", "/admin/nothing", "/admin/login",
    )  # fmt: skip
    return [(await browser.get(path)).body for path in paths]


@pytest.mark.parametrize(
    "path", ["/admin", "/admin/login", "/admin/nothing", "/admin/users/x", "/admin/events.csv", "/admin/wall"]
)
async def test_the_headers_are_these_to_the_letter(path: str, signed_in: SignedIn) -> None:
    answer = await (await signed_in("admin")).get(path)
    assert answer.headers["Content-Security-Policy"] == POLICY
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Server" not in answer.headers
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("path", ["/admin", "/admin/users"])
async def test_who_is_sent_away_gets_them_too(path: str, browser: Browser) -> None:
    answer = await browser.get(path)
    assert answer.headers["Content-Security-Policy"] == POLICY
    assert answer.headers["Cache-Control"] == "no-store"


async def test_no_page_has_a_script_or_a_style_of_its_own(signed_in: SignedIn, user: MakePerson) -> None:
    await user("ada")
    for page in await pages(await signed_in("admin")):
        lowered = page.lower()
        assert "<style" not in lowered
        assert " style=" not in lowered
        assert not any(f" on{event}=" in lowered for event in ("click", "load", "submit", "change", "error", "input"))
        assert lowered.count("<script") == lowered.count('<script type="module" src="/static/v/')


async def test_a_form_without_the_token_does_nothing(
    server: RunningServer, signed_in: SignedIn, user: MakePerson
) -> None:
    await user("ada")
    browser = await signed_in("operator")
    fields = {"action": "sign_out", "user_id": "1", "reason": "an attack", "request_id": "0123456789"}
    answer = await browser.post("/admin/actions", fields, with_xsrf=False)
    assert answer.status == 403
    assert server.core.registry.get(1).record.token_version == 0


async def test_a_token_of_another_browser_is_no_good(
    server: RunningServer, signed_in: SignedIn, new_browser: Callable[[], Browser], user: MakePerson
) -> None:
    await user("ada")
    browser, other = await signed_in("operator"), new_browser()
    await other.get("/admin/login")
    browser.xsrf = other.xsrf
    fields = {"action": "sign_out", "user_id": "1", "reason": "an attack", "request_id": "0123456789"}
    assert (await browser.post("/admin/actions", fields)).status == 403
    assert server.core.registry.get(1).record.token_version == 0


@pytest.mark.settings(
    allowed_origins=("https://app.example", "capacitor://localhost"),
    allowed_hosts=("proxied.example",),
    trusted_proxies=("127.0.0.0/8",),
)
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "https://app.example"},
        {"Origin": "capacitor://localhost"},
        {"Origin": "ws://localhost"},
        {"Origin": "http://127.0.0.1"},
        {"Origin": "https://127.0.0.1"},
        {"Origin": "https://proxied.example", "Host": "proxied.example:80"},
        {"Origin": "http://proxied.example", "Host": "proxied.example", "X-Forwarded-Proto": "https, http"},
        {"Origin": "null"},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Host": "evil.example"},
    ],
    ids=str,
)
async def test_a_form_of_another_origin_does_nothing_even_with_the_token(
    headers: dict[str, str], server: RunningServer, signed_in: SignedIn, user: MakePerson
) -> None:
    await user("ada")
    browser = await signed_in("operator")
    fields = {"action": "sign_out", "user_id": "1", "reason": "an attack", "request_id": "0123456789"}
    answer = await browser.post("/admin/actions", fields, headers=headers)
    assert answer.status == 403
    assert server.core.registry.get(1).record.token_version == 0


@pytest.mark.settings(allowed_hosts=("proxied.example",))
@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "proxied.example", "Origin": "https://proxied.example"},
        {"Host": "proxied.example", "Origin": "https://proxied.example:443"},
        {"Host": "proxied.example:443", "Origin": "https://proxied.example"},
        {"Host": "proxied.example", "Origin": "http://proxied.example"},
        {"Host": "proxied.example:80", "Origin": "http://proxied.example"},
    ],
    ids=str,
)
async def test_a_form_of_the_servers_own_origin_works_behind_a_proxy(
    headers: dict[str, str], server: RunningServer, signed_in: SignedIn, user: MakePerson
) -> None:
    await user("ada")
    browser = await signed_in("operator")
    fields = {"action": "sign_out", "user_id": "1", "reason": "a test", "request_id": "0123456789"}
    assert (await browser.post("/admin/actions", fields, headers=headers)).status < 400


@pytest.mark.settings(allowed_origins=("https://app.example",))
async def test_not_even_an_allowed_app_reads_a_page(signed_in: SignedIn) -> None:
    browser = await signed_in("operator")
    assert (await browser.get("/admin/users", headers={"Origin": "https://app.example"})).status == 403


async def test_nobody_can_sign_in_another_ones_browser(browser: Browser) -> None:
    answer = await browser.post("/admin/login", {"name": "a", "password": "b"}, with_xsrf=False)
    assert answer.status == 403


async def test_markup_in_names_stays_text_on_every_page(
    server: RunningServer, signed_in: SignedIn, user: MakePerson
) -> None:
    ada, bob = await user(MARKUP), await user("bob")
    await ada.post("/users/me/heartbeat")
    await bob.post("/users/me/heartbeat")
    call = (await ada.post("/calls/start", {"callee_id": bob.user_id, "call_type": "audio"})).body
    browser = await signed_in("admin")
    fields = {"action": "sign_out", "user_id": "1", "reason": MARKUP, "request_id": "0123456789"}
    assert (await browser.post("/admin/actions", fields)).status == 303
    await server.server._operator_auth.add(MARKUP, "a password of markup", "viewer")
    await server.stores.events.add_many(server.core.event_log.unsaved(100))
    shown = await pages(browser)
    shown += [(await browser.get(f"/admin/calls/{call['call_id']}")).body]
    shown += [
        (await browser.get("/admin/users", q=MARKUP)).body,
        (await browser.get("/admin/events", user=MARKUP)).body,
    ]
    shown += [(await browser.get("/admin/actions", action="sign_out", user_id=1)).body]
    assert [page for page in shown if "<img src=x" in page] == []
    assert sum("&lt;img src=x" in page for page in shown) >= 8


@pytest.mark.parametrize("image", ["http://tracker.example/a.png", "https://faces.example/a.png"])
async def test_a_picture_is_shown_from_https_alone_and_told_nothing(
    image: str, signed_in: SignedIn, user: MakePerson
) -> None:
    ada = await user("ada", profile_image_url=image)
    await ada.post("/users/me/heartbeat")
    browser = await signed_in("viewer")
    for path in ("/admin", "/admin/users", "/admin/users/1"):
        page = (await browser.get(path)).body
        assert (f'src="{image}"' in page) is image.startswith("https:"), path
        assert page.count("<img") == page.count('referrerpolicy="no-referrer"'), path


async def test_links_cannot_put_words_on_a_page(signed_in: SignedIn) -> None:
    browser = await signed_in("viewer")
    page = (await browser.get("/admin/users", notice="You won", remark="You won", problem="You won")).body
    assert "You won" not in page.replace("You+won", "").replace("You%20won", "")


async def test_a_store_that_is_away_is_503_in_the_same_look(
    signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = await signed_in("viewer")

    async def away(*_: object, **__: object) -> None:
        raise StoreUnavailable

    monkeypatch.setattr("models.timed_list.TimedList.page", away)
    answer = await browser.get("/admin/calls")
    assert answer.status == 503
    assert answer.headers["Retry-After"] == "1"
    assert 'class="brand"' in answer.body
    assert (await browser.get("/admin/calls", headers=JSON_PLEASE)).code == "STORE_UNAVAILABLE"


async def test_an_unexpected_error_is_500_without_its_details(
    signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = await signed_in("viewer")

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("inner details")

    monkeypatch.setattr("realtime.dashboard.overview.Overview.page", broken)
    answer = await browser.get("/admin/users")
    assert answer.status == 500
    assert "inner details" not in answer.body
    assert answer.headers["X-Request-Id"] in answer.body


async def test_a_cookie_that_is_no_secret_is_nobodys(browser: Browser) -> None:
    for text in ("x", "0" * 5000, "%00", "é".encode().decode("latin-1"), "null"):
        browser.cookies = {SESSION_COOKIE: text}
        assert (await browser.get("/admin")).status == 303
