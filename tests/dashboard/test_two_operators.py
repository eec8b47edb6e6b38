"""Two operators at once, and one who submits twice."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.clients import Person
from tests.dashboard.conduct import Conduct
from tests.dashboard.conftest import Visit
from tests.dashboard.live import Live
from tests.dashboard.site import Site, call

pytestmark = [pytest.mark.slow, pytest.mark.gen_test]

POST = """async ([url, fields]) => {
  const answer = await fetch(url, {
    method: "POST",
    headers: { Accept: "application/json" },
    body: new URLSearchParams([...fields, ["_xsrf", document.querySelector("meta[name=xsrf]").content]]),
  });
  return [answer.status, await answer.json()];
}"""


async def post(page: Page, **fields: Any) -> tuple[int, dict[str, Any]]:
    """Send an action as the page's script does."""
    status, body = await page.evaluate(POST, ["/admin/actions", [[name, str(each)] for name, each in fields.items()]])
    return status, body


async def acts_on(site: Site, person: Person) -> list[tuple[str, str, str, str]]:
    """Return (operator, action, reason, outcome) of all actions on a user, newest first."""
    async with site.stores() as stores:
        entries, _ = await stores.audit.page(target=f"user:{person.user_id}", skip=0, limit=50)
    return [(each.operator, each.action, each.reason, each.outcome) for each in entries]


async def test_what_one_does_the_other_sees_and_by_whom(site: Site, visit: Visit) -> None:
    (ada,) = await site.online("seen by both")
    one, other = [await Live(await visit(name=name)).ready() for name in ("operator", "second")]
    await expect(other.cell(ada, "state")).to_have_text("Available")
    await one.choose(ada, "Force offline")
    await one.confirm("left the desk")
    await expect(other.cell(ada, "state")).to_have_text("Offline")
    await expect(other.cell(ada, "because")).to_have_text("forced offline by operator")
    events = other.page.locator("#events [data-rows] > .row")
    await expect(events.filter(has_text=ada.username).first).to_contain_text("operator")
    await expect(one.cell(ada, "because")).to_have_text("forced offline by operator")
    assert await acts_on(site, ada) == [("operator", "force_offline", "left the desk", "done")]


async def test_an_action_that_waits_for_the_end_of_a_call_is_seen_by_the_other(site: Site, visit: Visit) -> None:
    ada, bob = await site.online("waits ada", "waits bob")
    call_id = await call(ada, bob)
    one, other = [await Live(await visit(name=name)).ready() for name in ("operator", "second")]
    await one.choose(ada, "Force offline")
    await expect(one.dialog.get_by_text("1 call with waits bob")).to_be_visible()
    await one.confirm("after this call")
    await expect(other.cell(ada, "waiting")).to_have_text("force offline, by operator")
    await expect(other.row(ada).get_by_text("Pending: force offline, by operator").first).to_be_visible()
    await expect(other.cell(ada, "state")).to_have_text("Busy")
    assert (await ada.post("/calls/end", {"call_id": call_id})).status == 200
    await expect(other.cell(ada, "because")).to_have_text("forced offline by operator")
    await expect(other.cell(ada, "waiting")).to_have_text("")
    assert await acts_on(site, ada) == [("operator", "force_offline", "after this call", "done")]


async def test_who_says_now_ends_the_call_first(site: Site, visit: Visit) -> None:
    ada, bob = await site.online("now ada", "now bob")
    call_id = await call(ada, bob)
    one, other = [await Live(await visit(name=name)).ready() for name in ("operator", "second")]
    await expect(other.call(call_id)).to_be_visible()
    await one.choose(ada, "Force offline")
    await one.dialog.get_by_label("Don't wait for the call to end").check()
    await one.confirm("fire drill")
    await expect(other.call(call_id)).to_have_count(0)
    await expect(other.cell(ada, "state")).to_have_text("Offline")
    await expect(other.cell(bob, "state")).to_have_text("Available")


async def test_a_call_that_one_ends_is_gone_for_the_other(site: Site, visit: Visit) -> None:
    ada, bob = await site.online("ended ada", "ended bob")
    call_id = await call(ada, bob)
    one, other = [await Live(await visit(name=name)).ready() for name in ("operator", "second")]
    await expect(other.call(call_id)).to_be_visible()
    await one.call(call_id).get_by_role("button", name="End").click()
    await one.confirm("wrong number")
    await expect(other.call(call_id)).to_have_count(0)
    page = other.page
    await page.goto(f"{site.origin}/admin/calls/{call_id}")
    await expect(page.get_by_text("Ended by").locator("xpath=following-sibling::dd[1]")).to_contain_text("operator")


