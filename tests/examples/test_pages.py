"""The examples that are web pages, in Chromium: a list that follows the users' changes."""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright

from docs.example import FLAGS, PICTURE, example
from tests.clients import Person
from tests.foreign.published import CHROMIUM_FLAGS
from tests.program import MakeProgram, ServerProgram

pytestmark = [pytest.mark.slow, pytest.mark.gen_test(timeout=120)]

ROOT = Path(__file__).resolve().parents[2]
PICTURE_BYTES = 100_000


@contextlib.asynccontextmanager
async def browsing() -> AsyncIterator[Page]:
    """Open a page in Chromium."""
    path = shutil.which("chromium")
    assert path is not None, "run `make browser` first"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=[*CHROMIUM_FLAGS, *FLAGS])
        try:
            yield await browser.new_page()
        finally:
            await browser.close()


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


async def test_a_page_of_another_origin_shows_a_live_list(program: MakeProgram) -> None:
    async with files_served(ROOT / "examples" / "page") as port, browsing() as page:
        server = program(reconnect_spread_seconds=0.5, allowed_origins=(f"http://localhost:{port}",))
        ada, bob = await server.populate(2)
        await server.start()
        await page.goto(f"http://localhost:{port}/?server=http://localhost:{server.port}#{ada.token}")
        await follows(page, server, ada, bob)
        await page.get_by_text("1 available, 1 busy, 0 calls").wait_for()


def test_the_picture_of_the_example_is_small() -> None:
    assert PICTURE.read_bytes().startswith(b"\x89PNG")
    assert PICTURE.stat().st_size <= PICTURE_BYTES
