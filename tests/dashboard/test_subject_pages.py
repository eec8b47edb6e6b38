"""The pages of one user and of one call follow what happens, as Live does, and say how current they are."""

from __future__ import annotations

import asyncio
import re

import pytest
from playwright.async_api import Page, Route, expect

from tests.clients import Socket
from tests.dashboard.conduct import Conduct
from tests.dashboard.conftest import Visit
from tests.dashboard.live import Live
from tests.dashboard.site import Site, call

pytestmark = [pytest.mark.slow, pytest.mark.gen_test]

ACT_ON_ACCOUNT = """
async ([user_id, tags]) => {
  const send = async (url, fields) => {
    const { value: _xsrf } = document.querySelector("[name=_xsrf]");
    const body = new URLSearchParams({ user_id, reason: "a test", request_id: crypto.randomUUID(), _xsrf, ...fields });
    const answer = await fetch(url, { method: "POST", body, headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(await answer.text());
  };
  for (let number = 0; number < tags; number++) await send("/admin/actions", { action: "add_tag", tag: `t${number}` });
  await send("/admin/accounts", { action: "disable_user" });
}
"""
"""Gives a user this many tags, and disables the account."""


MOVE_OVER_LISTS = """addEventListener("DOMContentLoaded", () => setInterval(() => {
  for (const box of document.querySelectorAll("[data-box]")) {
    box.dispatchEvent(new PointerEvent("pointermove", { bubbles: true, clientX: Math.random() * 100 }));
  }
}, 5));"""


async def opened(visit: Visit, path: str, name: str = "operator") -> Page:
    """Open a page and wait until it is live."""
    page = await visit(path, name)
    await expect(page.locator("[data-banner=chip]")).to_have_text("Live")
    return page


async def test_the_page_of_a_user_follows_status_sessions_call_and_timeline(site: Site, visit: Visit) -> None:
    ada, bob = await site.online("followed ada", "followed bob")
    page = await opened(visit, f"/admin/users/{ada.user_id}")
    state, because = page.locator("[data-f=state]").first, page.locator("#status [data-f=because]")
    offered = page.locator("#actions a:visible")
    await expect(state).to_have_text("Available")
    await expect(because).to_have_text(re.compile(r"heartbeat \d+ s ago"))
    assert await offered.all_inner_texts() == ["Force offline…", "Sign out everywhere…"]
    await expect(page.locator("#sessions [data-empty]")).to_have_text("No open sessions.")

    async with await Socket.open(site.feed_url(ada)):
        row = page.locator("#sessions tbody tr")
        await expect(row).to_have_count(1)
        await expect(row.get_by_role("link", name="Disconnect…")).to_have_attribute(
            "href", re.compile(f"action=disconnect&user_id={ada.user_id}&session_id=.+&next=%2Fadmin%2Fusers%2F")
        )
        await expect(offered).to_have_text(["Force offline…", "Disconnect…", "Sign out everywhere…"])
        call_id = await call(ada, bob)
        await expect(state).to_have_text("Busy")
        await expect(because).to_have_text(re.compile(r"on a call with followed bob, \d\d:\d\d"))
        await expect(page.locator("#status [data-f=partner]")).to_have_text("followed bob")
        timer = page.locator("#status [data-f=callFor]")
        shown = await timer.inner_text()
        await expect(timer).not_to_have_text(shown)
        await expect(page.get_by_role("link", name="End call…")).to_have_attribute("href", re.compile(call_id))
        first = page.locator("#timeline li").first
        await expect(first).to_contain_text("followed ada called followed bob")
    await expect(page.locator("#sessions tbody tr")).to_have_count(0)
    await bob.post("/calls/end", {"call_id": call_id})
    await expect(page.locator("#status [data-f=noCall]")).to_be_visible()


