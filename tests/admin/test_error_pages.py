"""Error pages: where they lead to, and what is refused before a handler has it."""

from __future__ import annotations

import asyncio
import html
import re
from urllib.parse import urlencode

import pytest
from tornado.web import HTTPError

from models.errors import Overloaded, StoreUnavailable
from tests.admin.browser import JSON_PLEASE, Browser
from tests.admin.conftest import SignedIn
from tests.clients import Answer
from tests.conftest import MakePerson
from tests.running import RunningServer

pytestmark = pytest.mark.gen_test

HTML_PLEASE = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def led_to(page: str) -> list[str]:
    """Return the buttons below an error."""
    return re.findall(r'<a class="button primary"[^>]*>([^<]+)</a>', page)


async def test_only_where_signing_in_helps_an_error_offers_it(signed_in: SignedIn, browser: Browser) -> None:
    operator = await signed_in("operator")
    refused = [
        (405, await operator.get("/admin/attention")),
        (405, await operator.request("DELETE", "/admin", headers={"X-Xsrftoken": operator.xsrf})),
        (400, await operator.get("/admin/users/%ff")),
        (403, await operator.post("/admin/logout", with_xsrf=False)),
        (405, await browser.get("/admin/attention")),
        (400, await browser.get("/admin/users/%ff")),
        (403, await browser.post("/admin/logout", with_xsrf=False)),
    ]
    for status, answer in refused:
        assert (answer.status, led_to(answer.body)) == (status, ["Go to Live"]), answer.body
    assert ">operator</bdi>" in refused[0][1].body, "the page has the operator's menu"
    for _, answer in refused[3], refused[6]:
        page = html.unescape(answer.body)
        assert "<h1>This form is out of date</h1>" in page
        assert "Open the page again and send the form once more." in page
    assert ">operator</bdi>" in refused[3][1].body, "the operator is still signed in"
    asked = await browser.post("/admin/logout")
    assert (asked.status, led_to(asked.body)) == (401, ["Sign in"])
    assert "<p>You are not signed in. Nothing was changed.</p>" in asked.body


