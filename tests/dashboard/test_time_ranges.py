"""Ranges of time in Chromium: a jump in the browser's zone, with and without scripts, and a link for a colleague."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.async_api import Page, expect

from tests.dashboard.boxes import faults
from tests.dashboard.conduct import Conduct
from tests.dashboard.conftest import Visit
from tests.dashboard.site import Site

pytestmark = [pytest.mark.slow, pytest.mark.gen_test]


async def jump(page: Page, local: str) -> None:
    """Go to a moment, as typed in the field."""
    opener = page.get_by_text("Jump to a moment or choose a range")
    if await opener.is_visible():
        await opener.click()
    await page.get_by_label("Jump to", exact=True).fill(local)
    await page.get_by_role("button", name="Jump").click()


async def test_a_jump_is_in_the_zone_of_the_page_and_its_link_means_the_same_everywhere(
    site: Site, visit: Visit
) -> None:
    (ada,) = await site.online("ada")
    before = datetime.now(UTC) - timedelta(minutes=10)
    page = await visit(f"/admin/users/{ada.user_id}", fresh=True, timezone_id="Asia/Tokyo", locale="de-DE")
    local = before + timedelta(hours=9)
    await page.set_viewport_size({"width": 390, "height": 844})
    await jump(page, f"{local:%Y-%m-%dT%H:%M}")
    await expect(page.locator("#moment time")).to_have_text(re.compile(f"{local:%H:%M}:00$"))
    await expect(page.locator("#moment")).to_be_in_viewport()
    await expect(page.locator(".timeline > :has(~ #moment)")).to_contain_text(["ada came online"])
    await expect(page.get_by_label("Jump to", exact=True)).to_have_value(f"{local:%Y-%m-%dT%H:%M}")
    for width in (390, 768, 1280, 1920):
        await page.set_viewport_size({"width": width, "height": 900})
        assert await faults(page) == []
    link = page.url
    assert parse_qs(urlsplit(link).query)["zone"] == ["Asia/Tokyo"]

    colleague = await visit(link.removeprefix(site.origin), fresh=True, timezone_id="UTC", locale="en-US")
    shown = colleague.locator("#moment time")
    assert await shown.get_attribute("datetime") == f"{before:%Y-%m-%dT%H:%M}:00.000Z"
    await expect(colleague.get_by_label("Jump to", exact=True)).to_have_value(f"{before:%Y-%m-%dT%H:%M}")


async def test_before_the_server_knows_the_browsers_zone_the_fields_are_in_it_all_the_same(
    site: Site, visit: Visit
) -> None:
    await site.online("bob")
    page = await visit("/admin/events?from=2026-01-31T12:00Z", fresh=True, timezone_id="America/New_York")
    await page.context.clear_cookies(name="rollcall_browser_zone")
    await page.reload()
    await expect(page.get_by_label("From", exact=True)).to_have_value("2026-01-31T07:00")
    await page.get_by_label("To", exact=True).fill("2026-01-31T08:00")
    await page.get_by_role("button", name="Show").click()
    assert parse_qs(urlsplit(page.url).query) == {
        "from": ["2026-01-31T07:00"], "to": ["2026-01-31T08:00"], "zone": ["America/New_York"],
    }  # fmt: skip
    await expect(page.get_by_text("No events match.")).to_be_visible()
    await page.get_by_role("link", name="24 h").click()
    await expect(page.locator("tbody tr").first).to_contain_text("bob")
    assert parse_qs(urlsplit(page.url).query) == {"range": ["day"]}


async def test_a_range_that_ends_before_it_starts_is_explained_and_keeps_what_was_typed(
    site: Site, visit: Visit, conduct: Conduct
) -> None:
    conduct.excuse("status of 400 .*/admin/audit")
    page = await visit("/admin/audit", "viewer")
    await page.get_by_label("From", exact=True).fill("2026-01-31T12:00")
    await page.get_by_label("To", exact=True).fill("2026-01-31T11:00")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_have_text("The start of a time range must be before its end.")
    await expect(page.get_by_label("From", exact=True)).to_have_value("2026-01-31T12:00")
    await expect(page.get_by_label("To", exact=True)).to_have_value("2026-01-31T11:00")


async def test_without_javascript_a_jump_is_a_form(site: Site, visit: Visit) -> None:
    await site.online("cem")
    page = await visit("/admin/calls", java_script_enabled=False)
    await jump(page, "2026-01-31T12:00")
    assert parse_qs(urlsplit(page.url).query)["at"] == ["2026-01-31T12:00"]
    await page.goto(f"{site.origin}/admin/events?at=2026-01-31T12:00")
    await expect(page.locator("#moment")).to_contain_text("Later above; nothing earlier")


async def test_escape_clears_the_search_of_the_events_and_keeps_the_range(site: Site, visit: Visit) -> None:
    await site.online("dora")
    page = await visit("/admin/events?user=nobody&range=hour")
    await page.get_by_label("User name or ID").press("Escape")
    await expect(page.locator("tbody tr").first).to_be_visible()
    assert parse_qs(urlsplit(page.url).query) == {"range": ["hour"]}
