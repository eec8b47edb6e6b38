"""Live: the live page as an operator sees and uses it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from playwright.async_api import Locator, Page, expect

from tests.clients import Person

RECORD = """([name, selector]) => {
  const part = document.querySelector(selector);
  const read = () => part.getClientRects().length ? part.textContent.trim() : "";
  const texts = (window.records ??= {})[name] = [read()];
  const note = () => read() !== texts.at(-1) && texts.push(read());
  const watched = { childList: true, characterData: true, subtree: true, attributes: true };
  new MutationObserver(note).observe(part, watched);
}"""

TEXTS_OF_ROWS = """([rows, parts]) => [...document.querySelectorAll(rows)].map((row) =>
  parts.map((part) => row.querySelector(`[data-f=${part}]`).textContent.trim()))"""


@dataclass(frozen=True)
class Record:
    """All texts that a part of the page has shown since recording began, in order."""

    page: Page
    name: str

    async def texts(self) -> list[str]:
        """Return the texts it has shown, empty where it was hidden."""
        texts: list[str] = await self.page.evaluate("(name) => window.records[name]", self.name)
        return texts

    async def says(self, pattern: str, *, seconds: float = 8) -> str:
        """Return a text it has shown that matches, or wait for one."""
        await self.page.wait_for_function(
            "([name, pattern]) => window.records[name].some((text) => new RegExp(`^${pattern}$`).test(text))",
            arg=[self.name, pattern],
            timeout=seconds * 1000,
        )
        return next(text for text in await self.texts() if re.fullmatch(pattern, text))


class Live:
    """The parts of the live page, by name."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.chip = page.locator("[data-banner=chip]")
        self.banner = page.locator("[data-banner=text]")
        self.toast = page.locator("[data-banner=toast]")
        self.outdated = page.locator("[data-banner=outdated]")
        self.locked = page.locator("[data-users=locked]")
        self.search = page.get_by_role("searchbox")
        self.rows = page.locator("#users [data-rows] > .row")
        self.dialog = page.locator("dialog#act")
        self.menu = page.locator("#users :popover-open")

    async def ready(self) -> Live:
        """Wait until the page is live, has drawn its rows, and has loaded everything."""
        await expect(self.chip).to_have_text("Live")
        await self.page.locator("#users [data-rows].windowed").wait_for(state="attached")
        await self.page.locator("[data-chart=scrubber]:not([hidden])").wait_for(state="attached")
        return self

    def figure(self, name: str) -> Locator:
        """Return one of the five figures."""
        return self.page.locator(f"[data-figure={name}] [data-f=figure]")

    def row(self, person: Person) -> Locator:
        """Return the row of a user."""
        return self.page.locator(f'#users [data-rows] > [data-user="{person.user_id}"]')

    def cell(self, person: Person, part: str) -> Locator:
        """Return a part of a user's row."""
        return self.row(person).locator(f"[data-f={part}]").first

    def call(self, call_id: str) -> Locator:
        """Return the row of a call."""
        return self.page.locator(f'#calls [data-rows] > [data-key="{call_id}"]')

    def issue(self, key: str) -> Locator:
        """Return the row of an open issue, not of one that is resolved but still shown."""
        return self.page.locator(f'#attention [data-rows] > [data-key="{key}"]:not(.gone)')

    async def listed(self, *parts: str) -> list[Any]:
        """Return the names in the list from top to bottom, or these parts of each row."""
        rows = await self.page.evaluate(TEXTS_OF_ROWS, ["#users [data-rows] > .row", parts or ["name"]])
        return rows if parts else [name for (name,) in rows]

    async def open_menu(self, row: Locator) -> None:
        """Open the menu of a row. It would close if the page still scrolled."""
        more = row.locator("[data-f=more]")
        await more.scroll_into_view_if_needed()
        await more.click()

    async def choose(self, person: Person, item: str) -> None:
        """Open the menu of a row and choose an item."""
        await self.open_menu(self.row(person))
        await self.menu.get_by_role("button", name=item).click()

    async def confirm(self, reason: str) -> None:
        """Enter the reason, once the dialog shows what is affected, and submit."""
        await expect(self.dialog.locator("[data-f=send]")).to_be_enabled()
        await self.dialog.get_by_label("Reason").fill(reason)
        await self.dialog.locator("[data-f=send]").click()
        await expect(self.dialog).to_be_hidden()

    async def retry(self) -> None:
        """Retry at once instead of waiting, even if the page is connected again by now."""
        await self.page.locator("[data-banner=retry]").evaluate("(button) => button.click()")

    async def record(self, name: str, selector: str) -> Record:
        """Record all texts that a part of the page shows from now on."""
        await self.page.evaluate(RECORD, [name, selector])
        return Record(self.page, name)