async def test_the_page_of_a_call_follows_the_call_to_its_end_and_says_who_ended_it(site: Site, visit: Visit) -> None:
    ada, bob = await site.online("calling ada", "calling bob")
    call_id = await call(ada, bob)
    page = await opened(visit, f"/admin/calls/{call_id}")
    await expect(page.locator("[data-f=lasts]")).to_have_text(re.compile(r"00:0[1-9]"))
    await bob.post("/calls/end", {"call_id": call_id})
    await expect(page.locator(".page-head [data-f=over]")).to_have_text(re.compile(r"Completed after \d+ s"))
    await expect(page.locator("#timeline li")).to_have_count(2)
    await expect(page.locator("#status")).to_contain_text("Ended bycalling bob")
    await expect(page.locator("#status")).to_contain_text("a participant hung up")
    await expect(page.get_by_role("link", name="End call…")).to_be_hidden()
    live, text = await page.locator("main").inner_text(), "Ended by"
    await page.reload()
    printed = await page.locator("main").inner_text()
    assert live.split(text)[1].split()[:2] == printed.split(text)[1].split()[:2] == ["calling", "bob"]


async def test_actions_on_the_page_of_a_user_open_the_dialog_and_the_keyboard_stays_where_it_was(
    site: Site, visit: Visit
) -> None:
    ada, bob, cem = await site.online("dialog ada", "dialog bob", "dialog cem")
    page = await opened(visit, f"/admin/users/{ada.user_id}")
    live, act = Live(page), page.get_by_role("link", name="Force offline…")
    send = live.dialog.locator("[data-f=send]")
    await act.focus()
    await page.keyboard.press("Enter")
    await expect(live.dialog.get_by_role("heading")).to_have_text("Force offline: dialog ada")
    await expect(live.dialog.get_by_label("Reason")).to_be_focused()
    await expect(send).to_be_enabled()
    await page.keyboard.press("Escape")
    await expect(act).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(send).to_be_enabled()
    await page.keyboard.type("left the desk")
    await page.keyboard.press("Enter")
    await expect(live.dialog).to_be_hidden()
    await expect(live.toast).to_contain_text("dialog ada")
    await expect(page.locator("[data-f=state]").first).to_have_text("Offline")
    await expect(act).to_have_attribute("aria-disabled", "true")
    await expect(act).to_be_focused()
    assert page.url.endswith(f"/admin/users/{ada.user_id}")

    async with site.connected(ada):
        await page.get_by_role("button", name=re.compile(r"Show \d changes?")).click()
        await page.locator("#sessions").get_by_role("link", name="Disconnect…").click()
        await expect(live.dialog.locator("[data-f=hits]")).to_have_text("Affects 1 connection.")
        await live.confirm("wrong device")
        await expect(page.locator("#sessions tbody tr:not(.gone)")).to_have_count(0)

    await page.goto(f"{site.origin}/admin/calls/{await call(bob, cem)}")
    await expect(live.chip).to_have_text("Live")
    act = page.get_by_role("link", name="End call…")
    await act.click()
    await expect(live.dialog.get_by_role("heading")).to_have_text("End call: dialog bob and dialog cem")
    await live.confirm("wrong number")
    await expect(page.locator("#status")).to_contain_text("Ended byoperator")
    over = page.locator(".page-head [data-f=over]")
    await expect(over).to_have_text(re.compile("Ended by an operator after"))
    await expect(act).to_have_attribute("aria-disabled", "true")
    await expect(act).to_be_focused()


async def test_a_dialog_that_is_opened_again_at_once_still_acts(site: Site, visit: Visit) -> None:
    (eve,) = await site.online("reopened eve")
    live = Live(await opened(visit, f"/admin/users/{eve.user_id}"))
    act = live.page.get_by_role("link", name="Force offline…")
    await act.click()
    await act.evaluate("(link) => { document.getElementById('act').close(); link.click(); }")
    await live.confirm("left the desk")
    await expect(live.toast).to_contain_text("reopened eve")


