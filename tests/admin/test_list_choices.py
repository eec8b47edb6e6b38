"""The order and the columns of lists: by heads that are buttons, remembered in the browser, without a script."""

from __future__ import annotations

import re

import pytest

from tests.admin.browser import Browser
from tests.admin.conftest import SignedIn
from tests.conftest import MakePerson

pytestmark = [pytest.mark.gen_test]


def heads(page: str) -> list[str]:
    """Return the texts of a table's heads."""
    (head,) = re.findall(r"<thead>(.*?)</thead>", page, re.DOTALL)
    return [re.sub(r"<[^>]+>", "", each).strip() for each in re.findall(r"<th [^>]*>(.*?)</th>", head, re.DOTALL)]


def names(page: str) -> list[str]:
    """Return the names in the list from top to bottom."""
    return re.findall(r'<a class="name" href="/admin/users/\d+"><bdi>([^<]+)</bdi>', page)


async def users(browser: Browser, **query: str) -> str:
    page: str = (await browser.get("/admin/users", **query)).body
    return page


@pytest.mark.parametrize("path", ["/admin/users", "/admin"])
async def test_heads_sort_the_list_and_say_in_which_direction(path: str, signed_in: SignedIn, user: MakePerson) -> None:
    for name in ("ada", "bob", "cyd"):
        await user(name)
    viewer = await signed_in("viewer")
    page = (await viewer.get(path, sort="name")).body
    assert 'data-head="name" data-natural="ascending" aria-sort="ascending"' in page
    assert '<button class="head-sort" type="submit" form="sorts" name="sort" value="-name">User</button>' in page
    assert page.count("aria-sort=") == 1
    page = (await viewer.get(path, sort="-since")).body
    assert 'data-head="since" data-natural="descending" aria-sort="ascending"' in page
    assert 'name="sort" value="since">Duration</button>' in page
    page = (await viewer.get(path, sort="-name", q="b")).body
    assert 'data-head="name" data-natural="ascending" aria-sort="descending"' in page
    assert '<input type="hidden" name="q" value="b">' in page
    assert names(await users(viewer, sort="-name")) == ["cyd", "bob", "ada"]
    assert (await viewer.get(path, sort="-attention")).status == 400


async def test_a_head_is_remembered_for_its_list_and_a_link_is_not(signed_in: SignedIn, user: MakePerson) -> None:
    for name in ("ada", "bob"):
        await user(name)
    viewer = await signed_in("viewer")
    answer = await viewer.get("/admin/users", sort="-name", q="", keep="sort")
    assert (answer.status, answer.headers["Location"]) == (303, "/admin/users?sort=-name")
    assert names(await users(viewer)) == ["bob", "ada"]
    assert names(await users(viewer, sort="name")) == ["ada", "bob"]
    assert names(await users(viewer)) == ["bob", "ada"]
    assert 'aria-sort="descending"' not in (await viewer.get("/admin")).body


async def test_columns_are_chosen_and_remembered_and_a_link_may_name_others(
    signed_in: SignedIn, user: MakePerson
) -> None:
    await user("ada")
    viewer = await signed_in("viewer")
    assert heads(await users(viewer)) == ["Status", "User", "Duration", "Because", "Device", "Last seen"]
    chosen = [("list", "users"), ("column", "heard"), ("column", "nonsense"), ("next", "/admin/users?q=ada")]
    answer = await viewer.post("/admin/columns", chosen)
    assert (answer.status, answer.headers["Location"]) == (303, "/admin/users?q=ada")
    page = await users(viewer)
    assert heads(page) == ["Status", "User", "Last seen"]
    assert 'data-label="Device"' not in page
    assert 'value="heard" checked' in page
    assert 'value="device" checked' not in page
    assert heads(await users(viewer, columns="device.since")) == ["Status", "User", "Duration", "Device"]
    assert heads(await users(viewer)) == ["Status", "User", "Last seen"]
    await viewer.post("/admin/columns", [("list", "users")])
    assert heads(await users(viewer)) == ["Status", "User"]
    assert "without-device" not in (await viewer.get("/admin")).body
    assert "without-device" in (await viewer.get("/admin", columns="since")).body
    assert (await viewer.post("/admin/columns", {"list": "wall"})).status == 400
