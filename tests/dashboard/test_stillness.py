"""No row moves under the pointer, the keyboard, an open menu or dialog; the line below says so and offers to sort."""

from __future__ import annotations

import random
import re

import pytest
from playwright.async_api import Page, expect
from tornado.ioloop import IOLoop

from tests.clients import Person
from tests.dashboard.conftest import Visit
from tests.dashboard.live import Live
from tests.dashboard.site import Site, call

pytestmark = [pytest.mark.slow, pytest.mark.gen_test]

NAMES = [f"Person {number:02}" for number in range(60)]

LOCKED = "Sorting is paused while you use the list."

AT = "([x, y]) => document.elementFromPoint(x, y)?.closest('[data-user]')?.dataset.user"

WATCH = """([x, y]) => {
  window.under = new Set();
  const look = () => {
    window.under.add(document.elementFromPoint(x, y)?.closest("[data-user]")?.dataset.user ?? "nobody");
    requestAnimationFrame(look);
  };
  look();
}"""


@pytest.fixture(scope="module")
def people(io_loop: IOLoop, site: Site) -> list[Person]:
    """More users than fit into the window."""
    return io_loop.run_sync(lambda: site.online(*NAMES))


async def change(people: list[Person], times: int) -> None:
    """Make `times` changes, each of which changes the order."""
    chance = random.Random(times)
    for _ in range(times):
        person = chance.choice(people)
        is_busy = (await person.get("/users/me/status")).body["is_busy"]
        assert (await person.put("/users/me/status", {"is_busy": not is_busy})).status == 200


async def turn(person: Person, *, is_busy: bool) -> None:
    assert (await person.put("/users/me/status", {"is_busy": is_busy})).status == 200


async def settle(people: list[Person]) -> None:
    """Clear busy for all users."""
    for person in people:
        if (await person.get("/users/me/status")).body["is_busy"]:
            await turn(person, is_busy=False)


async def order_of(page: Page) -> list[str]:
    return await Live(page).listed()


async def test_the_row_under_the_pointer_stays_through_100_changes(people: list[Person], visit: Visit) -> None:
    live = await Live(await visit()).ready()
    row = live.rows.nth(4)
    box = await row.bounding_box()
    assert box is not None
    x, y = box["x"] + 200, box["y"] + box["height"] / 2
    await live.page.mouse.move(x, y)
    user = await live.page.evaluate(AT, [x, y])
    await live.page.evaluate(WATCH, [x, y])
    await change(people, 100)
    last = people[-1]
    is_busy = (await last.get("/users/me/status")).body["is_busy"]
    await turn(last, is_busy=not is_busy)
    await expect(live.page.locator("#events [data-f=text]").first).to_have_text(re.compile(f"{last.username} is"))
    assert await live.page.evaluate("() => [...window.under]") == [user]
    await expect(live.locked).to_contain_text(LOCKED)


async def test_sort_now_sorts_and_the_hold_is_over(people: list[Person], visit: Visit) -> None:
    await settle(people)
    live = await Live(await visit()).ready()
    await live.rows.nth(4).hover()
    await turn(people[30], is_busy=True)
    await turn(people[3], is_busy=True)
    await expect(live.cell(people[3], "state")).to_have_text("Busy")
    assert (await order_of(live.page))[:4] == NAMES[:4]
    await live.locked.get_by_role("button", name="Sort now").click()
    await expect(live.rows.first.locator("[data-f=name]")).to_have_text(NAMES[3])
    assert (await order_of(live.page))[:4] == [NAMES[3], NAMES[30], *NAMES[:2]]
    await expect(live.locked).to_be_hidden()


async def test_eight_seconds_after_the_last_touch_it_is_sorted(people: list[Person], visit: Visit, site: Site) -> None:
    await settle(people)
    page = await visit("/admin/audit")
    await page.clock.install()
    await page.goto(f"{site.origin}/admin")
    live = await Live(page).ready()
    await live.rows.nth(4).hover()
    await turn(people[20], is_busy=True)
    await expect(live.page.locator("#events [data-f=text]").first).to_have_text(f"{NAMES[20]} is busy")
    assert (await order_of(page))[0] == NAMES[0]
    await page.clock.fast_forward(8_500)
    await expect(live.rows.first.locator("[data-f=name]")).to_have_text(NAMES[20])
    await expect(live.locked).to_be_hidden()


async def test_the_keyboard_in_the_list_holds_the_order(people: list[Person], visit: Visit) -> None:
    await settle(people)
    live = await Live(await visit()).ready()
    for _ in range(4):
        await live.page.keyboard.press("j")
    await expect(live.cell(people[3], "name")).to_be_focused()
    before = await live.cell(people[3], "name").bounding_box()
    await change(people[10:59], 20)
    await turn(people[59], is_busy=True)
    await expect(live.page.locator("#events [data-f=text]").first).to_have_text(re.compile(NAMES[59]))
    await expect(live.cell(people[3], "name")).to_be_focused()
    assert await live.cell(people[3], "name").bounding_box() == before
    await expect(live.locked).to_contain_text(LOCKED)


