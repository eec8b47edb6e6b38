"""Boxes: measures every visible text and control of a page, and reports what is cut, overlaps or leaves its card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.async_api import Page

FAULTS = (Path(__file__).parent / "boxes.js").read_text(encoding="utf-8").partition("\n")[2]
"""A function that returns what is wrong with the layout of the page that runs it."""


async def faults(page: Page) -> list[str]:
    """Return what is wrong with the layout of a page as it is shown now."""
    found: list[Any] = await page.evaluate(FAULTS)
    return [str(each) for each in found]
