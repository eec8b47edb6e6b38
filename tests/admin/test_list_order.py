"""The order of lists from the store: by heads, kept by pages, jumps, saved filters and CSV files."""

from __future__ import annotations

import csv
import html
import io
import re
from datetime import timedelta

import pytest

from handlers.admin import exports
from models.calls import Call
from tests.admin.conftest import SignedIn
from tests.admin.test_time_lists import main, marked, minutes, read, shown
from tests.conftest import MakePerson
from tests.running import RunningServer

pytestmark = pytest.mark.gen_test

LISTS = [("events", "time", "Time"), ("calls", "started", "Started"), ("audit", "time", "Time")]
OVER_LISTS = pytest.mark.parametrize(("name", "by", "label"), LISTS, ids=[name for name, _, _ in LISTS])


def head(page: str) -> tuple[str, str, str]:
    """Return the direction of the sorted column, its label, and how a click on its head sorts."""
    (found,) = re.findall(r'aria-sort="(\w+)"><button[^>]* form="sorts" name="sort" value="([^"]+)">(\w+)<', page)
    return found[0], found[2], found[1]


def call_ids(page: str) -> list[str]:
    """Return the calls from top to bottom."""
    return re.findall(r'href="/admin/calls/(\w+)" aria-label="View', page)


def hidden_fields(page: str, form: str) -> dict[str, str]:
    """Return the hidden fields of the form with this id."""
    (fields,) = re.findall(rf'<form id="{form}"[^>]*>(.*?)</form>', page, re.DOTALL)
    return {name: html.unescape(value) for name, value in re.findall(r'name="([^"]+)" value="([^"]*)"', fields)}


@OVER_LISTS
@pytest.mark.settings(page_rows=3)
async def test_a_head_turns_the_list_round_on_all_its_pages(
    server: RunningServer, signed_in: SignedIn, user: MakePerson, name: str, by: str, label: str
) -> None:
    await user("ada")
    await minutes(server, 7)
    browser, path = await signed_in("viewer"), f"/admin/{name}"
    page = await read(browser, path)
    assert head(page) == ("descending", label, f"-{by}")
    assert ", newest first</caption>" in page
    narrowed = {"from": "2026-01-31T12:00", "to": "2026-01-31T12:30"}
    page = await read(browser, path, sort=f"-{by}", **narrowed)
    assert head(page) == ("ascending", label, by)
    assert ", oldest first</caption>" in page
    assert page.count("aria-sort=") == 1
    seen = shown(page)
    while link := re.search(r'rel="next" href="([^"]+)"', page):
        page = await read(browser, path + html.unescape(link[1]))
        seen += shown(page)
    assert seen == list(range(7))
    assert "Order: <bdi>oldest first</bdi>" in page
    assert (await browser.get(path, sort="name")).status == 400


@OVER_LISTS
async def test_a_head_keeps_the_filter_and_is_remembered_for_its_list(
    server: RunningServer, signed_in: SignedIn, user: MakePerson, name: str, by: str, label: str
) -> None:
    ada = await user("ada")
    await minutes(server, 3)
    browser, path = await signed_in("viewer"), f"/admin/{name}"
    narrowed = {"events": {"user": "ada"}, "calls": {"q": "ada", "state": "ended"}, "audit": {"operator": "sam"}}[name]
    given = {**narrowed, "from": "2026-01-31T12:00", "to": "2026-01-31T12:30", "columns": "started.cause"}
    page = await read(browser, path, **given, page="1")
    assert '<option value="">Newest first</option>' in page, "an address needn't name the usual order"
    fields = hidden_fields(page, "sorts")
    kept = {**given, "from": "2026-01-31T12:00+00:00", "to": "2026-01-31T12:30+00:00", "keep": "sort"}
    assert fields == kept
    answer = await browser.get(path, **fields, sort=f"-{by}")
    assert answer.status == 303
    assert answer.headers["Location"].startswith(f"{path}?")
    assert "keep" not in answer.headers["Location"]
    assert shown(await read(browser, answer.headers["Location"])) == [0, 1, 2]
    page = await read(browser, path, **{**given, "columns": ""})
    assert shown(page) == [0, 1, 2]
    assert f'<option value="{by}">Newest first</option>' in page
    assert re.search(rf'name="query" value="[^"]*&amp;sort=-{by}"', page), "a saved filter has the order, too"
    assert shown(await read(browser, path, **given, sort=by)) == [2, 1, 0]
    assert f"rollcall_sort_{name}" in browser.cookies
    assert ada.user_id == 1


@OVER_LISTS
@pytest.mark.settings(page_rows=4)
async def test_a_jump_has_the_earlier_rows_above_the_moment(
    server: RunningServer, signed_in: SignedIn, user: MakePerson, name: str, by: str, label: str
) -> None:
    await user("ada")
    await minutes(server, 12)
    browser, path = await signed_in("viewer"), f"/admin/{name}"
    page = await read(browser, path, at="2026-01-31T12:05", sort=f"-{by}")
    assert marked(shown(page)) == [3, 4, -1, 5, 6]
    assert "Earlier above, later below" in page
    seen = [3, 4, 5, 6]
    for rel, word in (("prev", "Earlier"), ("next", "Later")):
        there = page
        while link := re.search(rf'rel="{rel}" href="([^"]+)">{word}<', main(there)):
            there = await read(browser, path + html.unescape(link[1]))
            seen = seen + shown(there) if rel == "next" else shown(there) + seen
    assert seen == list(range(12))
    page = await read(browser, path, at="0001-01-01T00:00", sort=f"-{by}")
    assert "Nothing earlier; later below" in page