@pytest.mark.parametrize("opened", ["menu", "dialog"])
async def test_an_open_menu_or_dialog_holds_the_order_as_long_as_it_is_open(
    people: list[Person], visit: Visit, site: Site, opened: str
) -> None:
    await settle(people)
    page = await visit("/admin/audit")
    await page.clock.install()
    await page.goto(f"{site.origin}/admin")
    live = await Live(page).ready()
    await live.cell(people[2], "more").click()
    part = live.menu
    if opened == "dialog":
        await live.menu.get_by_role("button", name="Force offline").click()
        part = live.dialog
    await expect(part).to_be_visible()
    await page.clock.fast_forward(30_000)
    await turn(people[40], is_busy=True)
    await expect(live.figure("busy")).to_have_text("1")
    await page.clock.fast_forward(5_000)
    await expect(part).to_be_visible()
    assert (await order_of(page))[:3] == NAMES[:3]
    await page.mouse.move(1, 1)  # otherwise it ends up over the uncovered list and locks it again
    await page.keyboard.press("Escape")
    await expect(part).to_be_hidden()
    await page.clock.fast_forward(9_000)
    # The clock jump makes the page stale for a moment, and a focus that returns locks the order again.
    await expect(live.rows.first.locator("[data-f=name]")).to_have_text(NAMES[40], timeout=20_000)


async def test_a_menu_stays_open_while_the_search_scrolls_back_to_its_beginning(
    people: list[Person], visit: Visit
) -> None:
    live = await Live(await visit("/admin")).ready()
    await live.search.fill(f"{people[2].username} " * 12)
    await expect(live.rows).to_have_count(1)
    assert await live.search.evaluate("(search) => search.scrollLeft") > 0
    await live.cell(people[2], "more").click()
    await expect(live.search).to_have_js_property("scrollLeft", 0)
    await live.page.wait_for_timeout(100)
    await expect(live.menu).to_be_visible()


async def test_a_row_with_the_keyboard_is_never_given_to_another_user(people: list[Person], visit: Visit) -> None:
    await settle(people)
    live = await Live(await visit("/admin?sort=name")).ready()
    await live.page.keyboard.press("j")
    name = live.cell(people[0], "name")
    await expect(name).to_be_focused()
    box = live.page.locator("[data-users=box]")
    await box.evaluate("(box) => { box.scrollTop = box.scrollHeight; }")
    await expect(live.row(people[59])).to_be_visible()
    await change(people, 10)
    await expect(name).to_be_focused()
    await expect(name).to_have_text(NAMES[0])
    focused = "() => document.activeElement.closest('[data-user]').dataset.user"
    assert await live.page.evaluate(focused) == str(people[0].user_id)
    await box.evaluate("(box) => { box.scrollTop = 0; }")
    await expect(name).to_be_focused()
    await expect(name).to_be_in_viewport()


async def test_what_is_repaired_under_the_pointer_stays_in_its_place_until_it_is_left(
    people: list[Person], visit: Visit, site: Site
) -> None:
    await settle(people)
    page = await visit("/admin/audit")
    await page.clock.install()
    await page.goto(f"{site.origin}/admin")
    live = await Live(page).ready()
    call_id = await call(people[0], people[1])
    await live.call(call_id).hover()
    assert (await people[0].post("/calls/end", {"call_id": call_id})).status == 200
    await expect(live.call(call_id)).to_have_class(re.compile("gone"))
    await expect(live.call(call_id).locator("[data-f=timer]")).to_have_text("Ended")
    await expect(live.call(call_id).get_by_role("button")).to_be_disabled()
    await page.mouse.move(2, 2)
    await page.clock.fast_forward(9_000)
    await expect(live.call(call_id)).to_have_count(0)


async def test_on_a_phone_the_line_below_the_list_covers_nothing_of_its_last_row(
    people: list[Person], visit: Visit
) -> None:
    live = await Live(await visit("/admin?sort=name", viewport={"width": 390, "height": 844})).ready()
    last = live.row(people[-1])
    for key in ("j", "End"):
        await live.page.keyboard.press(key)
    await expect(live.page.get_by_text(LOCKED)).to_be_visible()
    await expect(live.cell(people[-1], "name")).to_be_focused()
    await expect(last).to_be_in_viewport(ratio=0.99)

    await live.page.reload()
    await live.ready()
    await live.page.locator("#users").evaluate("(card) => card.scrollIntoView()")
    box = live.page.locator("[data-users=box]")
    await box.evaluate("(box) => { box.scrollTop = box.scrollHeight; }")
    await expect(last).to_be_in_viewport(ratio=0.99)
    await box.dispatch_event("touchmove")
    await expect(live.page.get_by_text(LOCKED)).to_be_visible()
    await live.page.wait_for_timeout(200)
    await expect(last).to_be_in_viewport(ratio=0.99)


async def test_while_the_order_is_held_the_number_of_users_equals_the_figures(
    people: list[Person], visit: Visit, site: Site
) -> None:
    live = await Live(await visit(f"/admin?q={NAMES[7]}")).ready()
    heading = live.page.locator("[data-users=count]")
    await expect(heading).to_have_text(f"1 of {len(people)}")
    await live.rows.first.hover()
    await site.online("Zora")
    await expect(heading).to_have_text(f"1 of {len(people) + 1}", timeout=3_000)
