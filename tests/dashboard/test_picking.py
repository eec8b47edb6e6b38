"""Picking several users: by checkbox, by Shift and click, by keyboard, and all at once; and acting on them."""

from __future__ import annotations

import asyncio
import json
import re
import secrets

import pytest
from playwright.async_api import Locator, Page, Route, expect
from tornado.ioloop import IOLoop

from tests.clients import Person
from tests.dashboard.conduct import Conduct
from tests.dashboard.conftest import Visit
from tests.dashboard.live import Live
from tests.dashboard.site import Site, call, heartbeat

pytestmark = [pytest.mark.slow, pytest.mark.gen_test]

SETTINGS = {"page_rows": 30, "action_targets_limit": 35}

NAMES = [f"Person {number:02}" for number in range(40)]


@pytest.fixture(scope="module")
def people(io_loop: IOLoop, site: Site) -> list[Person]:
    """Forty available users, in order of their names, of whom the page shows some ten at a time."""
    return io_loop.run_sync(lambda: site.online(*NAMES))


class Pick:
    """The picked users, as Live or the page of users shows them."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.count = page.locator("[data-pick=count]")
        self.note = page.locator("[data-pick=note]")
        self.bar = page.locator("form.picked")
        self.clear = page.get_by_role("button", name="Clear", exact=True)
        self.head = page.locator("[data-pick=head]")

    def box(self, person: Person) -> Locator:
        """Return the checkbox of a user who is in view."""
        return self.page.get_by_role("checkbox", name=f"Pick {person.username}", exact=True)

    def button(self, name: str) -> Locator:
        """Return a button, such as one for an action."""
        return self.page.get_by_role("button", name=name)

    async def click(self, person: Person) -> None:
        """Pick or unpick a user."""
        await self.box(person).click()

    async def reach(self, person: Person) -> None:
        """Pick everybody from the last one to this one."""
        await self.box(person).click(modifiers=["Shift"])

    async def is_ticked(self, *people: Person) -> None:
        """Fail unless these users are picked, and in view."""
        for each in people:
            await expect(self.box(each)).to_be_checked()


async def test_what_is_picked_survives_scrolling_sorting_searching_and_updates(
    people: list[Person], visit: Visit
) -> None:
    live = await Live(await visit("/admin?sort=name")).ready()
    pick = Pick(live.page)
    await expect(pick.bar).to_be_hidden()
    await pick.click(people[0])
    await pick.click(people[2])
    await expect(pick.count).to_have_text("2 picked")
    await expect(pick.head).to_have_js_property("indeterminate", True)
    box = live.page.locator("[data-users=box]")
    await box.evaluate("(box) => { box.scrollTop = box.scrollHeight; }")
    await expect(live.row(people[-1])).to_be_in_viewport()
    await pick.click(people[-1])
    await expect(pick.count).to_have_text("3 picked")
    await live.page.locator("#sort").select_option("heard")
    await heartbeat(people[5])
    await live.page.locator("#sort").select_option("name")
    await pick.is_ticked(people[0], people[2])
    await expect(live.row(people[1]).locator("[data-f=pick]")).not_to_be_checked()
    await live.search.fill("Person 02")
    await expect(pick.note).to_have_text("2 of them are not in this list.")
    await expect(pick.button("Force offline 3 users…")).to_be_visible()
    await live.search.fill("")
    await pick.clear.click()
    await expect(pick.bar).to_be_hidden()
    await expect(live.row(people[0]).locator("[data-f=pick]")).not_to_be_checked()


async def test_a_range_is_picked_by_shift_and_a_click_and_all_by_the_head(people: list[Person], visit: Visit) -> None:
    live = await Live(await visit("/admin?sort=name")).ready()
    pick = Pick(live.page)
    await pick.click(people[1])
    await pick.reach(people[4])
    await expect(pick.count).to_have_text("4 picked")
    await live.row(people[3]).locator("[data-f=because]").click(modifiers=["Shift"])
    await expect(pick.count).to_have_text("3 picked")
    await live.row(people[5]).locator("[data-f=because]").click(modifiers=["ControlOrMeta"])
    await pick.is_ticked(people[1], people[2], people[3], people[5])
    await live.row(people[5]).locator("[data-f=because]").click()
    await expect(pick.count).to_have_text("4 picked")  # a click alone picks nobody
    assert await live.page.evaluate("() => getSelection().toString()") == ""
    await expect(pick.button("Pick the first 35 of 40")).to_be_visible()
    await pick.head.click()
    await expect(pick.count).to_have_text("35 picked")
    await expect(pick.note).to_contain_text("One action can be for at most 35 users.")
    await pick.head.click()
    await expect(pick.bar).to_be_hidden()
    await live.search.fill("Person 1")
    await pick.head.click()
    await expect(pick.count).to_have_text("13 picked")
    await expect(pick.head).to_be_checked()
    await expect(pick.button("Force offline 13 users…")).to_have_count(1)  # once, not for those who are listed, too


async def test_by_keyboard_space_picks_and_shift_with_arrows_extends(people: list[Person], visit: Visit) -> None:
    live = await Live(await visit("/admin?sort=name")).ready()
    pick, press = Pick(live.page), live.page.keyboard.press
    for key in ("j", "Space", "Shift+ArrowDown", "Shift+ArrowDown"):
        await press(key)
    await expect(pick.count).to_have_text("3 picked")
    await expect(live.cell(people[2], "name")).to_be_focused()
    await press("Shift+ArrowUp")
    await expect(pick.count).to_have_text("2 picked")
    await expect(live.page.locator("[data-banner=announcement]")).to_have_text("2 users picked")
    for key in ("ArrowDown", "ArrowDown", "Space"):
        await press(key)
    await expect(pick.count).to_have_text("3 picked")
    await pick.is_ticked(people[0], people[1], people[3])
    await press("Shift+Tab")
    await press("Space")  # the checkbox itself
    await expect(pick.count).to_have_text("2 picked")
    await press("p")
    await expect(live.chip).to_contain_text("Paused")
    await expect(pick.button("Force offline 2 users…")).to_be_disabled()
    await press("p")
    await expect(pick.button("Force offline 2 users…")).to_be_enabled()


async def test_the_dialog_names_them_and_then_the_result_of_each(
    site: Site, people: list[Person], visit: Visit
) -> None:
    one, two, three, four = people[20:24]
    call_id = await call(two, three)
    assert (await four.put("/users/me/status", {"is_online": False})).status == 200
    live = await Live(await visit("/admin?sort=name")).ready()
    pick = Pick(live.page)
    await live.search.fill("Person 2")
    await expect(live.cell(four, "state")).to_have_text("Offline")
    await pick.click(one)
    await pick.reach(four)
    await live.search.fill("")
    await pick.button("Force offline 3 users…").click()
    await expect(live.dialog.get_by_role("heading")).to_have_text("Force offline: 3 users")
    names = live.dialog.locator("[data-f=names] li")
    await expect(names).to_have_text([one.username, two.username, three.username])
    await live.dialog.get_by_text("Unchanged: 1 user").click()
    await expect(live.dialog.locator("[data-f=unchangedNames] li")).to_have_text(
        [f"{four.username} is already offline"]
    )
    sent: list[str] = []
    live.page.on("request", lambda asked: sent.append(asked.post_data or "") if asked.method == "POST" else None)
    await live.confirm("end of the shift")
    results = live.page.locator("dialog#results")
    await expect(results.get_by_role("heading")).to_have_text("Force offline: 1 done, 1 with nothing to do, 2 waiting")
    await expect(results.locator("li .outcome")).to_have_text(["Waiting", "Waiting", "Nothing to do", "Done"])
    await expect(results.locator("li").first).to_contain_text("waiting until the call ends")
    assert f"user_id={four.user_id}" not in sent[0], "nothing is asked for somebody for whom nothing would change"
    await live.page.keyboard.press("Enter")
    await expect(results).to_be_hidden()
    await expect(pick.bar).to_be_hidden()
    await live.page.get_by_role("button", name="Latest results…").click()
    await expect(results.locator("li")).to_have_count(4)
    await live.page.keyboard.press("Escape")
    assert (await two.post("/calls/end", {"call_id": call_id})).status == 200
    for each in (one, two, three, four):
        await heartbeat(each)


async def test_the_result_is_under_the_name_of_the_action_also_if_only_one_was_changed(
    people: list[Person], visit: Visit
) -> None:
    one, two = people[25:27]
    assert (await one.put("/users/me/status", {"is_busy": True})).status == 200
    live = await Live(await visit("/admin?sort=name")).ready()
    pick = Pick(live.page)
    await live.search.fill("Person 2")
    await expect(live.cell(one, "state")).to_have_text("Busy")
    await pick.click(one)
    await pick.click(two)
    await pick.button("Clear busy for 1 user…").click()
    await live.confirm("she asked")
    summary = "Clear busy: 1 done, 1 with nothing to do"
    await expect(live.page.locator("dialog#results").get_by_role("heading")).to_have_text(summary)
    await expect(live.toast).to_have_text(f"{summary}.")


async def test_and_12_more_opens_and_somebody_who_is_deleted_is_no_longer_picked(
    site: Site, people: list[Person], visit: Visit
) -> None:
    account = {"username": "Person 99 leaves", "password": secrets.token_hex(16)}
    answer = await site.program.api.post("/auth/register", account)
    gone = Person(site.program.api, answer.body["user_id"], account["username"], answer.body["access_token"])
    live = await Live(await visit("/admin?q=person&sort=name")).ready()
    pick = Pick(live.page)
    await live.search.fill(",".join(f"#{each.user_id}" for each in (*people[:24], gone)))
    await expect(live.rows.first).to_be_visible()
    await pick.head.click()
    await expect(pick.count).to_have_text("25 picked")
    assert (await gone.request("DELETE", "/users/me", json.dumps({"password": account["password"]}))).status == 204
    await expect(pick.count).to_have_text("24 picked")
    await pick.button("Sign out 24 users…").click()
    more = live.dialog.locator("[data-f=more]")
    await expect(more).to_have_text("and 12 more" + "".join(NAMES[12:24]))
    await expect(more.locator("li").first).to_be_hidden()
    await more.locator("summary").click()
    await expect(more.locator("li").first).to_be_visible()
    await live.page.keyboard.press("Escape")


async def test_on_the_page_of_users_they_are_picked_over_several_pages_and_kept(
    site: Site, people: list[Person], visit: Visit
) -> None:
    page = await visit("/admin/users?sort=name")
    pick = Pick(page)
    await pick.click(people[0])
    await pick.reach(people[3])
    await page.keyboard.press("Shift+ArrowDown")
    await expect(pick.count).to_have_text("5 picked")
    await page.get_by_role("link", name="Next").click()
    await expect(page.get_by_text("5 of them are not on this page")).to_be_visible()
    await pick.click(people[35])
    await pick.button("Force offline 6 users…").click()
    await expect(page.locator(".names li")).to_have_text([NAMES[35], *NAMES[:5]])
    await page.get_by_role("link", name="Cancel").click()
    await expect(pick.count).to_have_text("6 picked")
    await pick.is_ticked(people[35])
    await pick.button("Force offline 6 users…").click()
    await page.get_by_label("Reason").fill("end of the shift")
    await page.get_by_role("button", name="Force offline 6 users").click()
    await expect(page.get_by_role("status").filter(has_text="Force offline: 6 done.")).to_be_visible()
    await page.get_by_text("Result of each").click()
    await expect(page.locator(".results li")).to_have_count(6)
    await expect(pick.bar).to_be_hidden()
    for each in (*people[:5], people[35]):
        await heartbeat(each)


async def test_without_javascript_they_are_picked_by_a_form(people: list[Person], visit: Visit) -> None:
    for path in ("/admin/users", "/admin"):
        page = await visit(f"{path}?sort=name", java_script_enabled=False)
        for each in (people[1], people[3]):
            await page.get_by_role("checkbox", name=f"Pick {each.username}").check()
        await page.locator("form.picked").get_by_role("button", name="Force offline…").click()
        await expect(page.get_by_role("heading", name="Force offline: 2 users")).to_be_visible()
        await expect(page.locator(".names li")).to_have_text([NAMES[1], NAMES[3]])
        await page.get_by_role("link", name="Cancel").click()
        await expect(page.get_by_text("2 picked")).to_be_visible()
        await expect(page.locator("input[name=user_id]:checked")).to_have_count(2)
    await page.get_by_role("link", name="Clear").click()
    await page.locator("form.picked").get_by_role("button", name="Disconnect…").click()
    await expect(page.get_by_role("status")).to_have_text("Nobody is picked. Tick the users first.")
    await page.get_by_role("link", name="Pick the first 35 of 40").click()
    await expect(page.get_by_text("35 picked")).to_be_visible()


async def test_a_viewer_picks_nobody(people: list[Person], visit: Visit) -> None:
    live = await Live(await visit("/admin?sort=name", "viewer")).ready()
    await expect(live.page.get_by_role("checkbox")).to_have_count(0)
    await live.page.keyboard.press("j")
    await live.page.keyboard.press("Shift+ArrowDown")
    await expect(live.cell(people[0], "name")).to_be_focused()


@pytest.mark.parametrize("path", ["/admin?sort=name", "/admin/users?sort=name"])
async def test_on_a_phone_all_buttons_for_the_picked_users_are_in_view(
    path: str, people: list[Person], visit: Visit
) -> None:
    page = await visit(path, viewport={"width": 390, "height": 844})
    await page.get_by_role("checkbox", name="Pick Person 00").click()
    await page.locator("form.picked").locator("xpath=..").evaluate("(foot) => foot.scrollIntoView({ block: 'end' })")
    buttons = page.locator(".picked-buttons button:visible")
    await expect(buttons).to_have_text(["Force offline 1 user…", "Sign out 1 user…", "Add tag to 1 user…"])
    for button in await buttons.all():
        await expect(button).to_be_in_viewport(ratio=0.99)


async def test_a_dialog_without_an_answer_offers_no_way_to_undo_what_was_sent(
    people: list[Person], visit: Visit, conduct: Conduct
) -> None:
    conduct.excuse("Failed to load resource")
    live = await Live(await visit("/admin?sort=name")).ready()
    page, answer = live.page, asyncio.Event()

    async def lose(route: Route) -> None:
        if route.request.method == "POST":
            await answer.wait()
            await route.abort()
        else:
            await route.continue_()

    await page.route(re.compile("/admin/actions"), lose)
    await Pick(page).click(people[0])
    await Pick(page).button("Force offline 1 user…").click()
    send, cancel = live.dialog.locator("[data-f=send]"), live.dialog.locator("[data-f=cancel]")
    await expect(send).to_be_enabled()
    await live.dialog.get_by_label("Reason").fill("nobody knows")
    await send.click()
    await expect(cancel).to_have_text("Close")
    not_live = live.dialog.get_by_text("You can send this when it is live again.")
    await page.evaluate("document.documentElement.dataset.frozen = ''")
    await expect(not_live).to_be_hidden()
    answer.set()
    await expect(not_live).to_be_visible()
    await expect(live.dialog.get_by_text("it isn't known whether this was done")).to_be_visible()
    await expect(cancel).to_have_text("Close")
