"""Accessibility: axe finds no violation on any page, in any look and any state."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Page, expect
from tornado.ioloop import IOLoop

from tests import axe
from tests.clients import Person
from tests.dashboard.conduct import Conduct
from tests.dashboard.conftest import MakeSite, Visit
from tests.dashboard.live import Live
from tests.dashboard.site import Site, call

pytestmark = [pytest.mark.slow, pytest.mark.gen_test(timeout=60)]

TALL = 4000
"""Tall windows: axe judges scrolling content only where it is visible."""

DESK = {"width": 1440, "height": TALL}
PHONE = {"width": 390, "height": TALL}


@dataclass(frozen=True)
class Look:
    """The display preferences of a person, and the window's size."""

    name: str
    size: dict[str, int] = field(default_factory=lambda: DESK)
    colours: Literal["light", "dark"] = "light"
    forced: Literal["active", "none"] = "none"

    @property
    def only_colours(self) -> bool:
        """Whether it differs from the first look only in its colours."""
        return self.size == DESK and (self.colours, self.forced) != ("light", "none")


LOOKS = [Look("light"), Look("dark", colours="dark"), Look("phone", PHONE), Look("forced colours", forced="active")]


@pytest.fixture(scope="module")
def crowd(io_loop: IOLoop, site: Site) -> list[Person]:
    """Users in every state: available, on a call, busy, offline, and one who is stuck."""
    return io_loop.run_sync(lambda: gather(site))


async def gather(site: Site) -> list[Person]:
    names = ["Ada Quist", "Björn Santos", "Chidi Okafor", "Dora Mbeki", "Zoë Íñigo-Vandenberghe of the Night Shift"]
    people = await site.online(*names)
    people.append(await site.person("Eve"))
    await call(people[0], people[1])
    ended = await call(people[2], people[4])
    assert (await people[2].post("/calls/end", {"call_id": ended})).status == 200
    assert (await people[3].put("/users/me/status", {"is_busy": True})).status == 200
    await site.set_busy_in_store(people[2])
    return people


async def violations(page: Page, *, looks: list[Look] = LOOKS) -> list[str]:
    """Return what axe finds in each look, and where the page is wider than its window."""
    found: list[str] = []
    for look in looks:
        await page.emulate_media(color_scheme=look.colours, forced_colors=look.forced)
        await page.set_viewport_size(look.size)  # type: ignore[arg-type]
        problems = await axe.violations(page, only_colours=look.only_colours)
        wider = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        problems += [f"{wider} px too wide"] * (wider > 0)
        found += [f"{urlsplit(page.url).path} in {look.name}: {each}" for each in problems]
    return found


PAGES = [
    "/admin/users", "/admin/users/{stuck}", "/admin/users/{calling}", "/admin/users?q=a&status=busy",
    "/admin/users?q=zzz", "/admin/calls", "/admin/calls/{call}", "/admin/events?at=2020-01-01", "/admin/audit",
    "/admin/system", "/admin/operators", "/admin/operators/1?change=disable", "/admin/password", "/admin/sign-ins",
    "/admin/wall", "/admin/nothing", "/admin/actions?action=force_offline&user_id={calling}",
    "/admin/accounts?action=delete_user&user_id={calling}", "/admin/accounts?action=set_password&user_id={calling}",
    "/admin/actions?action=add_tag&user_id={calling}",
]  # fmt: skip


@pytest.mark.parametrize("path", PAGES)
async def test_no_page_lacks_anything_that_axe_knows_of(
    crowd: list[Person], visit: Visit, conduct: Conduct, path: str
) -> None:
    conduct.excuse(r"status of 404 .*/admin/nothing")
    (ongoing,) = (await crowd[0].get("/calls/ongoing")).body["items"]
    ids = {"stuck": crowd[2].user_id, "calling": crowd[0].user_id, "call": ongoing["call_id"]}
    page = await visit(path.format(**ids), "admin")
    assert await violations(page) == []


