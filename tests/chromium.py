"""Chromium, without a screen."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, Playwright, async_playwright

COMPLETE = "chromium"

BUILDS = ("chromium-headless-shell", COMPLETE)
"""The first shows the same pages in half the time. Not every system has a package of it, and it lacks what needs more
than pages: notifications, and the back/forward cache."""

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


async def launch(playwright: Playwright, *flags: str, complete: bool = False) -> Browser:
    """Start Chromium with more flags than usual; a complete one, with its back/forward cache, if a test needs it."""
    path = next(filter(None, map(shutil.which, [COMPLETE] if complete else BUILDS)), None)
    assert path is not None, "run `make browser` first"
    return await playwright.chromium.launch(
        executable_path=path,
        args=[*FLAGS, *flags],
        ignore_default_args=["--disable-back-forward-cache"] if complete else None,
    )


@asynccontextmanager
async def chromium(*flags: str, complete: bool = False) -> AsyncIterator[Browser]:
    """Chromium for a while, as `launch` starts it."""
    async with async_playwright() as playwright:
        browser = await launch(playwright, *flags, complete=complete)
        try:
            yield browser
        finally:
            await browser.close()
