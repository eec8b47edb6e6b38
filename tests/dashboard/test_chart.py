"""The chart: the times that it shows, the figures at one moment, and what it does without a script or a connection."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import Page, expect
from tornado.ioloop import IOLoop

from models.samples import Sample
from tests.clients import Person
from tests.dashboard.conduct import Conduct
from tests.dashboard.conftest import Visit
from tests.dashboard.live import Live
from tests.dashboard.site import Site
from tests.dashboard.test_accessibility import violations

pytestmark = [pytest.mark.slow, pytest.mark.gen_test(timeout=60)]

DOWN = (timedelta(hours=2), timedelta(hours=3))
"""Ages between which no server ran."""


@pytest.fixture(scope="module")
def people(io_loop: IOLoop, site: Site) -> list[Person]:
    """Two available users, after five hours of samples."""
    return io_loop.run_sync(lambda: gather(site))


async def gather(site: Site) -> list[Person]:
    now = datetime.now(UTC)
    async with site.stores() as stores:
        for step in range(1, 601):
            age = step * timedelta(seconds=30)
            if not DOWN[0] < age < DOWN[1]:
                await stores.samples.add(Sample(now - age, available=4, busy=2, offline=1, calls=1))
    return await site.online("Ada Quist", "Björn Santos")


async def choose(page: Page, label: str) -> None:
    link = page.get_by_role("group", name="Time that the chart shows").get_by_role("link", name=label, exact=True)
    await link.click()
    await expect(link).to_have_attribute("aria-current", "true")


async def pieces(page: Page) -> int:
    return (await page.locator("[data-chart=available]").get_attribute("d") or "").count("M")


async def test_the_chosen_time_is_drawn_with_its_gaps_and_kept_in_the_address(
    people: list[Person], visit: Visit
) -> None:
    page = await visit("/admin?status=available")
    await Live(page).ready()
    await choose(page, "4 h")
    title = page.locator("#chart-title")
    await expect(title).to_have_text("Last 4 hours")
    await expect(page).to_have_url(re.compile(r"\?status=available&chart=4h$"))
    assert await pieces(page) == 2
    await Live(page).search.fill("ada")
    await expect(page).to_have_url(re.compile(r"\?status=available&q=ada&chart=4h$"))
    await page.reload()
    await expect(title).to_have_text("Last 4 hours")
    await Live(page).ready()
    assert await pieces(page) == 2
    await choose(page, "15 min")
    await expect(title).to_have_text("Last 15 minutes")
    await expect(page).to_have_url(re.compile(r"\?status=available&q=ada$"))


async def test_a_longer_time_goes_on_live(people: list[Person], visit: Visit) -> None:
    page = await visit("/admin?chart=1h")
    await Live(page).ready()
    line = page.locator("[data-chart=busy]")
    before = await line.get_attribute("d")
    assert (await people[0].put("/users/me/status", {"is_busy": True})).status == 200
    await expect(page.locator("[data-chart=busy-now]")).to_have_text("1")
    await expect(line).not_to_have_attribute("d", before or "")
    await expect(page.locator("[data-chart=title]")).to_have_text("Last hour")
    assert (await people[0].put("/users/me/status", {"is_busy": False})).status == 200


async def test_the_figures_are_read_under_the_pointer(people: list[Person], visit: Visit) -> None:
    page = await visit("/admin?chart=4h", timezone_id="Asia/Kathmandu")
    await Live(page).ready()
    hour = re.compile(r"^\d\d:00$|^\d+ \w+$")
    columns = page.locator("[data-chart=columns] text")
    await expect(columns.first).to_have_text(hour)
    texts = await columns.all_text_contents()
    assert all(map(hour.match, texts)), texts
    assert len(texts) in (3, 4), "an hour that just began has no label yet"
    box = await page.locator("[data-chart=plot]").bounding_box()
    assert box is not None
    readout = page.locator("[data-chart=readout]")
    await page.mouse.move(box["x"] + 0.1 * box["width"], box["y"] + 50)
    await expect(readout.locator("dd")).to_have_text(["4", "2", "1", "1"])
    await expect(readout.locator("strong")).to_have_text(re.compile(r"\d\d:\d\d$"))
    await page.mouse.move(box["x"] + 0.375 * box["width"], box["y"] + 50)
    await expect(readout).to_contain_text("No figures")
    await expect(readout.locator("dd").first).to_be_hidden()
    await page.mouse.move(5, 5)
    await expect(readout).to_be_hidden()


async def test_the_figures_are_read_with_the_keyboard_and_announced(people: list[Person], visit: Visit) -> None:
    page = await visit("/admin?chart=4h")
    await Live(page).ready()
    scrubber = page.get_by_role("slider", name="Figures at a time")
    spoken, readout = page.locator("[data-chart=spoken]"), page.locator("[data-chart=readout]")
    await expect(scrubber).to_be_visible()
    await page.get_by_role("button", name="Table").focus()
    await page.keyboard.press("Tab")
    await expect(scrubber).to_be_focused()
    await expect(readout.locator("dd").first).to_have_text("2")  # now
    await page.keyboard.press("Home")
    await expect(spoken).to_have_text("4 available, 2 busy, 1 offline, 1 call")
    await expect(spoken).to_have_attribute("role", "status")
    first = await scrubber.get_attribute("aria-valuetext")
    await page.keyboard.press("ArrowRight")
    await page.keyboard.press("ArrowRight")
    await expect(scrubber).not_to_have_attribute("aria-valuetext", first or "")
    await page.keyboard.press("ArrowLeft")
    await page.keyboard.press("End")
    await expect(spoken).to_have_text("2 available, 0 busy, 0 offline, 0 calls")
    assert await violations(page) == []
    await page.keyboard.press("Escape")
    await expect(readout).to_be_hidden()


async def test_the_figures_are_there_as_a_table(people: list[Person], visit: Visit) -> None:
    page = await visit("/admin?chart=4h")
    await Live(page).ready()
    await page.get_by_role("button", name="Table").click()
    table = page.get_by_role("dialog", name="Last 4 hours")
    rows = table.get_by_role("row")
    await expect(rows).to_have_count(17)
    await expect(rows.nth(16).get_by_role("cell")).to_have_text(["4", "2", "1", "1"])
    assert await violations(page) == []
    await table.get_by_role("button", name="Close").click()
    await expect(table).to_be_hidden()
    await choose(page, "1 h")
    await page.get_by_role("button", name="Table").click()
    await expect(page.get_by_role("dialog", name="Last hour").get_by_role("row")).to_have_count(13)


async def test_when_older_figures_cannot_be_loaded_the_chart_stays_and_says_so(
    people: list[Person], visit: Visit, conduct: Conduct
) -> None:
    conduct.excuse("503")
    page = await visit()
    live = await Live(page).ready()
    await page.route("**/admin/samples*", lambda route: route.fulfill(status=503))
    await page.get_by_role("link", name="7 d", exact=True).click()
    await expect(live.toast).to_have_text("The older figures couldn't be loaded. Choose the time again to retry.")
    await expect(page.get_by_role("link", name="15 min", exact=True)).to_have_attribute("aria-current", "true")
    await expect(page.locator("#chart-title")).to_have_text("Last 15 minutes")
    await expect(page).to_have_url(re.compile(r"/admin$"))
    await page.unroute("**/admin/samples*")
    await choose(page, "7 d")
    await expect(page.locator("#chart-title")).to_have_text("Last 7 days")


async def test_without_a_script_the_times_are_links(people: list[Person], visit: Visit) -> None:
    page = await visit(java_script_enabled=False)
    await choose(page, "4 h")
    await expect(page.locator("#chart-title")).to_have_text("Last 4 hours")
    assert await pieces(page) == 2
    assert await page.locator("[data-chart=columns] text").count() in (3, 4), "an hour that just began has no label yet"
    await expect(page.get_by_role("slider")).to_be_hidden()
    await page.get_by_role("button", name="Table").click()
    await expect(page.get_by_role("dialog", name="Last 4 hours").get_by_role("row")).to_have_count(17)
