"""Red rows: on every list, a row in red says what is wrong, whatever columns the operator chose."""

from __future__ import annotations

import asyncio
import html
import re

import pytest

from tests.admin.browser import JSON_PLEASE
from tests.admin.conftest import SignedIn
from tests.conftest import MakePerson
from tests.running import RunningServer

pytestmark = [pytest.mark.gen_test, pytest.mark.settings(long_call_seconds=0.001)]

WRONG = r"On a call for \d s \(limit 0\.001 s\)"


async def call_too_long(server: RunningServer, user: MakePerson) -> str:
    """Start a call that needs attention at once. Returns its id."""
    ada, bob = await user("Ada"), await user("Bob")
    for each in (ada, bob, await user("Cem")):
        await each.post("/users/me/heartbeat")
    answer = await ada.post("/calls/start", {"callee_id": bob.user_id, "call_type": "audio"})
    await asyncio.sleep(0.002)  # longer than the limit
    server.core.overview_feed.refresh()
    return str(answer.body["call_id"])


def rows_of(page: str) -> list[tuple[bool, str]]:
    """Return of each row of a table whether it is red, and its text."""
    rows = re.findall(r"<tr([^>]*)>(.*?)</tr>", page.partition("<tbody")[2].partition("</tbody>")[0], re.DOTALL)
    return [("attention" in attributes, html.unescape(re.sub(r"<[^>]+>", " ", row))) for attributes, row in rows]


@pytest.mark.parametrize(
    ("path", "columns"),
    [
        ("users", ""),
        ("users", "device"),
        ("users", "none"),
        ("calls", ""),
        ("calls", "type.started"),
        ("calls", "none"),
    ],
)
async def test_a_red_row_of_a_table_says_what_is_wrong_whatever_its_columns(
    path: str, columns: str, server: RunningServer, user: MakePerson, signed_in: SignedIn
) -> None:
    await call_too_long(server, user)
    viewer = await signed_in("viewer")
    rows = rows_of((await viewer.get(f"/admin/{path}", columns=columns)).body)
    red = [text for is_red, text in rows if is_red]
    assert len(red) == (2 if path == "users" else 1)
    for text in red:
        assert len(re.findall(WRONG, text)) == 1, text
    for is_red, text in rows:
        assert is_red or "On a call for" not in text


async def test_the_calls_and_the_users_on_live_say_what_is_wrong(
    server: RunningServer, user: MakePerson, signed_in: SignedIn
) -> None:
    call_id = await call_too_long(server, user)
    page = html.unescape((await (await signed_in("viewer")).get("/admin")).body)
    row = re.search(rf'<li class="row issue-row" data-key="{call_id}">.*?</li>', page, re.DOTALL)
    assert row is not None
    assert re.search(rf'data-f="fault" title="{WRONG}">{WRONG}<', row[0])
    users = page.partition('data-users="table"')[2].partition("<template>")[0]
    red = re.findall(r'<div class="row issue-row".*?</div>', users, re.DOTALL)
    assert len(red) == 2
    for each in red:
        assert len(re.findall(rf'data-f="fault" title="{WRONG}">{WRONG}<', each)) == 2, (
            "one is shown, as the columns are"
        )


async def test_a_red_row_of_live_also_says_what_the_user_does_and_which_action_is_pending(
    server: RunningServer, user: MakePerson, signed_in: SignedIn
) -> None:
    await call_too_long(server, user)
    browser = await signed_in("operator")
    answer = await browser.post(
        "/admin/actions",
        {"action": "force_offline", "user_id": "1", "reason": "left the desk", "request_id": "request-0123456789"},
        headers=JSON_PLEASE,
    )
    assert answer.body["outcome"] == "waiting", answer.body
    server.core.overview_feed.refresh()
    page = html.unescape((await browser.get("/admin")).body)
    row = re.search(r'<div class="row issue-row waits" .*? data-user="1".*?<span class="cell-more"', page, re.DOTALL)
    assert row is not None
    words = re.sub(r"<[^>]+>", "", row[0])
    assert re.search(rf"on a call with Bob, \d\d:\d\d +{WRONG}", words), words
    assert words.count("Pending: force offline, by operator") == 2, "one is shown, as there is room"


async def test_without_javascript_live_and_the_wall_say_as_of_when_they_are(signed_in: SignedIn) -> None:
    browser = await signed_in("viewer")
    for path, reload in (("/admin?status=busy", "?status=busy"), ("/admin/wall", "/admin/wall")):
        (note,) = re.findall(r"<noscript><p class=.*?</p></noscript>", (await browser.get(path)).body)
        assert re.search(r"As of .*\d\d:\d\d:\d\d", note)
        assert f'<a href="{reload}">Reload</a>' in html.unescape(note)


async def test_no_column_of_live_is_empty_for_a_viewer(
    server: RunningServer, user: MakePerson, signed_in: SignedIn
) -> None:
    await call_too_long(server, user)
    for role, is_there in (("viewer", False), ("operator", True)):
        page = (await (await signed_in(role)).get("/admin")).body  # type: ignore[arg-type]
        table = page.partition('data-users="table"')[2].partition("</template>")[0]
        heads = table.count('role="columnheader"')
        rows = re.findall(
            r'<div class="row[^"]*" role="row" data-key.*?(?=<div class="row|</div>\s*</div>|$)', table, re.DOTALL
        )
        assert rows
        for row in rows:
            assert row.count('role="cell"') == heads
        assert ("cell-more" in table) is is_there
        assert ("cell-pick" in table) is is_there
