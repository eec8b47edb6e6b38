"""Alerts in a browser: the title and icon of the tab, sounds, notifications, and what everyone sees of who is on it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect
from tornado.ioloop import IOLoop

from tests.clients import Person
from tests.dashboard.conftest import Visit, running_browser
from tests.dashboard.live import Live
from tests.dashboard.repairs import named
from tests.dashboard.site import Site, heartbeat
from tests.program import until

pytestmark = [pytest.mark.slow, pytest.mark.gen_test(timeout=60)]

SETTINGS = {"flapping_changes": 4, "flapping_seconds": 600.0}

RECORD = """
window.tones = 0;
const start = OscillatorNode.prototype.start;
OscillatorNode.prototype.start = function (...when) { window.tones++; return start.apply(this, when); };
window.notes = [];
window.Notification = class extends Notification {
  constructor(title, options) { super(title, options); window.notes.push([title, options.body]); }
};
"""
"""Counts tones, and keeps what notifications say."""


@pytest.fixture(scope="module")
def browser(io_loop: IOLoop) -> Iterator[Browser]:
    """One that has notifications."""
    yield from running_browser(io_loop, complete=True)


async def flap(person: Person) -> None:
    """Change a user's state often enough to need attention."""
    await heartbeat(person)
    for is_busy in (True, False, True, False):
        assert (await person.put("/users/me/status", {"is_busy": is_busy})).status == 200


async def alert_page(visit: Visit, **options: Any) -> Live:
    """Open Live with its sounds and notifications recorded."""
    page = await visit("/admin/audit", permissions=["notifications"], **options)
    await page.context.add_init_script(RECORD)
    await page.goto(page.url.removesuffix("/audit"))
    return await Live(page).ready()


async def choose_alerts(page: Page, *labels: str) -> None:
    """Open the dialog, tick or untick what is named, and close it."""
    await page.locator("#alerts-open").click()
    dialog = page.locator("dialog#alerts")
    for label in labels:
        await dialog.get_by_label(label).first.click()
    await dialog.get_by_role("button", name="Close").click()


async def alerted(*pages: Page) -> tuple[float, list[Any]]:
    """Return how many sounds there were on these pages together, and what their notifications said."""
    tones, notes = 0, []
    for page in pages:
        tones += await page.evaluate("window.tones")
        notes += await page.evaluate("window.notes")
    return tones / 2, notes


async def title(page: Page, pattern: str) -> None:
    await page.wait_for_function("(title) => document.title === title", arg=pattern)


async def count_of(page: Page) -> int:
    """Return how many issues the page shows that nobody is on."""
    return await page.locator("#attention [data-rows] > .row:not(.gone, .acknowledged)").count()


async def test_the_tab_carries_the_number_and_everyone_sees_who_is_on_it(site: Site, visit: Visit) -> None:
    (ada,) = await site.online(f"Ada tab {secrets.token_hex(2)}")
    one, other = [await Live(await visit(name=name)).ready() for name in ("operator", "second")]
    assert await one.page.title() == "Live · Rollcall"
    await flap(ada)
    issue, theirs = one.issue(f"flapping:{ada.user_id}"), other.issue(f"flapping:{ada.user_id}")
    await title(one.page, "(1) Live · Rollcall")
    icon = await one.page.locator("link[rel=icon]").get_attribute("href")
    assert icon is not None
    assert icon.startswith("data:image/svg+xml")
    assert "%3E1%3C%2Ftext" in icon

    await issue.get_by_role("button", name="I'm on it").click()
    await one.page.locator("#attention :popover-open").get_by_role("button", name="10 min", exact=True).click()
    await expect(one.toast).to_have_text(f"You are on it for 10 min: {ada.username}.")
    for row in (issue, theirs):
        await expect(row.locator("[data-f=acknowledged]")).to_have_text("operator is on it, 10 min")
    await title(other.page, "Live · Rollcall")
    await title(one.page, "Live · Rollcall")
    await expect(one.figure("attention")).to_have_text("1")
    assert not ((await one.page.locator("link[rel=icon]").get_attribute("href")) or "data:").startswith("data:")

    about = await one.page.context.new_page()
    await about.goto(f"{one.page.url}/users/{ada.user_id}")
    await expect(about.locator("[data-f=acknowledged]")).to_have_text("operator is on it, 10 min")
    await title(about, f"\u2068{ada.username}\u2069 · Rollcall")

    await other.page.reload()
    await theirs.get_by_role("button", name="I'm on it").click()
    await other.page.locator("#attention :popover-open").get_by_role("button", name="Nobody is on it").click()
    await expect(issue.locator("[data-f=acknowledged]")).to_be_hidden()
    await title(one.page, "(1) Live · Rollcall")
    await title(about, f"(1) \u2068{ada.username}\u2069 · Rollcall")

    await one.page.keyboard.press("p")
    await title(one.page, "Paused · Live · Rollcall")
    await expect(issue.get_by_role("button", name="I'm on it")).to_be_disabled()
    await one.page.keyboard.press("p")
    await title(one.page, "(1) Live · Rollcall")
    await site.sign_out(await one.page.context.new_page())
    await title(one.page, "Signed out · Live · Rollcall")


