"""Words: what the pages say to operators, sentence by sentence."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

import pytest

from realtime.dashboard.rows import CUTTING
from tests.admin.browser import Browser, fields_of
from tests.admin.conftest import SignedIn
from tests.clients import Person
from tests.conftest import MakePerson, OpenSocket
from tests.running import RunningServer

pytestmark = [pytest.mark.gen_test, pytest.mark.any_store]


async def online(user: MakePerson, *names: str) -> list[Person]:
    """Create users who are available."""
    people = [await user(name) for name in names]
    for each in people:
        await each.post("/users/me/heartbeat")
    return people


async def after(
    browser: Browser, url: str = "/admin/actions", typed: dict[str, str] | None = None, **query: Any
) -> str:
    """Carry out an action by its form, and return what the next page says of it."""
    page = (await browser.get(url, **query)).body
    await browser.post(url, [*fields_of(page), ("reason", "a test"), *(typed or {}).items()])
    said = re.search(r'<p class="notice"[^>]*>([^<]+)</p>', (await browser.get("/admin/users")).body)
    assert said is not None
    return html.unescape(said[1])


async def test_what_was_done_is_said_with_the_state_that_follows(signed_in: SignedIn, user: MakePerson) -> None:
    jing, ada, bob = await online(user, "Jing Wei", "Ada", "Bob")
    browser = await signed_in("operator")
    await jing.put("/users/me/status", {"is_busy": True})
    assert await after(browser, action="clear_busy", user_id=1) == "Busy cleared. Jing Wei is available."
    call = (await ada.post("/calls/start", {"callee_id": bob.user_id, "call_type": "audio"})).body["call_id"]
    assert await after(browser, action="end_call", call_id=call) == "Call between Ada and Bob ended."


async def test_what_an_action_is_for_is_said_before(signed_in: SignedIn, user: MakePerson, socket: OpenSocket) -> None:
    ada, bob, _ = await online(user, "Ada", "Bob", "Cem")
    await socket(ada)
    await ada.post("/calls/start", {"callee_id": bob.user_id, "call_type": "audio"})
    browser = await signed_in("operator")
    page = (await browser.get("/admin/actions", action="disconnect", user_id=1)).body
    assert "Affects 1 connection." in page
    page = (await browser.get("/admin/actions", action="force_offline", user_id=1)).body
    assert '<input type="checkbox" name="now" value="1"> Don\'t wait for the call to end' in html.unescape(page)
    for path in ("/admin/users", "/admin"):
        page = (await browser.get(path, q="cem")).body
        assert ">Force offline 1 user…</button>" in page


async def test_a_new_password_is_confirmed_by_the_name(
    server: RunningServer, signed_in: SignedIn, user: MakePerson
) -> None:
    await online(user, "noor")
    password = {"password": "a password long enough"}
    said = await after(await signed_in("admin"), "/admin/accounts", password, action="set_password", user_id=1)
    assert said == "Password of noor changed."


async def test_a_role_is_explained_and_a_page_that_it_does_not_open_says_so(signed_in: SignedIn) -> None:
    admin, viewer = await signed_in("admin"), await signed_in("viewer")
    page = (await admin.get("/admin/operators")).body
    assert ">Viewer: can see, not change</option>" in page
    answer = await viewer.get("/admin/system")
    assert answer.status == 403
    assert "<h1>You can't open this page</h1>" in html.unescape(answer.body)


async def test_nothing_that_was_typed_is_lost_when_a_form_is_refused(
    server: RunningServer, signed_in: SignedIn, user: MakePerson
) -> None:
    ada, bob = await online(user, "Ada", "Bob")
    await ada.post("/calls/start", {"callee_id": bob.user_id, "call_type": "audio"})
    admin = await signed_in("admin")
    page = (await admin.get("/admin/accounts", action="set_password", user_id=1)).body
    assert "At least 12 characters, of any kind" in page
    short = [*fields_of(page), ("reason", "“forgot”"), ("password", "too short &")]
    answer = await admin.post("/admin/accounts", short)
    assert answer.status == 400
    assert "must have at least 12 characters" in answer.body
    assert 'name="password" value="too short &amp;"' in answer.body
    assert 'name="reason" value="“forgot”"' in answer.body
    page = (await admin.get("/admin/accounts", action="delete_user", user_id=1)).body
    answer = await admin.post("/admin/accounts", [*fields_of(page), ("reason", "left"), ("name", "Adda")])
    assert 'name="name" value="Adda"' in answer.body
    assert 'name="reason" value="left"' in answer.body
    page = (await admin.get("/admin/actions", action="force_offline", user_id=1)).body
    answer = await admin.post("/admin/actions", [*fields_of(page), ("reason", "x" * 201), ("now", "1")])
    assert f'name="reason" value="{"x" * 201}"' in answer.body
    assert 'name="now" value="1" checked' in answer.body
    answer = await admin.post("/admin/operators/1", {"change": "reset", "password": "short", "reason": "lost"})
    assert 'name="password" value="short"' in answer.body
    answer = await admin.post("/admin/password", {"current": "not mine", "password": "a new password of mine"})
    assert 'name="password" value="a new password of mine"' in answer.body
    assert "not mine" not in answer.body


def red_buttons(page: str) -> set[str]:
    """Return the actions and texts of all red buttons and links that act."""
    found = re.findall(r'<(?:button|a)[^>]*class="[^"]*\b(?:risky|danger)\b[^"]*"[^>]*>\s*([^<]+?)\s*</', page)
    return {re.sub(r" \d.*|…$", "", html.unescape(each)) for each in found}


CUTS = {
    "Force offline", "Disconnect", "Sign out", "Sign out everywhere", "End", "End call", "Disable", "Disable user",
    "Delete", "Delete user",
}  # fmt: skip


def test_scripts_know_the_same_actions_that_end_or_cut_something() -> None:
    script = Path("static/admin/formatting.js").read_text(encoding="utf-8")
    listed = re.search(r"const CUTTING = new Set\(\[([^\]]+)\]\)", script)
    assert listed is not None
    assert set(re.findall(r'"(\w+)"', listed[1])) == CUTTING


async def test_only_what_ends_or_cuts_something_is_red(
    server: RunningServer, signed_in: SignedIn, user: MakePerson, socket: OpenSocket
) -> None:
    ada, bob, cem = await online(user, "Ada", "Bob", "Cem")
    await socket(ada)
    await cem.put("/users/me/status", {"is_busy": True})
    call = (await ada.post("/calls/start", {"callee_id": bob.user_id, "call_type": "audio"})).body["call_id"]
    admin = await signed_in("admin")
    await signed_in("viewer")
    seen: set[str] = set()
    pages = (
        "/admin", "/admin?q=a", "/admin/users", "/admin/users?q=m", "/admin/users/1", "/admin/users/3", "/admin/calls",
        f"/admin/calls/{call}", "/admin/events", "/admin/audit", "/admin/system", "/admin/operators", "/admin/sign-ins",
        "/admin/operators/2?change=disable", "/admin/operators/2?change=enable", "/admin/operators/2?change=reset",
        "/admin/operators/2?change=role&role=admin", "/admin/password",
        *(f"/admin/actions?action={action}&user_id=1" for action in ("force_offline", "disconnect", "sign_out")),
        "/admin/actions?action=clear_busy&user_id=3", "/admin/actions?action=add_tag&user_id=1&tag=x",
        f"/admin/actions?action=end_call&call_id={call}",
        *(f"/admin/accounts?action={action}&user_id=1" for action in ("disable_user", "delete_user", "set_password")),
    )  # fmt: skip
    for path in pages:
        page = (await admin.get(path)).body
        red = red_buttons(page)
        assert red <= CUTS, path
        seen |= red
        for action in ("clear_busy", "add_tag", "remove_tag", "enable_user", "set_password"):
            assert not re.search(rf'class="[^"]*risky[^"]*"[^>]*(value="|action=){action}\b', page), (path, action)
    assert {"Force offline", "Disconnect", "Sign out", "End call", "Disable user", "Delete user"} <= seen


async def test_the_menu_of_a_row_opens_and_ends_the_call_that_the_user_is_on(
    signed_in: SignedIn, user: MakePerson
) -> None:
    ada, bob, _ = await online(user, "Ada", "Bob", "Cem")
    call = (await ada.post("/calls/start", {"callee_id": bob.user_id, "call_type": "audio"})).body["call_id"]
    page = (await (await signed_in("operator")).get("/admin", sort="name")).body
    menus = dict(re.findall(r'<form class="menu" id="menu-(\d)".*?>(.*?)</form>', page, re.DOTALL))
    for user_id, is_offered in (("1", True), ("2", True), ("3", False)):
        menu = menus[user_id]
        link = re.search(r'<a class="item" data-f="openCall" href="([^"]*)"( hidden)?>Open call</a>', menu)
        button = re.search(r'name="action" value="end_call"[^>]*?( hidden)?>End call…</button>', menu)
        assert link is not None
        assert button is not None
        assert (link[2] is None, button[1] is None) == (is_offered, is_offered)
        if is_offered:
            assert link[1] == f"/admin/calls/{call}"
            assert f'name="call_id" value="{call}"' in menu
