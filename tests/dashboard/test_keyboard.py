"""The live page: keyboard use, theme, search and filters, timers and chart, ten thousand users."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect
from tornado.ioloop import IOLoop

from tests.clients import Person
from tests.dashboard.conftest import MakeSite, Visit
from tests.dashboard.live import Live
from tests.dashboard.site import Site, call

pytestmark = [pytest.mark.slow, pytest.mark.gen_test]

NAMES = ["Ada Quist", "Björn Santos", "Chidi Okafor", "Dora Mbeki"]

MOST_ROWS = 60


@pytest.fixture(scope="module")
def people(io_loop: IOLoop, site: Site) -> list[Person]:
    """Four available users, in order of their names."""
    return io_loop.run_sync(lambda: site.online(*NAMES))


async def test_a_slash_searches_and_escape_leaves_the_search(people: list[Person], visit: Visit) -> None:
    live = await Live(await visit()).ready()
    await live.page.keyboard.press("/")
    await expect(live.search).to_be_focused()
    await live.page.keyboard.type("bjorn")
    await expect(live.search).to_have_value("bjorn")
    await expect(live.rows).to_have_count(1)
    await expect(live.cell(people[1], "name")).to_be_visible()
    assert live.page.url.endswith("?q=bjorn")
    await live.page.keyboard.press("Enter")
    await expect(live.cell(people[1], "name")).to_be_focused()
    await live.page.keyboard.press("/")
    await live.page.keyboard.press("Escape")
    await expect(live.search).not_to_be_focused()
    await expect(live.search).to_have_value("")
    await expect(live.rows).to_have_count(len(people))
    assert live.page.url.endswith("/admin")


async def test_on_the_page_of_users_enter_goes_to_the_first_row_and_escape_shows_everybody(
    site: Site, people: list[Person], visit: Visit
) -> None:
    page = await visit("/admin/users?sort=name")
    names = page.locator("tbody a.name")
    await page.get_by_role("searchbox").press_sequentially("santos BJO")
    await page.keyboard.press("Enter")
    await expect(names).to_have_text([NAMES[1]])
    await expect(names).to_be_focused()
    await page.get_by_role("searchbox").press("Escape")
    await expect(names).to_have_count(len(people))
    assert "q=&" in page.url


async def test_j_and_k_go_from_row_to_row_and_enter_opens_the_user(
    site: Site, people: list[Person], visit: Visit
) -> None:
    live = await Live(await visit("/admin?sort=name")).ready()
    await live.page.keyboard.press("j")
    await expect(live.cell(people[0], "name")).to_be_focused()
    await live.page.keyboard.press("j")
    await live.page.keyboard.press("j")
    await expect(live.cell(people[2], "name")).to_be_focused()
    await live.page.keyboard.press("k")
    await expect(live.cell(people[1], "name")).to_be_focused()
    await live.page.keyboard.press("Enter")
    await expect(live.page).to_have_url(f"{site.origin}/admin/users/{people[1].user_id}")


async def test_a_menu_is_walked_with_arrows_and_left_with_escape(people: list[Person], visit: Visit) -> None:
    live = await Live(await visit("/admin?sort=name")).ready()
    await live.page.keyboard.press("j")
    await live.page.keyboard.press("Tab")
    await expect(live.cell(people[0], "more")).to_be_focused()
    await live.page.keyboard.press("Enter")
    items = live.menu.locator(".item")
    await expect(items.nth(0)).to_be_focused()
    await live.page.keyboard.press("ArrowDown")
    await expect(items.nth(1)).to_be_focused()
    await live.page.keyboard.press("ArrowUp")
    await live.page.keyboard.press("ArrowUp")
    await expect(items.last).to_be_focused()
    await live.page.keyboard.press("Escape")
    await expect(live.menu).to_have_count(0)
    await expect(live.cell(people[0], "more")).to_be_focused()


async def test_an_action_is_done_by_keyboard_alone(people: list[Person], visit: Visit) -> None:
    live = await Live(await visit("/admin?sort=name")).ready()
    for key in ("j", "Tab", "Enter"):
        await live.page.keyboard.press(key)
    await expect(live.menu.locator(".item").first).to_be_focused()
    await live.page.keyboard.press("ArrowDown")
    await expect(live.menu.get_by_role("button", name="Force offline")).to_be_focused()
    await live.page.keyboard.press("Enter")
    await expect(live.dialog.get_by_label("Reason")).to_be_focused()
    await expect(live.dialog.locator("[data-f=send]")).to_be_enabled()
    await live.page.keyboard.type("by keyboard")
    await live.page.keyboard.press("Enter")
    await expect(live.dialog).to_be_hidden()
    await expect(live.cell(people[0], "state")).to_have_text("Offline")
    await expect(live.toast).to_contain_text("Force offline, Ada Quist")
    assert (await people[0].post("/users/me/heartbeat")).status == 200


async def test_escape_closes_the_dialog_and_nothing_is_done(people: list[Person], visit: Visit) -> None:
    live = await Live(await visit()).ready()
    await live.choose(people[1], "Force offline")
    await expect(live.dialog).to_be_visible()
    await live.page.keyboard.press("Escape")
    await expect(live.dialog).to_be_hidden()
    assert (await people[1].get("/users/me/status")).body["is_online"] is True


async def test_p_pauses_and_goes_on(people: list[Person], visit: Visit) -> None:
    live = await Live(await visit()).ready()
    pause = live.page.locator("#pause")
    await live.page.keyboard.press("p")
    await expect(live.chip).to_have_text("Paused, 0 changes waiting")
    await expect(pause).to_have_attribute("aria-pressed", "true")
    await live.page.keyboard.press("p")
    await expect(live.chip).to_have_text("Live")
    await expect(pause).to_have_attribute("aria-pressed", "false")


async def test_a_question_mark_shows_the_keys_and_they_can_be_switched_off(people: list[Person], visit: Visit) -> None:
    live = await Live(await visit()).ready()
    await live.page.keyboard.press("?")
    help = live.page.locator("dialog#help")
    await expect(help).to_contain_text("Next or previous user")
    await help.get_by_label("Enable keyboard shortcuts").uncheck()
    await live.page.keyboard.press("Escape")
    await expect(help).to_be_hidden()
    await live.page.keyboard.press("p")
    await live.page.keyboard.press("/")
    await expect(live.chip).to_have_text("Live")
    await expect(live.search).not_to_be_focused()


async def test_keys_are_letters_where_one_types(people: list[Person], visit: Visit) -> None:
    live = await Live(await visit()).ready()
    await live.search.press_sequentially("jp?k/")
    await expect(live.search).to_have_value("jp?k/")
    await expect(live.chip).to_have_text("Live")
    await expect(live.page.locator("dialog#help")).to_be_hidden()


async def test_the_theme_is_switched_and_stays_on_every_page(site: Site, visit: Visit) -> None:
    page = await visit(color_scheme="light")
    background = "() => getComputedStyle(document.body).backgroundColor"
    light = await page.evaluate(background)
    switch = page.locator("[data-theme-switch]")
    await switch.click()
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    dark = await page.evaluate(background)
    assert dark != light
    await page.goto(f"{site.origin}/admin/users")
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert await page.evaluate(background) == dark
    await switch.click()
    assert await page.evaluate(background) == light


async def test_a_figure_filters_the_list_and_the_address_says_so(people: list[Person], visit: Visit) -> None:
    assert (await people[3].put("/users/me/status", {"is_busy": True})).status == 200
    live = await Live(await visit()).ready()
    await live.page.locator("[data-figure=busy]").click()
    await expect(live.rows).to_have_count(1)
    await expect(live.cell(people[3], "name")).to_be_visible()
    assert live.page.url.endswith("/admin?status=busy")
    await live.page.reload()
    await live.ready()
    await expect(live.rows).to_have_count(1)
    await live.page.locator("[data-figure=busy]").click()
    await expect(live.cell(people[0], "name")).to_be_visible()
    assert live.page.url.endswith("/admin")
    clear = live.page.get_by_role("link", name="Clear filters")
    await expect(clear).to_be_hidden()
    await live.page.locator("[data-figure=busy]").click()
    await live.search.fill(people[3].username)
    await clear.click()
    await expect(live.cell(people[0], "name")).to_be_visible()
    await expect(live.search).to_have_value("")
    assert live.page.url.endswith("/admin")
    assert (await people[3].put("/users/me/status", {"is_busy": False})).status == 200


async def test_the_search_takes_part_of_a_name_or_an_id_and_is_literal(people: list[Person], visit: Visit) -> None:
    live = await Live(await visit("/admin?sort=name")).ready()
    for text, found in (("OKAF", [2]), (f"#{people[3].user_id}", [3]), (".*", []), ("a", [0, 1, 2, 3])):
        await live.search.fill(text)
        await expect(live.rows.locator("[data-f=name]")).to_have_text([NAMES[number] for number in found])


async def test_timers_run_by_the_servers_clock_whatever_the_devices_says(
    site: Site, people: list[Person], visit: Visit
) -> None:
    call_id = await call(people[0], people[1])
    page = await visit("/admin/audit")
    await page.clock.install(time="2001-02-03T04:05:06Z")
    await page.goto(f"{site.origin}/admin")
    live = await Live(page).ready()
    timer = live.call(call_id).locator("[data-f=timer]")
    await expect(timer).to_have_text(re.compile(r"^00:0\d$"))
    first = int((await timer.text_content() or "").rpartition(":")[2])
    said = await live.record("timer", f'#calls [data-key="{call_id}"] [data-f=timer]')
    await said.says(f"00:0{first + 2}")
    seconds = [int(text.rpartition(":")[2]) for text in await said.texts()]
    assert seconds == list(range(seconds[0], seconds[0] + len(seconds)))
    assert (await people[0].post("/calls/end", {"call_id": call_id})).status == 200


async def test_the_chart_has_a_name_and_its_figures_stand_beside_it(people: list[Person], visit: Visit) -> None:
    live = await Live(await visit()).ready()
    chart = live.page.get_by_role("img", name="Last 15 minutes")
    await expect(chart).to_be_visible()
    words = re.compile(r"^available from \d+ to 4, busy from \d+ to 0, calls from \d+ to 0$")
    await expect(chart).to_have_accessible_description(words)
    await expect(live.page.locator("[data-chart=available-now]")).to_have_text(str(len(people)))


async def test_of_10_000_users_the_page_holds_a_few_rows_and_reaches_all(make_site: MakeSite, visit: Visit) -> None:
    site = make_site()
    async with site.stores():
        pass  # creates the data directory
    people = await site.program.populate(10_000)
    await site.start()
    live = Live(await visit(at=site))
    await live.ready()
    await expect(live.page.locator("[data-users=count]")).to_have_text("10,000")
    assert await live.rows.count() < MOST_ROWS
    table = live.page.locator("[data-users=table]")
    await expect(table).to_have_attribute("aria-rowcount", "10001")
    await live.page.locator("#sort").select_option("name")
    box = live.page.locator("[data-users=box]")
    await box.evaluate("(box) => { box.scrollTop = box.scrollHeight; }")
    last = max(people, key=lambda person: person.username.casefold())
    await expect(live.row(last)).to_be_in_viewport()
    await expect(live.row(last)).to_have_attribute("aria-rowindex", "10001")
    assert await live.rows.count() < MOST_ROWS


async def test_arrows_home_and_end_walk_the_list(people: list[Person], visit: Visit) -> None:
    live = await Live(await visit("/admin?sort=name")).ready()
    await live.page.keyboard.press("j")
    for key, number in (
        ("ArrowDown", 1),
        ("ArrowDown", 2),
        ("ArrowUp", 1),
        ("End", -1),
        ("ArrowDown", -1),
        ("Home", 0),
    ):
        await live.page.keyboard.press(key)
        await expect(live.cell(people[number], "name")).to_be_focused()


async def test_the_first_rows_action_is_a_few_tabs_away(people: list[Person], visit: Visit) -> None:
    live = await Live(await visit("/admin?sort=name")).ready()
    for key in ("Tab", "Tab", "Enter", "Tab", "Tab", "Tab"):
        await live.page.keyboard.press(key)
    await expect(live.cell(people[0], "more")).to_be_focused()
    page = await visit("/admin/users?sort=name")
    for key in ("Tab", "Tab", "Enter", "Tab", "Tab"):
        await page.keyboard.press(key)
    await expect(page.locator("tbody a.name").first).to_be_focused()


async def test_on_a_phone_a_figure_brings_the_list_into_view_and_nothing_speaks_of_keys(
    people: list[Person], visit: Visit
) -> None:
    phone = {"viewport": {"width": 390, "height": 600}, "has_touch": True, "is_mobile": True}
    live = await Live(await visit(**phone)).ready()
    await expect(live.page.locator("kbd:visible, [data-help]:visible")).to_have_count(0)
    links = live.page.locator(".sections a")
    tops = {round((await link.bounding_box() or {"y": 0.0})["y"]) for link in await links.all()}
    assert len(tops) == 1
    await expect(live.rows.first).not_to_be_in_viewport()
    await live.page.locator("[data-figure=available]").tap()
    await expect(live.rows.first).to_be_in_viewport()
    assert live.page.url.endswith("?status=available")


CONTRAST = """(element) => {
  const paint = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const light = (colour) => {
    paint.fillStyle = colour;
    paint.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...paint.getImageData(0, 0, 1, 1).data].map((part) => (part /= 255) <= 0.03928
      ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const { color, backgroundColor } = getComputedStyle(element);
  const [one, other] = [light(color), light(backgroundColor)].sort((one, other) => other - one);
  return (one + 0.05) / (other + 0.05);
}"""


@pytest.mark.parametrize("colours", ["light", "dark"])
async def test_the_chosen_filter_is_readable_under_the_pointer(
    people: list[Person], visit: Visit, colours: str
) -> None:
    live = await Live(await visit("/admin?status=busy", color_scheme=colours)).ready()
    chosen = live.page.locator(".choices [aria-current]")
    for page, filter in ((live.page, chosen), (await visit("/admin/users?status=busy", color_scheme=colours), None)):
        link = filter or page.locator(".choices [aria-current]")
        assert await link.evaluate(CONTRAST) >= 4.5
        await link.hover()
        assert await link.evaluate(CONTRAST) >= 4.5
