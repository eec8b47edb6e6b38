"""Screens on walls, in a browser: a link opens the wall, which then looks after itself."""

from __future__ import annotations

import asyncio
import re

import pytest
from playwright.async_api import Page, Request, Route, expect

from tests.dashboard.boxes import faults
from tests.dashboard.conduct import Conduct
from tests.dashboard.conftest import MakeSite, Visit
from tests.dashboard.site import Site, call
from tests.dashboard.test_accessibility import LOOKS, violations

pytestmark = [pytest.mark.slow, pytest.mark.gen_test(timeout=60)]

AGED_ONCE = """document.addEventListener("readystatechange", () => {
  if (document.readyState !== "interactive" || sessionStorage.getItem("aged")) return;
  sessionStorage.setItem("aged", "once");
  document.querySelector("meta[name=version]").content = "aged";
})"""
"""The next page seems to be of an old version, before its scripts begin."""

COUNTED_LOCKS = """
const lock = { released: false, release: async () => { window.locks--; } };
const request = async () => { window.locks = (window.locks ?? 0) + 1; return { ...lock }; };
Object.defineProperty(navigator, "wakeLock", { value: { request } });
"""
"""Counts the locks that keep the display on."""

IS_LIVE = "() => document.documentElement.dataset.feed === 'live'"


async def link_for(page: Page, site: Site, name: str) -> str:
    """Make a link as an admin, whose page this is. Returns it."""
    await page.goto(f"{site.origin}/admin/screens")
    await page.locator("[name=name]").fill(name)
    await page.get_by_role("button", name="Make link").click()
    return await page.locator("#made-link").input_value()


async def open_screen(visit: Visit, link: str, site: Site | None = None) -> Page:
    """Open a link in a browser of its own, and wait for the wall."""
    page = await visit("/admin/login", "", at=site)
    await page.goto(link)
    await page.wait_for_function(IS_LIVE)
    return page


async def test_a_link_opens_the_wall_once_and_leaves_no_trace(site: Site, visit: Visit, conduct: Conduct) -> None:
    conduct.excuse(r"status of 401 .*/admin/screen$")
    ada, bob, _ = await site.online("ada screens", "bob screens", "cho screens")
    await call(ada, bob)
    admin = await visit("/admin/screens", "admin")
    link = await link_for(admin, site, "Lobby")
    assert await faults(admin) == []
    asked: list[Request] = []
    page = await visit("/admin/login", "")
    page.on("request", lambda request: asked.append(request))
    await page.goto(link)
    await page.wait_for_function(IS_LIVE)
    secret = link.partition("#")[2]
    assert page.url == f"{site.origin}/admin/screen"
    sent = [f"{each.url} {each.headers}" for each in asked]
    assert len(sent) > 3
    assert not [each for each in sent if secret in each]
    await page.go_back()
    assert secret not in page.url
    await page.go_forward()
    await page.wait_for_function(IS_LIVE)
    await expect(page.locator("#longest-parties")).to_have_text(re.compile(r"ada screens.*bob screens"))
    await expect(page.locator("#free").get_by_text("cho screens")).to_be_visible()
    await expect(page.locator("#free").get_by_text("ada screens")).to_have_count(0)
    assert await page.locator("a").evaluate_all("(links) => links.map((link) => link.getAttribute('href'))") == [
        "#main"
    ]
    await expect(page.locator("nav, #account")).to_have_count(0)
    second = await visit("/admin/login", "")
    await second.goto(link)
    await expect(second.get_by_role("alert")).to_contain_text("already opened, and works only once")
    await page.goto(link)  # as a player that opens it after each start
    await page.wait_for_function(IS_LIVE)
    assert await violations(page) == []
    assert await violations(second, looks=LOOKS[:1]) == []


async def test_a_revoked_screen_says_so_by_itself(site: Site, visit: Visit) -> None:
    admin = await visit("/admin/screens", "admin")
    page = await open_screen(visit, await link_for(admin, site, "Canteen"))
    held = asyncio.Event()

    async def hold(route: Route) -> None:
        await held.wait()
        await route.continue_()

    await page.route("**/admin/screen", hold)
    await admin.get_by_role("link", name="Revoke Canteen").click()
    await admin.get_by_role("button", name="Revoke").click()
    await expect(admin.get_by_role("status").first).to_have_text("Revoked Canteen.")
    await expect(page.locator("[data-banner=text]")).to_contain_text("This screen isn't connected any more.")
    held.set()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Connect this screen")


