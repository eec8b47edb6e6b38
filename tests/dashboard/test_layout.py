"""Layout: at any width, nothing is cut, overlaps or leaves its card, whatever the number of users and their names."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Page, expect

from models.acknowledgements import Acknowledgement
from tests.dashboard.boxes import faults
from tests.dashboard.conduct import Conduct
from tests.dashboard.conftest import MakeSite, Visit
from tests.dashboard.crowds import LONG_NAMES, ONLINE_SETTINGS, Crowd, gather_crowd
from tests.dashboard.live import Live
from tests.dashboard.site import Site, call

pytestmark = [pytest.mark.slow, pytest.mark.gen_test(timeout=120)]

SIZES = [
    (390, 844), (768, 1024), (1024, 768), (1280, 800), (1366, 768), (1440, 900), (1920, 1080), (2560, 1440),
]  # fmt: skip
ZOOMED = [(384, 512), (512, 384), (640, 400), (683, 384), (720, 450), (960, 540), (320, 640)]
"""Half of each width, as at a zoom of 200 %. Of a phone, the smallest width that WCAG 1.4.10 asks for."""

ON_THE_WALL = """() => {
  const card = document.querySelector("#attention");
  const { bottom } = card.querySelector("[data-box]").getBoundingClientRect();
  const rows = [...card.querySelectorAll("[data-rows] > .row")];
  const shown = rows.filter((row) => row.getBoundingClientRect().bottom < bottom + 1).length;
  return [shown, Number(card.querySelector("[data-count]").textContent), card.querySelector("[data-more]").textContent];
}"""

LIVE = ("/admin", "/admin/wall")
"""Pages that scripts draw."""

SETTLED = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 30))))"
"""A list measures its box after a frame, and draws its rows in the next one."""


REASONS = """() => {
  const reasons = [...document.querySelectorAll("#calls [data-f=fault], #users [data-f=fault]")].filter(
    (each) => each.textContent.includes("limit") && each.checkVisibility());
  const cut = reasons.filter((each) => each.scrollWidth > each.clientWidth + 1);
  return [reasons.length, cut.map((each) => each.textContent)];
}"""
"""How many rows say that a call is too long, and what of that is cut."""

SHORT_NAMES_IN_LINES = """() => [...document.querySelectorAll("#list .name > bdi")]
  .filter((name) => name.textContent.length <= 14 && name.getClientRects().length > 1)
  .map((name) => name.textContent)"""
"""Names that are short and stand in several lines all the same."""


async def faults_at_all_sizes(page: Page, sizes: list[tuple[int, int]] = [*SIZES, *ZOOMED]) -> list[str]:  # noqa: B006
    """Return what is wrong with the layout at any size, with the page's path and the width."""
    found: list[str] = []
    for width, height in sizes:
        await page.set_viewport_size({"width": width, "height": height})
        if urlsplit(page.url).path in LIVE:
            await page.evaluate(SETTLED)
        found += [f"{page.url.partition('/admin')[2]} at {width}: {each}" for each in await faults(page)]
    return found


async def faults_of_pages(site: Site, page: Page, paths: list[str]) -> list[str]:
    """Return what is wrong with the layout of any of these pages at any size."""
    found: list[str] = []
    for path in paths:
        await page.goto(site.origin + path)
        if urlsplit(path).path in LIVE:
            await page.wait_for_function("() => document.documentElement.dataset.feed === 'live'")
        found += await faults_at_all_sizes(page)
    return found


def pages_about(crowd: Crowd) -> list[str]:
    return [
        "/admin", "/admin?q=ada&status=busy", "/admin/wall", "/admin/users", "/admin/users?q=ada&status=busy",
        f"/admin/users/{crowd.longest}", "/admin/calls", f"/admin/calls/{crowd.call_id}", "/admin/events?at=2020-01-01",
        "/admin/audit", "/admin/users?tag=sales", "/admin?tag=sales",
    ]  # fmt: skip


async def test_with_5061_users_nothing_is_cut_or_overlaps_at_any_width(
    make_site: MakeSite, visit: Visit, conduct: Conduct
) -> None:
    conduct.excuse("status of 404 .*/admin/nothing")
    site = make_site(**ONLINE_SETTINGS)
    crowd = await gather_crowd(site, 5061)
    await site.start()
    page = await visit("/admin/nothing", "admin", at=site)
    more = [
        "/admin/system", "/admin/operators", "/admin/operators/1?change=role&role=viewer", "/admin/sign-ins",
        "/admin/screens", "/admin/screen",
        f"/admin/actions?action=end_call&call_id={crowd.call_id}",
        f"/admin/actions?action=add_tag&user_id={crowd.longest}",
    ]  # fmt: skip
    assert await faults_at_all_sizes(page) == []
    assert await faults_of_pages(site, page, [*pages_about(crowd), *more]) == []
    live = await Live(await visit(at=site)).ready()
    await live.search.fill("Zoë")
    await live.rows.first.locator("[data-f=more]").click()
    assert await faults(live.page) == []
    await live.menu.get_by_role("button", name="Force offline").click()
    await live.dialog.get_by_text("1 call with").wait_for()
    assert await faults_at_all_sizes(live.page) == []