async def test_the_sign_in_lacks_nothing(visit: Visit) -> None:
    assert await violations(await visit("/admin/login", "")) == []


async def test_the_live_page_lacks_nothing(crowd: list[Person], visit: Visit) -> None:
    live = await Live(await visit()).ready()
    await expect(live.issue(f"busy_without_cause:{crowd[2].user_id}")).to_be_visible()
    assert await violations(live.page) == []


async def test_an_open_menu_lacks_nothing(crowd: list[Person], visit: Visit) -> None:
    live = await Live(await visit()).ready()
    await live.cell(crowd[0], "more").click()
    await expect(live.menu).to_be_visible()
    assert await violations(live.page) == []


async def test_the_alerts_and_an_issue_that_somebody_is_on_lack_nothing(crowd: list[Person], visit: Visit) -> None:
    live = await Live(await visit()).ready()
    issue = live.issue(f"busy_without_cause:{crowd[2].user_id}")
    await issue.get_by_role("button", name="I'm on it").click()
    assert await violations(live.page) == []
    await live.page.locator("#attention :popover-open").get_by_role("button", name="10 min", exact=True).click()
    await expect(issue.locator("[data-f=acknowledged]")).to_be_visible()
    await live.page.locator("#alerts-open").click()
    await live.page.locator("dialog#alerts").get_by_label("Quiet hours").click()
    assert await violations(live.page) == []
    await live.page.locator("dialog#alerts").get_by_role("button", name="Close").click()
    assert await violations(live.page) == []
    await issue.get_by_role("button", name="I'm on it").click()
    await live.page.locator("#attention :popover-open").get_by_role("button", name="Nobody is on it").click()
    await expect(issue.locator("[data-f=acknowledged]")).to_be_hidden()


async def test_an_open_dialog_lacks_nothing(crowd: list[Person], visit: Visit) -> None:
    live = await Live(await visit()).ready()
    await live.choose(crowd[0], "Force offline")
    await expect(live.dialog.get_by_text("1 call with Björn Santos")).to_be_visible()
    assert await violations(live.page) == []
    assert "Waits for 1 call with Björn Santos" in await live.dialog.inner_text()
    await live.dialog.get_by_label("Don't wait for the call to end").check()
    assert "Ends the call with Björn Santos now." in await live.dialog.inner_text()
    assert "Affects 1 call with Björn Santos" in await live.dialog.inner_text()
    assert "Waits" not in await live.dialog.inner_text()
    page = await visit(f"/admin/users/{crowd[0].user_id}", "admin")
    await expect(page.locator("[data-banner=chip]")).to_have_text("Live")
    await page.get_by_role("link", name="Set password…").click()
    await expect(page.locator("dialog#act [data-f=send]")).to_be_enabled()
    assert await violations(page) == []


FILL_RESULTS = """(dialog) => {
  dialog.querySelector("h2").textContent = "Force offline: 1 done";
  dialog.querySelector("ul").append(dialog.querySelector("template").content.cloneNode(true));
  for (const part of dialog.querySelectorAll("li [data-f]")) part.textContent = "Done";
  dialog.showModal();
}"""


async def test_picked_users_the_dialog_and_the_results_lack_nothing(crowd: list[Person], visit: Visit) -> None:
    live = await Live(await visit()).ready()
    await live.page.get_by_role("checkbox", name="Pick all").click()
    assert await violations(live.page) == []
    await live.page.get_by_role("button", name="Clear busy for 2 users…").click()
    await live.dialog.get_by_text("Unchanged: 4 users").click()
    assert await violations(live.page) == []
    await live.page.keyboard.press("Escape")
    await live.page.locator("dialog#results").evaluate(FILL_RESULTS)
    assert await violations(live.page) == []
    page = await visit("/admin/users?pick=1.2.3.99")
    await expect(page.get_by_text("3 picked")).to_be_visible()
    assert await violations(page) == []


async def test_the_help_lacks_nothing(crowd: list[Person], visit: Visit) -> None:
    live = await Live(await visit()).ready()
    await live.page.keyboard.press("?")
    await expect(live.page.locator("dialog#help")).to_be_visible()
    assert await violations(live.page) == []


