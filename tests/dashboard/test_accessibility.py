"""What axe knows of: nobody is kept out, whatever the page, the look and the state."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect
from tornado.ioloop import IOLoop

from models.status import Claims
from tests.clients import Person
from tests.dashboard.conduct import Conduct
from tests.dashboard.conftest import MakeSite, Visit
from tests.dashboard.live import Live
from tests.dashboard.site import Site, call

pytestmark = [pytest.mark.slow, pytest.mark.gen_test(timeout=60)]

TALL = 4000
"""Whatever scrolls is judged only where it is in view."""

LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": TALL}, "has_touch": True, "is_mobile": True},
    "forced colours": {"forced_colors": "active"},
}

STATES_LOOKS = ["light", "dark", "phone"]


def look_of(name: str) -> dict[str, Any]:
    return {"viewport": {"width": 1440, "height": TALL}, **LOOKS[name]}


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
    async with site.stores() as stores:
        await stores.users.save_claims(people[2].user_id, Claims(set_busy=True), datetime.now(UTC))
    return people


async def violations(page: Page) -> list[str]:
    """What axe finds, and whether the page is wider than its window."""
    results = await Axe().run(page)
    found = [f"{each['id']}: {node['html']}" for each in results.response["violations"] for node in each["nodes"]]
    wider = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return found + [f"{wider} px too wide"] * (wider > 0)


@asynccontextmanager
async def live_in(visit: Visit, look: str, **options: Any) -> AsyncIterator[Live]:
    live = Live(await visit(**look_of(look), **options))
    yield await live.ready()


@pytest.mark.parametrize("look", LOOKS)
async def test_no_page_lacks_anything_that_axe_knows_of(
    site: Site, crowd: list[Person], visit: Visit, conduct: Conduct, look: str
) -> None:
    conduct.excuse(r"status of 404 .*/admin/nothing")
    person = crowd[0].user_id
    (ongoing,) = (await crowd[0].get("/calls/ongoing")).body["items"]
    page = await visit("/admin", "admin", **look_of(look))
    await expect(Live(page).wrong(f"busy_without_cause:{crowd[2].user_id}")).to_be_visible()
    found = [f"/admin: {each}" for each in await violations(page)]
    for path in (
        "/admin/users", f"/admin/users/{person}", f"/admin/users/{crowd[2].user_id}", "/admin/users?q=a&status=busy",
        "/admin/users?q=zzz", "/admin/calls", f"/admin/calls/{ongoing['call_id']}", "/admin/events", "/admin/audit",
        "/admin/system", "/admin/operators", "/admin/wall", "/admin/nothing",
        f"/admin/actions?action=force_offline&user_id={person}",
    ):  # fmt: skip
        await page.goto(site.origin + path)
        found += [f"{path}: {each}" for each in await violations(page)]
    login = await visit("/admin/login", "", **look_of(look))
    found += [f"/admin/login: {each}" for each in await violations(login)]
    assert found == []


@pytest.mark.parametrize("look", LOOKS)
async def test_an_open_menu_lacks_nothing(crowd: list[Person], visit: Visit, look: str) -> None:
    async with live_in(visit, look) as live:
        await live.cell(crowd[0], "more").click()
        await expect(live.menu).to_be_visible()
        assert await violations(live.page) == []


@pytest.mark.parametrize("look", LOOKS)
async def test_an_open_dialog_lacks_nothing(crowd: list[Person], visit: Visit, look: str) -> None:
    async with live_in(visit, look) as live:
        await live.choose(crowd[0], "Force offline")
        await expect(live.dialog.get_by_text("1 call with Björn Santos")).to_be_visible()
        assert await violations(live.page) == []


@pytest.mark.parametrize("look", STATES_LOOKS)
async def test_the_help_lacks_nothing(crowd: list[Person], visit: Visit, look: str) -> None:
    async with live_in(visit, look) as live:
        await live.page.keyboard.press("?")
        await expect(live.page.locator("dialog#help")).to_be_visible()
        assert await violations(live.page) == []


@pytest.mark.parametrize("look", STATES_LOOKS)
async def test_a_search_without_a_match_lacks_nothing(crowd: list[Person], visit: Visit, look: str) -> None:
    async with live_in(visit, look) as live:
        await live.search.fill("zzz")
        await expect(live.page.get_by_text("Nobody matches")).to_be_visible()
        assert await violations(live.page) == []


@pytest.mark.parametrize("look", LOOKS)
async def test_a_stale_page_lacks_nothing(crowd: list[Person], visit: Visit, look: str) -> None:
    async with live_in(visit, look) as live:
        await live.page.context.set_offline(True)
        await expect(live.chip).to_have_text("No update")
        assert await violations(live.page) == []


@pytest.mark.parametrize("look", LOOKS)
async def test_a_page_without_its_server_lacks_nothing(
    site: Site, crowd: list[Person], visit: Visit, conduct: Conduct, look: str
) -> None:
    conduct.excuse("WebSocket connection to .* failed")
    async with live_in(visit, look) as live:
        site.program.kill()
        try:
            await expect(live.chip).to_have_text("Connection lost")
            assert await violations(live.page) == []
        finally:
            await site.program.start()


@pytest.mark.parametrize("look", STATES_LOOKS)
async def test_a_signed_out_page_lacks_nothing(site: Site, crowd: list[Person], visit: Visit, look: str) -> None:
    async with live_in(visit, look, name="second", fresh=True) as live:
        other = await live.page.context.new_page()
        await site.sign_out(other)
        await expect(live.banner).to_contain_text("You are signed out")
        assert await violations(live.page) == []


@pytest.mark.parametrize("look", STATES_LOOKS)
async def test_pages_that_have_nothing_to_show_lack_nothing(make_site: MakeSite, visit: Visit, look: str) -> None:
    site = make_site()
    await site.start()
    page = await visit("/admin", "admin", at=site, **look_of(look))
    await expect(page.get_by_text("No calls right now")).to_be_visible()
    found = [f"/admin: {each}" for each in await violations(page)]
    for path in ("/admin/users", "/admin/calls", "/admin/events", "/admin/audit", "/admin/wall"):
        await page.goto(site.origin + path)
        found += [f"{path}: {each}" for each in await violations(page)]
    assert found == []
