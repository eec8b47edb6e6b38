"""Attacks through an operator's browser, or with a cookie or a token of the wrong kind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import websockets
from playwright.async_api import Browser, BrowserContext, Page, expect
from tornado.httpclient import AsyncHTTPClient
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from tests.certificate import make_certificate
from tests.clients import Person, Socket
from tests.dashboard.conduct import Conduct
from tests.dashboard.conftest import MakeSite, Visit
from tests.dashboard.live import Live
from tests.dashboard.site import Site

pytestmark = [pytest.mark.slow, pytest.mark.gen_test]

COOKIE = "rollcall_operator"

FORM = """<!doctype html><title>A quiz</title>
<form method="post" action="{site}/admin/actions">
  <input name="action" value="force_offline"><input name="user_id" value="{user_id}">
  <input name="reason" value="as if"><input name="request_id" value="{request_id}"><input name="_xsrf" value="{xsrf}">
  <button>Win</button>
</form>"""

SCRIPT = """async ([url, fields]) => {
  const body = new URLSearchParams(fields);
  const send = (mode) => fetch(url, { method: "POST", mode, credentials: "include", body }).then(() => 1, () => 0);
  await send("cors");
  await send("no-cors");
}"""

OPEN_SOCKET = """(url) => new Promise((resolve) => {
  const heard = [];
  const socket = new WebSocket(url);
  socket.onmessage = ({ data }) => heard.push(data);
  socket.onclose = ({ code }) => resolve([code, heard]);
})"""


@asynccontextmanager
async def elsewhere(html: str) -> AsyncIterator[str]:
    """Run another web server and yield its origin. The host is the same, so browsers send it our cookies."""

    class Handler(RequestHandler):
        def get(self) -> None:
            self.write(html)

    sockets = bind_sockets(0, "127.0.0.1")
    server = HTTPServer(Application([("/", Handler)]))
    server.add_sockets(sockets)
    try:
        yield f"http://127.0.0.1:{sockets[0].getsockname()[1]}"
    finally:
        server.stop()
        await server.close_all_connections()


async def cookie_of(context: BrowserContext, name: str = COOKIE) -> str:
    return next((each["value"] for each in await context.cookies() if each["name"] == name), "")


async def is_untouched(site: Site, person: Person) -> bool:
    """Return whether nothing was done to the user and the audit log has no entry about them."""
    async with site.stores() as stores:
        entries, _ = await stores.audit.page(target=f"user:{person.user_id}", skip=0, limit=10)
    return not entries and (await person.get("/users/me/status")).body["is_online"] is True


async def test_a_form_on_another_site_does_nothing(site: Site, visit: Visit, conduct: Conduct) -> None:
    conduct.excuse("status of 403")
    (ada,) = await site.online("form")
    page = await visit()
    xsrf = await page.locator("meta[name=xsrf]").get_attribute("content")
    for token in ("", "made-up", xsrf or "it is there"):  # even with the right token
        html = FORM.format(site=site.origin, user_id=ada.user_id, request_id="from-elsewhere", xsrf=token)
        async with elsewhere(html) as origin:
            conduct.excuse(f"asked elsewhere: {origin}")
            conduct.excuse("status of 404.*favicon")
            await page.goto(origin)
            async with page.expect_navigation() as navigation:
                await page.get_by_role("button", name="Win").click()
            answer = await navigation.value
            assert answer is not None
            assert answer.status == 403
            assert COOKIE in (await answer.request.all_headers()).get("cookie", ""), "else the cookie saved us"
    assert await is_untouched(site, ada)


async def test_a_script_on_another_site_does_nothing_even_with_a_token_it_has_planted(
    site: Site, visit: Visit, conduct: Conduct
) -> None:
    conduct.excuse("CORS policy|status of 403|net::ERR_FAILED|asked elsewhere|favicon")
    (ada,) = await site.online("script")
    page = await visit()
    planted = {"name": "_xsrf", "value": "0123456789abcdef0123456789abcdef", "url": site.origin}
    await page.context.add_cookies([planted])  # type: ignore[list-item]
    fields = {
        "action": "force_offline", "user_id": str(ada.user_id), "reason": "as if", "request_id": "from-a-script",
        "_xsrf": planted["value"],
    }  # fmt: skip
    async with elsewhere("<!doctype html><title>A quiz</title>") as origin:
        await page.goto(origin)
        await page.evaluate(SCRIPT, [f"{site.origin}/admin/actions", list(fields.items())])
        await page.evaluate(SCRIPT, [f"{site.origin}/admin/logout", list(fields.items())])
    assert await is_untouched(site, ada)
    await page.goto(f"{site.origin}/admin/audit")
    await expect(page.get_by_role("heading", name="Audit")).to_be_visible()  # nobody was signed out, either


async def test_a_form_without_its_token_does_nothing(site: Site, visit: Visit, conduct: Conduct) -> None:
    conduct.excuse("status of 403")
    (ada,) = await site.online("no token")
    page = await visit(f"/admin/actions?action=force_offline&user_id={ada.user_id}")
    await page.locator("[name=_xsrf]").first.wait_for(state="attached")
    await page.evaluate("() => document.querySelectorAll('[name=_xsrf]').forEach((input) => input.remove())")
    await page.get_by_label("Reason").fill("no token")
    async with page.expect_navigation() as navigation:
        await page.get_by_role("button", name="Force offline").click()
    answer = await navigation.value
    assert answer is not None
    assert answer.status == 403
    assert await is_untouched(site, ada)


@pytest.mark.parametrize("path", ["/admin", "/admin/login", "/admin/actions?action=sign_out&user_id=1", "/admin/wall"])
async def test_no_page_can_be_framed(site: Site, visit: Visit, conduct: Conduct, path: str) -> None:
    conduct.excuse("asked elsewhere|frame-ancestors|X-Frame-Options|favicon|ERR_BLOCKED_BY_RESPONSE|chrome-error")
    page = await visit("/admin/audit")
    async with elsewhere(f'<!doctype html><title>A quiz</title><iframe src="{site.origin}{path}"></iframe>') as origin:
        await page.goto(origin)
        frame = page.frames[1]
        await frame.wait_for_load_state()
        assert frame.url.startswith("chrome-error:"), frame.url
        assert await frame.locator("main").count() == 0


async def test_a_socket_from_another_site_is_told_nothing(site: Site, visit: Visit, conduct: Conduct) -> None:
    conduct.excuse("asked elsewhere|WebSocket connection to|favicon")
    page = await visit("/admin/audit")
    async with elsewhere("<!doctype html><title>A quiz</title>") as origin:
        await page.goto(origin)
        code, heard = await page.evaluate(OPEN_SOCKET, f"ws://127.0.0.1:{site.program.port}/ws/operators")
    assert (code, heard) == (1006, [])


async def test_a_cookie_from_before_the_sign_in_opens_nothing_after_it(
    site: Site, visit: Visit, http: AsyncHTTPClient
) -> None:
    page = await visit("/admin/login", "")
    await page.context.add_cookies([{"name": COOKIE, "value": "planted-by-an-attacker", "url": site.origin}])
    await site.sign_in(page, "operator")
    secret = await cookie_of(page.context)
    assert secret not in ("", "planted-by-an-attacker")
    answer = await http.fetch(
        f"{site.origin}/admin", headers={"Cookie": f"{COOKIE}=planted-by-an-attacker"}, follow_redirects=False,
        raise_error=False,
    )  # fmt: skip
    assert (answer.code, answer.headers["Location"]) == (303, "/admin/login?next=%2Fadmin")


async def test_an_attackers_own_sign_in_left_in_the_browser_ends_when_the_operator_signs_in(
    site: Site, visit: Visit, http: AsyncHTTPClient
) -> None:
    page = await visit("/admin/audit", "second", fresh=True)
    planted, token = await cookie_of(page.context), await cookie_of(page.context, "_xsrf")
    fields = {"name": "operator", "password": site.passwords["operator"], "next": "/admin/audit"}
    form = await visit("/admin/login", "")
    await form.context.add_cookies(await page.context.cookies())  # type: ignore[arg-type]
    await form.evaluate(
        """async (fields) => {
          const body = new URLSearchParams([...Object.entries(fields)]);
          await fetch("/admin/login", { method: "POST", body });
        }""",
        {**fields, "_xsrf": token},
    )
    assert await cookie_of(form.context) not in ("", planted)
    answer = await http.fetch(
        f"{site.origin}/admin", headers={"Cookie": f"{COOKIE}={planted}"}, follow_redirects=False, raise_error=False
    )
    assert answer.code == 303


async def test_no_script_reads_the_cookie_and_no_other_site_sends_it(site: Site, visit: Visit) -> None:
    page = await visit("/admin/audit")
    flags = {
        each["name"]: (each["httpOnly"], each["sameSite"], each["path"], each["secure"], each["domain"])
        for each in await page.context.cookies()
    }
    assert flags[COOKIE] == (True, "Lax", "/", False, "127.0.0.1")
    assert flags["_xsrf"] == (True, "Lax", "/", False, "127.0.0.1")
    assert COOKIE not in await page.evaluate("() => document.cookie")


async def test_with_tls_the_cookie_is_of_this_host_alone_and_never_sent_in_the_clear(
    make_site: MakeSite, browser: Browser, contexts: list[BrowserContext], tmp_path: Path
) -> None:
    made = make_certificate(tmp_path)
    site = make_site(tls_certificate=made.certificate, tls_key=made.key)
    await site.start()
    context = await browser.new_context(ignore_https_errors=True)
    contexts.append(context)
    page = await context.new_page()
    await site.sign_in(page, "operator")
    await Live(page).ready()
    cookies = {each["name"]: each for each in await context.cookies()}
    for name in ("__Host-rollcall", "__Host-xsrf"):
        assert (cookies[name]["secure"], cookies[name]["httpOnly"], cookies[name]["path"]) == (True, True, "/")
    assert COOKIE not in cookies


async def test_who_guesses_is_told_nothing_and_then_to_wait(
    make_site: MakeSite, visit: Visit, conduct: Conduct
) -> None:
    conduct.excuse("status of (401|429)")
    site = make_site(sign_in_failures_per_account=3)
    await site.start()
    page = await visit("/admin/login", "", at=site)
    said = [await attempt(page, name, "wrong password") for name in ("nobody", "operator", "operator", "operator")]
    assert said == [(401, "Wrong name or password.")] * 4
    status, text = await attempt(page, "operator", site.passwords["operator"])
    assert status == 429
    assert "Wrong" not in text
    await site.sign_in(page, "second")
    await Live(page).ready()


async def attempt(page: Page, name: str, password: str) -> tuple[int, str]:
    """Submit the sign-in form. Returns the status and the message."""
    await page.get_by_label("Operator").fill(name)
    await page.get_by_label("Password").fill(password)
    async with page.expect_navigation() as navigation:
        await page.get_by_role("button", name="Sign in").click()
    answer = await navigation.value
    assert answer is not None
    return answer.status, (await page.get_by_role("alert").text_content() or "").strip()


async def test_who_is_signed_out_in_one_tab_is_no_longer_told_anything_in_the_others(site: Site, visit: Visit) -> None:
    first = await visit(name="second", fresh=True)
    tabs = [first, *[await first.context.new_page() for _ in range(2)]]
    for tab in tabs[1:]:
        await tab.goto(f"{site.origin}/admin")
    lives = [await Live(tab).ready() for tab in tabs]
    wall = await first.context.new_page()
    await wall.goto(f"{site.origin}/admin/wall")
    await expect(wall.locator("[data-banner=chip]")).to_have_text("Live")
    other_browser = await Live(await visit(name="second")).ready()
    await site.sign_out(await first.context.new_page())
    for chip in (*[live.chip for live in lives], wall.locator("[data-banner=chip]")):
        await expect(chip).to_have_text("Signed out")
    await expect(other_browser.chip).to_have_text("Live")


async def test_who_is_disabled_on_the_command_line_is_shut_out(
    make_site: MakeSite, visit: Visit, conduct: Conduct
) -> None:
    conduct.excuse("status of 401")
    site = make_site()
    await site.start()
    live = await Live(await visit(at=site)).ready()
    other = await Live(await visit(name="second", at=site)).ready()
    await site.program.command("operator", "disable", "operator")
    await expect(live.chip).to_have_text("Signed out")
    await expect(other.chip).to_have_text("Live")
    await live.page.goto(f"{site.origin}/admin")
    await expect(live.page).to_have_url(f"{site.origin}/admin/login?next=%2Fadmin")
    assert await attempt(live.page, "operator", site.passwords["operator"]) == (401, "Wrong name or password.")


async def test_an_operators_cookie_does_not_open_the_api(site: Site, visit: Visit) -> None:
    page = await visit("/admin/audit")
    cookie = f"{COOKIE}={await cookie_of(page.context)}"
    for method, path in (("GET", "/users/me"), ("GET", "/feed/users"), ("POST", "/users/me/heartbeat")):
        answer = await site.program.api.request(method, path, "", {"Cookie": cookie})
        assert answer.status == 401, path
    async with await Socket.open(f"ws://127.0.0.1:{site.program.port}/ws/feed", headers={"Cookie": cookie}) as socket:
        assert (await socket.take())["code"] == "AUTH_ERROR"


async def test_a_users_token_opens_neither_the_dashboard_nor_its_feed(site: Site) -> None:
    (ada,) = await site.online("with a token")
    for headers in ({"Authorization": f"Bearer {ada.token}"}, {"Cookie": f"{COOKIE}={ada.token}"}):
        answer = await site.program.api.request("GET", "/admin", headers=headers)
        assert (answer.status, answer.headers["Location"]) == (303, "/admin/login?next=%2Fadmin")
    base = f"ws://127.0.0.1:{site.program.port}/ws/operators"
    sign_in_limits = [
        {"url": f"{base}?token={ada.token}"},
        {"url": base, "headers": {"Authorization": f"Bearer {ada.token}"}},
        {"url": base, "headers": {"Cookie": f"{COOKIE}={ada.token}"}},
        {"url": base, "subprotocols": ["rollcall.v1", f"bearer.{ada.token}"]},
    ]
    for each in sign_in_limits:
        async with await Socket.open(**each) as socket:
            assert (await socket.take())["code"] == "AUTH_ERROR"
            assert await socket.closed() == 4401


async def test_a_socket_that_names_another_origin_is_refused_even_with_the_cookie(site: Site, visit: Visit) -> None:
    page = await visit("/admin/audit")
    cookie = f"{COOKIE}={await cookie_of(page.context)}"
    url = f"ws://127.0.0.1:{site.program.port}/ws/operators"
    for origin in ("http://127.0.0.1:1", "https://attacker.example", "null"):
        with pytest.raises(websockets.InvalidStatus) as refused:
            await Socket.open(url, headers={"Cookie": cookie, "Origin": origin})
        assert refused.value.response.status_code == 403
    async with await Socket.open(url, headers={"Cookie": cookie, "Origin": site.origin}) as socket:
        assert (await socket.take())["type"] == "connection_established"