async def test_a_form_that_is_sent_twice_acts_once(site: Site, visit: Visit) -> None:
    (ada,) = await site.online("sent twice")
    live = await Live(await visit()).ready()
    form = {"action": "force_offline", "user_id": ada.user_id, "reason": "twice", "request_id": "the-same-form"}
    answers = await asyncio.gather(post(live.page, **form), post(live.page, **form))
    later = await post(live.page, **form)
    assert answers[0] == answers[1] == later
    assert answers[0][0] == 200
    assert answers[0][1]["outcome"] == "done"
    assert await acts_on(site, ada) == [("operator", "force_offline", "twice", "done")]


async def test_a_double_click_acts_once(site: Site, visit: Visit) -> None:
    (ada,) = await site.online("double click")
    live = await Live(await visit()).ready()
    sent: list[str] = []
    live.page.on("request", lambda request: sent.append(request.method) if request.method == "POST" else None)
    await live.choose(ada, "Force offline")
    send = live.dialog.locator("[data-f=send]")
    await expect(send).to_be_enabled()
    await live.dialog.get_by_label("Reason").fill("in a hurry")
    await send.dblclick()
    await expect(live.dialog).to_be_hidden()
    await expect(live.cell(ada, "state")).to_have_text("Offline")
    assert sent == ["POST"]
    assert await acts_on(site, ada) == [("operator", "force_offline", "in a hurry", "done")]


async def test_who_comes_second_is_told_that_it_is_done_already(site: Site, visit: Visit, conduct: Conduct) -> None:
    conduct.excuse("status of 409")
    (ada,) = await site.online("both at once")
    one, other = [await Live(await visit(name=name)).ready() for name in ("operator", "second")]
    for each in (one, other):
        await each.choose(ada, "Force offline")
    await one.confirm("first")
    await expect(other.dialog.locator("[data-f=send]")).to_be_enabled()
    await other.dialog.get_by_label("Reason").fill("second")
    await other.dialog.locator("[data-f=send]").click()
    await expect(other.dialog.get_by_role("alert")).to_have_text("both at once is already offline.")
    assert await acts_on(site, ada) == [
        ("second", "force_offline", "second", "refused: NOTHING_TO_DO"),
        ("operator", "force_offline", "first", "done"),
    ]


async def test_exactly_those_listed_are_acted_on_and_the_button_says_how_many(site: Site, visit: Visit) -> None:
    people = await site.online("Bulk One", "Bulk Two", "Bulk Three")
    (bystander,) = await site.online("Bystander")
    live = await Live(await visit()).ready()
    await live.search.fill("bulk")
    button = live.page.get_by_role("button", name="Force offline 3 users…")
    await button.click()
    await expect(live.dialog.get_by_role("heading")).to_have_text("Force offline: 3 users")
    await expect(live.dialog.locator("[data-f=names] li")).to_have_text(["Bulk One", "Bulk Three", "Bulk Two"])
    await live.confirm("end of the shift")
    await expect(live.toast).to_have_text("Force offline: 3 done.")
    for person in people:
        await expect(live.cell(person, "state")).to_have_text("Offline")
        assert [act[1:] for act in await acts_on(site, person)] == [("force_offline", "end of the shift", "done")]
    assert await acts_on(site, bystander) == []


async def test_a_reason_is_required(site: Site, visit: Visit) -> None:
    (ada,) = await site.online("no reason")
    live = await Live(await visit()).ready()
    await live.choose(ada, "Force offline")
    send = live.dialog.locator("[data-f=send]")
    await expect(send).to_be_enabled()
    await send.click()
    await expect(live.dialog).to_be_visible()
    assert await live.dialog.get_by_label("Reason").evaluate("(input) => input.validity.valueMissing")
    assert await acts_on(site, ada) == []


async def test_a_viewer_gets_neither_the_buttons_nor_the_verb(site: Site, visit: Visit, conduct: Conduct) -> None:
    conduct.excuse("status of 403")
    ada, bob = await site.online("looked at", "looked at too")
    await call(ada, bob)
    live = await Live(await visit(name="viewer")).ready()
    await expect(live.row(ada)).to_be_visible()
    await expect(live.page.locator("[data-acts]")).to_have_count(0)
    await expect(live.page.get_by_role("button", name=re.compile("Force offline|Disconnect|End"))).to_have_count(0)
    form = {"action": "force_offline", "user_id": ada.user_id, "reason": "no", "request_id": "by-a-viewer"}
    status, body = await post(live.page, **form)
    assert (status, body["error"]["code"]) == (403, "ROLE_TOO_LOW")
    assert await acts_on(site, ada) == [("viewer", "force_offline", "no", "refused: ROLE_TOO_LOW")]
    assert (await ada.get("/users/me/status")).body["is_online"] is True
