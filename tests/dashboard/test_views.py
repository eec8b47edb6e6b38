"""Views on Live: heads sort the list, columns are left out, filters are saved, and the link has all of it."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from tests.dashboard.conftest import Visit
from tests.dashboard.live import Live
from tests.dashboard.site import Site, call

pytestmark = [pytest.mark.slow, pytest.mark.gen_test]


async def test_a_view_of_live_is_sorted_narrowed_saved_and_copied(site: Site, visit: Visit) -> None:
    await site.online("view ada", "view bob", "view cyd")
    page = await visit("/admin?q=view", permissions=["clipboard-read", "clipboard-write"])
    live = await Live(page).ready()
    head = page.get_by_role("columnheader", name="User")
    button = head.get_by_role("button", name="User")
    await button.focus()
    await page.keyboard.press("Enter")
    await expect(head).to_have_attribute("aria-sort", "ascending")
    await page.keyboard.press("Enter")
    await expect(head).to_have_attribute("aria-sort", "descending")
    assert await live.listed() == ["view cyd", "view bob", "view ada"]
    assert page.url.endswith("/admin?q=view&sort=-name")

    await page.get_by_role("button", name="Views").click()
    menu = page.locator("#views")
    await menu.get_by_label("Device").uncheck()
    async with page.expect_navigation():
        await menu.get_by_role("button", name="Show these columns").click()
    await live.ready()
    await expect(page.get_by_role("columnheader", name="Device")).to_be_hidden()
    await expect(live.rows.first.locator(".cell-device")).to_be_hidden()
    assert page.url.endswith("/admin?q=view&sort=-name")

    await page.get_by_role("button", name="Views").click()
    await menu.get_by_label("Name for the filter as it is now").fill("My view")
    async with page.expect_navigation():
        await menu.get_by_role("button", name="Save filter").click()
    await live.ready()
    await page.get_by_role("button", name="Views").click()
    await expect(menu.get_by_role("link", name="My view")).to_have_attribute("href", "/admin?q=view&sort=-name")
    await menu.get_by_role("button", name="Copy link").click()
    await expect(menu.get_by_role("button", name="Link copied")).to_be_visible()
    copied = await page.evaluate("() => navigator.clipboard.readText()")
    assert copied == f"{site.origin}/admin?q=view&sort=-name&columns=since.because.heard"

    await page.goto(f"{site.origin}/admin?q=view")
    await live.ready()
    assert await live.listed() == ["view cyd", "view bob", "view ada"], "the browser remembers the order"
    other = await Live(await visit(re.sub("^.*?/admin", "/admin", copied), "second")).ready()
    assert await other.listed() == ["view cyd", "view bob", "view ada"]
    await expect(other.page.get_by_role("columnheader", name="Device")).to_be_hidden()


async def test_the_menu_keeps_off_the_edges_of_a_phone_and_long_names_do_not_break_times(
    site: Site, visit: Visit
) -> None:
    long, other = await site.online("Wolfeschlegelsteinhausenbergerdorffwelchevoralternwarengewissen", "other")
    await call(long, other)
    page = await visit("/admin/calls")
    await page.set_viewport_size({"width": 1280, "height": 800})
    for path in ("/admin/calls", "/admin/events", "/admin"):
        await page.goto(site.origin + path)
        heights = await page.locator("td time").evaluate_all("(times) => times.map((time) => time.offsetHeight)")
        assert all(height < 24 for height in heights), path
    await page.set_viewport_size({"width": 390, "height": 844})
    for path in ("/admin/events", "/admin/users", "/admin/audit"):
        await page.goto(site.origin + path)
        await page.get_by_role("button", name="Views").click()
        box = await page.locator("#views").bounding_box()
        assert box is not None
        assert (box["x"] >= 10, box["x"] + box["width"] <= 380) == (True, True), path


async def test_events_are_turned_round_by_their_head_and_a_saved_filter_and_the_link_have_the_order(
    site: Site, visit: Visit
) -> None:
    await site.online("turned ada")
    path = "/admin/events?user=turned+ada"
    page = await visit(path, permissions=["clipboard-read", "clipboard-write"])
    head, menu = page.get_by_role("columnheader", name="Time"), page.locator("#views")
    await expect(head).to_have_attribute("aria-sort", "descending")
    await head.get_by_role("button", name="Time").focus()
    async with page.expect_navigation():
        await page.keyboard.press("Enter")
    assert page.url.endswith(f"{path}&sort=-time")
    await expect(head).to_have_attribute("aria-sort", "ascending")

    await page.goto(site.origin + path)
    await expect(head).to_have_attribute("aria-sort", "ascending")
    await page.get_by_role("button", name="Views").click()
    await menu.get_by_label("Name for the filter as it is now").fill("Oldest first")
    async with page.expect_navigation():
        await menu.get_by_role("button", name="Save filter").click()
    await page.get_by_role("button", name="Views").click()
    await expect(menu.get_by_role("link", name="Oldest first")).to_have_attribute("href", f"{path}&sort=-time")
    await menu.get_by_role("button", name="Copy link").click()
    await expect(menu.get_by_role("button", name="Link copied")).to_be_visible()
    copied = await page.evaluate("() => navigator.clipboard.readText()")
    assert copied == f"{site.origin}{path}&sort=-time&columns=kind.cause.user"
