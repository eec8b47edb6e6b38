"""A user's day: a strip of states with its times, totals and calls; a day or a week, by the URL; CSV."""

from __future__ import annotations

import csv
import html
import io
import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from handlers.admin import day_strips, user_past
from models.calls import Call, ended
from models.checkpoints import Checkpoint, PastUser, checkpoint_id
from models.events import Event
from models.recorded_spans import Span as RecordedSpan
from models.recorded_spans import SpanEnd
from models.times import milliseconds
from models.user_documents import NewUser
from tests.admin.browser import Browser
from tests.admin.conftest import SignedIn
from tests.admin.test_pages import text
from tests.clients import Answer, Api, Person
from tests.conftest import MakePerson
from tests.running import RunningServer

pytestmark = pytest.mark.gen_test

HOUR = timedelta(hours=1)


def midnight(days_ago: int = 0) -> datetime:
    """The beginning of a day in UTC."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return today - timedelta(days=days_ago)


def date(days_ago: int) -> str:
    return f"{midnight(days_ago):%Y-%m-%d}"


async def old_user(server: RunningServer, name: str, days_ago: int = 20) -> int:
    """Create a user who was never online."""
    stored = await server.stores.users.create(NewUser(name, None, None), midnight(days_ago))
    server.core.loader.add(stored)
    return stored.profile.user_id


async def note(server: RunningServer, user_id: int, *changes: tuple[datetime, str, str]) -> None:
    """Store changes of a user's state, each with its moment, the state and the cause."""
    await server.stores.events.add_many(
        [
            Event(f"{int(at.timestamp() * 1000):012x}0000", at, state, user_id, "ada", cause)  # type: ignore[arg-type]
            for at, state, cause in changes
        ]
    )


async def hold_call(
    server: RunningServer, call_id: str, parties: tuple[int, int], start: datetime, end: datetime
) -> None:
    """Store a call that is over."""
    call = Call(call_id, *parties, "audio", "ongoing", start)
    await server.stores.calls.insert(call)
    await server.stores.calls.end(ended(call, "completed", end, parties[0]))


async def shift(server: RunningServer) -> tuple[int, int]:
    """Yesterday ada was available from 8 to 12, with a call with bob and a pause. Return the ids of both."""
    ada, bob, day = await old_user(server, "ada"), await old_user(server, "bob"), midnight(1)
    await note(
        server,
        ada,
        (day + 8 * HOUR, "available", "connected"),
        (day + 9 * HOUR + timedelta(milliseconds=5), "busy", "call_started"),
        (day + 9.5 * HOUR + timedelta(milliseconds=7), "available", "call_ended"),
        (day + 10 * HOUR, "busy", "set"),
        (day + 10 * HOUR + timedelta(minutes=20), "available", "set"),
        (day + 12 * HOUR, "offline", "disconnected"),
    )
    await hold_call(server, "c1", (bob, ada), day + 9 * HOUR, day + 9.5 * HOUR)
    return ada, bob


def card(page: str) -> str:
    """The part of a page with the day."""
    return page.partition('class="card day-card"')[2].partition("</section>")[0]


def bars(page: str) -> list[tuple[str, str]]:
    """Return (state, tooltip) of each bar, in order of time."""
    found = re.findall(r'class="span (\w+)" data-start="(\d+)".*?<title>(.*?)</title>', card(page), re.DOTALL)
    ordered = sorted(found, key=lambda each: int(each[1]))
    return [(state, html.unescape(title)) for state, _, title in ordered]


def rows(answer: Answer) -> list[dict[str, str]]:
    assert answer.status == 200, answer.body
    assert answer.body.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(answer.body[1:])))


async def test_who_went_offline_before_the_day_is_offline_for_that_reason(
    server: RunningServer, signed_in: SignedIn
) -> None:
    ada, day = await old_user(server, "ada"), midnight(3)
    await note(server, ada, (day + 8 * HOUR, "available", "connected"), (day + 17 * HOUR, "offline", "timed_out"))
    page = (await (await signed_in("viewer")).get(f"/admin/users/{ada}?day={date(1)}")).body
    ((state, title),) = bars(page)
    assert (state, title.partition(",")[0]) == ("offline", "Offline: timed out")


