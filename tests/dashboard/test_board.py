"""The board of the past: reached from what happened, unlike Live at first sight, and without anything to act with."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from playwright.async_api import Page, expect

from tests.dashboard.conftest import Visit
from tests.dashboard.site import Site, call
from tests.dashboard.test_accessibility import LOOKS, violations
from tests.dashboard.test_layout import faults_at_all_sizes

pytestmark = [pytest.mark.slow, pytest.mark.gen_test(timeout=120)]


async def states(page: Page) -> dict[str, str]:
    """Return the state of each user, by name."""
    rows = page.locator("tr[data-user]")
    names = await rows.locator("th bdi").all_text_contents()
    return dict(zip(names, await rows.locator(".state").all_text_contents(), strict=True))


async def test_an_event_leads_to_the_board_of_then(site: Site, visit: Visit) -> None:
    ada, bob, _ = await site.online("Ada Quist", "Bob <b>", "محمد")
    call_id = await call(ada, bob)
    page = await visit("/admin/events?kind=call_started")
    time = page.get_by_role("row", name="Ada Quist called Bob").locator("a.then")
    await expect(time).to_have_attribute("title", "Show the board as of then")
    user_page = await visit(f"/admin/users/{ada.user_id}")
    rows = user_page.locator("#timeline li a.then")
    printed = await rows.count()
    assert (await ada.post("/calls/end", {"call_id": call_id})).status == 200
    await expect(rows).to_have_count(printed + 2)  # the end of the call, and that Ada is available again
    assert all([await row.get_attribute("href") for row in await rows.all()])
    assert (await bob.put("/users/me/status", {"is_online": False})).status == 200
    await time.click()

    await expect(page).to_have_title(re.compile("^Past: .* · Rollcall$"))
    assert await states(page) == {"Ada Quist": "Busy", "Bob <b>": "Busy", "محمد": "Available"}
    await expect(page.locator(f"[data-call='{call_id}']")).to_contain_text("Ada Quist")
    await expect(page.locator(".past-banner")).to_contain_text("The past")
    assert await page.locator("main button, main [data-acts]").all_text_contents() == ["Show", "Apply"]
    assert await page.evaluate("() => getComputedStyle(document.body).backgroundImage") != "none"
    assert await violations(page) == []
    assert await faults_at_all_sizes(page, [(390, 844), (768, 1024), (1280, 800), (1920, 1080)]) == []
    await page.set_viewport_size({"width": 390, "height": 600})
    await page.mouse.wheel(0, 4000)
    await expect(page.locator(".past-mark")).to_be_in_viewport()

    await page.get_by_role("link", name=re.compile("^Offline")).first.click()
    await expect(page.locator(".past-banner")).to_be_visible()
    assert await states(page) == {}
    await page.get_by_role("link", name="1 min earlier").click()
    await expect(page.locator(".past-banner")).to_contain_text("There is no board for")
    await page.get_by_role("link", name="First board").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Board as of")


async def test_a_moment_is_chosen_in_the_zone_of_the_page(site: Site, visit: Visit) -> None:
    page = await visit("/admin/board", fresh=True, timezone_id="Asia/Tokyo")
    await page.get_by_label("Moment").fill("2026-01-31T14:05")
    await page.get_by_role("button", name="Show", exact=True).click()
    await expect(page.get_by_role("heading", name="That is too long ago")).to_be_visible()
    await expect(page.locator(".past-banner time")).to_have_attribute("datetime", "2026-01-31T05:05:00.000Z")
    await expect(page.get_by_label("Moment")).to_have_value("2026-01-31T14:05")
    assert await violations(page, looks=LOOKS[2:3]) == []
    assert await faults_at_all_sizes(page, [(390, 844), (1280, 800)]) == []


async def test_without_javascript_it_reads_as_well(site: Site, visit: Visit) -> None:
    await site.online("Cem")
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    page = await visit(f"/admin/board?at={at}".replace("+", "%2B"), java_script_enabled=False)
    assert (await states(page))["Cem"] == "Available"
    await page.get_by_label("Search by name or ID").fill("nobody")
    await page.get_by_role("button", name="Apply").click()
    await expect(page.locator("main")).to_contain_text("No users match.")
    await expect(page.locator(".past-banner")).to_contain_text("The past")