async def test_an_action_that_is_refused_at_once_has_nothing_to_enter(
    site: Site, visit: Visit, conduct: Conduct
) -> None:
    conduct.excuse("status of 409 .*/admin/actions")
    fay, gus = await site.online("refused fay", "refused gus")
    assert (await gus.put("/users/me/status", {"is_online": False})).status == 200
    live = Live(await opened(visit, f"/admin/users/{fay.user_id}"))

    async def ask_for_gus(route: Route) -> None:
        await route.continue_(url=route.request.url.replace(f"user_id={fay.user_id}", f"user_id={gus.user_id}"))

    await live.page.route("**/admin/actions?*", ask_for_gus)
    act = live.page.get_by_role("link", name="Force offline…")
    await act.click()
    await expect(live.dialog.get_by_role("alert")).to_have_text("refused gus is already offline.")
    await expect(live.dialog.get_by_label("Reason")).to_be_hidden()
    await expect(live.dialog.locator("[data-f=send]")).to_be_hidden()
    await expect(live.dialog.get_by_role("button", name="Close")).to_be_focused()
    await live.page.keyboard.press("Enter")
    await expect(live.dialog).to_be_hidden()
    await live.page.unroute("**/admin/actions?*")
    await act.click()
    await live.confirm("left the desk")


async def test_a_repair_on_the_page_of_a_user_has_a_reason_already_and_admins_change_accounts_in_the_dialog(
    site: Site, visit: Visit, conduct: Conduct
) -> None:
    conduct.excuse(r"status of 400 .*/admin/accounts")
    (ada,) = await site.online("repaired ada")
    page = await opened(visit, f"/admin/users/{ada.user_id}", "admin")
    live, issues = Live(page), page.locator("#issues [data-key]:not(.gone)")
    await site.set_busy_in_store(ada)
    await issues.get_by_role("link", name="Clear busy…").click()
    await expect(live.dialog.get_by_label("Reason")).to_have_value(re.compile("^Saved as busy"))
    await expect(live.dialog.locator("[data-f=send]")).to_be_enabled()
    await page.keyboard.press("Enter")
    await expect(live.dialog).to_be_hidden()
    await expect(issues).to_have_count(0)

    await page.get_by_role("link", name="Disable…").click()
    await live.confirm("left the company")
    await expect(page.locator("[data-f=signIn]")).to_have_text("Disabled")
    await page.get_by_role("link", name="Set password…").click()
    await live.dialog.get_by_label("New password").fill("correct horse battery")
    await live.confirm("forgot it")
    await expect(live.toast).to_have_text("Password of repaired ada changed.")
    await page.get_by_role("link", name="Delete…").click()
    await expect(live.dialog.get_by_label("New password")).to_be_hidden()
    await live.dialog.get_by_label("Reason").fill("left the company")
    await live.dialog.get_by_label("Name").fill("somebody else")
    await live.dialog.locator("[data-f=send]").click()
    await expect(live.dialog.get_by_role("alert")).to_contain_text(
        "This isn't the user's name, so nothing was deleted."
    )
    await expect(live.dialog.get_by_label("Name")).to_be_focused()
    await expect(live.dialog.get_by_label("Reason")).to_have_value("left the company")
    await live.dialog.get_by_label("Name").fill("repaired ada")
    await live.dialog.locator("[data-f=send]").click()
    await expect(page.locator(".page-head p")).to_have_text(re.compile("Deleted, what follows is from before"))
    await expect(page.locator("#status")).to_have_text(
        re.compile(r"Status\s*Deleted\s*Because\s*this user was deleted.*Last seen\s*\d\d:\d\d:\d\d\s*$", re.DOTALL),
        use_inner_text=True,
    )
    await expect(page.locator("[data-f=signIn]")).to_have_text("Deleted")
    await asyncio.sleep(4)  # pages that show the user's name are loaded again after 3 s
    await expect(page.locator(".page-head p")).to_have_text(re.compile("Deleted, what follows is from before"))
    for gone in ("Previous day", "Week", "Export states (CSV)"):
        await expect(page.get_by_role("link", name=gone)).to_be_hidden()
    await expect(page.get_by_text("A user has at most 20 tags.")).to_be_hidden()
    await expect(page.get_by_role("heading", name="Operator actions")).to_be_hidden()


