"""Acknowledging an issue over HTTP: who may, what others see, what the audit keeps, and all of it without a script."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from models.acknowledgements import Acknowledgement
from models.times import utc_milliseconds
from tests.admin.browser import JSON_PLEASE, Browser
from tests.admin.conftest import PASSWORD, AddOperator, SignedIn
from tests.clients import Answer
from tests.conftest import MakePerson
from tests.running import RunningServer

pytestmark = [pytest.mark.gen_test, pytest.mark.any_store]


async def flapping(server: RunningServer, user: MakePerson, name: str = "ada") -> str:
    """Make a user flap. Returns the key of the issue."""
    person = await user(name)
    for is_busy in (True, False) * 3:
        await person.put("/users/me/status", {"is_busy": is_busy, "is_online": True})
    server.core.overview_feed.refresh()
    (issue,) = (each for each in server.core.overview.issues() if each.user_id == person.user_id)
    return issue.key


def on_it(page: str) -> list[str]:
    """Return what the rows of a page say of who is on it."""
    return [text for text in re.findall(r'data-f="acknowledged"[^>]*>([^<]*)<', html.unescape(page)) if text]


async def audit(server: RunningServer) -> list[tuple[str, ...]]:
    entries, _ = await server.stores.audit.page(skip=0, limit=10)
    return [
        (each.operator, each.action, each.target, each.target_name, each.before, each.after, each.outcome)
        for each in entries
        if each.action in ("acknowledge", "take_back")
    ]


async def test_an_operator_is_on_it_and_everyone_sees_that(
    server: RunningServer, user: MakePerson, signed_in: SignedIn
) -> None:
    key = await flapping(server, user)
    operator, viewer = await signed_in("operator"), await signed_in("viewer")
    page = (await operator.get("/admin")).body
    assert f'<input type="hidden" name="issue" value="{key}"' in page
    assert "I'm on it for" in html.unescape(page)
    assert re.findall(r'name="minutes" value="(\d+)"', page)[:4] == ["5", "10", "30", "60"]
    answer = await operator.post("/admin/attention", {"issue": key, "minutes": "10", "next": "/admin"})
    assert (answer.status, answer.headers["Location"]) == (303, "/admin")
    page = (await operator.get("/admin")).body
    assert "You are on it for 10 min: ada." in page
    assert on_it(page) == ["operator is on it, 10 min"]
    for path in ("/admin", "/admin/wall"):
        page = (await viewer.get(path)).body
        assert on_it(page) == ["operator is on it, 10 min"]
        assert 'action="/admin/attention"' not in page
    assert "operator is on it, 10 min" in (await viewer.get(f"/admin/users/{key.rpartition(':')[2]}")).body


async def test_the_page_of_the_user_has_the_form_too(
    server: RunningServer, user: MakePerson, signed_in: SignedIn
) -> None:
    key = await flapping(server, user)
    operator = await signed_in("operator")
    path = f"/admin/users/{key.rpartition(':')[2]}"
    assert 'action="/admin/attention"' in (await operator.get(path)).body
    answer = await operator.post("/admin/attention", {"issue": key, "minutes": "5", "next": path})
    assert answer.headers["Location"] == path
    page = (await operator.get(path)).body
    assert "operator is on it, 5 min" in page
    assert "Acknowledge issue" in page


async def test_another_operator_takes_over_or_takes_it_back_and_the_audit_has_it_all(
    server: RunningServer,
    user: MakePerson,
    signed_in: SignedIn,
    operator: AddOperator,
    new_browser: Callable[[], Browser],
) -> None:
    key = await flapping(server, user)
    target = f"user:{key.rpartition(':')[2]}"
    first = await signed_in("operator")
    await operator("admin", "noor")
    second = await new_browser().signed_in("noor", PASSWORD)
    assert (await say(first, key, minutes="30")).body == {"message": "You are on it for 30 min: ada."}
    await say(second, key, minutes="60")
    assert on_it((await first.get("/admin")).body) == ["noor is on it, 60 min"]
    assert (await say(first, key, take_back="1")).body == {"message": "Nobody is on it any more: ada."}
    assert on_it((await second.get("/admin")).body) == []
    assert await server.stores.acknowledgements.all() == []
    again = await say(first, key, take_back="1")
    assert (again.status, again.body["error"]["code"]) == (409, "NOTHING_TO_DO")
    assert await audit(server) == [
        ("operator", "take_back", target, "ada", "nobody is on it", "", "refused: NOTHING_TO_DO"),
        ("operator", "take_back", target, "ada", "noor is on it, 60 min", "nobody is on it", "done"),
        ("noor", "acknowledge", target, "ada", "operator is on it, 30 min", "noor is on it, 60 min", "done"),
        ("operator", "acknowledge", target, "ada", "nobody is on it", "operator is on it, 30 min", "done"),
    ]
    page = (await first.get("/admin/audit", action="acknowledge")).body
    assert "State keeps changing" in page, "the audit says which issue it was"


async def test_what_is_refused(server: RunningServer, user: MakePerson, signed_in: SignedIn) -> None:
    key = await flapping(server, user)
    viewer, operator = await signed_in("viewer"), await signed_in("operator")
    answer = await say(viewer, key, minutes="10")
    assert (answer.status, answer.body["error"]["code"]) == (403, "ROLE_TOO_LOW")
    for minutes in ("", "0", "7", "-5", "10000000", "x"):
        assert (await say(operator, key, minutes=minutes)).status == 400
    answer = await say(operator, "long_call:gone", minutes="10")
    assert (answer.status, answer.body["error"]["code"]) == (404, "NOT_FOUND")
    answer = await operator.post("/admin/attention", {"issue": "x" * 5000, "minutes": "10"})
    assert answer.status == 303, "a form leads back to its page, which says that the issue has ended"
    assert "This issue has ended." in (await operator.get("/admin")).body
    assert (await operator.post("/admin/attention", {"issue": key, "minutes": "10"}, with_xsrf=False)).status == 403
    assert (await operator.get("/admin/attention")).status == 405
    assert await server.stores.acknowledgements.all() == []
    assert [(each[0], each[3][:20], each[-1]) for each in await audit(server)] == [
        ("operator", "x" * 20, "refused: NOT_FOUND"),
        ("operator", "long_call:gone", "refused: NOT_FOUND"),
        ("viewer", "ada", "refused: ROLE_TOO_LOW"),
    ]


async def say(browser: Browser, key: str, **fields: str) -> Answer:
    """Acknowledge an issue or take that back, as a script does."""
    return await browser.post("/admin/attention", {"issue": key, **fields}, headers=JSON_PLEASE)


@pytest.mark.settings(notice_interval_seconds=0.02)
async def test_what_another_server_notes_is_seen_here_and_a_restart_keeps_it(
    server: RunningServer, user: MakePerson, signed_in: SignedIn
) -> None:
    key = await flapping(server, user)
    operator = await signed_in("operator")
    now = utc_milliseconds(datetime.now(UTC))
    await server.stores.acknowledgements.put(Acknowledgement(key, "noor", now, now + timedelta(minutes=5)))
    await server.stores.notices.post("acknowledgements_changed")
    async with asyncio.timeout(5):
        while on_it((await operator.get("/admin")).body) != ["noor is on it, 5 min"]:
            await asyncio.sleep(0.02)
    await server.restart()
    assert server.core.acknowledgements.of(key) == Acknowledgement(key, "noor", now, now + timedelta(minutes=5))
