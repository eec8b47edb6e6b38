"""Fixtures: one loop and one browser for the package, a server for each module, and pages that must cause no error.

A browser belongs to the loop that started it, so these tests share a loop, unlike other tests.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import pytest
from playwright.async_api import Browser, BrowserContext, Page, Playwright, async_playwright, expect
from tornado.httpclient import AsyncHTTPClient
from tornado.ioloop import IOLoop

from tests.chromium import launch
from tests.clients import PATIENCE_SECONDS
from tests.conftest import SECRETS
from tests.dashboard.conduct import Conduct
from tests.dashboard.site import QUICK, Site
from tests.program import MakeProgram, blameless_programs
from tests.secrets_seen import SecretsSeen

expect.set_options(timeout=PATIENCE_SECONDS * 1000)


class MakeSite(Protocol):
    """Makes a server with operators, without starting it."""

    def __call__(self, **settings: Any) -> Site: ...


class Visit(Protocol):
    """Opens a page of a site as an operator, or signed out if the name is empty. Options go to the browser's context.

    All visits of an operator share one sign-in, unless `fresh` is set.
    """

    async def __call__(
        self,
        path: str = "/admin",
        name: str = "operator",
        *,
        at: Site | None = None,
        fresh: bool = False,
        **options: Any,
    ) -> Page: ...


@pytest.fixture(scope="package")
def io_loop() -> Iterator[IOLoop]:
    """The event loop that all these tests share."""
    loop = IOLoop()
    loop.make_current()
    yield loop
    loop.clear_current()
    loop.close(all_fds=True)


@pytest.fixture(scope="package")
def http(io_loop: IOLoop) -> Iterator[AsyncHTTPClient]:
    """An HTTP client with room for many requests at once."""
    client = AsyncHTTPClient(force_instance=True, max_clients=500)
    yield client
    client.close()


@pytest.fixture(scope="package")
def secrets_seen(request: pytest.FixtureRequest) -> SecretsSeen:
    """The secrets of this run, and its logs."""
    return request.config.stash[SECRETS]


def running_browser(io_loop: IOLoop, *, complete: bool = False) -> Iterator[Browser]:
    """Run Chromium on the loop."""

    async def start() -> tuple[Playwright, Browser]:
        playwright = await async_playwright().start()
        return playwright, await launch(playwright, complete=complete)

    async def end() -> None:
        await browser.close()
        await playwright.stop()

    playwright, browser = io_loop.run_sync(start)
    yield browser
    io_loop.run_sync(end)


@pytest.fixture(scope="package")
def browser(io_loop: IOLoop) -> Iterator[Browser]:
    """Chromium."""
    yield from running_browser(io_loop)


@pytest.fixture(scope="module")
def programs(
    io_loop: IOLoop, tmp_path_factory: pytest.TempPathFactory, secrets_seen: SecretsSeen, http: AsyncHTTPClient
) -> Iterator[MakeProgram]:
    """Makes servers that run for a whole module."""
    yield from blameless_programs(io_loop, tmp_path_factory.mktemp("site"), secrets_seen, http)


@pytest.fixture(scope="module")
def site(request: pytest.FixtureRequest, io_loop: IOLoop, programs: MakeProgram, secrets_seen: SecretsSeen) -> Site:
    """The server of a module, with the module's SETTINGS. Each test has its own users."""
    made = Site(programs(**{**QUICK, **getattr(request.module, "SETTINGS", {})}), secrets_seen)
    io_loop.run_sync(made.start)
    return made


@pytest.fixture
def make_site(
    io_loop: IOLoop, tmp_path_factory: pytest.TempPathFactory, secrets_seen: SecretsSeen, http: AsyncHTTPClient
) -> Iterator[MakeSite]:
    """Makes servers for one test, each with its own data."""
    folder = tmp_path_factory.mktemp("site")
    making = blameless_programs(io_loop, folder, secrets_seen, http)
    make = next(making)
    made: list[Site] = []

    def make_site(**settings: Any) -> Site:
        own = {"data_dir": folder / f"data-{len(made)}", **QUICK, **settings}
        made.append(Site(make(**own), secrets_seen))
        return made[-1]

    yield make_site
    next(making, None)


@pytest.fixture
def conduct() -> Iterator[Conduct]:
    """The conduct of all pages. A complaint that is not excused fails the test."""
    watched = Conduct()
    yield watched
    assert watched.complaints == []


@pytest.fixture
def contexts(io_loop: IOLoop, conduct: Conduct) -> Iterator[list[BrowserContext]]:
    """All contexts of a test, which are closed at its end."""
    opened: list[BrowserContext] = []
    yield opened

    async def close() -> None:
        for each in opened:
            await each.close()

    io_loop.run_sync(close)


@pytest.fixture
def visit(site: Site, browser: Browser, conduct: Conduct, contexts: list[BrowserContext]) -> Visit:
    """Opens pages of the module's site, unless another site is given."""

    async def open_page(
        path: str = "/admin",
        name: str = "operator",
        *,
        at: Site | None = None,
        fresh: bool = False,
        **options: Any,
    ) -> Page:
        place = at or site
        if name and not fresh:
            options["storage_state"] = await place.signed_in(browser, name)
        context = await browser.new_context(
            **{"viewport": {"width": 1440, "height": 900}, "locale": "en-GB", **options}
        )
        contexts.append(context)
        context.set_default_timeout(PATIENCE_SECONDS * 1000)
        await conduct.watch(context, place.origin)
        page = await context.new_page()
        if fresh:
            await place.sign_in(page, name)
        await page.goto(place.origin + path)
        return page

    return open_page
