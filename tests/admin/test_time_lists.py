"""Lists by time: ranges and jumps on Events, Calls, Audit and the page of a user, and in their CSV files."""

from __future__ import annotations

import csv
import html
import io
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from models.audit import AuditEntry
from models.calls import Call
from models.events import Event
from tests.admin.browser import Browser
from tests.admin.conftest import SignedIn
from tests.conftest import MakePerson
from tests.running import RunningServer

pytestmark = pytest.mark.gen_test

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
ROW = r'<tr(?: id="first"| data-key="[^"]+")?>|<li data-key="[^"]+">|<li><a class="then"'
PATHS = ("/admin/events", "/admin/calls", "/admin/audit", "/admin/users/1")


def event(number: int, at: datetime, **fields: Any) -> Event:
    given = {"kind": "available", "user_id": 1, "username": "ada", "cause": f"event{number:03}", **fields}
    return Event(event_id=f"{int(at.timestamp() * 1000):012x}{number:06x}", at=at, **given)


async def minutes(server: RunningServer, count: int, start: datetime = NOON) -> None:
    """Store an event, a call and an entry for each minute from a moment on."""
    times = [start + timedelta(minutes=number) for number in range(count)]
    await server.stores.events.add_many([event(number, at) for number, at in enumerate(times)])
    for number, at in enumerate(times):
        await server.stores.calls.insert(
            Call(f"call{number:03}", 1, 2, "audio", "completed", at, at, 0, "completed", 1)
        )
    await server.stores.audit.add_all(
        [
            AuditEntry(f"{number:06}", at, "sam", "sign_out", "user:1", "ada", "", "", f"entry{number:03}", "", "done")
            for number, at in enumerate(times)
        ]
    )


def shown(page: str) -> list[int]:
    """The minutes of the rows, from top to bottom, and -1 for the mark of the moment."""
    found = re.findall(r'id="moment"|<time class="local" datetime="2026-01-31T(\d\d):(\d\d)', main(page))
    return [int(hour) * 60 + int(minute) - 720 if hour else -1 for hour, minute in found]


def main(page: str) -> str:
    """The list, without the current status and the actions of a user."""
    return page.partition('id="events"')[2] or page.partition("<tbody")[2]


def marked(rows: list[int]) -> list[int]:
    """The rows without the time in the mark, which stands behind it."""
    return [row for place, row in enumerate(rows) if place == 0 or rows[place - 1] != -1]


async def read(browser: Browser, path: str, **query: str) -> str:
    answer = await browser.get(path, **query)
    assert answer.status == 200, answer.body
    return str(answer.body)


