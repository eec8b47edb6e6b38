"""The audit page: whom an action was for, and what became of it, in words."""

from __future__ import annotations

import re

import pytest

from handlers.admin.audit_words import audit_outcome
from models.audit import AuditEntry
from tests.admin.browser import Browser
from tests.admin.conftest import SignedIn
from tests.conftest import MakePerson
from tests.running import RunningServer

pytestmark = [pytest.mark.gen_test]


async def rows(browser: Browser, **query: str) -> list[str]:
    """Return the text of each row."""
    page = (await browser.get("/admin/audit", **query)).body
    body = page.partition('<tbody id="list"')[2].partition("</tbody>")[0]
    return [" ".join(re.sub("<[^>]+>", " ", row).split()) for row in body.split("<tr")[1:]]


async def record(server: RunningServer, user_id: int, outcome: str, before: str, after: str) -> None:
    at = server.core.environment.clock.utc()
    entry = AuditEntry(
        f"{user_id}.{outcome}", at, "maya", "force_offline", f"user:{user_id}", "", before, after, "", "", outcome
    )
    await server.stores.audit.begin(entry)


async def test_entries_are_found_by_the_user_whom_they_were_for(
    server: RunningServer, signed_in: SignedIn, user: MakePerson
) -> None:
    ada, bob = await user("ada"), await user("bob")
    for person in (ada, bob):
        await record(server, person.user_id, "done", f"before of {person.username}", "offline")
    browser = await signed_in("viewer")
    for query in ({"user": "ada"}, {"user": f"#{ada.user_id}"}, {"target": f"user:{ada.user_id}"}):
        (row,) = await rows(browser, **query)
        assert "before of ada → offline" in row
    page = (await browser.get("/admin/audit", target=f"user:{ada.user_id}")).body
    head = page.partition("print-head")[2].partition("</p>")[0]
    assert f"Target: <bdi>ada #{ada.user_id}</bdi>" in head
    file = (await browser.get("/admin/audit.csv", user="ada")).body
    assert "before of ada" in file
    assert "before of bob" not in file


async def test_what_changed_nothing_does_not_read_as_a_change(server: RunningServer, signed_in: SignedIn) -> None:
    for user_id, outcome in enumerate(("refused: ACTION_WAITING", "waiting", "failed: STORE_UNAVAILABLE"), 1):
        await record(server, user_id, outcome, "busy", "" if outcome == "waiting" else "busy")
    found = " ".join(await rows(await signed_in("viewer")))
    assert "→" not in found
    assert found.count("busy · nothing changed") == 2
    assert "busy · not changed yet waiting for the end of the call" in found
    assert "refused: another action is already waiting for the end of the call" in found


def test_outcomes_are_words() -> None:
    assert audit_outcome("refused: TOO_MANY_TAGS") == "refused: too many tags"
    assert audit_outcome("failed: SERVER_ERROR") == "failed: an error in the server"
    assert audit_outcome("superseded") == "replaced by a later action"
    assert audit_outcome("something new") == "something new"
