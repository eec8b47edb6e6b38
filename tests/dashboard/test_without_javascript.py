"""JavaScript off: the pages are readable, filters and pages are URLs, and each action is a form."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from playwright.async_api import Page, expect
from tornado.ioloop import IOLoop

from tests.clients import Person
from tests.dashboard.conduct import Conduct
from tests.dashboard.conftest import Visit
from tests.dashboard.live import Live
from tests.dashboard.site import Site, call

pytestmark = [pytest.mark.slow, pytest.mark.gen_test]

SETTINGS = {"page_rows": 5}

NAMES = [f"Person {letter}" for letter in "ABCDEFGH"]


@pytest.fixture(scope="module")
def people(io_loop: IOLoop, site: Site) -> list[Person]:
    """Eight available users, which is more than a page has rows."""
    return io_loop.run_sync(lambda: site.online(*NAMES))


async def plain(visit: Visit, path: str, name: str = "operator") -> Page:
    return await visit(path, name, java_script_enabled=False)


async def names(page: Page) -> list[str]:
    return await page.locator("main a.name:visible").all_text_contents()


async def test_the_live_page_reads(site: Site, people: list[Person], visit: Visit) -> None:
    call_id = await call(people[0], people[1])
    page = await plain(visit, "/admin")
    live = Live(page)
    await expect(live.figure("available")).to_have_text(str(len(people) - 2))
    await expect(live.figure("calls")).to_have_text("1")
    await expect(live.call(call_id)).to_contain_text(people[0].username)
    await expect(live.cell(people[0], "because")).to_have_text(re.compile(r"on a call with Person B, \d\d:\d\d"))
    await expect(page.locator("#events")).to_contain_text("Person A called Person B")
    for script in ("[data-banner=chip]", "#pause", "[data-theme-switch]", "[data-help]"):
        await expect(page.locator(script)).to_be_hidden()  # these controls need scripts
    assert await page.locator("[data-chart=available]").get_attribute("d") is not None
    for path in (f"/admin/calls/{call_id}", f"/admin/users/{people[0].user_id}", "/admin/events"):
        await page.goto(site.origin + path)
        await expect(page.locator("[data-banner=chip]")).to_be_hidden()
    assert (await people[0].post("/calls/end", {"call_id": call_id})).status == 200


async def test_the_note_that_a_page_does_not_update_itself_is_as_far_from_what_follows_as_everything(
    people: list[Person], visit: Visit
) -> None:
    page = await plain(visit, f"/admin/users/{people[0].user_id}")
    boxes = [await page.locator(each).bounding_box() for each in (".page-head", ".notice.as-of", ".day-card")]
    above, below = (
        after["y"] - before["y"] - before["height"] for before, after in pairwise(boxes) if before and after
    )
    assert above == pytest.approx(below, abs=1)


async def test_filters_search_sort_and_pages_are_urls(site: Site, people: list[Person], visit: Visit) -> None:
    assert (await people[3].put("/users/me/status", {"is_busy": True})).status == 200
    for path in ("/admin", "/admin/users"):
        page = await plain(visit, f"{path}?sort=name")
        assert (await names(page))[:5] == NAMES[:5]
        next_page = page.get_by_role("navigation", name="Pages").get_by_role("link", name="Next")
        await expect(page.get_by_role("navigation", name="Pages")).to_contain_text("1–5 of 8")
        await next_page.click()
        assert (await names(page))[:3] == NAMES[5:]
        await page.get_by_role("link", name="Previous").click()
        assert (await names(page))[:5] == NAMES[:5]
        await page.get_by_role("group", name="Show").get_by_role("link", name="Busy").click()
        assert await names(page) == ["Person D"]
        await page.goto(site.origin + path)
        await page.get_by_role("searchbox").fill("person h")
        await page.get_by_role("button", name="Apply").click()
        assert await names(page) == ["Person H"]
        await page.goto(site.origin + path)
        await page.get_by_label("Sort").select_option("name")
        await page.get_by_role("button", name="Apply").click()
        assert (await names(page))[:5] == NAMES[:5]
    page = await plain(visit, "/admin")
    await page.locator("[data-figure=busy]").click()
    assert await names(page) == ["Person D"]
    assert (await people[3].put("/users/me/status", {"is_busy": False})).status == 200


async def test_a_filtered_list_says_how_many_of_all_it_has_and_an_empty_one_offers_no_actions(
    site: Site, people: list[Person], visit: Visit
) -> None:
    page = await plain(visit, "/admin?q=person+h")
    await expect(page.locator("[data-users=count]")).to_have_text(re.compile(r"^1 of \d+$"))
    await expect(page.get_by_text("Picked users:")).to_be_visible()
    await page.goto(f"{site.origin}/admin?q=nobody+at+all")
    await expect(page.get_by_text("No users match.")).to_be_visible()
    await expect(page.get_by_text("Picked users:")).to_be_hidden()


async def test_on_a_phone_the_page_says_in_full_that_it_does_not_update_itself(
    people: list[Person], visit: Visit
) -> None:
    page = await visit("/admin", viewport={"width": 390, "height": 844}, java_script_enabled=False)
    await expect(page.get_by_role("link", name="Reload")).to_be_in_viewport(ratio=1)


async def test_an_action_is_done_by_a_form_with_its_reason_and_written_down(
    site: Site, people: list[Person], visit: Visit
) -> None:
    page = await plain(visit, "/admin?sort=name")
    live = Live(page)
    await live.choose(people[4], "Force offline")
    await expect(page.get_by_role("heading", name="Force offline: Person E")).to_be_visible()
    await page.get_by_role("button", name="Force offline").click()
    assert await page.get_by_label("Reason").evaluate("(input) => input.validity.valueMissing")
    await page.get_by_label("Reason").fill("left without a word")
    await page.get_by_role("button", name="Force offline").click()
    await expect(page.get_by_role("status")).to_contain_text("Force offline, Person E")
    assert (await people[4].get("/users/me/status")).body["is_online"] is False
    await page.goto(f"{site.origin}/admin/audit")
    row = page.get_by_role("row").filter(has_text="left without a word")
    for words in ("operator", "Force offline", "Person E", "available", "offline", "done", "127.0.0.1"):
        await expect(row).to_contain_text(words)
    assert (await people[4].post("/users/me/heartbeat")).status == 200


async def test_a_form_without_a_reason_is_shown_again(people: list[Person], visit: Visit, conduct: Conduct) -> None:
    conduct.excuse("status of 400")
    page = await plain(visit, f"/admin/actions?action=force_offline&user_id={people[5].user_id}")
    await page.get_by_label("Reason").evaluate("(input) => input.removeAttribute('required')")
    await page.get_by_role("button", name="Force offline").click()
    await expect(page.get_by_role("alert")).to_contain_text("Give a reason")
    assert (await people[5].get("/users/me/status")).body["is_online"] is True


async def test_an_admin_sets_a_password_and_deletes_a_user_by_forms(site: Site, visit: Visit, conduct: Conduct) -> None:
    conduct.excuse("status of 400")
    noor = await site.person("noor")
    page = await plain(visit, f"/admin/users/{noor.user_id}", "admin")
    await page.get_by_role("link", name="Set password…").click()
    await expect(page.get_by_role("heading", name="Set password: noor")).to_be_visible()
    await expect(page.get_by_label("Reason")).to_be_focused()
    await page.keyboard.type("forgot it")
    await page.keyboard.press("Tab")
    await page.keyboard.type("a password that is new")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status")).to_have_text("Password of noor changed.")
    assert (await noor.get("/users/me")).status == 401
    await page.get_by_role("link", name="Delete…").click()
    await page.get_by_label("Reason").fill("asked for it")
    await page.get_by_label("to confirm").fill("nora")
    await page.get_by_role("button", name="Delete user").click()
    await expect(page.get_by_role("alert")).to_contain_text("This isn't the user's name, so nothing was deleted.")
    await page.get_by_label("Reason").fill("asked for it")
    await page.get_by_label("to confirm").fill("noor")
    await page.get_by_role("button", name="Delete user").click()
    await expect(page.get_by_role("status")).to_have_text("noor deleted.")
    await page.goto(f"{site.origin}/admin/audit?target=user:{noor.user_id}")
    row = page.get_by_role("row").filter(has_text="asked for it")
    for words in ("admin", "Delete user", f"deleted user #{noor.user_id}", "deleted", "done"):
        await expect(row).to_contain_text(words)


async def test_what_needs_attention_is_repaired_by_a_form(site: Site, people: list[Person], visit: Visit) -> None:
    await site.set_busy_in_store(people[6])
    watching = await Live(await visit()).ready()
    key = f"busy_without_cause:{people[6].user_id}"
    await expect(watching.issue(key)).to_be_visible()
    page = await plain(visit, "/admin?status=attention")
    assert (await names(page))[-1:] == ["Person G"]
    await Live(page).issue(key).get_by_role("button", name="Clear busy").click()
    await page.get_by_label("Reason").fill("by hand")
    await page.get_by_role("button", name="Clear busy").click()
    await expect(page.get_by_role("status")).to_contain_text("Busy cleared. Person G is available.")
    await expect(watching.issue(key)).to_have_count(0)


async def test_several_are_acted_on_by_one_form(people: list[Person], visit: Visit) -> None:
    page = await plain(visit, "/admin?q=person")
    await page.get_by_role("button", name="Force offline 5 users…").click()
    await expect(page.get_by_role("heading", name="Force offline: 5 users")).to_be_visible()
    await expect(page.locator(".names li")).to_have_count(5)
    await page.get_by_role("link", name="Cancel").click()


async def test_signing_in_and_out_needs_no_script(site: Site, visit: Visit) -> None:
    page = await visit("/admin/login?next=/admin/calls", "", java_script_enabled=False)
    await page.get_by_label("Operator").fill("second")
    await page.get_by_label("Password").fill(site.passwords["second"])
    await page.get_by_role("button", name="Sign in").click()
    await expect(page).to_have_url(f"{site.origin}/admin/calls")
    await page.get_by_role("button", name="second").click()
    await page.get_by_role("button", name="Sign out", exact=True).click()
    await page.goto(f"{site.origin}/admin")
    await expect(page).to_have_url(re.compile("/admin/login"))


async def test_a_viewer_is_offered_no_action(people: list[Person], visit: Visit) -> None:
    for path in ("/admin", "/admin/users", f"/admin/users/{people[0].user_id}", "/admin/calls"):
        page = await plain(visit, path, "viewer")
        await expect(page.locator("[data-acts], form[action='/admin/actions']")).to_have_count(0)


async def test_the_name_of_a_disabled_user_is_struck_through(site: Site, visit: Visit) -> None:
    former = await site.person("former colleague")
    await site.program.command("user", "disable", str(former.user_id))
    page = await plain(visit, "/admin?q=former+colleague")
    await expect(Live(page).cell(former, "name")).to_have_css("text-decoration-line", "line-through")