async def test_a_day_is_a_strip_of_states_each_with_its_times_and_reason(
    server: RunningServer, signed_in: SignedIn
) -> None:
    ada, _ = await shift(server)
    page = (await (await signed_in("viewer")).get(f"/admin/users/{ada}?day={date(1)}")).body
    day = f"{midnight(1).day} {midnight(1):%b}"
    if midnight(1).year != midnight(0).year:
        day += f" {midnight(1).year}"
    assert [(state, title.partition("\n")[0]) for state, title in bars(page)] == [
        ("offline", f"Offline: never came online, {day}, 00:00:00 – {day}, 08:00:00, 8 h"),
        ("available", f"Available: came online, {day}, 08:00:00 – {day}, 09:00:00, 1 h"),
        ("calls", f"On a call with bob, {day}, 09:00:00 – {day}, 09:30:00, 30 min"),
        ("available", f"Available: after a call, {day}, 09:30:00 – {day}, 10:00:00, 30 min"),
        ("busy", f"Busy: set busy, {day}, 10:00:00 – {day}, 10:20:00, 20 min"),
        ("available", f"Available: set available, {day}, 10:20:00 – {day}, 12:00:00, 1 h 40 min"),
        (
            "offline",
            f"Offline: connection lost, {day}, 12:00:00 – " + bars(page)[-1][1].partition(" – ")[2].partition("\n")[0],
        ),
    ]
    assert bars(page)[1][1].endswith(f"\n{date(1)}T08:00:00.000Z – {date(1)}T09:00:00.000Z")


async def test_a_jump_to_a_moment_is_answered_with_the_state_then(server: RunningServer, signed_in: SignedIn) -> None:
    ada, _ = await shift(server)
    browser = await signed_in("viewer")
    for time, told in (
        ("09:10", "On a call with bob,"),
        ("10:05", "Busy , set busy,"),
        ("13:00", "Offline , connection lost"),
    ):
        page = (await browser.get(f"/admin/users/{ada}?at={date(1)}T{time}Z")).body
        assert re.search(rf"At \d+ \w+, {time}:00 : {told}", text(card(page)))
        assert page.count('class="asked"') == 1
    assert 'class="asked"' not in (await browser.get(f"/admin/users/{ada}")).body


async def test_the_totals_say_how_long_each_state_lasted_and_how_many_calls_there_were(
    server: RunningServer, signed_in: SignedIn
) -> None:
    ada, _ = await shift(server)
    browser = await signed_in("viewer")
    day = text(card((await browser.get(f"/admin/users/{ada}?day={date(1)}")).body))
    assert f"Yesterday, {midnight(1):%A} {midnight(1).day} {midnight(1):%B %Y}" in day
    assert "Available 3:10:00 13% Busy 50:00 3% On calls 30:00 2% part of busy Offline 20:00:00 83%" in day
    assert "Calls 1 30:00 As of" in day or "Calls 1 30:00 Events of this day" in day
    assert "7 states with times and reasons" in day
    week = text(card((await browser.get(f"/admin/users/{ada}?day={date(1)}&view=week")).body))
    assert f"{midnight(1):%a} {midnight(1).day} {midnight(1):%b} 0" not in week
    assert "3:10:00 50:00 30:00 20:00:00 1" in week
    assert "Not known" not in week


async def test_a_call_over_midnight_is_in_both_days_with_the_part_that_lies_in_each(
    server: RunningServer, signed_in: SignedIn
) -> None:
    ada, bob = await old_user(server, "ada"), await old_user(server, "bob")
    await note(
        server, ada, (midnight(2) - HOUR, "available", "connected"), (midnight(1) + HOUR, "available", "call_ended")
    )
    await hold_call(server, "c1", (ada, bob), midnight(1) - HOUR / 2, midnight(1) + HOUR)
    browser = await signed_in("viewer")
    lengths = {2: "30:00", 1: "1:00:00"}
    for days_ago, length in lengths.items():
        page = text(card((await browser.get(f"/admin/users/{ada}?day={date(days_ago)}")).body))
        assert f"Calls 1 {length} " in page
        assert f"On calls {length}" in page


