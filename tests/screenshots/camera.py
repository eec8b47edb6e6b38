"""Camera: photographs states at each width, light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page, expect

from tests.dashboard.live import Live
from tests.dashboard.test_layout import LIVE
from tests.screenshots.stage import Stage
from tests.screenshots.state import Scene, State

SIZES = ((390, 844), (768, 1024), (1024, 768), (1440, 900), (1920, 1080))
"""Width and height of each window, in pixels."""

PHONE_WIDTH = 390

STORE_UNAVAILABLE = 503

SETTLING_MS = 250
"""Time for transitions to end and for lists to be measured."""

PATIENCE_MS = 60_000
"""Many servers and browsers may share the machine."""

IN_ITS_ZONE = """() => {
  const day = document.querySelector("[data-day-zone]")?.dataset.dayZone;
  return !day || document.body.dataset.zone || day === Intl.DateTimeFormat().resolvedOptions().timeZone;
}"""
"""On a first visit, a user's day is loaded again in the zone of the browser."""

expect.set_options(timeout=PATIENCE_MS)


@dataclass(frozen=True)
class Shot:
    """A state at one width."""

    state: State
    width: int
    height: int

    @property
    def names(self) -> list[str]:
        """The files' names, light first."""
        return [f"{self.state.name}-{self.width}-{scheme}.png" for scheme in ("light", "dark")]

    @property
    def _options(self) -> dict[str, Any]:
        is_phone = self.width == PHONE_WIDTH
        return {
            "viewport": self._window,
            "locale": "en-GB",
            "timezone_id": "Europe/Berlin",
            **({"has_touch": True, "is_mobile": True} if is_phone else {}),
            **({"device_scale_factor": self.state.zoom} if self.state.zoom > 1 else {}),
            **self.state.options,
        }

    @property
    def _window(self) -> dict[str, int]:
        """The window's size in CSS pixels."""
        return {"width": self.width // self.state.zoom, "height": self.height // self.state.zoom}

    async def take(self, browser: Browser, stage: Stage, folder: Path) -> None:
        """Bring a new page into the state, and photograph it in both colour schemes."""
        place = await stage.at(self.state.place)
        signed_in = await place.site.signed_in(browser, self.state.role) if self.state.role else None
        context = await browser.new_context(storage_state=signed_in, color_scheme="light", **self._options)
        context.set_default_timeout(PATIENCE_MS)
        try:
            page = await context.new_page()
            path = self.state.path.format(**place.ids)
            answer = await page.goto(place.site.origin + path)
            assert answer is None or answer.status != STORE_UNAVAILABLE, "the store was too slow"
            assert not self.state.role or "/admin/login" not in page.url, "nobody is signed in"
            if self._options.get("java_script_enabled", True):
                await page.wait_for_function(IN_ITS_ZONE)
                if path.partition("?")[0] in LIVE:
                    await _await_live(page)
            await self.state.prepare(Scene(page, place, stage))
            if self.state.frame == "grown":
                await self._grow(page)
            extent = await self._extent(page)  # once, because photographing a phone's whole page may scroll it
            for name, scheme in zip(self.names, ("light", "dark"), strict=True):
                await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
                await page.wait_for_timeout(SETTLING_MS)
                await page.screenshot(path=folder / name, **extent)
        finally:
            await context.close()

    async def _grow(self, page: Page) -> None:
        """Make the window as tall as what is photographed of the page."""
        height = await page.evaluate("() => document.documentElement.scrollHeight")
        await page.set_viewport_size({**self._window, "height": min(height, self.state.height)})
        await page.evaluate("() => scrollTo(0, 0)")

    async def _extent(self, page: Page) -> dict[str, Any]:
        """Modal dialogs and open menus belong to the window, not to the page."""
        frame = self.state.frame
        if frame in ("window", "grown") or await page.locator(":modal, :popover-open").count():
            return {}
        top, height = await page.evaluate("() => [Math.round(scrollY), document.documentElement.scrollHeight]")
        top = 0 if frame == "page" else top
        rest = max(height - top, self._window["height"])
        clip = {"x": 0, "y": top, "width": self._window["width"], "height": min(rest, self.state.height)}
        return {"full_page": True, "clip": clip}


def shots_of(states: list[State], widths: tuple[int, ...]) -> Iterator[Shot]:
    """Return a shot of each state at each of these widths, or at all that the state has."""
    for state in states:
        for width, height in SIZES:
            if width in (widths or state.widths or (width,)):
                yield Shot(state, width, height)


async def _await_live(page: Page) -> None:
    await page.wait_for_function("() => document.documentElement.dataset.feed === 'live'")
    if await page.locator("#users").count():
        await Live(page).ready()
