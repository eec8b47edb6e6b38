"""Live: the page as a list of users, with its figures, filters, menus and picks."""

from __future__ import annotations

import re

from playwright.async_api import expect

from tests.screenshots.state import Scene, plain, state

WITHOUT_SCRIPT = {"java_script_enabled": False}

PHONE_HEIGHT = 2600
"""On a phone, the list is below the issues and the calls."""

plain("live_crowd", "/admin", height=PHONE_HEIGHT)
plain("live_thousands", "/admin", place="thousands", height=PHONE_HEIGHT)
plain("live_nobody", "/admin", place="nobody", height=PHONE_HEIGHT)
plain("live_viewer", "/admin", role="viewer", height=PHONE_HEIGHT)
plain("live_tag", "/admin?tag=%D8%AF%D8%B9%D9%85", height=PHONE_HEIGHT)
plain("live_tag_of_nobody", "/admin?tag=retired", height=PHONE_HEIGHT)
plain("live_without_columns", "/admin?columns=none", height=PHONE_HEIGHT)
plain("live_without_because", "/admin?columns=since.device.heard", height=PHONE_HEIGHT)
plain("live_without_script", "/admin", options=WITHOUT_SCRIPT)
plain("live_without_script_page_2", "/admin?page=2&sort=name", options=WITHOUT_SCRIPT, height=4500)
plain("live_without_script_filtered", "/admin?status=busy&q=ada", options=WITHOUT_SCRIPT, height=PHONE_HEIGHT)
plain("live_without_script_nobody_found", "/admin?q=nobody+at+all", options=WITHOUT_SCRIPT, height=PHONE_HEIGHT)


async def _filter(scene: Scene, figure: str, order: str, head: str, clicks: int) -> None:
    """Filter by a figure, and sort by so many clicks on a head. A phone has no heads: there, choose the order."""
    page = scene.page
    button = page.get_by_role("columnheader", name=head).get_by_role("button")
    if await button.is_visible():
        for _ in range(clicks):
            await button.click()
    else:
        await page.locator("#sort").select_option(order)
    await page.locator(f"[data-figure={figure}]").click()
    await expect(page.locator(f"[data-figure={figure}]")).to_have_attribute("aria-current", "true")


@state("live_available_by_name", "/admin", height=PHONE_HEIGHT)
async def _available(scene: Scene) -> None:
    await _filter(scene, "available", "name", "User", 1)


@state("live_busy_shortest_first", "/admin", height=PHONE_HEIGHT)
async def _busy(scene: Scene) -> None:
    await _filter(scene, "busy", "-since", "Duration", 2)


@state("live_offline_last_seen", "/admin", height=PHONE_HEIGHT)
async def _offline(scene: Scene) -> None:
    await _filter(scene, "offline", "heard", "Last seen", 1)


@state("live_on_calls_by_name_reversed", "/admin", height=PHONE_HEIGHT)
async def _on_calls(scene: Scene) -> None:
    await _filter(scene, "calls", "-name", "User", 2)


@state("live_attention_by_status", "/admin", height=PHONE_HEIGHT)
async def _attention(scene: Scene) -> None:
    await _filter(scene, "attention", "state", "Status", 1)


@state("live_found", "/admin", height=PHONE_HEIGHT)
async def _found(scene: Scene) -> None:
    """Names that begin so come first, and then those with it inside a word. Enter goes to the first of them."""
    await scene.live.search.fill("in")
    await scene.page.keyboard.press("Enter")


@state("live_found_by_ids", "/admin", height=PHONE_HEIGHT)
async def _found_by_ids(scene: Scene) -> None:
    await scene.live.search.fill("#1, #4, #11")
    await expect(scene.live.rows).to_have_count(3)


@state("live_nobody_found", "/admin", height=PHONE_HEIGHT)
async def _nobody_found(scene: Scene) -> None:
    await scene.live.search.fill("nobody at all with such a long name, or with any other one")
    await expect(scene.page.locator("[data-users=nobody]")).to_have_text("No users match.")


@state("live_order_held", "/admin?sort=since", height=PHONE_HEIGHT)
async def _order_held(scene: Scene) -> None:
    await scene.live.rows.nth(2).hover()
    await expect(scene.live.locked).to_be_visible()


@state("live_row_focused", "/admin?sort=name", height=PHONE_HEIGHT)
async def _row_focused(scene: Scene) -> None:
    for key in ("j", "ArrowDown", "ArrowDown"):
        await scene.page.keyboard.press(key)


@state("live_scrolled_to_the_end", "/admin?sort=name", place="thousands", height=PHONE_HEIGHT)
async def _scrolled(scene: Scene) -> None:
    await scene.page.evaluate("() => scrollTo(0, document.documentElement.scrollHeight)")
    await scene.page.keyboard.press("j")
    await scene.page.keyboard.press("End")
    await expect(scene.live.rows.last).to_have_attribute("aria-rowindex", "5062")


@state("live_help", "/admin")
async def _help(scene: Scene) -> None:
    await scene.page.keyboard.press("?")
    await expect(scene.page.locator("#help")).to_be_visible()


@state("live_account_menu", "/admin", role="admin")
async def _account_menu(scene: Scene) -> None:
    await scene.page.locator(".account").click()
    await expect(scene.page.locator("#account")).to_be_visible()


@state("live_loading", "/admin/password", place="thousands", height=PHONE_HEIGHT)
async def _loading(scene: Scene) -> None:
    """The overview never comes, nor does anything over the socket."""
    await scene.page.route(re.compile("/admin/overview"), lambda _: None)
    await scene.page.route_web_socket(re.compile("/ws/"), lambda _: None)
    await scene.page.goto(f"{scene.place.site.origin}/admin", wait_until="commit")
    await expect(scene.live.chip).to_have_text("Loading 5,061 users…")


async def _pick(scene: Scene, *places: int) -> None:
    for place in places:
        await scene.live.rows.nth(place).locator("[data-f=pick]").click()


@state("live_one_picked", "/admin?sort=name", height=PHONE_HEIGHT)
async def _one_picked(scene: Scene) -> None:
    await _pick(scene, 3)
    await expect(scene.page.get_by_text("1 picked")).to_be_visible()


@state("live_several_picked", "/admin", height=PHONE_HEIGHT)
async def _several_picked(scene: Scene) -> None:
    await _pick(scene, 0)
    await scene.live.rows.nth(3).locator("[data-f=pick]").click(modifiers=["Shift"])
    await scene.page.locator("#sort").select_option("name")
    await _pick(scene, 0, 2)
    await expect(scene.page.get_by_text("6 picked")).to_be_visible()


@state("live_picked_but_not_listed", "/admin?sort=name", height=PHONE_HEIGHT)
async def _picked_elsewhere(scene: Scene) -> None:
    await _pick(scene, 0, 1, 2)
    await scene.live.search.fill("wei")
    await expect(scene.page.get_by_text("3 of them are not in this list.")).to_be_visible()


async def _pick_listed(scene: Scene) -> None:
    await _pick(scene, 1)
    await scene.page.get_by_role("button", name=re.compile("^Pick (all|the first)")).last.click()


@state("live_all_found_picked", "/admin?q=ada&sort=name", height=PHONE_HEIGHT)
async def _all_picked(scene: Scene) -> None:
    await _pick_listed(scene)


@state("live_most_picked", "/admin?sort=name", place="thousands", height=PHONE_HEIGHT)
async def _most_picked(scene: Scene) -> None:
    await _pick_listed(scene)
    await expect(scene.page.get_by_text("One action can be for at most 500 users.")).to_be_visible()
