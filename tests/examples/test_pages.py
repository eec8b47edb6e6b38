"""The examples that are web pages, in Chromium: a list that follows the users' changes."""

from __future__ import annotations

import asyncio
import contextlib
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page

from docs.example import FLAGS, PICTURE, example
from tests.chromium import chromium
from tests.clients import Person, Socket
from tests.program import MakeProgram, ServerProgram

pytestmark = [pytest.mark.slow, pytest.mark.gen_test(timeout=120)]

ROOT = Path(__file__).resolve().parents[2]
PICTURE_BYTES = 100_000


@contextlib.asynccontextmanager
async def browsing(*, complete: bool = False) -> AsyncIterator[Page]:
    """Open a page in Chromium."""
    async with chromium(*FLAGS, complete=complete) as browser:
        yield await (await browser.new_context()).new_page()


@contextlib.asynccontextmanager
async def files_served(folder: Path) -> AsyncIterator[int]:
    """Serve a folder from another origin, as the example says, by `python3 -m http.server`. Yields the port."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "-d", str(folder),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        said = re.search(rb"port (\d+)", await process.stdout.readline())
        assert said is not None
        yield int(said[1])
    finally:
        process.kill()
        await process.wait()


async def follows(page: Page, server: ServerProgram, ada: Person, bob: Person) -> None:
    """Check that Ada's page follows Bob, even across a restart. Raises playwright's TimeoutError."""

    async def shows(words: str) -> None:
        await page.get_by_text(re.compile(words)).first.wait_for()

    await shows(f"●.* {ada.username}")
    await shows(f"○.* {bob.username}")
    assert (await bob.post("/users/me/heartbeat")).status == 200
    await shows(f"●.* {bob.username}")
    assert await server.stop() == 0
    await server.start()
    assert (await bob.put("/users/me/status", {"is_busy": True})).status == 200
    await shows(f"◐.* {bob.username}")
    await shows(f"●.* {ada.username}")


async def test_the_readmes_three_lines_show_a_live_list(program: MakeProgram) -> None:
    server = program(reconnect_spread_seconds=0.5)
    ada, bob = await server.populate(2)
    await server.start()
    text, path = example()
    script = re.findall(r'<script type="module">\n(.*?)</script>', text, re.DOTALL)
    assert [len(each.splitlines()) for each in script] == [3]
    async with browsing() as page:
        await page.route(re.compile(re.escape(path)), lambda route: route.fulfill(body=text, content_type="text/html"))
        await page.goto(f"http://localhost:{server.port}/{path}#{ada.token}")
        await follows(page, server, ada, bob)


async def test_the_demos_page_for_phones_shows_a_live_list(program: MakeProgram) -> None:
    server = program(reconnect_spread_seconds=0.5)
    ada, bob = await server.populate(2)
    await server.start()
    async with browsing() as page:
        await page.set_viewport_size({"width": 360, "height": 640})
        await page.goto(f"http://localhost:{server.port}/static/demo.html#{ada.token}")
        await follows(page, server, ada, bob)
        await page.get_by_text("1 available, 1 busy, 0 calls").wait_for()
        assert await page.evaluate("document.documentElement.scrollWidth") == 360
        await page.goto(f"http://localhost:{server.port}/static/demo.html#nothing")
        await page.get_by_text("The server does not accept this token.").wait_for()


async def test_a_page_of_another_origin_shows_a_live_list(program: MakeProgram) -> None:
    async with files_served(ROOT / "examples" / "page") as port, browsing() as page:
        server = program(reconnect_spread_seconds=0.5, allowed_origins=(f"http://localhost:{port}",))
        ada, bob = await server.populate(2)
        await server.start()
        await page.goto(f"http://localhost:{port}/?server=http://localhost:{server.port}#{ada.token}")
        await follows(page, server, ada, bob)
        await page.get_by_text("1 available, 1 busy, 0 calls").wait_for()


async def test_a_page_signs_in_once_for_all_its_tabs(program: MakeProgram) -> None:
    async with files_served(ROOT / "examples" / "page") as port, browsing() as page:
        server = program(
            reconnect_spread_seconds=0.5,
            allowed_origins=(f"http://localhost:{port}",),
            access_token_seconds=3,
            token_warning_seconds=1,
        )
        (bob,) = await server.populate(1)
        await server.start()
        password = "correct horse battery"
        registered = await server.api.post("/auth/register", {"username": "ada", "password": password})
        ada = Person(server.api, registered.body["user_id"], "ada", registered.body["access_token"])
        await page.goto(f"http://localhost:{port}/?server=http://localhost:{server.port}")
        await page.get_by_label("Name").fill("ada")
        await page.get_by_label("Password").fill("wrong")
        await page.get_by_role("button", name="Sign in").click()
        await page.get_by_text("The name or the password is wrong.").wait_for()
        await page.get_by_label("Password").fill(password)
        await page.get_by_role("button", name="Sign in").click()
        await page.get_by_text(re.compile("●.* ada")).wait_for()
        tabs = [await page.context.new_page() for _ in range(3)]
        for tab in tabs:
            await tab.goto(page.url)
        await asyncio.sleep(5)  # the token has expired, and each tab has asked for a new one
        for tab in (page, *tabs):
            await tab.locator("#connection[data-state=live]").wait_for(state="attached")
        await follows(tabs[0], server, ada, bob)


async def test_moving_from_page_to_page_announces_nothing(program: MakeProgram) -> None:
    async with files_served(ROOT / "examples" / "page") as port, browsing(complete=True) as page:
        server = program(allowed_origins=(f"http://localhost:{port}",), clean_close_seconds=0.1, grace_seconds=2.0)
        ada, bob = await server.populate(2)
        await server.start()
        await page.goto(f"http://localhost:{port}/?server=http://localhost:{server.port}#{ada.token}")
        live = page.locator("#connection[data-state=live]")
        await live.wait_for(state="attached")
        watching = await Socket.open(
            f"ws://localhost:{server.port}/ws/feed", headers={"Authorization": f"Bearer {bob.token}"}
        )
        await watching.told()
        await page.evaluate("window.isTheSame = true")
        for _ in range(3):
            await page.goto(f"http://localhost:{port}/elsewhere")
            await asyncio.sleep(0.5)
            await page.evaluate("history.back()")
            await live.wait_for(state="attached")
        assert await page.evaluate("window.isTheSame"), "the page came from the cache"
        updates = [each for each in await watching.told() if each["type"] == "user_status_update"]
        assert updates == []
        await page.goto("about:blank")
        await page.context.close()
        assert (await watching.update(ada.user_id))["status"]["is_online"] is False


def test_the_picture_of_the_example_is_small() -> None:
    assert PICTURE.read_bytes().startswith(b"\x89PNG")
    assert PICTURE.stat().st_size <= PICTURE_BYTES
