"""Times in Chromium: the browser's zone and hours, or the zone that the operator chose."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from tests.dashboard.conftest import Visit
from tests.dashboard.live import Live
from tests.dashboard.site import Site

pytestmark = [pytest.mark.slow, pytest.mark.gen_test]


async def test_times_follow_the_browser_until_the_operator_chooses_another_zone(site: Site, visit: Visit) -> None:
    (ada,) = await site.online("ada")
    page = await visit("/admin/events", fresh=True, timezone_id="America/New_York", locale="en-US")
    time = page.locator("tbody time").first
    iso = await time.get_attribute("title") or ""
    local = await page.evaluate(
        "(iso) => new Date(iso).toLocaleTimeString('en-US', { timeZone: 'America/New_York' }).toLowerCase()", iso
    )
    await expect(time).to_have_text(re.compile(rf"(\d+ \w+, )?0?{local.replace(chr(0x202F), ' ')}$"))
    await expect(page.locator("[data-zone-name]")).to_have_text(["America/New_York"])

    await page.get_by_role("button", name="operator").click()
    await page.get_by_label("Other", exact=True).check()
    await page.get_by_label("Name of the other time zone").fill("Asia/Kathmandu")
    await page.get_by_role("button", name="Set time zone").click()
    await expect(page.locator("[data-zone-name]")).to_have_text(["Asia/Kathmandu"])
    assert page.url == f"{site.origin}/admin/events"
    await page.goto(f"{site.origin}/admin")
    live = await Live(page).ready()
    await expect(live.page.locator("[data-zone-name]")).to_have_text(["Asia/Kathmandu"])
    event = live.page.locator("#events [data-f=at]").first
    await expect(event).to_have_text(re.compile(r"^\d\d:\d\d:\d\d [ap]m$"))
    assert re.fullmatch(r"\d{4}-.+Z", await event.get_attribute("title") or "")
    assert re.fullmatch(r"\d{4}-.+Z", await live.cell(ada, "since").get_attribute("title") or "")
    await live.page.goto(f"{site.origin}/admin/wall")
    await expect(live.page.locator("#time")).to_have_text(re.compile(r"^\d\d:\d\d:\d\d [ap]m$"))


async def test_where_people_count_to_24_so_do_the_pages(site: Site, visit: Visit) -> None:
    page = await visit("/admin/audit", timezone_id="Europe/Berlin", locale="de-DE")
    await expect(page.locator("tbody time").first).to_have_text(re.compile(r"^\d\d:\d\d:\d\d$"))
    await expect(page.locator("[data-zone-name]")).to_have_text(["Europe/Berlin"])