async def test_today_ends_now_with_the_state_that_still_lasts(
    server: RunningServer, signed_in: SignedIn, user: MakePerson
) -> None:
    ada, bob = await user("ada"), await user("bob")
    for each in (ada, bob):
        await each.post("/users/me/heartbeat")
    await ada.post("/calls/start", {"callee_id": bob.user_id, "call_type": "video"})
    page = (await (await signed_in("viewer")).get(f"/admin/users/{bob.user_id}")).body
    state, title = bars(page)[-1]
    assert state == "calls"
    assert re.match(r"On a call with ada, \d\d:\d\d:\d\d – now, \d s", title)
    assert "this user did not exist yet" in text(card(page))
    assert 'rel="next"' not in card(page)


async def test_a_page_that_a_script_loads_leaves_messages_to_the_next_page(
    server: RunningServer, signed_in: SignedIn
) -> None:
    ada, browser = await old_user(server, "ada"), await signed_in("viewer")
    await browser.post("/admin/time-zone", {"zone": "other", "other": "nowhere"})
    message = "Give a name such as Europe/Berlin"
    loaded = await browser.get(f"/admin/users/{ada}", headers={"Sec-Fetch-Dest": "empty"})
    assert message not in loaded.body
    assert message in (await browser.get(f"/admin/users/{ada}")).body


async def test_the_days_before_and_after_and_the_week_are_links(server: RunningServer, signed_in: SignedIn) -> None:
    ada = await old_user(server, "ada")
    browser = await signed_in("viewer")
    page = card((await browser.get(f"/admin/users/{ada}?day={date(3)}")).body)
    links = {name: url for url, name in re.findall(r'href="([^"#]+)#day"[^>]*>([^<]+)<', page)}
    assert links == {
        "Day": f"?day={date(3)}",
        "Week": f"?day={date(3)}&amp;view=week",
        "Previous day": f"?day={date(4)}",
        "Next day": f"?day={date(2)}",
        "Today": "?",
    }
    today = card((await browser.get(f"/admin/users/{ada}?view=week")).body)
    links = {name: url for url, name in re.findall(r'href="([^"#]+)#day"[^>]*>([^<]+)<', today)}
    assert links["Previous week"] == f"?view=week&amp;day={date(7)}"
    assert "Next week" not in links
    assert "This week" not in links


async def test_a_moment_or_a_range_of_the_page_leads_to_its_day(server: RunningServer, signed_in: SignedIn) -> None:
    ada, browser = await old_user(server, "ada"), await signed_in("viewer")
    strips = {}
    for query in (f"at={date(5)}T14:05", f"from={date(4)}&to={date(2)}", f"to={date(2)}T12:00", "range=hour"):
        page = card((await browser.get(f"/admin/users/{ada}?{query}")).body)
        strips[query.partition("=")[0]] = re.findall(r'data-strip data-start="(\d+)"', page)
    assert strips == {
        "at": [str(milliseconds(midnight(5)))],
        "from": [str(milliseconds(midnight(4)))],
        "to": [str(milliseconds(midnight(2)))],
        "range": [str(milliseconds(midnight()))],
    }
    chosen = card((await browser.get(f"/admin/users/{ada}?at={date(5)}T14:05&day={date(6)}")).body)
    assert f'data-start="{milliseconds(midnight(6))}"' in chosen


async def test_the_events_and_the_calls_of_a_day_are_links(server: RunningServer, signed_in: SignedIn) -> None:
    ada, _ = await shift(server)
    browser = await signed_in("viewer")
    page = card((await browser.get(f"/admin/users/{ada}?day={date(1)}")).body)
    links = {
        name: html.unescape(url) for url, name in re.findall(r'href="(/admin/[^"]+)">(Events|Calls) of this day', page)
    }
    assert "ada is on a call" in (await browser.get(links["Events"])).body
    assert "/admin/calls/c1" in (await browser.get(links["Calls"])).body
    for days_ago in (0, 2):
        other = links["Calls"].replace(date(1), date(days_ago))
        assert "/admin/calls/c1" not in (await browser.get(other)).body


