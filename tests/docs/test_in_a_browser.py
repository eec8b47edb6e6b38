"""The documentation in Chromium: it loads from the server alone, fits a phone, and is accessible."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import pytest
from playwright.async_api import Page

from handlers.docs.docs_pages import DocsPages
from tests.axe import violations
from tests.chromium import chromium
from tests.running import RunningServer

pytestmark = [pytest.mark.slow, pytest.mark.any_store, pytest.mark.gen_test(timeout=180)]

NAMES = [name for name in DocsPages(Path(__file__).resolve().parents[2]).entries if name != "index"]
URLS = ["/docs", *(f"/docs/{name}" for name in NAMES), "/docs/nothing"]


VARIED = [url for url in URLS if "decisions/" not in url]
"""All decisions have the same structure, so checking them once is enough."""


@asynccontextmanager
async def browsing(width: int, colours: Literal["light", "dark"] = "light") -> AsyncIterator[Page]:
    """Open a page in Chromium with a certain width."""
    async with chromium() as browser:
        yield await browser.new_page(viewport={"width": width, "height": 900}, color_scheme=colours)


@pytest.mark.parametrize(("width", "colours"), [(1280, "light"), (1280, "dark"), (390, "light")])
async def test_no_page_lacks_anything_that_axe_knows_of(
    server: RunningServer, width: int, colours: Literal["light", "dark"]
) -> None:
    found = []
    async with browsing(width, colours) as page:
        for url in URLS if (width, colours) == (1280, "light") else VARIED:
            await page.goto(f"http://{server.address}{url}")
            found += [f"{url}: {each}" for each in await violations(page, only_colours=colours == "dark")]
            wider = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            found += [f"{url} is {wider} px too wide"] if wider else []
    assert found == []


async def test_on_a_phone_a_table_that_scrolls_says_so_and_shows_more_than_its_first_column(
    server: RunningServer,
) -> None:
    async with browsing(390) as page:
        await page.goto(f"http://{server.address}/docs/reference")
        table = page.locator(".table").first
        scrolls, shades, seen = await table.evaluate("""(table) => [
          table.scrollWidth > table.clientWidth,
          getComputedStyle(table).backgroundAttachment,
          table.getBoundingClientRect().right - table.querySelector("td + td a").getBoundingClientRect().right,
        ]""")
        assert (scrolls, shades) == (True, "local, local, scroll, scroll, scroll")
        assert seen > 0


async def test_nothing_is_asked_of_anyone_else_and_nothing_is_refused_by_the_policy(server: RunningServer) -> None:
    asked: list[str] = []
    complaints: list[str] = []
    async with browsing(1280) as page:
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda line: complaints.append(line.text))
        for url in URLS:
            await page.goto(f"http://{server.address}{url}")
    origin = f"http://{server.address}/"
    assert [each for each in asked if not each.startswith(origin)] == []
    assert {f"{origin}static/docs.css", f"{origin}docs/watch.svg"} <= set(asked)
    assert [each for each in complaints if "404" not in each] == []
