"""Picking several users without a script, and what everybody is told of each of them."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest

from tests.admin.browser import JSON_PLEASE, Browser, fields_of
from tests.admin.conftest import SignedIn
from tests.clients import Person
from tests.conftest import MakePerson, OpenSocket
from tests.running import RunningServer
from tests.tagging import tag

pytestmark = [pytest.mark.gen_test, pytest.mark.any_store]

OFFLINE = {"action": "force_offline", "reason": "end of the shift", "request_id": "request-0123456789"}


async def online(user: MakePerson, *names: str) -> list[Person]:
    """Create users who are available."""
    people = [await user(name) for name in names]
    for each in people:
        await each.post("/users/me/heartbeat")
    return people


async def previewed(browser: Browser, action: str, *user_ids: int, **fields: Any) -> Any:
    """Return what the dialog says before an action on these users."""
    picked = [("user_id", each) for each in user_ids]
    answer = await browser.get(f"/admin/actions?{query([('action', action), *picked])}", headers=JSON_PLEASE, **fields)
    return answer.body


def query(fields: list[tuple[str, Any]]) -> str:
    return "&".join(f"{name}={value}" for name, value in fields)


def ticked(page: str) -> list[int]:
    """Return the users whose checkboxes are ticked."""
    return [int(each) for each in re.findall(r'name="user_id" value="(\d+)" form="pick"[^>]* checked>', page)]


def elsewhere(page: str) -> list[int]:
    """Return the picked users who are on other pages."""
    return [int(each) for each in re.findall(r'type="hidden" name="user_id" value="(\d+)" data-changes', page)]


@pytest.mark.parametrize("path", ["/admin", "/admin/users"])
async def test_each_row_has_a_checkbox_in_a_form(path: str, signed_in: SignedIn, user: MakePerson) -> None:
    await online(user, "ada", "<b>bob")
    page = (await (await signed_in("operator")).get(path)).body
    boxes = re.findall(r'<input type="checkbox" name="user_id" value="(\d)" form="pick"[^>]*aria-label="([^"]+)"', page)
    assert sorted(boxes) == [("1", "Pick ada"), ("2", "Pick &lt;b&gt;bob")]
    assert '<form id="pick" class="picked" method="get" action="/admin/actions"' in page
    page = (await (await signed_in("viewer")).get(path)).body
    assert 'id="pick"' not in page
    assert 'name="user_id"' not in page


async def test_those_who_are_ticked_are_named_and_acted_on_and_each_result_is_told(
    server: RunningServer, signed_in: SignedIn, user: MakePerson
) -> None:
    _, bob, cem = await online(user, "ada", "bob", "cem")
    await user("dan")  # is offline
    browser = await signed_in("operator")
    picked = [("user_id", each) for each in (1, 2, 4)]
    sent = query([("action", "force_offline"), *picked, ("picked", 1), ("next", "/admin/users?q=a")])
    page = (await browser.get(f"/admin/actions?{sent}")).body
    assert "Force offline: 2 users" in page
    assert "<li><bdi>ada</bdi></li><li><bdi>bob</bdi></li>" in page
    assert "<summary>Unchanged: 1 user</summary>" in page
    assert '<li><bdi>dan</bdi> <span class="soft">is already offline</span></li>' in page
    await bob.put("/users/me/status", {"is_online": False})  # in the meantime
    answer = await browser.post("/admin/actions", [*fields_of(page), ("reason", "end of the shift")])
    assert answer.headers["Location"] == "/admin/users?q=a"
    after = (await browser.get("/admin/users")).body
    assert "Force offline: 1 done, 2 with nothing to do." in after
    results = re.findall(
        r'<span class="outcome" data-outcome="(\w+)"[^>]*>([\w ]+)</span> <bdi data-f="name">(\w+)', after
    )
    assert results == [
        ("unchanged", "Nothing to do", "bob"),
        ("unchanged", "Nothing to do", "dan"),
        ("done", "Done", "ada"),
    ]
    assert after.count("is already offline") == 2
    assert (await cem.get("/users/me/status")).body["is_online"] is True
    assert "Result of each" not in (await browser.get("/admin/users")).body


async def test_a_refusal_is_told_with_its_reason(server: RunningServer, signed_in: SignedIn, user: MakePerson) -> None:
    ada, bob, _ = await online(user, "ada", "bob", "cem")
    await ada.post("/calls/start", {"callee_id": bob.user_id, "call_type": "audio"})
    browser = await signed_in("operator")
    fields = [*OFFLINE.items(), ("user_id", "1"), ("user_id", "3"), ("user_id", "99")]
    await browser.post("/admin/actions", [*fields, ("next", "/admin")])
    page = (await browser.get("/admin")).body
    line = r'data-outcome="(\w+)".*?name">(?:user )?(\w+)</bdi> <span class="soft" data-f="message">([^<]*)'
    results = re.findall(line, page)
    assert [each[:2] for each in results] == [("refused", "99"), ("waiting", "ada"), ("done", "cem")]
    assert [bool(each[2]) for each in results] == [True, True, True]


async def test_the_dialog_says_for_whom_nothing_would_change_and_why(
    server: RunningServer, signed_in: SignedIn, user: MakePerson
) -> None:
    await online(user, "ada", "bob")
    await user("cem")
    await tag(server, 2, "sales")
    browser = await signed_in("operator")
    preview = await previewed(browser, "force_offline", 1, 2, 3, 99)
    assert (preview["count"], preview["names"], preview["ids"]) == (2, ["ada", "bob"], ["1", "2"])
    assert preview["hits"] == []
    assert [(each["target"], each["name"]) for each in preview["unchanged"]] == [("3", "cem"), ("99", "user 99")]
    assert preview["unchanged"][0]["reason"] == "cem is already offline"
    preview = await previewed(browser, "clear_busy", 1, 2, 3)
    assert preview["error"]["code"] == "NOTHING_TO_DO"
    assert "unchanged" not in await previewed(browser, "sign_out", 1, 2, 3)


async def test_of_several_it_is_said_how_many_wait_for_the_end_of_a_call(
    signed_in: SignedIn, user: MakePerson, socket: OpenSocket
) -> None:
    ada, bob, _ = await online(user, "ada", "bob", "cem")
    await socket(ada)
    await ada.post("/calls/start", {"callee_id": bob.user_id, "call_type": "audio"})
    browser = await signed_in("operator")
    preview = await previewed(browser, "force_offline", 1, 2, 3)
    assert preview["effect"].endswith(" 2 of them are on a call: for them, this waits until the call ends.")
    assert preview["effect_now"].endswith(" 2 of them are on a call: their calls are ended now.")
    assert (preview["hits"], preview["hits_now"]) == (["1 connection", "1 call"], ["1 call"])
    assert "All of them are on a call" in (await previewed(browser, "sign_out", 1, 2))["effect"]
    sent = query([("action", "force_offline"), ("user_id", 2), ("user_id", 3)])
    page = (await browser.get(f"/admin/actions?{sent}")).body
    assert '<span class="later">Waits for </span><span class="at-once">Affects </span>1 call.</p>' in page
    assert "1 of them is on a call: for them, this waits" in page


@pytest.mark.settings(page_rows=2, action_targets_limit=4)
async def test_everybody_who_matches_is_picked_on_all_pages_and_stays_so(
    server: RunningServer, signed_in: SignedIn, user: MakePerson
) -> None:
    await online(user, "ann", "anton", "hannah", "bob")
    browser = await signed_in("operator")
    page = (await browser.get("/admin/users", q="an", sort="name")).body
    assert "Pick all 3 that match</a>" in page
    answer = await browser.get("/admin/users", q="an", sort="name", pick="all")
    assert (answer.status, answer.headers["Location"]) == (302, "/admin/users?q=an&sort=name&pick=1.2.3")
    await online(user, "zian")  # comes later
    page = (await browser.get("/admin/users", q="an", sort="name", pick="1.2.3")).body
    assert (ticked(page), elsewhere(page)) == ([1, 2], [3])
    assert "3 picked" in page
    assert "1 of them is not on this page" in page
    assert "<li><bdi>hannah</bdi></li>" in page
    assert "page=2" in page
    assert "pick=1.2.3" in page
    page = (await browser.get("/admin/users", q="bob", pick="1.2.3")).body
    assert (ticked(page), elsewhere(page)) == ([], [1, 2, 3])
    sent = query([("action", "force_offline"), ("picked", 1), *(("user_id", each) for each in (1, 2, 3))])
    page = (await browser.get(f"/admin/actions?{sent}&next=/admin/users%3Fq=an")).body
    assert '<a class="button" href="/admin/users?q=an&amp;pick=1.2.3">Cancel</a>' in page


@pytest.mark.settings(action_targets_limit=3)
async def test_of_more_than_one_action_may_be_for_the_first_are_picked_and_the_page_says_so(
    server: RunningServer, signed_in: SignedIn, user: MakePerson
) -> None:
    await online(user, "ada", "bob", "cem", "dan", "eve")
    browser = await signed_in("operator")
    assert "Pick the first 3 of 5</a>" in (await browser.get("/admin/users")).body
    answer = await browser.get("/admin/users", sort="name", pick="all")
    assert answer.headers["Location"].endswith("pick=1.2.3")
    page = (await browser.get("/admin/users", sort="name", pick="1.2.3.4")).body
    assert ticked(page) == [1, 2, 3]
    assert "One action can be for at most 3 users. 5 match." in page


async def test_a_link_that_picks_nonsense_or_is_followed_by_a_viewer_picks_nobody(
    server: RunningServer, signed_in: SignedIn, user: MakePerson
) -> None:
    await online(user, "ada")
    viewer, operator = await signed_in("viewer"), await signed_in("operator")
    for pick in ("all", "1"):
        answer = await viewer.get("/admin/users", pick=pick)
        assert (answer.status, ticked(answer.body)) == (200, [])
    for pick in ("1.1.99", "1.x.-1.2²", "1..", "1." + "9" * 40):
        page = (await operator.get("/admin/users", pick=pick)).body
        assert (ticked(page), elsewhere(page)) == ([1], [])


async def test_without_anybody_ticked_the_list_says_so(signed_in: SignedIn, user: MakePerson) -> None:
    await online(user, "ada")
    browser = await signed_in("operator")
    answer = await browser.get("/admin/actions", action="force_offline", picked=1, next="/admin/users?q=a")
    assert (answer.status, answer.headers["Location"]) == (303, "/admin/users?q=a")
    assert "Nobody is picked. Tick the users first." in (await browser.get("/admin/users")).body


async def test_a_tag_is_asked_for_and_those_who_were_picked_still_are(
    server: RunningServer, signed_in: SignedIn, user: MakePerson
) -> None:
    await online(user, "ada", "bob", "cem")
    await tag(server, 2, "sales")
    browser = await signed_in("operator")
    sent = query([("action", "add_tag"), ("picked", 1), *(("user_id", each) for each in (1, 2, 3))])
    asked = (await browser.get(f"/admin/actions?{sent}&next=/admin/users")).body
    fields = query([*fields_of(asked), ("tag", "sales")])
    page = (await browser.get(f"/admin/actions?{fields}")).body
    assert "Add tag: 2 users" in page
    assert '<bdi>bob</bdi> <span class="soft">already has the tag “sales”</span>' in html.unescape(page)
    again = (await browser.post("/admin/actions", [*fields_of(page), ("reason", "")])).body
    assert ("unchanged", "2") in fields_of(again), "a form that is sent again still knows of him"
    assert "pick=1.3.2" in again
    await browser.post("/admin/actions", [*fields_of(again), ("reason", "a new team")])
    assert "Add tag: 2 done, 1 with nothing to do." in (await browser.get("/admin/users")).body