async def test_a_day_that_has_not_begun_says_so(server: RunningServer, signed_in: SignedIn) -> None:
    ada = await old_user(server, "ada")
    browser = await signed_in("viewer")
    page = card((await browser.get(f"/admin/users/{ada}?day={date(-3)}")).body)
    assert "This day has not begun yet." in page
    assert rows(await browser.get(f"/admin/users/{ada}/day.csv?day={date(-3)}")) == []


@pytest.mark.parametrize("query", ["day=yesterday", "day=2026-02-30", "day=0001-01-01", "day=20260227", "view=month"])
async def test_a_day_that_there_is_not_is_refused(server: RunningServer, signed_in: SignedIn, query: str) -> None:
    ada = await old_user(server, "ada")
    browser = await signed_in("viewer")
    for path in (f"/admin/users/{ada}", f"/admin/users/{ada}/day.csv"):
        assert (await browser.get(f"{path}?{query}")).status == 400
    assert (await browser.get("/admin/users/99/day.csv")).status == 404


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [("Europe/Berlin", "2026-03-29", 23), ("Europe/Berlin", "2025-10-26", 25), ("Asia/Kathmandu", "2026-05-05", 24)],
)
async def test_a_day_is_that_of_the_chosen_zone(
    server: RunningServer, signed_in: SignedIn, zone: str, day: str, hours: int
) -> None:
    ada = await old_user(server, "ada")
    browser = await signed_in("viewer")
    browser.cookies["rollcall_zone"] = zone
    page = card((await browser.get(f"/admin/users/{ada}?day={day}")).body)
    start, end = map(int, re.findall(r'data-strip data-start="(\d+)" data-end="(\d+)"', page)[0])
    assert (end - start) / 3_600_000 == hours
    assert datetime.fromtimestamp(start / 1000, ZoneInfo(zone)) == datetime.fromisoformat(day).replace(
        tzinfo=ZoneInfo(zone)
    )


async def test_what_was_before_the_events_that_are_kept_is_not_recorded(
    server: RunningServer, signed_in: SignedIn
) -> None:
    ada = await old_user(server, "ada", days_ago=60)
    await note(server, ada, (midnight(1) + 6 * HOUR, "offline", "timed_out"))
    entry = server.core.registry.get(ada)
    assert entry.state.since == midnight(60)
    browser = await signed_in("viewer")
    page = text(card((await browser.get(f"/admin/users/{ada}?day={date(70)}")).body))
    assert "Not recorded 1 d 100%" in page
    assert "this user did not exist yet" in page


async def ran(server: RunningServer, name: str, start: datetime, end: datetime, ended: SpanEnd = "stopped") -> None:
    """Store that a server was running."""
    await server.stores.recorded_spans.begin(RecordedSpan(f"{name}-{start}", name, name, start, end, ended))


async def test_the_times_in_which_no_server_was_running_or_events_were_lost_are_shown_as_such(
    server: RunningServer, signed_in: SignedIn
) -> None:
    ada, _ = await shift(server)
    day = midnight(1)
    await ran(server, "a", day - HOUR, day + 9.25 * HOUR)
    await ran(server, "b", day + 11 * HOUR, day + 13 * HOUR, "lost")
    await ran(server, "b", day + 14 * HOUR, day + 23 * HOUR, "")
    browser = await signed_in("viewer")
    found = rows(await browser.get(f"/admin/users/{ada}/day.csv?day={date(1)}"))
    assert [(row["start"][11:16], row["state"]) for row in found] == [
        ("00:00", "offline"), ("08:00", "available"), ("09:00", "busy"), ("09:15", "server_not_running"),
        ("11:00", "available"), ("12:00", "offline"), ("13:00", "not_recorded"), ("14:00", "offline"),
        ("23:00", "server_not_running"),
    ]  # fmt: skip
    page = (await browser.get(f"/admin/users/{ada}?day={date(1)}")).body
    assert "Server not running 2:45:00 11%" in text(card(page))
    assert "Server not running: no server was running, " in bars(page)[3][1]
    week = card((await browser.get(f"/admin/users/{ada}?day={date(1)}&view=week")).body)
    assert re.search(r'data-label="Not known"[^>]*>3:45:00<', week)


