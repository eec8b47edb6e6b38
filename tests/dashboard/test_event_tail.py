"""Events is a live tail: new events appear at its top, wait while it is used or paused, and gaps are named."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Page, WebSocketRoute, expect

from tests.clients import Person
from tests.dashboard.conftest import Visit
from tests.dashboard.live import Live
from tests.dashboard.site import Site, call

pytestmark = [pytest.mark.slow, pytest.mark.gen_test]

EVENT = "#list tr th"
LINES = "(part) => [...part.getClientRects()].map((box) => box.top)"

HEIGHT = "(part) => part.getBoundingClientRect().height"


async def tail(visit: Visit, query: str = "") -> Page:
    """Open Events and wait until it is live."""
    page = await visit("/admin/events" + query)
    await expect(page.locator("[data-banner=chip]")).to_have_text("Live")
    return page


async def turn(person: Person, *, times: int) -> None:
    """Let a user change between busy and available."""
    for number in range(times):
        assert (await person.put("/users/me/status", {"is_busy": number % 2 == 0})).status == 200


async def test_new_events_appear_at_the_top_as_they_happen_with_the_page_as_it_is_filtered(
    site: Site, visit: Visit
) -> None:
    ada, bob = await site.online("tail ada", "tail bob")
    everything = await tail(visit)
    of_ada = await tail(visit, f"?user={ada.user_id}")
    of_kind = await tail(visit, "?kind=busy")
    past = await visit("/admin/events?to=2026-01-01T00:00")
    count = everything.locator("h1 .count")
    before = int(await count.inner_text())
    await turn(bob, times=2)
    await turn(ada, times=1)
    await expect(everything.locator(EVENT).first).to_have_text("tail ada is busy")
    assert (await everything.locator(EVENT).all_inner_texts())[:3] == [
        "tail ada is busy", "tail bob is available", "tail bob is busy",
    ]  # fmt: skip
    await expect(count).to_have_text(str(before + 3))
    row = everything.locator("#list tr").first
    await expect(row.locator("a.name")).to_have_attribute("href", f"/admin/users/{ada.user_id}")
    await expect(row.locator("td").nth(1)).to_have_text("Busy")
    await expect(of_ada.locator(EVENT).first).to_have_text("tail ada is busy")
    assert not [text for text in await of_ada.locator(EVENT).all_inner_texts() if "bob" in text]
    await expect(of_kind.locator(EVENT).first).to_have_text("tail ada is busy")
    assert all("busy" in text for text in await of_kind.locator(EVENT).all_inner_texts())
    assert await past.locator("[data-banner=chip]").count() == 0
    added = await everything.locator("#list tr").first.inner_text()
    await everything.reload()
    assert await everything.locator("#list tr").first.inner_text() == added


async def test_a_range_has_no_events_of_before_it(site: Site, visit: Visit) -> None:
    (ada,) = await site.online("tail range")
    await turn(ada, times=2)
    rows = (await tail(visit, f"?user={ada.user_id}")).locator("#list tr")
    assert await rows.count() >= 2
    start = await rows.first.locator("time").get_attribute("datetime")  # this one is in the range, and none before
    page = await tail(visit, f"?user={ada.user_id}&from={start}")
    everything = page.locator(EVENT), page.locator("h1 .count")
    await turn(ada, times=1)
    await expect(everything[0]).to_have_text(["tail range is busy", "tail range is available"])
    await expect(everything[1]).to_have_text("2")
    await page.get_by_role("button", name="Pause").click()
    await turn(ada, times=2)
    await expect(page.locator("[data-banner=chip]")).to_have_text("Paused, 1 new event waiting")


async def test_a_paused_tail_counts_what_waits_and_then_shows_it(site: Site, visit: Visit) -> None:
    (ada,) = await site.online("tail paused")
    page = await tail(visit)
    first = page.locator(EVENT).first
    before = await first.inner_text()
    await page.get_by_role("button", name="Pause").click()
    await turn(ada, times=7)
    await expect(page.locator("[data-banner=chip]")).to_have_text("Paused, 7 new events waiting")
    await expect(page.locator("#tail")).to_have_text("Paused. 7 new events waiting.")
    assert await first.inner_text() == before
    await page.set_viewport_size({"width": 390, "height": 844})
    words, bar = page.locator("[data-banner=chip] > span"), page.locator(".bar")
    assert (await words.inner_text(), len(await words.evaluate(LINES))) == ("Paused, 7 waiting", 1)
    brand, chip = await page.locator(".brand").bounding_box(), await words.bounding_box()
    assert brand is not None
    assert chip is not None
    assert chip["y"] < brand["y"] + brand["height"], "they share a line"
    since = await page.get_by_text(re.compile(r"^since \d\d:\d\d:\d\d$")).bounding_box()
    assert since is not None
    assert since["y"] >= chip["y"] + chip["height"] - 2, "it has the line below"
    height = await bar.evaluate(HEIGHT)
    await page.keyboard.press("p")
    assert await bar.evaluate(HEIGHT) == height, "nothing moves when the page is paused"
    await expect(first).to_have_text("tail paused is busy")
    await expect(page.locator("#tail")).to_have_text("New events appear here as they happen.")


async def test_while_the_list_is_used_or_scrolled_down_new_events_wait(site: Site, visit: Visit) -> None:
    (ada,) = await site.online("tail held")
    await turn(ada, times=60)
    page = await tail(visit)
    await page.mouse.wheel(0, 900)
    await page.wait_for_function("() => document.getElementById('list').getBoundingClientRect().top < 0")
    top = await page.evaluate("() => scrollY")
    await turn(ada, times=3)
    await expect(page.locator("#tail")).to_have_text("3 new events waiting.")
    assert await page.evaluate("() => scrollY") == top
    show = page.get_by_role("button", name="Show 3 new events")
    await show.evaluate("(button) => button.click()")
    await expect(page.locator("#tail")).to_have_text("New events appear here as they happen.")
    assert await page.evaluate("() => scrollY") == 0


async def test_what_happened_during_a_lost_connection_follows_and_what_is_unknown_is_a_gap(
    site: Site, visit: Visit
) -> None:
    (ada,) = await site.online("tail lost")
    page = await visit("/admin/audit")
    sockets: list[WebSocketRoute] = []
    is_down = False

    async def relay(socket: WebSocketRoute) -> None:
        if is_down:
            await socket.close(code=1001)
            return
        socket.connect_to_server()
        sockets.append(socket)

    await page.route_web_socket(re.compile("/ws/operators"), relay)
    await page.goto(f"{site.origin}/admin/events")
    gap = page.locator("tr.gap th")
    for times, gaps in ((3, 0), (60, 1)):
        await expect(Live(page).chip).to_have_text("Live")
        is_down = True
        await sockets[-1].close(code=1001)
        await expect(page.locator("#tail")).to_have_text("New events appear here when the page is live again.")
        await turn(ada, times=times)
        is_down = False
        await Live(page).retry()
        await expect(Live(page).chip).to_have_text("Live")
        await expect(page.locator(EVENT).first).to_have_text(re.compile("tail lost is (busy|available)"))
        await expect(gap).to_have_count(gaps)
    words = r"Events (around [\d:]+|between [\d:]+ and [\d:]+) may be missing here. Reload the page to see them."
    await expect(gap).to_have_text(re.compile(words))
    await page.set_viewport_size({"width": 1280, "height": 800})
    row, box = await page.locator("tr.gap").bounding_box(), await gap.bounding_box()
    assert row is not None
    assert box is not None
    assert box["x"] + box["width"] == pytest.approx(row["x"] + row["width"], abs=2), "it has the width of all columns"


async def test_on_a_phone_an_event_has_its_links_at_the_end_of_its_lines(site: Site, visit: Visit) -> None:
    ada, bob = await site.online("tail phone one", "tail phone two")
    await call(ada, bob)
    page = await tail(visit, f"?user={ada.user_id}")
    await page.set_viewport_size({"width": 390, "height": 844})
    row = page.locator("#list tr").filter(has=page.get_by_role("link", name="View call"))
    ends = [
        await row.get_by_role("link", name=re.compile(name)).evaluate("(link) => link.getBoundingClientRect().right")
        for name in ("tail phone", "View call")
    ]
    assert ends[0] == pytest.approx(ends[1], abs=1)