async def test_with_61_users_nothing_is_cut_or_overlaps_at_any_width(make_site: MakeSite, visit: Visit) -> None:
    site = make_site(**ONLINE_SETTINGS)
    crowd = await gather_crowd(site, 61)
    await site.start()
    assert await faults_at_all_sizes(await visit("/admin/login", "", at=site)) == []
    for path in ("/admin", "/admin/users?sort=name&pick=all"):
        page = await visit(path, at=site)
        if path == "/admin":
            await Live(page).ready()
            await page.get_by_role("checkbox", name="Pick all").click()
        await expect(page.get_by_text("61 picked").last).to_be_visible()
        assert await faults_at_all_sizes(page) == []
        for width, height in [(390, 844), (768, 1024), (1280, 800)] if path == "/admin" else []:
            await page.set_viewport_size({"width": width, "height": height})
            await page.evaluate(SETTLED)
            whole, cut = await page.evaluate(REASONS)
            assert whole > 3, width
            assert cut == [], width
        if path != "/admin":
            await page.set_viewport_size({"width": 768, "height": 1024})
            assert await page.evaluate(SHORT_NAMES_IN_LINES) == []
    page = await visit("/admin/audit", "viewer", at=site)
    assert (
        await faults_of_pages(site, page, ["/admin", "/admin/wall", "/admin/users", f"/admin/users/{crowd.stuck}"])
        == []
    )
    await page.goto(f"{site.origin}/admin")
    live = await Live(page).ready()
    await page.set_viewport_size({"width": 718, "height": 1000})  # A4
    await page.evaluate(SETTLED)
    in_view = await live.rows.count()
    await page.emulate_media(media="print")
    await page.evaluate("() => dispatchEvent(new Event('beforeprint'))")
    await expect(live.rows).to_have_count(61)
    assert in_view < 61
    assert await faults(page) == []
    await page.emulate_media(media="screen")
    await page.evaluate("() => dispatchEvent(new Event('afterprint'))")
    await expect(live.rows).to_have_count(in_view)
    await page.set_viewport_size({"width": 1280, "height": 600})
    await page.goto(f"{site.origin}/admin/wall")
    await expect(page.locator("[data-banner=chip]")).to_have_text("Live")
    await page.evaluate(SETTLED)
    shown, total, more = await page.evaluate(ON_THE_WALL)
    assert 0 < shown < total
    assert more == f"and {total - shown} more"


async def test_a_message_covers_nothing(site: Site, visit: Visit) -> None:
    await site.online("ada", "bob")
    live = await Live(await visit()).ready()
    message = "(part) => { part.textContent = 'Busy cleared. Jing Wei is available'; part.classList.add('shown'); }"
    await live.toast.evaluate(message)
    await expect(live.toast).to_be_in_viewport()
    assert await faults_at_all_sizes(live.page, [(390, 844), (768, 1024), (1280, 800), (1920, 1080)]) == []


async def test_print_has_a_title_the_filter_and_a_date_and_no_buttons(site: Site, visit: Visit) -> None:
    page = await visit("/admin/users?q=nobody&status=busy")
    await page.emulate_media(media="print")
    await expect(page.locator(".print-head")).to_have_text(
        re.compile(
            r"Rollcall: Users · Status: Busy · Search: nobody · Sort: Attention, then status ·"
            r"\s+\d+ \w+ \d{4}, \d\d:\d\d \(\S+\)"
        )
    )
    for path in ("/admin/users", "/admin/audit", "/admin/events", "/admin"):
        await page.goto(site.origin + path)
        await expect(page.locator(".print-head")).to_be_visible()
        await expect(page.locator(":is(button, .button, input, select):visible")).to_have_count(0)


async def test_on_paper_a_list_with_forms_says_what_is_chosen_in_them_and_the_other_forms_are_left_out(
    visit: Visit,
) -> None:
    page = await visit("/admin/operators", "admin")
    await page.emulate_media(media="print")
    role = page.get_by_role("row", name="second").locator(".print-only")
    await expect(role).to_have_text("Operator")
    await expect(role).to_be_visible()
    await expect(page.get_by_role("heading", name="Add operator")).to_be_hidden()


async def test_a_page_that_there_is_not_says_so_once(visit: Visit, conduct: Conduct) -> None:
    conduct.excuse("status of 404 .*/admin/nothing")
    page = await visit("/admin/nothing")
    await expect(page.get_by_role("main")).to_have_text(
        re.compile(r"^\s*There is nothing at this URL\s+Go to Live\s*$")
    )


CUT = """(parts) => {
  const isCut = ({ scrollHeight, scrollWidth, clientHeight, clientWidth, parentElement: around }) =>
    scrollHeight > clientHeight + 1 || scrollWidth > clientWidth + 1 || around.clientHeight < clientHeight;
  return parts.filter(isCut).map((part) => part.textContent);
}"""
"""Those of these parts of which something can't be seen."""


async def test_on_a_phone_what_is_wrong_and_who_is_on_it_are_said_in_full(make_site: MakeSite, visit: Visit) -> None:
    site = make_site(**ONLINE_SETTINGS)
    await gather_crowd(site, 21)
    async with site.stores() as stores:
        now = datetime.now(UTC)
        name, until = "maya.with-a-very-long-name@example.org", now + timedelta(hours=1)
        await stores.acknowledgements.put(Acknowledgement(f"long_call:{2:032x}", name, now, until))
    await site.start()
    caller, callee = await site.online("Ada Quist", LONG_NAMES[0][:60])
    issue = f"call_with_offline:{await call(caller, callee)}"
    assert (await callee.put("/users/me/status", {"is_online": False})).status == 200
    for role in ("operator", "viewer"):
        live = await Live(await visit("/admin", role, at=site, viewport={"width": 390, "height": 844})).ready()
        reasons, on_it = live.page.locator("#attention .because"), live.page.locator("#attention .on-it:visible")
        await expect(live.issue(issue)).to_be_visible()
        await expect(on_it).to_have_text([f"{name} is on it, 60 min"])
        assert await reasons.count() > 2
        assert await reasons.evaluate_all(CUT) == []
        assert await on_it.evaluate_all(CUT) == []
