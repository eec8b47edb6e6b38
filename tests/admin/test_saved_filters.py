"""Filters saved under a name: as links, without a script, for each operator."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.admin.browser import JSON_PLEASE, Browser
from tests.admin.conftest import PASSWORD, SignedIn
from tests.clients import Answer

pytestmark = [pytest.mark.gen_test, pytest.mark.any_store]


async def change(browser: Browser, **fields: Any) -> Answer:
    return await browser.post("/admin/saved-filters", {"page": "users", **fields})


async def test_a_filter_is_saved_from_its_page_and_is_a_link_there_in_every_browser(
    signed_in: SignedIn, new_browser: Callable[[], Browser]
) -> None:
    viewer = await signed_in("viewer")
    page = (await viewer.get("/admin/users", status="busy", q="Zoë & co", page=1)).body
    assert 'name="query" value="status=busy&amp;q=Zo%C3%AB+%26+co"' in page
    assert "None yet on this page." in page
    answer = await change(
        viewer, name="Busy Zoës", query="?status=busy&q=Zo%C3%AB+%26+co&page=3", next="/admin/users?q=x"
    )
    assert (answer.status, answer.headers["Location"]) == (303, "/admin/users?q=x")
    page = (await viewer.get("/admin/users")).body
    assert "Filter “Busy Zoës” saved." in html.unescape(page)
    link = '<a class="item" href="/admin/users?status=busy&amp;q=Zo%C3%AB+%26+co"><bdi>Busy Zoës</bdi></a>'
    assert link in page
    other = await new_browser().signed_in("viewer", PASSWORD)
    assert link in (await other.get("/admin/users", sort="name")).body
    assert "Busy Zoës" not in (await other.get("/admin/calls")).body
    assert "Busy Zoës" not in (await (await signed_in("operator")).get("/admin/users")).body


@pytest.mark.parametrize("path", ["/admin", "/admin/users", "/admin/calls", "/admin/events", "/admin/audit"])
async def test_every_list_has_its_own(path: str, signed_in: SignedIn) -> None:
    viewer = await signed_in("viewer")
    page = path.rpartition("/")[2].replace("admin", "live")
    answer = await change(viewer, page=page, name="mine", query="q=ada", next=path)
    assert (answer.status, answer.headers["Location"]) == (303, path)
    assert f'href="{path}?q=ada"><bdi>mine</bdi>' in (await viewer.get(path)).body


async def test_filters_are_renamed_and_deleted_on_a_page_of_their_own(signed_in: SignedIn) -> None:
    viewer = await signed_in("viewer")
    await change(viewer, name="<b>one</b>", query="status=busy")
    page = (await viewer.get("/admin/saved-filters")).body
    assert "<bdi>&lt;b&gt;one&lt;/b&gt;</bdi>" in page
    await change(viewer, change="rename", name="<b>one</b>", new_name="one")
    assert "<bdi>one</bdi>" in (await viewer.get("/admin/saved-filters")).body
    await change(viewer, change="delete", name="one")
    assert "No saved filters yet." in (await viewer.get("/admin/saved-filters")).body


@pytest.mark.parametrize(
    ("page", "query", "words"),
    [
        (
            "live",
            "status=calls&sort=-since&chart=4h",
            "Status: On a call · Sort: Shortest in status · Chart: Last 4 hours",
        ),
        ("users", "sort=since&q=sort", "Sort: Longest in status · Search: sort"),
        ("calls", "state=ongoing&sort=duration", "State: Ongoing · Sort: Longest first"),
        ("events", "kind=call_started&range=day", "Type: Call started · Time: Last 24 hours"),
        ("events", "sort=-time&at=2026-11-26T14%3A05%2B01%3A00", "Sort: Oldest first · Around: 26 Nov 2026, 13:05"),
        ("events", "at=2026-11-26T14%3A05&zone=Europe%2FBerlin", "Around: 26 Nov 2026, 13:05"),
        ("calls", "from=2026-11-26T14%3A05&to=2026-11-27", "From: 26 Nov 2026, 14:05 · To: 28 Nov 2026, 00:00"),
        ("audit", "action=clear_busy&from=yesterday", "Action: Clear busy · From: yesterday"),
        ("audit", "to=2026-11-26&zone=Mars", "To: 2026-11-26 · Time zone: Mars"),
        ("calls", "columns=started.type", "Columns: Started, Type"),
        ("users", "status=all", "Everything"),
    ],
)
async def test_a_filter_is_described_in_the_words_of_its_page(
    page: str, query: str, words: str, signed_in: SignedIn
) -> None:
    viewer = await signed_in("viewer")
    await change(viewer, page=page, name="mine", query=query)
    shown = (await viewer.get("/admin/saved-filters")).body
    cell = re.search(r'<td class="soft"[^>]*><span class="text">(.*?)</span></td>', shown)
    assert cell is not None
    assert html.unescape(re.sub(r"<[^>]+>", "", cell[1])) == words


async def test_a_name_that_is_refused_stays_in_its_field(signed_in: SignedIn) -> None:
    viewer = await signed_in("viewer")
    for name in ("mine", "taken"):
        await change(viewer, name=name, query="status=busy")
    await change(viewer, name="mine", query="q=ada", page="calls")
    answer = await change(viewer, change="rename", name="mine", new_name="<taken")
    assert answer.status == 303
    answer = await change(viewer, change="rename", name="<taken", new_name="taken ")
    assert answer.status == 400
    (field,) = re.findall(r'<input name="new_name" value="taken "[^>]*>', answer.body)
    assert 'aria-invalid="true" aria-describedby="problem" autofocus' in field
    assert answer.body.count("aria-invalid") == 1
    assert "There is already a filter named “taken”." in html.unescape(answer.body)
    answer = await change(viewer, change="rename", name="gone", new_name="")
    assert (answer.status, answer.headers["Location"]) == (303, "/admin/saved-filters")


async def test_what_is_refused_is_said_on_the_page_and_nothing_else_is_kept(signed_in: SignedIn) -> None:
    viewer = await signed_in("viewer")
    for fields in ({"name": ""}, {"name": "x" * 61}, {"name": "x", "page": "wall"}, {"name": "x", "change": "drop"}):
        answer = await change(viewer, **{"query": "q=1", **fields})
        assert answer.status == 303
        assert "refused" in (await viewer.get("/admin/saved-filters")).body
    answer = await viewer.post("/admin/saved-filters", {"page": "users", "name": ""}, headers=JSON_PLEASE)
    assert (answer.status, answer.code) == (400, "INVALID_REQUEST")
    answer = await change(viewer, name="x", query="q=1", next="https://elsewhere.example/")
    assert answer.headers["Location"] == "/admin"
    assert (await viewer.post("/admin/saved-filters", {"name": "x"}, with_xsrf=False)).status == 403