@pytest.mark.parametrize("path", PATHS)
async def test_from_and_to_limit_each_list(
    server: RunningServer, signed_in: SignedIn, user: MakePerson, path: str
) -> None:
    await user("ada")
    await minutes(server, 20)
    browser = await signed_in("viewer")
    page = await read(browser, path, **{"from": "2026-01-31T12:05", "to": "2026-01-31T12:08"})
    assert shown(page) == [7, 6, 5]
    assert 'value="2026-01-31T12:05"' in page
    page = await read(browser, path, **{"from": "2026-01-31T13:05", "to": "2026-01-31T13:08", "zone": "Europe/Berlin"})
    assert shown(page) == [7, 6, 5]
    assert 'value="2026-01-31T12:05"' in page  # the fields are in the zone of the page
    assert shown(await read(browser, path, **{"from": "2026-02-01T12:05"})) == []


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.settings(page_rows=4)
async def test_a_jump_shows_what_came_before_and_after_with_ways_on(
    server: RunningServer, signed_in: SignedIn, user: MakePerson, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handlers.admin.users.TIMELINE_ROWS", 4)
    await user("ada")
    await minutes(server, 20)
    browser = await signed_in("viewer")
    page = await read(browser, path, at="2026-01-31T12:10")
    assert marked(shown(page)) == [11, 10, -1, 9, 8]
    assert "Later above, earlier below" in page
    seen = [11, 10, 9, 8]
    for rel in ("prev", "next"):
        there, url = page, ""
        while link := re.search(rf'rel="{rel}" href="([^"]+)"', main(there)):
            url = html.unescape(link[1])
            assert parse_qs(url[1:])["at"] == ["2026-01-31T12:10"]
            there = await read(browser, path + url)
            assert -1 not in shown(there)
            assert "Back to the moment" in there
            seen = seen + shown(there) if rel == "next" else shown(there) + seen
    assert seen == list(range(19, -1, -1))


@pytest.mark.parametrize("path", PATHS)
async def test_far_from_everything_the_moment_is_marked_at_the_end(
    server: RunningServer, signed_in: SignedIn, user: MakePerson, path: str
) -> None:
    await user("ada")
    await minutes(server, 3)
    browser = await signed_in("viewer")
    for at, words in (("9999-12-31T23:59", "earlier below"), ("0001-01-01T00:00", "nothing earlier")):
        page = await read(browser, path, at=at)
        assert words in page
        rows = re.findall(r'id="moment"|datetime="2026-01-31T12:0', main(page))
        assert len([row for row in rows if row != 'id="moment"']) == 3
        assert rows.index('id="moment"') == (0 if at[0] == "9" else 3)


@pytest.mark.parametrize("path", PATHS)
async def test_a_named_range_ends_now(server: RunningServer, signed_in: SignedIn, user: MakePerson, path: str) -> None:
    await user("ada")
    now = server.core.environment.clock.utc()
    for age in (timedelta(minutes=30), timedelta(hours=5), timedelta(hours=20), timedelta(days=6), timedelta(days=8)):
        at = now - age
        await server.stores.events.add_many([event(0, at)])
        await server.stores.calls.insert(Call(str(age), 1, 2, "audio", "completed", at, at, 0, "completed", 1))
        fields = ("sam", "sign_out", "user:1", "ada", "", "", "test", "", "done")
        await server.stores.audit.add_all([AuditEntry(str(age), at, *fields)])
    browser = await signed_in("viewer")
    for number, name in enumerate(("hour", "shift", "day", "week"), 1):
        page = await read(browser, path, range=name)
        assert len(re.findall(ROW, main(page))) - ("audit" in path) == number
        assert re.search(rf'href="\?range={name}" aria-current="true"', page)


@pytest.mark.parametrize("path", ["/admin/events", "/admin/users/1"])
async def test_a_live_list_knows_when_its_range_begins(signed_in: SignedIn, user: MakePerson, path: str) -> None:
    await user("ada")
    browser = await signed_in("viewer")
    for name, hours in (("hour", 1), ("day", 24), ("week", 168)):
        page = await read(browser, path, range=name)
        found = re.search(r'data-now="(\d+)".* data-start="(\d+)" data-is-moving>', page)
        assert found
        assert int(found[1]) - int(found[2]) == pytest.approx(hours * 3600_000, abs=1000)
    page = await read(browser, path, **{"from": "2026-01-31T12:05"})
    assert f' data-start="{int(NOON.timestamp() * 1000) + 5 * 60_000}">' in page
    assert "data-is-moving" not in page
    if path == "/admin/events":
        assert "data-start" not in await read(browser, path)


@pytest.mark.parametrize("path", PATHS[:3])
async def test_above_a_list_around_a_moment_stands_the_moment(signed_in: SignedIn, path: str) -> None:
    page = await read(await signed_in("viewer"), path, at="2026-01-31T12:10")
    line = page.partition('<p class="around">')[2].partition("</p>")[0]
    has_rows = path == "/admin/audit"  # which has the sign-in
    assert ('id="moment"' in page) is has_rows
    assert re.findall(r'href="([^"]+)">([^<]+)</a>', line) == [
        *([("?at=2026-01-31T12%3A10#moment", "Go to this moment")] if has_rows else []),
        ("/admin/board?at=2026-01-31T12:10:00.000Z", "Board then"),
        ("?", "Clear"),
    ]
    assert f'action="{path}#moment" role="search"' in page
    assert f'id="sorts" method="get" action="{path}#moment"' in page


NONSENSE: list[tuple[dict[str, str], str]] = [
    ({"from": "2026-01-31T12:05", "to": "2026-01-31T12:05"}, "The start of a time range must be before its end."),
    ({"from": "9999-12-31T12:05", "to": "0001-01-31T12:05"}, "The start of a time range must be before its end."),
    ({"at": "yesterday"}, "“yesterday” is not a date and time. Give “Jump to” a time such as 2026-11-26T14:05."),
    ({"to": "2026-02-30"}, "“2026-02-30” is not a date and time. Give “To” a time such as 2026-11-26T14:05."),
    ({"range": "month"}, "range must be one of hour, shift, day, week."),
    ({"at": "2026-01-31", "zone": "Mars/Olympus"}, "There is no time zone “Mars/Olympus”."),
]


@pytest.mark.parametrize("path", PATHS)
async def test_what_is_no_range_is_said_above_the_form(signed_in: SignedIn, user: MakePerson, path: str) -> None:
    await user("ada")
    browser = await signed_in("viewer")
    for query, sentence in NONSENSE:
        answer = await browser.get(path, **query)
        assert answer.status == 400
        assert sentence in answer.body
        for name in ("from", "to"):
            assert f'name="{name}" value="{query.get(name, "")}"' in answer.body  # nothing typed is lost
        if "users" not in path:
            assert "Export CSV" not in answer.body
            assert 'class="count"></span>' in answer.body
            assert (await browser.get(f"{path}.csv", **query)).status == 400
    answer = await browser.get(path, headers={"Accept": "application/json"}, at="yesterday")
    assert (answer.status, answer.body["error"]["code"]) == (400, "INVALID_REQUEST")
    assert "Give “at” a time" in answer.body["error"]["message"]


async def test_a_page_around_a_moment_that_there_is_not_is_400(signed_in: SignedIn) -> None:
    browser = await signed_in("viewer")
    for page in ("x", "1.5", "--1", "-", "201", "-99999999"):
        answer = await browser.get("/admin/events", at="2026-01-31", page=page)
        assert answer.status == 400
        assert "page must be between -200 and 200." in answer.body


@pytest.mark.parametrize(("name", "time"), [("events", "time"), ("calls", "started"), ("audit", "time")])
@pytest.mark.settings(page_rows=2)
async def test_links_filters_pages_and_files_keep_the_range(
    server: RunningServer, signed_in: SignedIn, user: MakePerson, name: str, time: str
) -> None:
    ada = await user("ada")
    await user("bob")
    await minutes(server, 20)
    browser = await signed_in("viewer")
    narrowed = {"events": {"user": "ada"}, "calls": {"q": "ada", "state": "ended"}, "audit": {"operator": "sam"}}[name]
    assert ada.user_id == 1
    given = {**narrowed, "from": "2026-01-31T12:05", "to": "2026-01-31T12:09"}
    page = await read(browser, f"/admin/{name}", **given)
    assert shown(page) == [8, 7]
    link = re.search(r'rel="next" href="([^"]+)"', page)
    assert link
    assert shown(await read(browser, f"/admin/{name}{html.unescape(link[1])}")) == [6, 5]
    for kept in ("from", "to"):
        assert re.search(rf'type="hidden" name="{kept}" value="2026-01-31T12:0\d\+00:00"', page)
    for field, value in narrowed.items():
        assert f'type="hidden" name="{field}" value="{value}"' in page.partition('<div class="times">')[2]
    file = re.search(rf'href="(/admin/{name}\.csv[^"]*)"', page)
    assert file
    answer = await browser.get(html.unescape(file[1]))
    rows = list(csv.DictReader(io.StringIO(answer.body[1:])))
    assert [row[time] for row in rows] == [f"2026-01-31T12:0{minute}:00.000Z" for minute in (8, 7, 6, 5)]
    assert "from-2026-01-31T12-05-to-2026-01-31T12-09" in answer.headers["Content-Disposition"]


async def test_a_file_of_calls_has_all_of_them_with_names(
    server: RunningServer, signed_in: SignedIn, user: MakePerson
) -> None:
    await user("ada")
    await user("bob")
    await server.stores.calls.insert(Call("c1", 1, 2, "video", "ongoing", NOON))
    later = NOON + timedelta(seconds=64)
    await server.stores.calls.insert(Call("c2", 2, 1, "audio", "dropped", NOON, later, 64, "dropped"))
    answer = await (await signed_in("viewer")).get("/admin/calls.csv")
    assert [list(row.values()) for row in csv.DictReader(io.StringIO(answer.body[1:]))] == [
        ["2026-01-31T12:00:00.000Z", "", "", "c1", "video", "ongoing", "1", "ada", "2", "bob", ""],
        [
            "2026-01-31T12:00:00.000Z", "2026-01-31T12:01:04.000Z", "64", "c2", "audio", "dropped", "2", "bob", "1",
            "ada", "",
        ],
    ]  # fmt: skip
    assert (await (await signed_in("operator")).get("/admin/calls.csv", state="x")).status == 400


async def test_around_a_moment_the_calls_that_were_ongoing_are_marked(
    server: RunningServer, signed_in: SignedIn, user: MakePerson
) -> None:
    await user("ada")
    await user("bob")
    for call_id, start, length in (("before", 0, 60), ("then", 2, 900), ("after", 11, 60)):
        begun = NOON + timedelta(minutes=start)
        over = begun + timedelta(seconds=length)
        await server.stores.calls.insert(Call(call_id, 1, 2, "audio", "completed", begun, over, length, "completed"))
    await server.stores.calls.insert(Call("still", 1, 2, "audio", "ongoing", NOON))
    page = await read(await signed_in("viewer"), "/admin/calls", at="2026-01-31T12:10")
    rows = re.split(r"(?=<tr)", main(page))
    assert [re.findall(r"/admin/calls/(\w+)", row)[0] for row in rows if "Ongoing then" in row] == ["then", "still"]


async def test_a_users_file_has_the_range_of_the_timeline(
    server: RunningServer, signed_in: SignedIn, user: MakePerson
) -> None:
    await user("ada")
    await minutes(server, 9)
    browser = await signed_in("viewer")
    page = await read(browser, "/admin/users/1", **{"from": "2026-01-31T12:05"})
    file = re.search(r'href="(/admin/events\.csv[^"]*)"', page)
    assert file
    url = urlsplit(html.unescape(file[1]))
    assert parse_qs(url.query) == {"user": ["1"], "from": ["2026-01-31T12:05+00:00"]}
    assert len((await browser.get(html.unescape(file[1]))).body.splitlines()) == 1 + 4
    assert re.search(r'<h2 id="events">From <time class="local short"[^>]+>31 Jan(?: 2026)?, 12:05</time></h2>', page)
    assert page.count("entry00") == 4  # operators' actions in the range
    page = await read(browser, "/admin/users/1")
    assert page.count("entry00") == 9
    assert "No events in the last 24 hours." in page


async def test_a_time_that_clocks_showed_twice_offers_the_second(
    server: RunningServer, signed_in: SignedIn, user: MakePerson
) -> None:
    await user("ada")
    for number, hour in enumerate((0, 1)):
        await server.stores.events.add_many([event(number, datetime(2026, 10, 25, hour, 29, tzinfo=UTC))])
    browser = await signed_in("viewer")
    browser.cookies["rollcall_browser_zone"] = "Europe/Berlin"
    page = await read(browser, "/admin/events", at="2026-10-25T02:30")
    assert "Clocks in Europe/Berlin went back on 25 Oct 2026 and showed 02:30 twice. This is the first time." in page
    assert main(page).index("T01:29:00") < main(page).index('id="moment"') < main(page).index("T00:29:00")
    second = re.search(r'<a href="([^"]+)">Show the second time</a>', page)
    assert second
    page = await read(browser, "/admin/events" + html.unescape(second[1]).partition("#")[0])
    assert main(page).index('id="moment"') < main(page).index("T01:29:00") < main(page).index("T00:29:00")
    page = await read(browser, "/admin/events", at="2026-03-29T02:30")
    assert "Clocks in Europe/Berlin skipped 02:30 on 29 Mar 2026." in page


async def test_events_that_are_not_saved_yet_are_in_a_range_that_reaches_to_them(
    signed_in: SignedIn, user: MakePerson
) -> None:
    ada = await user("ada")
    await ada.post("/users/me/heartbeat")
    browser = await signed_in("viewer")
    assert "ada came online" in main(await read(browser, "/admin/users/1", range="hour"))
    assert "ada came online" not in main(await read(browser, "/admin/users/1", to="2026-01-01"))


async def test_a_printed_list_says_its_range(signed_in: SignedIn) -> None:
    browser = await signed_in("viewer")
    page = await read(browser, "/admin/events", **{"from": "2026-01-31T12:05", "to": "2026-01-31T12:09"})
    head = page.partition("print-head")[2].partition("</p>")[0]
    assert "Time: From 31 Jan 2026, 12:05 to 31 Jan 2026, 12:09 ·" in " ".join(re.sub("<[^>]+>", "", head).split())
    assert head.count('<time class="local full"') == 3
    assert "No events match." in page