async def test_a_pointer_over_a_page_that_is_not_live_yet_holds_nothing(site: Site, visit: Visit) -> None:
    (ada,) = await site.online("early ada")
    page = await visit(f"/admin/users/{ada.user_id}")
    await page.add_init_script(MOVE_OVER_LISTS)
    await page.reload()
    await expect(page.locator("[data-banner=chip]")).to_have_text("Live")
    await expect(page.locator("#timeline [data-rows] > *").first).to_be_visible()
    await expect(page.locator("#held")).to_be_hidden()


async def test_what_would_change_nothing_any_more_leaves_the_page_of_a_user(site: Site, visit: Visit) -> None:
    (ada,) = await site.online("full ada")
    watched = await opened(visit, f"/admin/users/{ada.user_id}")
    add_tag, offered = watched.get_by_role("link", name="Add tag…"), watched.locator("#actions a")
    at_most = watched.get_by_text("A user has at most 20 tags.")
    await expect(add_tag).to_be_visible()
    await expect(at_most).to_be_hidden()
    await expect(offered).to_have_text(["Force offline…", "Sign out everywhere…"])
    acting = await visit(f"/admin/users/{ada.user_id}", "admin")
    await acting.evaluate(ACT_ON_ACCOUNT, [ada.user_id, 20])
    await expect(watched.locator("#tags [data-count]")).to_have_text("20")
    await expect(add_tag).to_have_count(0)
    await expect(at_most).to_be_visible()
    await expect(offered).to_have_count(0)


async def test_an_action_that_has_the_focus_keeps_its_place_when_it_would_change_nothing_any_more(
    site: Site, visit: Visit
) -> None:
    (ada,) = await site.online("leaving ada")
    page = await opened(visit, f"/admin/users/{ada.user_id}")
    offered = page.locator("#actions a")
    await offered.first.focus()
    assert (await ada.put("/users/me/status", {"is_online": False})).status == 200
    await expect(offered.first).to_have_attribute("aria-disabled", "true")
    await asyncio.sleep(9)  # the list is locked for 8 s after somebody used it
    await expect(offered).to_have_text(["Force offline…", "Sign out everywhere…"])
    await page.locator("h1").click()
    await expect(offered).to_have_text(["Sign out everywhere…"])


async def test_while_it_is_not_live_such_a_page_is_grey_says_so_and_takes_no_actions(site: Site, visit: Visit) -> None:
    (ada,) = await site.online("stale ada")
    page = await opened(visit, f"/admin/users/{ada.user_id}")
    live = Live(page)
    act = page.get_by_role("link", name="Force offline…")
    await page.context.set_offline(True)
    await expect(live.banner).to_have_text(re.compile(r"No update for \d s. Figures are from .*; timers are stopped."))
    await expect(page.locator("html")).to_have_attribute("data-frozen", "")
    await expect(act).to_have_attribute("aria-disabled", "true")
    assert await act.get_attribute("href") is None
    await page.context.set_offline(False)
    await live.retry()
    await expect(live.chip).to_have_text("Live")
    await expect(act).to_have_attribute("href", re.compile("force_offline"))


async def test_a_paused_page_of_a_user_stays_as_it_is_and_counts_what_waits(site: Site, visit: Visit) -> None:
    (ada,) = await site.online("paused ada")
    page = await opened(visit, f"/admin/users/{ada.user_id}")
    await page.keyboard.press("p")
    await expect(page.locator("[data-banner=chip]")).to_have_text("Paused, 0 changes waiting")
    await ada.put("/users/me/status", {"is_busy": True})
    await expect(page.locator("[data-banner=chip]")).to_have_text(re.compile(r"Paused, [1-9] changes? waiting"))
    await expect(page.locator("[data-f=state]").first).to_have_text("Available")
    await page.get_by_role("button", name="Resume").click()
    await expect(page.locator("[data-f=state]").first).to_have_text("Busy")