async def test_f_is_for_full_screen_and_the_pointer_hides(site: Site, visit: Visit) -> None:
    admin = await visit("/admin/screens", "admin")
    page = await open_screen(visit, await link_for(admin, site, "Hall"))
    is_full = "() => document.fullscreenElement !== null"
    button = page.get_by_role("button", name="Full screen")
    await page.mouse.move(300, 300)
    await button.click()
    await page.wait_for_function(is_full)
    await page.keyboard.press("f")
    await page.wait_for_function("() => document.fullscreenElement === null")
    await page.keyboard.press("f")
    await page.wait_for_function(is_full)
    await expect(page.locator("body.idle")).to_have_css("cursor", "none")
    await expect(page.locator("#full-screen")).to_be_hidden()
    await page.mouse.move(310, 310)
    await expect(page.locator("#full-screen")).to_be_visible()
    wall = await visit("/admin/wall", "viewer")
    await wall.wait_for_function(IS_LIVE)
    await expect(wall.get_by_role("navigation")).to_be_visible()
    await wall.keyboard.press("f")
    await wall.wait_for_function(is_full)
    await expect(wall.get_by_role("navigation")).to_be_hidden()


async def test_a_screen_keeps_its_display_on_and_an_operators_wall_does_in_full_screen(
    site: Site, visit: Visit
) -> None:
    admin = await visit("/admin/screens", "admin")
    page = await open_screen(visit, await link_for(admin, site, "Stairs"))
    wall = await visit("/admin/wall", "viewer")
    for each in (page, wall):
        await each.add_init_script(COUNTED_LOCKS)
        await each.reload()
        await each.wait_for_function(IS_LIVE)
    await page.wait_for_function("() => window.locks === 1")
    assert await wall.evaluate("() => window.locks ?? 0") == 0
    await wall.keyboard.press("f")
    await wall.wait_for_function("() => window.locks === 1")
    await wall.keyboard.press("f")
    await wall.wait_for_function("() => window.locks === 0")


async def test_the_lists_show_as_many_as_fit_and_count_the_others(make_site: MakeSite, visit: Visit) -> None:
    site = make_site()
    await site.start()
    await site.online(*(f"user {number}" for number in range(30)))
    page = await visit("/admin/wall", "viewer", at=site, viewport={"width": 1280, "height": 560})
    await page.wait_for_function(IS_LIVE)
    names = page.locator("#free [data-fit] > li")
    await expect(page.locator("#free [data-count]")).to_have_text("30")
    more = await page.locator("#free [data-more]").text_content()
    assert more == f"and {30 - await names.count()} more"
    await page.set_viewport_size({"width": 1920, "height": 1080})
    await expect(names).to_have_count(30)
    await expect(page.locator("#free [data-more]")).to_have_text("")
    await expect(names.first).to_have_text("user 0")  # available for longest
    assert await faults(page) == []

    await page.set_viewport_size({"width": 1280, "height": 560})
    await page.route("**/admin/overview", lambda _: None)  # never answered
    await page.reload(wait_until="domcontentloaded")
    await page.wait_for_function("() => document.querySelector('#free [data-fit]').matches('.fitted')")
    assert await page.locator("#free [data-fit]").evaluate("(list) => list.scrollHeight <= list.clientHeight")
    await expect(page.locator("#free [data-more]")).to_be_hidden()


async def test_a_screen_comes_back_after_a_restart_and_takes_a_new_version(
    make_site: MakeSite, visit: Visit, conduct: Conduct
) -> None:
    conduct.excuse("WebSocket connection to .* failed")
    site = make_site()
    await site.start()
    admin = await visit("/admin/screens", "admin", at=site)
    page = await open_screen(visit, await link_for(admin, site, "Roof"), site)
    await page.evaluate("() => { window.isTheSame = true; }")
    await site.program.stop()
    await page.wait_for_function("() => document.documentElement.dataset.feed !== 'live'")
    await site.program.start()
    await page.wait_for_function(IS_LIVE)
    assert await page.evaluate("() => window.isTheSame")

    await page.add_init_script(AGED_ONCE)
    await page.reload()
    await page.wait_for_function(f"() => sessionStorage.getItem('aged') && ({IS_LIVE})()")
    await expect(page.locator("meta[name=version]")).not_to_have_attribute("content", "aged")
    await page.wait_for_function(IS_LIVE)


async def test_operators_and_screens_mark_what_is_refused_where_it_was_typed(
    site: Site, visit: Visit, conduct: Conduct
) -> None:
    conduct.excuse(r"status of 409 .*/admin/(operators|screens)$")
    page = await visit("/admin/operators", "admin")
    change = page.get_by_role("button", name="Change the role of viewer")
    await expect(change).to_be_disabled()  # it would change nothing
    await page.get_by_role("combobox", name="Role of viewer").select_option("operator")
    await expect(change).to_be_enabled()
    form = page.locator("form", has=page.get_by_role("button", name="Add operator"))
    await form.locator("[name=name]").fill("viewer")
    await form.locator("[name=password]").fill("long enough for anybody")
    await form.get_by_role("button").click()
    await expect(form.get_by_role("alert")).to_have_text("There is already an operator named viewer.")
    await expect(form.locator("[name=name]")).to_be_focused()
    await expect(form.locator("[aria-invalid]")).to_have_attribute("name", "name")
    await link_for(page, site, "Twice")
    await page.locator("[name=name]").fill("twice")
    await page.get_by_role("button", name="Make link").click()
    await expect(page.locator("[name=name][aria-invalid]")).to_be_focused()
    assert await faults(page) == []
