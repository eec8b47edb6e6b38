"""The board of the past: it shows how things were, and says when nobody knows."""

from __future__ import annotations

import asyncio
import re
from datetime import datetime, timedelta

import pytest

from handlers.admin.moments import iso
from models.checkpoints import Checkpoint, PastCall, PastUser, checkpoint_id
from models.events import Event
from models.recorded_spans import Span, SpanEnd
from models.times import milliseconds
from tests.admin.browser import Browser
from tests.admin.conftest import SignedIn
from tests.conftest import MakePerson
from tests.running import RunningServer

pytestmark = [pytest.mark.gen_test]

HOURS_AGO = 5
"""When the span of these tests began."""


def text(page: str) -> str:
    """Return the visible text of a page on one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def states(page: str) -> dict[int, str]:
    """Return the state of each user in the list."""
    return {int(user): state for user, state in re.findall(r'data-user="(\d+)">\s*<td><span class="state (\w+)"', page)}


def figures(page: str) -> list[str]:
    """Return the four figures: available, busy, offline and calls."""
    return re.findall(r"<strong>([\d,]+)</strong></a></li>", page)


def hours_ago(server: RunningServer, hours: float) -> datetime:
    return server.core.environment.clock.utc() - timedelta(hours=hours)


async def saved(server: RunningServer) -> None:
    """Have everything saved, as it is within a second."""
    await server.caught_up()
    for node in server.nodes:
        await node.server._persistence.save_events()


async def span(
    server: RunningServer, began: datetime, until: datetime, ended: SpanEnd = "", name: str = "another"
) -> None:
    """Another server kept a record for some time."""
    await server.stores.recorded_spans.begin(Span(f"{name}-{milliseconds(began)}", name, name, began, until, ended))


async def checkpoint(server: RunningServer, at: datetime, *users: PastUser, calls: tuple[PastCall, ...] = ()) -> None:
    """Another server wrote a checkpoint."""
    newest = max((user.user_id for user in users), default=0)
    made = Checkpoint(checkpoint_id(at, "another"), at, f"{milliseconds(at):012x}~", newest)
    await server.stores.checkpoints.add(made, [("users", list(users)), ("calls", list(calls))])


def event(at: datetime, kind: str, user_id: int, **fields: object) -> Event:
    given = {"username": f"user{user_id}", "cause": "set", **fields}
    return Event(f"{milliseconds(at):012x}000000test", at, kind, user_id, **given)  # type: ignore[arg-type]


async def as_of(browser: Browser, at: datetime, **query: str) -> str:
    answer = await browser.get("/admin/board", at=iso(at), **query)
    assert answer.status == 200, answer.body
    return str(answer.body)


async def now_after_changes(server: RunningServer) -> datetime:
    """Return a moment after everything so far and before everything later."""
    await saved(server)
    await asyncio.sleep(0.005)
    moment = server.core.environment.clock.utc()
    await asyncio.sleep(0.005)
    return moment


async def test_the_board_shows_what_was_and_not_what_came_later(
    server: RunningServer, signed_in: SignedIn, user: MakePerson
) -> None:
    ada, bob, cem, dan = [await user(name) for name in ("ada", "bob", "cem", "dan")]
    for person in (ada, bob, cem):
        await person.post("/users/me/heartbeat")
    call = (await ada.post("/calls/start", {"callee_id": bob.user_id, "call_type": "video"})).body
    then = await now_after_changes(server)
    await ada.post("/calls/end", {"call_id": call["call_id"], "reason": "completed"})
    await bob.put("/users/me/status", {"is_online": False})
    await cem.put("/users/me/status", {"is_busy": True})
    await user("late")
    later = await now_after_changes(server)
    browser = await signed_in("viewer")

    page = await as_of(browser, then)
    assert states(page) == {
        ada.user_id: "busy", bob.user_id: "busy", cem.user_id: "available", dan.user_id: "offline",
    }  # fmt: skip
    assert figures(page) == ["1", "2", "1", "1"]
    assert "on a call with bob" in text(page)
    assert "on a call with ada" in text(page)
    assert f'data-call="{call["call_id"]}"' in page
    assert "never came online" in text(page)
    assert "late" not in re.findall(r"<bdi>([^<]+)</bdi></a>", page)

    assert figures(await as_of(browser, later)) == ["1", "1", "3", "0"]


async def test_the_past_is_marked_and_offers_no_action(
    server: RunningServer, signed_in: SignedIn, user: MakePerson
) -> None:
    await (await user("ada")).post("/users/me/heartbeat")
    browser = await signed_in("admin")
    page = await as_of(browser, await now_after_changes(server))
    assert "The past" in text(page)
    assert re.search(r"<title>Past: [^<]+</title>", page)
    main = page[page.index("<main") :]
    assert 'method="post"' not in main
    assert "data-acts" not in main
    assert "/admin/actions" not in main
    assert "<script" not in main


async def test_a_moment_before_a_restart_is_still_known(
    server: RunningServer, signed_in: SignedIn, user: MakePerson, new_browser: object
) -> None:
    ada = await user("ada")
    await ada.post("/users/me/heartbeat")
    then = await now_after_changes(server)
    await ada.put("/users/me/status", {"is_busy": True})
    await server.restart()
    page = await as_of(await signed_in("viewer"), then)
    assert states(page)[ada.user_id] == "available"


async def test_the_last_checkpoint_before_the_moment_and_the_events_after_it_count(
    server: RunningServer, signed_in: SignedIn, user: MakePerson
) -> None:
    people = [await user(f"user{number}") for number in range(4)]
    ids = [person.user_id for person in people]
    began = hours_ago(server, HOURS_AGO)
    at = milliseconds(began)
    await span(server, began, began + timedelta(hours=4))
    await checkpoint(server, began, *(PastUser(user_id, "offline", at - 1000, "timed_out") for user_id in ids))
    hour = began + timedelta(hours=1)
    await checkpoint(
        server,
        hour,
        PastUser(ids[0], "available", milliseconds(hour) - 60_000, "connected"),
        PastUser(ids[1], "busy", milliseconds(hour), "set", "maya"),
        PastUser(ids[2], "busy", milliseconds(hour) - 5000, "call_started"),
        PastUser(ids[3], "busy", milliseconds(hour) - 5000, "call_started"),
        calls=(PastCall("call", ids[2], ids[3], "audio", milliseconds(hour) - 724_000),),
    )
    await server.stores.events.add_many(
        [
            event(began + timedelta(minutes=5), "available", ids[0]),
            event(hour + timedelta(minutes=5), "offline", ids[0], cause="operator", operator="maya"),
            event(hour + timedelta(minutes=6), "busy", ids[0]),
        ]
    )
    browser = await signed_in("viewer")
    assert states(await as_of(browser, began + timedelta(minutes=4)))[ids[0]] == "offline"
    assert states(await as_of(browser, began + timedelta(minutes=6)))[ids[0]] == "available"
    page = await as_of(browser, hour)
    assert [states(page)[user_id] for user_id in ids] == ["available", "busy", "busy", "busy"]
    assert "made busy by maya" in page
    assert "on a call with user3, 12:04" in text(page)
    page = await as_of(browser, hour + timedelta(minutes=5, seconds=1))
    assert states(page)[ids[0]] == "offline"
    assert "taken offline by maya" in page
    assert states(await as_of(browser, hour + timedelta(minutes=7)))[ids[0]] == "busy"


async def test_users_are_filtered_searched_and_sorted(
    server: RunningServer, signed_in: SignedIn, user: MakePerson
) -> None:
    ada, bob, cem = [await user(name) for name in ("Ada_Doe", "bob", "cem")]
    for person in (ada, bob):
        await person.post("/users/me/heartbeat")
    then = await now_after_changes(server)
    await bob.put("/users/me/status", {"is_online": False})
    browser = await signed_in("viewer")

    async def listed(**query: str) -> list[int]:
        return list(states(await as_of(browser, then, **query)))

    assert await listed(sort="name") == [ada.user_id, bob.user_id, cem.user_id]
    assert await listed(status="available", sort="name") == [ada.user_id, bob.user_id]
    assert await listed(status="offline") == [cem.user_id]
    assert await listed(status="calls") == []
    assert await listed(q="doe") == [ada.user_id]
    assert await listed(q=f"#{bob.user_id}") == [bob.user_id]
    assert await listed(tag="nobody") == []
    assert await listed(page="2") == []
    assert set(await listed(sort="since")) == {ada.user_id, bob.user_id, cem.user_id}
    for query in ("status=attention", "sort=heard", "page=0"):
        assert (await browser.get(f"/admin/board?at={iso(then)}&{query}")).status == 400


async def test_a_deleted_user_has_no_name_and_one_who_was_renamed_has_todays(
    server: RunningServer, signed_in: SignedIn, user: MakePerson
) -> None:
    ada, bob, gone = [await user(name) for name in ("ada", "bob", "gone")]
    brief = await user("brief")
    then = await now_after_changes(server)
    await server.core.membership.update(bob.user_id, {"username": "robert"})
    for person in (ada, brief):
        assert (await person.delete("/users/me")).status < 300
    later = await now_after_changes(server)
    browser = await signed_in("viewer")
    page = await as_of(browser, then)
    assert set(states(page)) == {ada.user_id, bob.user_id, gone.user_id, brief.user_id}
    assert f"<bdi>deleted user #{ada.user_id}</bdi>" in page
    assert f'href="/admin/users/{ada.user_id}"' not in page
    assert "<bdi>robert</bdi>" in page
    assert set(states(await as_of(browser, later))) == {bob.user_id, gone.user_id}


async def test_a_moment_while_no_server_ran_says_so(server: RunningServer, signed_in: SignedIn) -> None:
    browser = await signed_in("viewer")
    first, second = hours_ago(server, 5), hours_ago(server, 3)
    for began, ended in ((first, "stopped"), (second, "")):
        await span(server, began, began + timedelta(hours=1), ended)  # type: ignore[arg-type]
        await checkpoint(server, began)
    page = text(await as_of(browser, hours_ago(server, 3.5)))
    assert "No server was running then" in page
    assert "The server stopped at" in page
    page = text(await as_of(browser, hours_ago(server, 1)))
    assert "The server stopped unexpectedly at about" in page
    assert "There is no board for" in page
    assert all(words in page for words in ("Last board before", "Events around then"))
    assert "1 h earlier" not in page
    assert figures(await as_of(browser, hours_ago(server, 2.5))) == ["0", "0", "0", "0"]


async def test_a_moment_outside_what_is_kept_says_so(server: RunningServer, signed_in: SignedIn) -> None:
    browser = await signed_in("viewer")
    page = await as_of(browser, hours_ago(server, 24 * 40))
    assert "That is too long ago" in page
    assert "First board" in page
    page = text(await as_of(browser, hours_ago(server, 24 * 20)))
    assert re.search(r"Nothing was recorded then Recording began at \d+ \w+, [\d:]+ \.", page)
    assert "Events around then" not in page
    page = text(await as_of(browser, hours_ago(server, -1)))
    assert "is in the future" in page
    assert all(words not in page for words in ("The past This page shows", "Board as of", "does not change"))


async def test_events_that_were_lost_leave_a_gap_that_is_named(server: RunningServer, signed_in: SignedIn) -> None:
    began = hours_ago(server, 5)
    await span(server, began, began + timedelta(hours=1), "lost", name="one")
    await span(server, began + timedelta(hours=2), began + timedelta(hours=3), name="one")
    page = await as_of(await signed_in("viewer"), began + timedelta(hours=1.5))
    assert "What happened then was lost" in page
    for name, at in (
        ("Last board before", began + timedelta(hours=1)),
        ("First board after", began + timedelta(hours=2)),
    ):
        (href,) = re.findall(rf'href="([^"]+)">{name}', page)
        assert href == f"?at={iso(at).replace(':', '%3A')}"


async def test_a_server_that_was_killed_shortly_before_makes_the_board_incomplete(
    server: RunningServer, signed_in: SignedIn
) -> None:
    began = hours_ago(server, 5)
    await checkpoint(server, began)
    await span(server, began, began + timedelta(hours=2), name="lives")
    await span(server, began, began + timedelta(minutes=30), name="node-7")
    browser = await signed_in("viewer")
    assert "Incomplete" not in await as_of(browser, began + timedelta(minutes=20))
    page = text(await as_of(browser, began + timedelta(minutes=40)))
    assert "Incomplete: The server node-7 stopped unexpectedly" in page
    await checkpoint(server, began + timedelta(minutes=45))
    assert "Incomplete" not in await as_of(browser, began + timedelta(minutes=50))


async def test_a_checkpoint_that_cannot_be_read_is_not_taken_for_an_empty_board(
    server: RunningServer, signed_in: SignedIn
) -> None:
    began = hours_ago(server, 5)
    await checkpoint(server, began)
    await span(server, began, began + timedelta(hours=2))
    parts = server.stores.checkpoints._parts
    browser = await signed_in("viewer")
    for change in ({"rows": "nonsense"}, {"rows": 7}, {"kind": None}):
        await parts.update_many({"_id": {"$gt": f"{milliseconds(began):012x}"}}, {"$set": change})
        assert "cannot be read" in await as_of(browser, began + timedelta(minutes=5))
    await parts.delete_many({"_id": {"$gt": "0"}})
    page = await as_of(browser, began + timedelta(minutes=5))
    assert "cannot be read" in page
    assert "Last board before" not in page
    await checkpoint(server, began + timedelta(hours=1))
    await span(server, began - timedelta(hours=1), began, name="earlier")
    await checkpoint(server, began - timedelta(hours=1))
    page = await as_of(browser, began + timedelta(minutes=5))
    for name in ("Last board before", "First board after"):
        (href,) = re.findall(rf'href="([^"]+)">{name}', page)
        assert "Board as of" in (await browser.get("/admin/board" + href)).body


async def test_a_call_over_the_limit_is_marked_and_the_day_is_always_named(
    server: RunningServer, signed_in: SignedIn, user: MakePerson
) -> None:
    ids = [(await user(f"user{number}")).user_id for number in range(4)]
    at = hours_ago(server, 1)
    lengths = (1, server.settings.long_call_seconds + 1)
    calls = [
        PastCall(
            f"call{place}", ids[2 * place], ids[2 * place + 1], "audio", milliseconds(at - timedelta(seconds=length))
        )
        for place, length in enumerate(lengths)
    ]
    await checkpoint(server, at, calls=tuple(calls))
    await span(server, at, hours_ago(server, 0))
    page = await as_of(await signed_in("viewer"), at)
    assert page.count("Over the limit of 2 h<") == 1
    local = f"{at.day} {at:%b}, {at:%H:%M:%S}"
    assert f"This page shows {local} , 1 h before this page was opened." in text(page)
    assert f"Board as of {local}" in text(page)


async def test_a_moment_may_be_missing_or_wrong(signed_in: SignedIn) -> None:
    browser = await signed_in("viewer")
    answer = await browser.get("/admin/board")
    assert (answer.status, "Choose a moment" in answer.body) == (200, True)
    answer = await browser.get("/admin/board", at="yesterday")
    assert answer.status == 400
    assert 'role="alert"' in answer.body
    assert "yesterday" in answer.body


async def test_only_operators_see_the_past(new_browser: object, browser: Browser) -> None:
    answer = await browser.get("/admin/board")
    assert answer.status == 303
    assert answer.headers["Location"].startswith("/admin/login")
