"""The live page: users get tags, and the list is filtered by them."""

from __future__ import annotations

import pytest
from playwright.async_api import expect
from tornado.ioloop import IOLoop

from tests.clients import Person
from tests.dashboard.conftest import Visit
from tests.dashboard.live import Live
from tests.dashboard.site import Site

pytestmark = [pytest.mark.slow, pytest.mark.gen_test]


@pytest.fixture(scope="module")
def people(io_loop: IOLoop, site: Site) -> list[Person]:
    """Three available users, in order of their names."""
    return io_loop.run_sync(lambda: site.online("Ada Quist", "Björn Santos", "Chidi Quist"))


async def test_listed_users_get_a_tag_by_which_the_list_is_filtered(people: list[Person], visit: Visit) -> None:
    page = await visit("/admin?q=quist")
    live = await Live(page).ready()
    tags = page.locator("[data-users=tag]")
    await expect(tags).to_be_hidden()
    await page.get_by_role("button", name="Add tag to 2 users…").click()
    await page.get_by_label("Tag").fill("sales")
    await page.get_by_role("button", name="Continue…").click()
    await expect(page.get_by_role("heading", name="Add tag: 2 users")).to_be_visible()
    await page.get_by_label("Reason").fill("a new team")
    await page.get_by_role("button", name="Add tag to 2 users").click()

    await live.ready()
    assert page.url.endswith("/admin?q=quist")
    await live.search.press("Escape")
    await expect(live.rows).to_have_count(3)
    await tags.focus()
    await page.keyboard.type("sa")
    await expect(tags).to_have_value("sales")
    await page.keyboard.press("Home")
    await tags.select_option(label="sales (2)")
    await expect(live.rows).to_have_count(2)
    assert page.url.endswith("/admin?tag=sales")
    await page.reload()
    await live.ready()
    assert await live.listed() == ["Ada Quist", "Chidi Quist"]
    await expect(page.locator("[data-users=count]")).to_have_text("2 of 3")

    other = await visit(f"/admin/users/{people[0].user_id}")
    await other.get_by_role("link", name="Remove…").click()
    await other.get_by_label("Reason").fill("left the team")
    await other.get_by_role("button", name="Remove tag").click()
    await expect(live.rows).to_have_count(1, timeout=12_000)
    await expect(tags.locator("option:checked")).to_have_text("sales (1)")


COUNT_IN_LINES = "() => document.querySelector('.wall #free-title .count').getClientRects().length"


async def test_on_a_wall_how_many_of_the_available_have_the_tag_stays_in_one_line(
    people: list[Person], visit: Visit
) -> None:
    page = await visit("/admin/wall?tag=support+of+the+night+shift", "viewer")
    await expect(page.locator("#free-title .count")).to_have_text(f"0 of {len(people)}")
    for width in range(320, 1600, 16):
        await page.set_viewport_size({"width": width, "height": 900})
        assert await page.evaluate(COUNT_IN_LINES) == 1, width
