"""What axe finds wrong with a page."""

from __future__ import annotations

from typing import Any

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page

COLOUR_RULES = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
"""The rules of axe that look at colours. All others find the same in any colours."""


async def violations(page: Page, *, only_colours: bool = False) -> list[str]:
    """The violations on a page as it is now, each with its element."""
    options: dict[str, Any] = {"resultTypes": ["violations"]}
    if only_colours:
        options["runOnly"] = COLOUR_RULES
    results = (await Axe().run(page, options=options)).response["violations"]
    return [f"{each['id']}: {node['html']}" for each in results for node in each["nodes"]]