async def test_a_page_of_another_origin_is_not_taken_for_a_form_out_of_date(signed_in: SignedIn) -> None:
    operator = await signed_in("operator")
    headers = {"Origin": "null", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    answer = await operator.request("POST", "/admin/logout", headers=headers, body="a=1")
    assert answer.status == 403
    assert "<h1>You can&#39;t do this</h1>" in answer.body or "<h1>You can't do this</h1>" in answer.body
    assert "<p>Only pages of this server may send this request.</p>" in answer.body


async def test_an_error_leads_back_to_the_list_or_to_the_page_with_the_form(
    server: RunningServer, signed_in: SignedIn
) -> None:
    admin, operator = await signed_in("admin"), await signed_in("operator")
    for path, text in (
        ("/admin/users?status=x", "Go to Users"),
        ("/admin/calls.csv?state=x", "Go to Calls"),
        ("/admin/audit?action=x", "Go to Audit log"),
        ("/admin/operators/77?change=reset", "Go to Operators"),
        ("/admin?status=x", "Go to Live"),
        ("/admin/usersx", "Go to Live"),
    ):
        assert led_to((await admin.get(path)).body) == [text], path
    page = (await operator.get("/admin/operators")).body
    assert led_to(page) == ["Go to Live"], "the operator may not open it"
    assert "<p>This page is for admins. Your role is operator.</p>" in page
    assert "Times are in" not in page
    form_page = (await operator.post("/admin/operators", {"name": "x"})).body
    assert "<p>This is for admins. Your role is operator.</p>" in form_page
    headers = {"Referer": f"http://localhost:{server.port}/admin/users/7", "Host": f"localhost:{server.port}"}
    form = {"action": "x", "_xsrf": operator.xsrf}
    answer = await operator.request("POST", "/admin/actions", headers=headers, body=urlencode(form))
    assert (answer.status, led_to(answer.body)) == (400, ["Back to the page"])


async def test_an_error_leads_back_to_where_one_was(server: RunningServer, signed_in: SignedIn) -> None:
    operator = await signed_in("operator")
    page = html.unescape((await operator.get("/admin/users/77")).body)
    assert "<h1>There is no user #77</h1>" in page
    assert "<p>The user may have been deleted.</p>" in page
    assert '<a href="/admin/users" aria-current="page">' in page
    assert led_to(page) == ["Go to Users"]
    assert led_to((await operator.get("/admin/calls/none")).body) == ["Go to Calls"]
    for referer, link in (
        (f"http://localhost:{server.port}/admin/users?q=a#b", "/admin/users?q=a"),
        (f"http://localhost:{server.port}/docs", ""),
        ("http://elsewhere.example/admin/users", ""),
    ):
        headers = {"Referer": referer, "Host": f"localhost:{server.port}"}
        answer = await operator.request("POST", "/admin/logout", headers=headers, body="a=1")
        assert re.findall('href="([^"]*)">Back to the page', answer.body) == [link] * bool(link), referer


async def test_an_action_with_nothing_to_do_leads_back_to_its_page(signed_in: SignedIn, user: MakePerson) -> None:
    await user("ada")
    operator = await signed_in("operator")
    headers = {"Referer": f"{operator.base_url}/admin/users/1"}
    answer = await operator.get("/admin/actions", headers=headers, action="disconnect", user_id=1)
    assert (answer.status, led_to(answer.body)) == (409, ["Back to the page"])
    assert "<p>ada has no connections.</p>" in answer.body


async def test_a_sentence_about_an_error_begins_with_a_capital_letter(signed_in: SignedIn) -> None:
    admin = await signed_in("admin")
    for path in (
        "/admin?status=x", "/admin?page=x", "/admin?sort=x", "/admin?chart=x", "/admin/users?page=0",
        "/admin/calls?state=x",
        "/admin/calls?sort=x", "/admin/calls?page=0", "/admin/events?kind=x",
        "/admin/events?at=2026-11-26T14:05&page=999",
        "/admin/audit?action=x", "/admin/actions?action=x", "/admin/actions?action=sign_out",
        "/admin/actions?action=sign_out&user_id=x", "/admin/actions?action=sign_out&user_id=1&session_id=1",
        "/admin/board?at=2026-11-26T14:05&sort=x", "/admin/operators/1?change=x", "/admin/users/x", "/admin/nothing",
        "/admin/users/%ff", "/admin/users/1?day=x",
    ):  # fmt: skip
        assert_sentences(path, await admin.get(path))
    for path, fields in (
        ("/admin/columns", {"list": "x"}), ("/admin/columns", {}), ("/admin/attention", {"issue": "x", "minutes": "x"}),
        ("/admin/operators", {"name": "x", "password": "long-enough-password", "role": "x"}),
        ("/admin/actions", {"action": "sign_out", "user_id": "1", "reason": "x"}),
        ("/admin/operators/1", {"change": "x"}),
        ("/admin/screens/x", {"change": "x", "reason": "x"}), ("/admin/sign-ins/x", {}),
        ("/admin/time-zone", {"zone": "x"}),
    ):  # fmt: skip
        assert_sentences(path, await admin.post(path, fields))


def assert_sentences(path: str, answer: Answer) -> None:
    """Each sentence of an error's page, and of a form that shows what is wrong, begins with a capital letter."""
    assert 200 <= answer.status < 500, (path, answer.status)
    page = html.unescape(answer.body).partition("<main")[2]
    for heading, sentence in re.findall(r"<h1>(.*?)</h1>(?:\s*<p>(.*?)</p>)?", page if answer.status >= 400 else ""):
        for text in filter(None, (heading, sentence)):
            assert re.match(r"[A-Z“]", text), (path, text)
    for problem in re.findall(r'role="alert"[^>]*>(.*?)</', page):
        assert re.match(r"[A-Z“]", problem), (path, problem)


async def test_a_page_says_what_may_help_when_the_server_cannot_answer(
    server: RunningServer, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator = await signed_in("operator")
    for error, status, sentence, has_hint in (
        (StoreUnavailable("a test"), 503, "The store cannot be reached. Try again.", True),
        (Overloaded("The server is shutting down. Try again."), 503, "The server is shutting down. Try again.", False),
        (HTTPError(500), 500, "The server failed to answer this request.", False),
    ):

        async def fail(*_: object, error: Exception = error) -> None:
            raise error

        with monkeypatch.context() as broken:
            broken.setattr(type(server.stores.saved_filters), "of_operator", fail)
            answer = await operator.get("/admin/saved-filters?x=1")
        page = html.unescape(answer.body)
        assert (answer.status, page.count(f"<p>{sentence}</p>")) == (status, 1)
        assert ("A Live page that is already open keeps working" in page) is has_hint
        assert re.search(r"Request ID <code>[0-9a-f]{16}</code>", page)
        assert led_to(page) == ["Try again"]
        assert '<a class="button primary" href="/admin/saved-filters?x=1">' in page


async def test_a_page_without_the_menu_says_that_nobody_was_signed_out(
    server: RunningServer, signed_in: SignedIn, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator = await signed_in("operator")

    async def fail(*_: object) -> None:
        raise StoreUnavailable("a test")

    monkeypatch.setattr(type(server.stores.sign_ins), "get", fail)
    page = (await operator.get("/admin/users")).body
    assert 'id="account"' not in page
    assert "what it shows. You are not signed out.</p>" in page


async def test_numbers_of_pages_are_written_as_elsewhere(signed_in: SignedIn) -> None:
    operator = await signed_in("operator")
    assert "page must be between 1 and 100,000." in (await operator.get("/admin/users", page="0")).body


@pytest.mark.settings(refused_action_burst=1, refused_actions_per_second=0.0001)
async def test_a_form_that_comes_too_often_says_that_it_changed_nothing(signed_in: SignedIn) -> None:
    viewer = await signed_in("viewer")
    form = {"action": "sign_out", "user_id": "1", "reason": "a test", "request_id": "a-request-of-the-test"}
    assert (await viewer.post("/admin/actions", form)).status == 403
    answer = await viewer.post("/admin/actions", form)
    assert answer.status == 429
    assert "Try again in a moment. Nothing was changed.</p>" in answer.body


@pytest.mark.parametrize("encoding", ["announced", "chunked"])
async def test_a_body_too_large_is_a_page_for_a_person_and_json_for_a_program(
    server: RunningServer, encoding: str
) -> None:
    for path, accept, is_page in (
        ("/admin/actions?next=/admin", HTML_PLEASE, True),
        ("/admin", HTML_PLEASE, True),
        ("/admin/password", {"Accept": "*/*"}, True),
        ("/admin/login", {"Accept": ""}, True),
        ("/admin/actions", JSON_PLEASE, False),
        ("/administration", HTML_PLEASE, False),
        ("/auth/login", HTML_PLEASE, False),
    ):
        head, body = await send_too_much(server, path, accept["Accept"], encoding)
        assert head.startswith("HTTP/1.1 413 ")
        assert ("Content-Type: text/html" in head) is is_page, path
        assert ("Content-Security-Policy: default-src 'none'" in head) is is_page
        if is_page:
            assert '<html lang="en" data-theme="dark">' in body
            assert "<h1>Too large</h1>" in body
            assert "What was sent is larger than the server accepts. Nothing was changed" in body
            assert led_to(body) == ["Go to Live"]
        else:
            assert '"code":"BODY_TOO_LARGE"' in body


async def send_too_much(server: RunningServer, path: str, accept: str, encoding: str) -> tuple[str, str]:
    """Send a form that is too large. Return the head and the body of the answer."""
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", f"Accept: {accept}", "Cookie: rollcall_theme=dark"]
    if encoding == "chunked":
        content = b"Transfer-Encoding: chunked\r\n\r\n" + (b"20000\r\n" + b"x" * 0x20000 + b"\r\n") * 20
    else:
        content = b"Content-Length: 70000\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write("\r\n".join(lines).encode() + b"\r\n" + content)
    async with asyncio.timeout(5):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = re.search(r"Content-Length: (\d+)", head)
        assert length is not None
        body = (await reader.readexactly(int(length[1]))).decode()
    writer.close()
    return head, body