@OVER_LISTS
async def test_a_file_has_the_order_of_its_page(
    server: RunningServer,
    signed_in: SignedIn,
    user: MakePerson,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    by: str,
    label: str,
) -> None:
    monkeypatch.setattr(exports, "EXPORTED_AT_ONCE", 2)
    await user("ada")
    await minutes(server, 5)
    browser = await signed_in("viewer")
    browser.cookies[f"rollcall_sort_{name}"] = f"-{by}"
    page = await read(browser, f"/admin/{name}", to="2026-02-01")
    (file,) = re.findall(rf'href="(/admin/{name}\.csv[^"]*)"', page)
    answer = await browser.get(html.unescape(file))
    times = [row[by] for row in csv.DictReader(io.StringIO(answer.body[1:]))]
    assert times == [f"2026-01-31T12:0{minute}:00.000Z" for minute in range(5)]
    assert (await browser.get(f"/admin/{name}.csv", sort="name")).status == 400


@pytest.mark.settings(page_rows=2)
async def test_calls_are_sorted_by_duration_with_those_that_are_ongoing_until_now(
    server: RunningServer, signed_in: SignedIn, user: MakePerson
) -> None:
    for name in ("ada", "bob"):
        await user(name)
    now = server.core.environment.clock.utc()
    for call_id, ago, length in (("long", 60, 3000), ("short", 50, 5), ("middle", 40, 600), ("zero", 30, 0)):
        begun = now - timedelta(minutes=ago)
        over = begun + timedelta(seconds=length)
        await server.stores.calls.insert(Call(call_id, 1, 2, "audio", "completed", begun, over, length, "completed"))
    await server.stores.calls.insert(Call("still", 1, 2, "audio", "ongoing", now - timedelta(minutes=20)))
    browser = await signed_in("viewer")
    assert 'data-head="duration"' in await read(browser, "/admin/calls")
    longest_first = ["long", "still", "middle", "short", "zero"]
    for sort, order, words in (("duration", longest_first, "longest"), ("-duration", longest_first[::-1], "shortest")):
        page = await read(browser, "/admin/calls", sort=sort, q="ada", range="day")
        assert f"Calls, {words} first</caption>" in page
        seen, there = call_ids(page), page
        while link := re.search(r'rel="next" href="([^"]+)"', there):
            there = await read(browser, "/admin/calls" + html.unescape(link[1]))
            seen += call_ids(there)
        assert seen == order
        (file,) = re.findall(r'href="(/admin/calls\.csv[^"]*)"', page)
        answer = await browser.get(html.unescape(file))
        assert [row["call_id"] for row in csv.DictReader(io.StringIO(answer.body[1:]))] == order
    assert call_ids(await read(browser, "/admin/calls", sort="duration", state="ongoing")) == ["still"]
    assert call_ids(await read(browser, "/admin/calls", sort="duration", state="ended")) == ["long", "middle"]


async def test_what_is_too_long_to_be_sorted_by_duration_has_no_head_for_it_and_says_why(
    server: RunningServer, signed_in: SignedIn, user: MakePerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("handlers.admin.calls", "handlers.admin.timed_page", "models.timed_list"):
        monkeypatch.setattr(f"{module}.COUNT_LIMIT", 4)
    await user("ada")
    await minutes(server, 6)
    browser = await signed_in("viewer")
    browser.cookies["rollcall_sort_calls"] = "duration"
    page = await read(browser, "/admin/calls")
    assert (shown(page), head(page)[1]) == ([5, 4, 3, 2, 1, 0], "Started")
    assert 'data-head="duration"' not in page
    assert "Then you can also sort them by duration." in page
    page = await read(browser, "/admin/calls", **{"from": "2026-01-31"})
    assert "There are too many calls to sort them by duration. Choose a shorter time range." in page
    page = await read(browser, "/admin/calls", at="2026-01-31T12:03")
    assert (marked(shown(page)), head(page)[1]) == ([5, 4, 3, -1, 2, 1, 0], "Started")
    page = await read(browser, "/admin/calls", **{"from": "2026-01-31T12:03"})
    assert head(page) == ("descending", "Duration", "-duration")
    answer = await browser.get("/admin/calls.csv", sort="duration")
    assert answer.status == 400
    assert "can't be sorted by duration" in html.unescape(answer.body)
    assert (await browser.get("/admin/calls", sort="duration", at="yesterday")).status == 400


async def test_new_events_are_added_only_where_the_newest_come_first(signed_in: SignedIn) -> None:
    browser = await signed_in("viewer")
    assert "New events appear here" in await read(browser, "/admin/events")
    assert "New events appear here" not in await read(browser, "/admin/events", sort="-time")
