"""A user's day in Chromium: the strip tells its times under the pointer and by keyboard, and fits everywhere."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import Page, expect
from tornado.ioloop import IOLoop

from models.calls import Call, ended
from models.events import Event
from tests.clients import Person
from tests.dashboard.boxes import faults
from tests.dashboard.conftest import Visit
from tests.dashboard.site import Site, heartbeat
from tests.dashboard.test_accessibility import LOOKS, violations

pytestmark = [pytest.mark.slow, pytest.mark.gen_test(timeout=60)]

HOUR = timedelta(hours=1)
SIZES = [(390, 844), (768, 1024), (1280, 800), (2560, 1440)]


def yesterday() -> datetime:
    """The beginning of yesterday in UTC."""
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)


@pytest.fixture(scope="module")
def user(io_loop: IOLoop, site: Site) -> Person:
    """A user with a shift behind them."""
    return io_loop.run_sync(lambda: shift(site))


async def shift(site: Site) -> Person:
    """Yesterday the user was available from 8 to 12, with a call from 9 to 9:30, and busy from 10 to 10:20."""
    user, other = [await site.person(name) for name in ("Zoë Íñigo-Vandenberghe of the Night Shift", "نور")]
    day = yesterday()
    changes = [
        (8.0, "available", "connected"), (9.0, "busy", "call_started"), (9.5, "available", "call_ended"),
        (10.0, "busy", "set"), (10 + 1 / 3, "available", "set"), (12.0, "offline", "disconnected"),
    ]  # fmt: skip
    call = Call("of-the-shift", other.user_id, user.user_id, "audio", "ongoing", day + 9 * HOUR)
    async with site.stores() as stores:
        await stores.events.add_many(
            [
                Event(f"{number:012x}", day + hours * HOUR, state, user.user_id, user.username, cause)  # type: ignore[arg-type]
                for number, (hours, state, cause) in enumerate(changes)
            ]
        )
        await stores.calls.insert(call)
        await stores.calls.end(ended(call, "completed", day + 9.5 * HOUR, None))
    return user


def url(user: Person, **query: str) -> str:
    asked = {"day": f"{yesterday():%Y-%m-%d}", **query}
    return f"/admin/users/{user.user_id}?" + "&".join(f"{name}={value}" for name, value in asked.items())


async def shown_without_faults(page: Page) -> list[str]:
    found: list[str] = []
    for width, height in SIZES:
        await page.set_viewport_size({"width": width, "height": height})
        found += [f"{width}: {each}" for each in await faults(page)]
    return found


async def test_the_strip_tells_its_times_by_keyboard_and_under_the_pointer_and_fits_everywhere(
    user: Person, visit: Visit
) -> None:
    page = await visit(url(user), "viewer", timezone_id="UTC")
    strip = page.get_by_role("slider", name=re.compile("available 3:10:00, busy 50:00 .on calls 30:00."))
    await strip.focus()
    for key in ("Home", "ArrowRight", "ArrowRight"):
        await page.keyboard.press(key)
    told = re.compile(r"09:00:00 – .*09:30:00 · On a call with .نور. · 30 min$")
    await expect(strip).to_have_attribute("aria-valuetext", told)
    await expect(page.locator("[data-readout]")).to_have_text(told)
    await page.locator(".span.busy").hover()
    await expect(page.locator("[data-readout]")).to_have_text(re.compile(r"10:00:00 – .* · Busy: set busy · 20 min$"))
    await expect(page.locator(".span.busy title")).to_have_text(re.compile(r"T10:00:00\.000Z – .*T10:20:00\.000Z$"))
    await page.get_by_text("7 states with times and reasons").click()
    await expect(page.get_by_role("row", name=re.compile("On a call with نور View call 30:00"))).to_be_visible()
    assert await shown_without_faults(page) == []
    assert await violations(page) == []


async def test_a_week_leads_to_its_days_and_fits_everywhere(user: Person, visit: Visit) -> None:
    page = await visit(url(user, view="week"), "viewer", timezone_id="UTC")
    assert await shown_without_faults(page) == []
    assert await violations(page, looks=LOOKS[1:3]) == []
    await page.set_viewport_size({"width": 1280, "height": 800})
    day = page.get_by_role("row", name=re.compile("3:10:00 50:00 30:00 20:00:00 1"))
    await expect(day.get_by_role("slider")).to_be_visible()
    await day.get_by_role("link").click()
    await expect(page).to_have_url(re.compile(rf"\?day={yesterday():%Y-%m-%d}#day$"))
    await page.get_by_role("link", name="Previous day").click()
    await expect(page.locator("#day")).to_have_text(re.compile(rf"{yesterday() - timedelta(days=1):%A} "))


async def test_a_day_and_the_print_head_are_in_the_browsers_zone_also_when_the_server_did_not_know_it(
    user: Person, visit: Visit
) -> None:
    page = await visit(url(user), "viewer", timezone_id="Asia/Tokyo")
    await expect(page.locator("[data-day-zone]")).to_have_attribute("data-day-zone", "Asia/Tokyo")
    start = await page.locator("[data-strip]").get_attribute("data-start")
    assert int(start or 0) / 3_600_000 % 24 == 15  # midnight in Tokyo
    await page.context.clear_cookies(name="rollcall_browser_zone")
    await page.goto(page.url.partition("?")[0] + f"?at={yesterday():%Y-%m-%d}T12:00")
    for told in (".day-card .moment time >> nth=0", "#events time"):
        await expect(page.locator(told)).to_have_attribute("datetime", re.compile("T03:00:00.000Z$"))
    await expect(page.get_by_label("Jump to")).to_have_value(f"{yesterday():%Y-%m-%d}T12:00")
    await page.emulate_media(media="print")
    await page.evaluate("() => dispatchEvent(new Event('beforeprint'))")
    in_tokyo = await page.evaluate("() => new Date().toLocaleString('en-GB', {hour: '2-digit'})")
    await expect(page.locator(".print-head")).to_have_text(
        re.compile(rf"^Rollcall: .+ · \d+ \w+ \d{{4}}, {in_tokyo}:\d\d \(Asia/Tokyo\)$")
    )


IN_SEVERAL_LINES = """() => [...document.querySelectorAll(".moment a")]
  .filter((link) => link.getClientRects().length > 1).map(({ textContent }) => textContent)"""


async def test_the_link_from_a_moment_to_its_board_stays_in_one_line(user: Person, visit: Visit) -> None:
    page = await visit(url(user).partition("?")[0] + f"?at={yesterday():%Y-%m-%d}T12:00", "viewer")
    await expect(page.locator(".moment a")).to_have_text(["Board then"] * 2)
    for width in range(320, 480, 8):
        await page.set_viewport_size({"width": width, "height": 800})
        assert await page.evaluate(IN_SEVERAL_LINES) == [], width


HOURS_APART = """() => {
  const boxes = [...document.querySelectorAll("text.hour")].map((hour) => hour.getBoundingClientRect());
  const shown = boxes.filter(({ width }) => width).sort((one, other) => one.left - other.left);
  return Math.min(...shown.slice(1).map(({ left }, index) => left - shown[index].right));
}"""
"""The smallest distance in pixels between two hours of the scale."""


async def test_hours_are_counted_as_the_browser_does_and_print_has_the_strip_without_buttons(
    user: Person, visit: Visit
) -> None:
    page = await visit(url(user, view="week"), "viewer", timezone_id="UTC", locale="en-US")
    await expect(page.locator("text.hour").first).to_have_text("03:00 am")
    for width, height in SIZES:
        await page.set_viewport_size({"width": width, "height": height})
        assert await page.evaluate(HOURS_APART) > 4, width
    await page.emulate_media(media="print")
    await expect(page.locator("#day")).to_be_visible()
    await expect(page.locator(".span.calls .mark")).to_be_visible()
    await expect(page.locator(".day-card :is(button, .button, input):visible")).to_have_count(0)


async def test_a_finger_reads_the_strip(user: Person, visit: Visit) -> None:
    phone = {"width": 390, "height": 844}
    page = await visit(url(user), "viewer", timezone_id="UTC", viewport=phone, has_touch=True, is_mobile=True)
    readout = page.locator("[data-readout]")
    assert await readout.inner_text() == "Touch a strip to read its times."
    await page.locator(".span.busy").tap()
    await expect(readout).to_have_text(re.compile(r"10:00:00 – .* · Busy: set busy · 20 min$"))


async def test_today_goes_on_while_nobody_is_in_it(site: Site, visit: Visit) -> None:
    ada = await site.person("ada")
    page = await visit(f"/admin/users/{ada.user_id}", "viewer")
    await expect(page.locator("html")).to_have_attribute("data-feed", "live")
    await page.get_by_text("with times and reasons").click()
    await heartbeat(ada)
    await expect(page.locator("#status [data-f=state]")).to_have_text("Available")
    await page.wait_for_timeout(1000)  # twice the time after which the strip is renewed if nobody is in its card
    await expect(page.locator(".span.available")).to_have_count(0)
    await page.locator("h1").click()
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await expect(page.locator(".span.available")).to_have_attribute("data-words", "Available: came online")
    await expect(page.get_by_role("row", name=re.compile("Available came online"))).to_be_visible()
    assert (await ada.put("/users/me/status", {"is_busy": True})).status == 200
    await expect(page.locator(".span.busy")).to_have_attribute("data-words", "Busy: set busy")


async def test_without_javascript_the_same_is_there(user: Person, visit: Visit) -> None:
    page = await visit(url(user), "viewer", java_script_enabled=False)
    await expect(page.get_by_role("img", name=re.compile("available 3:10:00"))).to_be_visible()
    await page.get_by_text("7 states with times and reasons").click()
    await expect(page.get_by_role("row", name=re.compile("On a call with نور"))).to_be_visible()
    await page.get_by_label("Day", exact=True).fill(f"{yesterday() - timedelta(days=3):%Y-%m-%d}")
    await page.get_by_role("button", name="Go").click()
    await expect(page.get_by_role("link", name="Next day")).to_be_visible()
