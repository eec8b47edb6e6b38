"""The pages follow the server's settings, even if these are far from the defaults."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import expect
from tornado.ioloop import IOLoop

from models.samples import Sample
from tests.clients import Person
from tests.dashboard.conftest import Visit
from tests.dashboard.live import Live
from tests.dashboard.site import Site

pytestmark = [pytest.mark.slow, pytest.mark.gen_test]

SETTINGS = {
    "overview_idle_seconds": 5.0,
    "sample_interval_seconds": 60.0,
    "events_shown": 60,
    "action_targets_limit": 2,
}

NAMES = ["Ada Quist", "Björn Santos", "Chidi Okafor"]


@pytest.fixture(scope="module")
def people(io_loop: IOLoop, site: Site) -> list[Person]:
    """Three available users, after 14 minutes of samples."""
    return io_loop.run_sync(lambda: gather(site))


async def gather(site: Site) -> list[Person]:
    await site.program.stop()
    async with site.stores() as stores:
        for minutes in range(14, 0, -1):
            at = datetime.now(UTC) - timedelta(minutes=minutes)
            await stores.samples.add(Sample(at, available=3, busy=minutes % 2, offline=0, calls=0))
    await site.program.start()
    return await site.online(*NAMES)


@pytest.mark.parametrize("path", ["/admin", "/admin/wall"])
async def test_a_sign_of_life_every_five_seconds_is_enough(people: list[Person], visit: Visit, path: str) -> None:
    page = await visit(path)
    live = Live(page)
    await expect(live.chip).to_have_text("Live")
    chip = await live.record("chip", "[data-banner=chip]")
    await page.wait_for_timeout(8_000)  # longer than a page with the usual settings would wait without a message
    assert await chip.texts() == ["Live"]


async def test_the_line_of_samples_a_minute_apart_is_whole(people: list[Person], visit: Visit) -> None:
    printed = await visit(java_script_enabled=False)
    live = await Live(await visit()).ready()
    whole = re.compile("^M[^M]+$")
    for page in (printed, live.page):
        for line in ("available", "busy", "calls"):
            await expect(page.locator(f"[data-chart={line}]")).to_have_attribute("d", whole)
    await expect(live.page.locator("[data-figure=available] [data-f=line]")).to_have_attribute("d", whole)


async def test_as_many_events_stay_as_the_setting_says(people: list[Person], visit: Visit) -> None:
    live = await Live(await visit()).ready()
    ada = people[0]
    for number in range(70):
        assert (await ada.put("/users/me/status", {"is_busy": number % 2 == 0})).status == 200
    await expect(live.page.locator("#events [data-rows] > .row").first).to_have_attribute("aria-setsize", "60")


async def test_no_action_is_offered_for_more_users_than_the_setting_allows(people: list[Person], visit: Visit) -> None:
    live = await Live(await visit()).ready()
    button = live.page.get_by_role("button", name="Force offline 2 users…")
    await live.search.fill("o")  # Björn Santos and Chidi Okafor
    await expect(button).to_be_visible()
    await live.search.fill("a")  # all three
    await expect(live.rows).to_have_count(3)
    await expect(button).to_be_hidden()