async def test_who_was_silent_is_known_from_a_checkpoint(server: RunningServer, signed_in: SignedIn, api: Api) -> None:
    ada = await old_user(server, "ada", days_ago=60)
    token, _ = server.tokens.mint(ada, server.core.environment.new_id(), "access", 60)
    await Person(api, ada, "ada", token).post("/users/me/heartbeat")
    browser = await signed_in("viewer")
    url = f"/admin/users/{ada}/day.csv?day={date(3)}"
    assert [row["state"] for row in rows(await browser.get(url))] == ["offline"]
    at = midnight(4)
    silent = [PastUser(ada, "busy", milliseconds(midnight(40)), "set"), PastUser(ada + 1, "offline", 0)]
    await server.stores.checkpoints.add(Checkpoint(checkpoint_id(at, "a"), at, "", 2), [("users", silent)])
    (row,) = rows(await browser.get(url))
    assert (row["state"], row["because"], row["seconds"]) == ("busy", "set busy", "86400")


async def test_a_state_that_changed_while_no_server_was_running_begins_with_the_next_start(
    server: RunningServer, signed_in: SignedIn
) -> None:
    ada, at = await old_user(server, "ada"), midnight(2) + 12 * HOUR
    await note(server, ada, (midnight(2) + 9 * HOUR, "busy", "set"), (midnight(2) + 15 * HOUR, "offline", "timed_out"))
    await ran(server, "a", midnight(3), at - HOUR)
    await ran(server, "b", at, midnight(2) + 20 * HOUR)
    known = [PastUser(ada, "available", milliseconds(at), "busy_expired")]
    await server.stores.checkpoints.add(Checkpoint(checkpoint_id(at, "b"), at, "", 1), [("users", known)])
    found = rows(await (await signed_in("viewer")).get(f"/admin/users/{ada}/day.csv?day={date(2)}"))
    assert [(row["start"][11:16], row["state"]) for row in found] == [
        ("00:00", "offline"), ("09:00", "busy"), ("11:00", "server_not_running"), ("12:00", "available"),
        ("15:00", "offline"), ("20:00", "server_not_running"),
    ]  # fmt: skip


async def test_the_states_of_a_day_come_as_csv(server: RunningServer, signed_in: SignedIn) -> None:
    ada, bob = await shift(server)
    browser = await signed_in("viewer")
    page = card((await browser.get(f"/admin/users/{ada}?day={date(1)}")).body)
    (url,) = re.findall(r'href="([^"]+/day\.csv[^"]+)"', page)
    answer = await browser.get(html.unescape(url))
    assert answer.headers["Content-Disposition"] == f'attachment; filename="day-{date(1)}-ada.csv"'
    found = rows(answer)
    assert [(row["state"], row["on_call"], row["seconds"]) for row in found] == [
        ("offline", "", "28800"), ("available", "", "3600"), ("busy", "yes", "1800"), ("available", "", "1800"),
        ("busy", "", "1200"), ("available", "", "6000"), ("offline", "", "43200"),
    ]  # fmt: skip
    assert found[2] == {
        "day": date(1), "start": f"{date(1)}T09:00:00.000Z", "end": f"{date(1)}T09:30:00.000Z", "seconds": "1800",
        "state": "busy", "on_call": "yes", "because": "with bob", "call_id": "c1", "other_id": str(bob),
        "other_name": "bob", "user_id": str(ada), "username": "ada",
    }  # fmt: skip
    assert {row["day"] for row in found} == {date(1)}