async def test_several_tabs_tell_once_and_nothing_is_told_again(site: Site, visit: Visit) -> None:
    people = await site.online(*named("told"), "שלומית כהן")
    one = await alert_page(visit, fresh=True)
    button = one.page.locator("#alerts-open")
    await expect(button).to_have_text("Alerts: off")
    await flap(people[0])
    await expect(one.issue(f"flapping:{people[0].user_id}")).to_be_visible()
    attempt = one.page.locator("dialog#alerts [data-alert=try]")
    await choose_alerts(one.page)
    await expect(attempt).to_be_disabled()
    await choose_alerts(one.page, "Play a sound", "Show a browser notification")
    await expect(button).to_have_text("Alerts: on")
    await expect(attempt).to_be_enabled()

    tab = await one.page.context.new_page()
    await tab.goto(one.page.url)
    two = await Live(tab).ready()
    await expect(tab.locator("#alerts-open")).to_have_text("Click to allow sound")
    await tab.locator("h2").first.click()
    await expect(tab.locator("#alerts-open")).to_have_text("Alerts: on")
    assert await alerted(one.page, tab) == (0, []), "what is there already is not new"

    await flap(people[3])
    key = f"flapping:{people[3].user_id}"
    for live in (one, two):
        await expect(live.issue(key)).to_be_visible()

    async def has_alerted() -> bool:
        tones, notes = await alerted(one.page, tab)
        return tones > 0 and notes != []

    await until(has_alerted)
    await asyncio.sleep(1.5)  # the other tab might do it again
    tones, notes = await alerted(one.page, tab)
    assert tones == 1
    ((heading, body),) = notes
    assert heading == "Needs attention: \u2068שלומית כהן\u2069"
    assert body.startswith("Changed state ")


async def test_kinds_quiet_hours_and_pauses_keep_it_quiet(site: Site, visit: Visit) -> None:
    people = await site.online(*named("quiet"), *named("quieter"))
    live = await alert_page(visit, fresh=True, name="second")
    page, dialog = live.page, live.page.locator("dialog#alerts")
    await choose_alerts(page, "Play a sound", "Show a browser notification", "State keeps changing")

    async def told_of(person: Person) -> list[Any]:
        await flap(person)
        await page.wait_for_timeout(1_500)
        return (await alerted(page))[1]

    assert await told_of(people[0]) == [], "this kind is switched off"
    await page.locator("#alerts-open").click()
    await dialog.get_by_label("State keeps changing").first.click()
    amount = dialog.get_by_role("spinbutton", name="State keeps changing")
    kept = "() => JSON.parse(localStorage.rollcall_alerts).kinds.flapping.least"
    await amount.fill("400")
    await amount.press("Tab")
    for wrong, problem in (("100000", "Enter at most 99,999."), ("3", "Enter at least 4."), ("", "Enter a number.")):
        await amount.fill(wrong)
        await amount.press("Tab")
        await expect(dialog.locator("[data-kind=flapping]").get_by_role("alert")).to_contain_text(problem)
        await expect(amount).to_have_attribute("aria-invalid", "true")
        assert await page.evaluate(kept) == 400, "the last amount that was accepted"
    await amount.fill("400")
    await amount.press("Tab")
    await expect(dialog.get_by_role("alert").filter(has_text="Enter")).to_have_count(0)
    await dialog.get_by_role("button", name="Close").click()
    assert await told_of(people[1]) == [], "4 changes are not enough for this person"

    await page.locator("#alerts-open").click()
    await dialog.get_by_role("spinbutton", name="State keeps changing").fill("4")
    await dialog.get_by_label("Quiet hours").click()
    await dialog.get_by_label("from", exact=True).fill("00:00")
    await dialog.get_by_label("to", exact=True).fill("00:00")
    await dialog.get_by_role("button", name="Close").click()
    await expect(page.locator("#alerts-open")).to_have_text("Quiet all day")
    assert await told_of(people[2]) == []
    await page.reload()
    await live.ready()
    await expect(page.locator("#alerts-open")).to_have_text("Quiet all day")
    await choose_alerts(page, "Quiet hours")

    await page.keyboard.press("p")
    await expect(page.locator("#alerts-open")).to_have_text("No alerts: paused")
    assert await told_of(people[3]) == []
    await page.keyboard.press("p")
    await page.wait_for_function("() => window.notes.length === 1")
    assert people[3].username in (await alerted(page))[1][0][0], "what was missed while the page was paused"
