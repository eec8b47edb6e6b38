"""After a lost connection, the live page equals a fresh one: same figures, same rows, in the same order."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.clients import Person
from tests.dashboard.conduct import Conduct
from tests.dashboard.conftest import MakeSite, Visit
from tests.dashboard.live import Live
from tests.dashboard.site import Site, call, heartbeat
from tests.network.proxy import proxy_to

pytestmark = [pytest.mark.slow, pytest.mark.gen_test(timeout=60)]

LOST = "WebSocket connection to .* failed"

FIGURES = ("available", "busy", "offline", "calls", "attention")

RUNNING = re.compile(r"\d+:\d\d(:\d\d)?( UTC)?|\d+ s\b")
"""Times and timers, which change by themselves."""

OTHERS = """() => Object.fromEntries(["calls", "attention", "events"].map((id) => [id,
  [...document.querySelectorAll(`#${id} [data-rows] > .row:not(.gone)`)].map((row) => row.dataset.key).slice(0, 8)]))"""
"""Rows by their keys. Of a long list, only the visible rows are in the page."""


async def picture(page: Page) -> dict[str, Any]:
    """Return everything that the page shows, except for running times."""
    live = Live(page)
    rows = await live.listed("state", "name", "id", "because", "waiting", "device")
    return {
        "figures": [await live.figure(name).text_content() for name in FIGURES],
        "users": [[RUNNING.sub("…", text) for text in row] for row in rows],
        **await page.evaluate(OTHERS),
    }


async def equals_fresh_pages(page: Page, visit: Visit, site: Site) -> None:
    """Check that the page equals the server-rendered page and a newly opened live page."""

    async def is_equal() -> bool:
        printed = await visit("/admin", at=site, java_script_enabled=False)
        fresh = (await Live(await visit("/admin", at=site)).ready()).page
        pictures.clear()
        pictures.extend([await picture(page), await picture(printed), await picture(fresh)])
        return pictures[0] == pictures[1] == pictures[2]

    pictures: list[dict[str, Any]] = []
    for _ in range(5):  # a user's grace period may end between two checks
        if await is_equal():
            return
    assert pictures[0] == pictures[1]
    assert pictures[0] == pictures[2]


async def furnish(site: Site) -> list[Person]:
    people = await site.online(*[f"Person {letter}" for letter in "ABCDEFGHIJ"])
    await call(people[0], people[1])
    await call(people[2], people[3])
    assert (await people[4].put("/users/me/status", {"is_busy": True})).status == 200
    return people


async def change(site: Site, people: list[Person]) -> None:
    """Make every kind of change: a call ends, one begins; users turn busy, turn free, leave, join, are renamed."""
    (ongoing,) = (await people[0].get("/calls/ongoing")).body["items"]
    assert (await people[0].post("/calls/end", {"call_id": ongoing["call_id"]})).status == 200
    await call(people[5], people[6])
    assert (await people[7].put("/users/me/status", {"is_busy": True})).status == 200
    assert (await people[4].put("/users/me/status", {"is_busy": False})).status == 200
    assert (await people[8].put("/users/me/status", {"is_online": False})).status == 200
    assert (await people[9].patch("/users/me", {"username": "Aaron, renamed"})).status == 200
    await site.online("Newcomer")


@pytest.mark.parametrize("ending", ["killed", "stopped"])
async def test_a_page_whose_server_came_back_equals_a_fresh_one(
    make_site: MakeSite, visit: Visit, conduct: Conduct, ending: str
) -> None:
    conduct.excuse(LOST)
    site = make_site()
    await site.start()
    people = await furnish(site)
    live = await Live(await visit(at=site)).ready()
    await live.page.evaluate("() => (window.isTheSamePage = true)")
    if ending == "killed":
        site.program.kill()
    else:
        await site.program.stop()
    await site.program.start()
    for person in people:
        await heartbeat(person)
    await change(site, people)
    await live.retry()
    await expect(live.chip).to_have_text("Live")
    await equals_fresh_pages(live.page, visit, site)
    assert await live.page.evaluate("() => window.isTheSamePage")


@pytest.mark.parametrize("cut", ["reset", "hang_up"])
async def test_a_page_whose_socket_was_cut_equals_a_fresh_one(
    make_site: MakeSite, visit: Visit, conduct: Conduct, cut: str
) -> None:
    conduct.excuse(f"{LOST}|asked elsewhere|ERR_CONNECTION_RESET")
    site = make_site()
    await site.start()
    people = await furnish(site)
    async with proxy_to(site.program.port) as proxy:
        page = await visit("/admin/audit", at=site)
        await page.goto(f"http://127.0.0.1:{proxy.port}/admin")
        live = await Live(page).ready()
        chip = await live.record("chip", "[data-banner=chip]")
        proxy.weather.refuses = True
        getattr(proxy, cut)()
        await chip.says("Connection lost")
        await change(site, people)
        proxy.weather.refuses = False
        await live.retry()
        await expect(live.chip).to_have_text("Live")
        await equals_fresh_pages(page, visit, site)