async def test_nothing_appears_above_the_pointer_until_it_rests(site: Site, visit: Visit) -> None:
    (ada,) = await site.online("held ada")
    page = await opened(visit, f"/admin/users/{ada.user_id}")
    first = page.locator("#timeline li").first
    before = await first.inner_text()
    await first.hover()
    await ada.put("/users/me/status", {"is_busy": True})
    held = page.get_by_role("button", name=re.compile("Show [12] changes?"))
    await expect(held).to_be_visible()
    await expect(page.locator("[data-f=state]").first).to_have_text("Busy")
    assert await first.inner_text() == before
    await held.click()
    await expect(first).to_contain_text("held ada is busy")
    await expect(held).to_be_hidden()


async def test_while_the_first_item_of_a_list_waits_the_list_says_that_it_is_empty_and_nothing_moves(
    site: Site, visit: Visit
) -> None:
    (ada,) = await site.online("waiting ada")
    page = await opened(visit, f"/admin/users/{ada.user_id}")
    first, empty = page.locator("#timeline li").first, page.locator("#sessions [data-empty]")
    await first.hover()
    before = await first.bounding_box()
    async with site.connected(ada):
        await expect(page.get_by_role("button", name=re.compile(r"Show \d changes?"))).to_be_visible()
        await expect(empty).to_be_visible()
        await expect(page.locator("#sessions [data-count]")).to_have_text("0")
        assert await first.bounding_box() == before
        await page.get_by_role("button", name=re.compile(r"Show \d changes?")).click()
        await expect(empty).to_be_hidden()
        await expect(page.locator("#sessions [data-count]")).to_have_text("1")


async def test_a_new_action_takes_the_place_of_the_words_that_there_is_none(site: Site, visit: Visit) -> None:
    (ada,) = await site.online("acted ada")
    live = Live(await opened(visit, f"/admin/users/{ada.user_id}"))
    none = live.page.get_by_text("No operator actions on")
    await expect(none).to_be_visible()
    await expect(live.page.locator(".acts .count")).to_have_text("0")
    await live.page.get_by_role("link", name="Force offline…").click()
    await live.confirm("left the desk")
    await expect(live.page.get_by_text("There is a new action.")).to_be_visible()
    await expect(none).to_be_hidden()
    await expect(live.page.locator(".acts .count")).to_be_hidden()


async def test_an_action_that_was_pending_already_when_the_page_was_loaded_is_not_new(site: Site, visit: Visit) -> None:
    fay, gus = await site.online("pending fay", "pending gus")
    await call(fay, gus)
    page = await opened(visit, f"/admin/users/{fay.user_id}")
    new = page.locator("#new-acts")
    await page.get_by_role("link", name="Force offline…").click()
    await Live(page).confirm("shift over")
    await expect(new).to_be_visible()
    await page.reload()
    await expect(Live(page).chip).to_have_text("Live")
    await expect(page.locator(".page-head [data-f=waiting]")).to_have_text("Pending: force offline, by operator")
    await expect(page.locator("[data-f=callFor]")).to_have_text(re.compile(r"00:0[1-9]"))
    await expect(new).to_be_hidden()


async def test_the_menu_for_who_is_on_it_opens_at_its_button_and_closes_when_the_page_scrolls(
    site: Site, visit: Visit
) -> None:
    (ada,) = await site.online("watched ada")
    await site.set_busy_in_store(ada)
    page = await opened(visit, f"/admin/users/{ada.user_id}")
    button, menu = page.get_by_role("button", name="I'm on it: watched ada"), page.locator("#issues :popover-open")
    await button.click()
    at, under = await menu.bounding_box(), await button.bounding_box()
    assert at is not None
    assert under is not None
    assert at["y"] == pytest.approx(under["y"] + under["height"] + 4, abs=1)
    assert at["x"] + at["width"] == pytest.approx(under["x"] + under["width"], abs=1)
    await expect(menu.get_by_role("button", name="5 min")).to_be_focused()
    await page.mouse.wheel(0, 100)
    await expect(menu).to_have_count(0)