async def test_a_paused_page_lacks_nothing(crowd: list[Person], visit: Visit) -> None:
    live = await Live(await visit()).ready()
    await live.page.keyboard.press("p")
    await expect(live.chip).to_have_text("Paused, 0 changes waiting")
    assert await violations(live.page) == []


async def test_a_search_without_a_match_lacks_nothing(crowd: list[Person], visit: Visit) -> None:
    live = await Live(await visit()).ready()
    await live.search.fill("zzz")
    await expect(live.page.get_by_text("No users match")).to_be_visible()
    assert await violations(live.page) == []


async def test_a_stale_page_lacks_nothing(crowd: list[Person], visit: Visit, conduct: Conduct) -> None:
    conduct.excuse("WebSocket connection to .* failed")
    live = await Live(await visit()).ready()
    await live.page.context.set_offline(True)
    await expect(live.chip).to_have_text("No update")
    assert await violations(live.page) == []


async def test_a_page_without_its_server_lacks_nothing(
    site: Site, crowd: list[Person], visit: Visit, conduct: Conduct
) -> None:
    conduct.excuse("WebSocket connection to .* failed")
    live = await Live(await visit()).ready()
    site.program.kill()
    try:
        await expect(live.chip).to_have_text("Connection lost")
        assert await violations(live.page) == []
    finally:
        await site.program.start()


async def test_a_signed_out_page_lacks_nothing(site: Site, crowd: list[Person], visit: Visit) -> None:
    live = await Live(await visit(name="second", fresh=True)).ready()
    await site.sign_out(await live.page.context.new_page())
    await expect(live.banner).to_contain_text("You are signed out")
    assert await violations(live.page) == []


async def test_pages_that_have_nothing_to_show_lack_nothing(make_site: MakeSite, visit: Visit) -> None:
    site = make_site()
    await site.start()
    page = await visit("/admin", "admin", at=site)
    await expect(page.get_by_text("No calls right now")).to_be_visible()
    found = await violations(page)
    for path in ("/admin/users", "/admin/calls", "/admin/events", "/admin/audit", "/admin/wall"):
        await page.goto(site.origin + path)
        found += await violations(page, looks=LOOKS[:1])
    assert found == []


OVERLAPS = """() => {
  const overlap = (one, other) => Math.min(one.right, other.right) - Math.max(one.left, other.left) > 1
    && Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top) > 1;
  const name = (part) => part.textContent.trim().slice(0, 40);
  const found = [];
  const compare = (parts) => parts.forEach((one, at) => parts.slice(at + 1).forEach((other) => {
    if (overlap(one.getBoundingClientRect(), other.getBoundingClientRect())) found.push([name(one), name(other)]);
  }));
  const seen = (part) => part.getClientRects().length && name(part) && !part.closest(":popover-open, [popover]");
  for (const list of document.querySelectorAll("[data-rows], tbody, .timeline")) {
    const rows = [...list.children].filter(seen);
    compare(rows);
    for (const row of rows) {
      compare([...row.children].filter((part) => seen(part) && !part.classList.contains("visually-hidden")));
      if (row.scrollHeight > row.clientHeight + 1) found.push(["too high", name(row)]);
    }
  }
  return found;
}"""


@pytest.mark.parametrize("width", [390, 768, 1024, 1280, 1440])
async def test_no_row_lies_over_another_whatever_the_width(
    site: Site, crowd: list[Person], visit: Visit, width: int
) -> None:
    page = await visit(name="admin", viewport={"width": width, "height": 900})
    await Live(page).ready()
    assert await page.evaluate(OVERLAPS) == []
    for path in ("/admin/users", "/admin/calls", "/admin/audit", "/admin/events", f"/admin/users/{crowd[0].user_id}"):
        await page.goto(site.origin + path)
        assert (path, await page.evaluate(OVERLAPS)) == (path, [])
