"""Users: the list of users with its filters, its pages, the users who are picked, and the menu “Views”."""

from __future__ import annotations

from playwright.async_api import expect

from tests.screenshots.state import Scene, plain, state

WITHOUT_SCRIPTS = {"java_script_enabled": False}

TALL = 9000
"""Pixels, so that what follows a whole page of the list can be seen."""

plain("users_operator", "/admin/users")
plain("users_viewer", "/admin/users", role="viewer")
plain("users_available", "/admin/users?status=available")
plain("users_calls", "/admin/users?status=calls&sort=since", role="viewer")
plain("users_offline", "/admin/users?status=offline&sort=-heard")
plain("users_attention", "/admin/users?status=attention")
plain("users_tag", "/admin/users?tag=%D8%AF%D8%B9%D9%85&sort=-name")
plain("users_search", "/admin/users?q=quist&sort=name")
plain("users_search_for_nobody", "/admin/users?q=xyzzy&status=busy&tag=sales")
plain("users_tag_of_nobody", "/admin/users?tag=night+owls")
plain("users_last_page", "/admin/users?sort=state&page=3", height=TALL)
plain("users_page_beyond_the_last", "/admin/users?page=99")
plain("users_without_columns", "/admin/users?columns=none")
plain("users_two_columns", "/admin/users?columns=since.device&sort=-since")
plain("users_thousands", "/admin/users?page=42", place="thousands", height=TALL)
plain("users_thousands_all_picked", "/admin/users?pick=all", place="thousands", frame="grown", height=TALL)
plain("users_nobody", "/admin/users", place="nobody")
plain("users_nobody_found", "/admin/users?q=ada", place="nobody", role="viewer")
plain("users_without_javascript", "/admin/users?q=wei", options=WITHOUT_SCRIPTS)
plain("users_wrong_sort", "/admin/users?sort=age")
plain("users_wrong_page", "/admin/users?page=first", role="viewer")
plain("users_marked", "/admin/users?tag=marked", place="patient")


@state("users_picked", "/admin/users?sort=name", frame="window")
async def pick_three(scene: Scene) -> None:
    """Three users at the end of the page are picked. The line for them is below."""
    boxes = scene.page.locator("#list [data-f=pick]")
    last = await boxes.count() - 1
    for number in (last - 3, last - 2, last):
        await boxes.nth(number).click()
    await expect(scene.page.locator("[data-pick=count]")).to_have_text("3 picked")
    await scene.page.evaluate("() => scrollTo(0, document.documentElement.scrollHeight)")


@state("users_picked_elsewhere", "/admin/users?q=quist&pick=1.2.3.4.5.6.7", frame="grown", height=TALL)
async def open_the_others(scene: Scene) -> None:
    """Users who are picked are not on this page."""
    await scene.page.locator("[data-pick=others] summary").click()


@state("users_picked_without_javascript", "/admin/users?q=wei&pick=1.2.4", frame="window", options=WITHOUT_SCRIPTS)
async def show_the_bar(scene: Scene) -> None:
    """The buttons count nobody."""
    await scene.page.locator("[data-pick=foot]").scroll_into_view_if_needed()


@state("users_all_picked", "/admin/users?pick=all&status=available", frame="grown", height=TALL)
async def show_all_picked(scene: Scene) -> None:
    """Everybody who matches is picked."""
    await expect(scene.page.locator("[data-pick=head]")).to_be_checked()


@state("users_views", "/admin/users?status=busy&sort=name")
async def open_views(scene: Scene) -> None:
    """The menu with saved filters, of which the page shows one, and another has a long name."""
    long_name = "Everybody who is available in the night shift of the 3rd team, א"
    for name, status in ((long_name, "available"), ("Busy by name", "busy")):
        await scene.page.goto(f"{scene.place.site.origin}/admin/users?status={status}&sort=name")
        await scene.page.get_by_role("button", name="Views").click()
        await scene.page.get_by_label("Name for the filter as it is now").fill(name)
        async with scene.page.expect_navigation():
            await scene.page.get_by_role("button", name="Save filter").click()
    await scene.page.get_by_role("button", name="Views").click()


@state("users_views_without_columns", "/admin/users?columns=heard", role="viewer")
async def open_views_of_one_column(scene: Scene) -> None:
    """The menu when one column is chosen."""
    await scene.page.get_by_role("button", name="Views").click()
