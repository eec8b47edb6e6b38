"""Direction of writing: caller, arrow and callee keep their order, whatever their names are written in."""

from __future__ import annotations

import pytest
from playwright.async_api import Locator, expect

from tests.dashboard.conftest import Visit
from tests.dashboard.live import Live
from tests.dashboard.site import Site, call

pytestmark = [pytest.mark.slow, pytest.mark.gen_test]

CALLER, CALLEE = "محمد عبد", "אסתר לוי"

PLACES = """(element, parts) => {
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  const places = parts.map(() => null);
  while (walker.nextNode()) {
    parts.forEach((part, index) => {
      const at = walker.currentNode.data.indexOf(part);
      if (at < 0 || places[index]) return;
      const range = document.createRange();
      range.setStart(walker.currentNode, at);
      range.setEnd(walker.currentNode, at + part.length);
      const { left, top } = range.getBoundingClientRect();
      places[index] = { left, top };
    });
  }
  return places.map(({ left, top }) => [Math.round(top / 20), left]);
}"""
"""Where the parts of a text begin: line by line, then from left to right."""


async def in_order(place: Locator, *parts: str) -> None:
    """Check that the parts stand one after the other."""
    places = await place.evaluate(PLACES, list(parts))
    assert places == sorted(places), (parts, places)


async def test_caller_arrow_and_callee_keep_their_order(site: Site, visit: Visit) -> None:
    caller, callee = await site.online(CALLER, CALLEE)
    call_id = await call(caller, callee)
    live = await Live(await visit()).ready()
    row = live.call(call_id)
    await in_order(row.locator("[data-f=link]"), CALLER, "→", CALLEE)
    await expect(row.locator("[data-f=link]")).to_have_attribute(
        "title", f"\u2068{CALLER}\u2069 → \u2068{CALLEE}\u2069, audio"
    )
    await in_order(live.cell(caller, "because"), "on a call with", CALLEE)
    for event in (f"\u2068{CALLER}\u2069 called \u2068{CALLEE}\u2069",):
        text = live.page.locator("#events [data-f=text]", has_text="called").first
        await expect(text).to_have_text(event)
        await in_order(text, CALLER, "called", CALLEE)
    page = live.page
    await page.goto(f"{site.origin}/admin/calls/{call_id}")
    await in_order(page.locator("h1"), CALLER, "→", CALLEE)
    assert (await page.title()).startswith(f"Call between \u2068{CALLER}\u2069 and \u2068{CALLEE}\u2069")
    await page.goto(f"{site.origin}/admin/actions?action=end_call&call_id={call_id}")
    await in_order(page.locator("h1"), "End call", CALLER, CALLEE)
    await page.goto(f"{site.origin}/admin/wall")
    longest = page.locator("#longest-parties")
    await in_order(longest, CALLER, "→", CALLEE)
    (_, caller), (_, arrow), (_, callee) = await longest.evaluate(PLACES, [CALLER, "→", CALLEE])
    assert (abs(caller - arrow) < 5, callee - arrow < 50) == (True, True)
    await page.set_viewport_size({"width": 390, "height": 800})
    await page.goto(f"{site.origin}/admin/calls")
    await in_order(page.locator("tbody tr").first, CALLER, "→", CALLEE)


async def test_a_name_that_is_cut_keeps_its_beginning(site: Site, visit: Visit) -> None:
    (person,) = await site.online("محمد عبد الرحمن بن عبد العزيز آل سعود من فريق المساء والليل")
    live = await Live(await visit(viewport={"width": 1024, "height": 768})).ready()
    first, around = await live.cell(person, "name").evaluate("""(name) => {
      const range = document.createRange();
      range.setStart(name.querySelector("bdi").firstChild, 0);
      range.setEnd(name.querySelector("bdi").firstChild, 1);
      return [range, name].map((part) => part.getBoundingClientRect().right);
    }""")
    assert abs(first - around) < 2
