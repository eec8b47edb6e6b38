"""Events: the live tail of what happens, its filters and ranges, and what it says when something is missing."""

from __future__ import annotations

import re

from playwright.async_api import WebSocketRoute, expect

from tests.clients import Person
from tests.screenshots.state import Scene, plain, state
from tests.screenshots.states.calls import NO_SCRIPTS

plain("events_long_names", "/admin/events", height=2400)
for kind in ("available", "busy", "offline", "call_started", "call_ended", "action"):
    plain(f"events_kind_{kind}", f"/admin/events?kind={kind}", place="history", height=1000)
plain("events_one_user", "/admin/events?user={somebody}", place="history")
plain("events_several_users", "/admin/events?user=Quist", place="history")
plain("events_no_user", "/admin/events?user=Nobody+of+this+name", place="history")
plain("events_range", "/admin/events?range=shift&kind=offline", place="history")
plain("events_past_range", "/admin/events?from={before_that}&to={yesterday}", place="history")
plain("events_around_a_moment", "/admin/events?at={yesterday}#moment", place="history", height=6000)
plain("events_later", "/admin/events?at={yesterday}&page=-1", place="history", height=6000)
plain("events_oldest_first", "/admin/events?sort=-time&range=week", place="history")
plain("events_when_clocks_skipped", "/admin/events?at=2026-03-29T02:30&zone=Europe/Berlin", place="history")
plain("events_none", "/admin/events", place="nobody")
plain("events_none_match", "/admin/events?kind=action&range=hour&user={deleted}", place="history")
plain("events_wrong_moment", "/admin/events?at=yesterday+at+two", place="history")
plain("events_few_columns", "/admin/events?columns=user", place="history")
plain("events_no_javascript", "/admin/events", place="history", options=NO_SCRIPTS)


@state("events_newest", "/admin/events", place="history")
async def show_newest(scene: Scene) -> None:
    """New events have just appeared."""
    await expect(scene.live.chip).to_have_text("Live")
    await _turn(*await scene.place.online("Mia Bauer"), times=3)
    await expect(scene.page.locator("#list tr th").first).to_have_text(re.compile("is (busy|available)"))


@state("events_paused", "/admin/events?kind=busy", place="history")
async def show_paused(scene: Scene) -> None:
    """The page is paused, and 37 events wait."""
    await expect(scene.live.chip).to_have_text("Live")
    people = await scene.place.online("Mia Bauer")
    await scene.page.goto(f"{scene.place.site.origin}/admin/events?user={people[0].user_id}")
    await expect(scene.live.chip).to_have_text("Live")
    await scene.page.keyboard.press("p")
    await _turn(*people, times=37)
    await expect(scene.page.locator("#tail")).to_have_text("Paused. 37 new events waiting.")


@state("events_held", "/admin/events", place="history", frame="page")
async def show_held(scene: Scene) -> None:
    """The page is scrolled down, so new events wait, which is said above the list."""
    people = await scene.place.online("Mia Bauer")
    await _turn(*people, times=48)
    await scene.page.goto(f"{scene.place.site.origin}/admin/events?user={people[0].user_id}")
    await expect(scene.live.chip).to_have_text("Live")
    await scene.page.evaluate("() => scrollTo({ top: 900 })")
    await _turn(*people, times=37)
    await expect(scene.page.locator("#tail")).to_have_text("37 new events waiting.")


@state("events_gap", "/admin/audit", place="history", height=4000)
async def show_gap(scene: Scene) -> None:
    """More happened while the connection was lost than the server can tell."""
    sockets: list[WebSocketRoute] = []
    is_down = False

    async def relay(socket: WebSocketRoute) -> None:
        if is_down:
            await socket.close(code=1001)
            return
        socket.connect_to_server()
        sockets.append(socket)

    people = await scene.place.online("Mia Bauer")
    await scene.page.route_web_socket(re.compile("/ws/operators"), relay)
    await scene.page.goto(f"{scene.place.site.origin}/admin/events?user={people[0].user_id}")
    await expect(scene.live.chip).to_have_text("Live")
    is_down = True
    await sockets[-1].close(code=1001)
    await _turn(*people, times=60)
    is_down = False
    await scene.live.retry()
    await expect(scene.page.locator("tr.gap")).to_have_count(1)
    await scene.page.locator("tr.gap").scroll_into_view_if_needed()


@state("events_views", "/admin/events?kind=busy", place="history")
async def show_views(scene: Scene) -> None:
    """The menu “Views” is open."""
    await scene.page.get_by_role("button", name="Views").click()


async def _turn(person: Person, *, times: int) -> None:
    """Let a user change between busy and available."""
    for number in range(times):
        await person.put("/users/me/status", {"is_busy": number % 2 == 0})
