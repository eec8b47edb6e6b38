"""Error pages: where they lead to, and what is refused before a handler has it."""

from __future__ import annotations

import asyncio
import re

import pytest

from tests.admin.browser import JSON_PLEASE, Browser
from tests.admin.conftest import SignedIn
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
    asked = await browser.post("/admin/logout")
    assert (asked.status, led_to(asked.body)) == (401, ["Sign in"])


@pytest.mark.parametrize("encoding", ["announced", "chunked"])
async def test_a_body_too_large_is_a_page_for_a_person_and_json_for_a_program(
    server: RunningServer, encoding: str
) -> None:
    for path, accept, is_page in (
        ("/admin/actions?next=/admin", HTML_PLEASE, True),
        ("/admin", HTML_PLEASE, True),
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
            assert "The body of the request is too large." in body
            assert led_to(body) == ["Go to Live"]
        else:
            assert '"code":"BODY_TOO_LARGE"' in body


async def send_too_much(server: RunningServer, path: str, accept: str, encoding: str) -> tuple[str, str]:
    """Send a form that is too large. Return the head and the body of the answer."""
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", f"Accept: {accept}", "Cookie: rollcall_theme=dark"]
    if encoding == "chunked":
        content = b"Transfer-Encoding: chunked\r\n\r\n20000\r\n" + b"x" * 70_000
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