async def test_the_totals_of_a_week_come_as_csv_with_a_row_for_each_day_that_has_begun(
    server: RunningServer, signed_in: SignedIn
) -> None:
    ada, _ = await shift(server)
    answer = await (await signed_in("viewer")).get(f"/admin/users/{ada}/totals.csv?view=week&day={date(1)}")
    monday = midnight(1) - timedelta(days=midnight(1).weekday())
    assert answer.headers["Content-Disposition"] == f'attachment; filename="week-totals-{monday:%Y-%m-%d}-ada.csv"'
    found = {row["day"]: row for row in rows(answer)}
    assert list(found) == [
        f"{monday + timedelta(days=n):%Y-%m-%d}" for n in range(7) if monday + timedelta(days=n) <= midnight()
    ]
    names = ("available", "busy", "on_calls", "offline", "not_recorded", "server_not_running")
    assert [found[date(1)][f"{name}_seconds"] for name in names] == ["11400", "3000", "1800", "72000", "0", "0"]
    assert (found[date(1)]["calls"], found[date(1)]["calls_seconds"]) == ("1", "1800")


async def test_the_seconds_of_the_states_add_up_to_the_totals_and_these_to_the_day(
    server: RunningServer, signed_in: SignedIn
) -> None:
    (ada, bob), day = (await old_user(server, "ada"), await old_user(server, "bob")), midnight(1)
    moments = [day + timedelta(minutes=7 * number, milliseconds=613 * number % 1000) for number in range(1, 40)]
    await note(
        server, ada, *((at, "busy" if number % 2 else "available", "set") for number, at in enumerate(moments))
    )  # fmt: skip
    for number in range(3):
        begin = day + (6 + number) * HOUR
        await hold_call(
            server, f"c{number}", (ada, bob), begin + timedelta(milliseconds=700), begin + timedelta(seconds=9.2)
        )
    browser = await signed_in("viewer")
    states = rows(await browser.get(f"/admin/users/{ada}/day.csv?day={date(1)}"))
    (total,) = rows(await browser.get(f"/admin/users/{ada}/totals.csv?day={date(1)}"))

    def seconds(state: str, *, on_call: bool | None = None) -> str:
        chosen = [each for each in states if each["state"] == state and on_call in (None, each["on_call"] == "yes")]
        return str(sum(int(each["seconds"]) for each in chosen))

    for state in ("available", "busy", "offline", "not_recorded"):
        assert total[f"{state}_seconds"] == seconds(state), state
    assert total["on_calls_seconds"] == total["calls_seconds"] == seconds("busy", on_call=True) == "27"
    assert sum(int(total[f"{state}_seconds"]) for state in ("available", "busy", "offline", "not_recorded")) == 86400


async def test_a_name_that_would_be_a_formula_is_text_in_the_file(server: RunningServer, signed_in: SignedIn) -> None:
    ada, bob = await old_user(server, "=1+1"), await old_user(server, "@bob")
    await hold_call(server, "c1", (ada, bob), midnight(1) + HOUR, midnight(1) + 2 * HOUR)
    found = rows(await (await signed_in("viewer")).get(f"/admin/users/{ada}/day.csv?day={date(1)}"))
    assert {row["username"] for row in found} == {"'=1+1"}
    assert [row["other_name"] for row in found if row["call_id"]] == ["'@bob"]


async def test_beyond_the_limit_the_oldest_changes_are_not_recorded(
    server: RunningServer, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(user_past, "CHANGES_LIMIT", 4)
    ada, _ = await shift(server)
    page = (await (await signed_in("viewer")).get(f"/admin/users/{ada}?day={date(1)}")).body
    assert [state for state, _ in bars(page)] == ["offline", "calls", "available", "busy", "available", "offline"]


async def test_of_very_many_states_those_too_short_to_be_seen_share_a_bar_but_are_listed(
    server: RunningServer, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(day_strips, "BARS_LIMIT", 6)
    ada, _ = await shift(server)
    page = (await (await signed_in("viewer")).get(f"/admin/users/{ada}?day={date(1)}")).body
    assert [state for state, _ in bars(page)] == ["offline", "available", "offline"]
    assert bars(page)[1][1].startswith("Available: most of the time, with many changes, ")
    assert "7 states with times and reasons" in page


async def test_without_an_account_nobody_sees_the_file(server: RunningServer, browser: Browser) -> None:
    ada = await old_user(server, "ada")
    assert (await browser.get(f"/admin/users/{ada}/day.csv")).status == 303
