"""Hands: a person at a page, who clicks, taps and presses keys. Counts each, and works at a person's pace if asked to.

`SHIFT_GUIDE=1 pytest tests/dashboard/test_shift.py -s` prints how long each task takes at that pace, and takes the
pictures of the guide in docs/dashboard.md, whose colours are reduced to 128 afterwards. The pace is that of the
keystroke-level model (Card, Moran and Newell).
"""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import Any, Literal

from playwright.async_api import Locator, Page

IS_FOR_GUIDE = bool(os.environ.get("SHIFT_GUIDE"))
PICTURES = Path(__file__).resolve().parents[2] / "docs"

PREPARING_SECONDS = 1.35
POINTING_SECONDS = 1.1
CLICKING_SECONDS = 0.2
KEY_SECONDS = 0.28
HOMING_SECONDS = 0.4
"""From the mouse to the keyboard, or back."""


class Hands:
    """The hands of one person, on one page after the other."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.clicks = 0
        self.keys = 0
        self._are_on: Literal["mouse", "keyboard"] = "mouse"
        self._began = time.monotonic()

    @property
    def counts(self) -> tuple[int, int]:
        """How many clicks or taps, and how many key presses, there were."""
        return self.clicks, self.keys

    @property
    def seconds(self) -> float:
        """How long it has taken so far."""
        return time.monotonic() - self._began

    async def click(self, target: Locator) -> None:
        """Point at something and click."""
        await self._point()
        await self._wait(CLICKING_SECONDS)
        await target.click()
        self.clicks += 1

    async def tap(self, target: Locator) -> None:
        """Touch something. A finger is as quick as a pointer."""
        await self._point()
        await target.tap()
        self.clicks += 1

    async def point(self, target: Locator, **position: Any) -> None:
        """Point at something, without a click."""
        await self._point()
        await target.hover(**position)

    async def press(self, *keys: str) -> None:
        """Press these keys one after the other, as one step. A key with Shift counts once."""
        await self._wait(PREPARING_SECONDS)
        await self._move_to("keyboard")
        for key in keys:
            await self._wait(KEY_SECONDS)
            await self.page.keyboard.press(key)
            self.keys += 1

    async def type(self, text: str) -> None:
        """Type a text."""
        await self.press(*text)

    async def open_in(self, page: Page, link: str) -> None:
        """Paste a link into the address bar of another browser, and open it: a click, Ctrl+V and Enter."""
        await self._point()
        await self._wait(CLICKING_SECONDS + 2 * KEY_SECONDS)
        self.page = page
        self.clicks += 1
        self.keys += 2
        await page.goto(link)

    async def _point(self) -> None:
        await self._wait(PREPARING_SECONDS)
        await self._move_to("mouse")
        await self._wait(POINTING_SECONDS)

    async def _move_to(self, device: Literal["mouse", "keyboard"]) -> None:
        if self._are_on != device:
            await self._wait(HOMING_SECONDS)
        self._are_on = device

    async def _wait(self, seconds: float) -> None:
        if IS_FOR_GUIDE:
            await asyncio.sleep(seconds)


async def take_picture(name: str, part: Page | Locator, **clip: Any) -> None:
    """Take a picture of a page, or of a part of it, for the guide, if the guide is being made."""
    if IS_FOR_GUIDE:
        await part.screenshot(path=PICTURES / f"shift-{name}.png", **clip)
