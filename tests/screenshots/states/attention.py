"""Attention: what needs attention on Live, who is on it, alerts, and the cards of calls and events."""

from __future__ import annotations

import asyncio
import dataclasses
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from playwright.async_api import Locator, expect

from models.acknowledgements import Acknowledgement
from models.database import Database, open_database
from tests.clients import Person, RawSocket
from tests.dashboard.crowds import LONG_NAMES, ONLINE_SETTINGS, gather_crowd
from tests.dashboard.live import Live
from tests.dashboard.site import Site, call
from tests.screenshots.stage import Place, place
from tests.screenshots.state import Scene, plain, state

ISSUE_SETTINGS: dict[str, Any] = {
    **ONLINE_SETTINGS,
    "flapping_changes": 4,
    "flapping_seconds": 3600.0,
    "ping_interval_seconds": 12.0,
    "pong_timeout_seconds": 11.9,
    "silent_socket_seconds": 12.5,
}
"""Issues stay while they are photographed. A silent socket is an issue for some ten seconds before it is closed."""

LIST = "#attention [data-box]"


@asynccontextmanager
async def by_hand(site: Site) -> AsyncIterator[Database]:
    """Open the store's collections from outside the server."""
    settings = dataclasses.replace(site.program.settings, store_deadline_seconds=30.0, inspect_interval_seconds=31.0)
    database = await open_database(settings)
    try:
        yield database
    finally:
        await database.close()


def ongoing(caller: Person, callee: Person, age: timedelta) -> dict[str, Any]:
    """Return the document of a call that the server does not know."""
    return {
        "_id": secrets.token_hex(12), "caller_id": caller.user_id, "callee_id": callee.user_id, "call_type": "audio",
        "status": "ongoing", "started_at": datetime.now(UTC) - age, "ended_at": None, "duration_seconds": None,
        "end_reason": None, "ended_by": None,
    }  # fmt: skip


@place("issues", **ISSUE_SETTINGS)
async def furnish_issues(place: Place) -> None:
    """A small team with an issue of each kind that stays, some of which operators deal with."""
    site = place.site
    await gather_crowd(site, 21)
    await site.start()
    ada, bob, cem, dora, emre, farah, greta, haruto, ines = await place.online(
        "Ada Quist", "Björn Santos", "Chidi Okafor", "Dora Mbeki", "Emre Varga", "Farah Wei", "Greta Kowalski",
        "Haruto Reyes", "Inés Íñigo",
    )  # fmt: skip
    place.ids["stored"] = ada.user_id
    await fall_offline(bob, cem)
    await flap(dora)
    await call(emre, farah)
    async with by_hand(site) as store:
        past = datetime.now(UTC) - timedelta(hours=30)
        users = store.collection("users")
        await users.update_one({"_id": ada.user_id}, {"$set": {"set_busy": True}})
        await users.update_one({"_id": greta.user_id}, {"$set": {"set_busy": True, "busy_until": past}})
        stray = [ongoing(emre, haruto, timedelta(hours=3)), ongoing(ines, haruto, timedelta(minutes=5))]
        await store.collection("calls").insert_many(stray)
        await store.collection("call_claims").insert_one({"_id": ines.user_id, "call_id": secrets.token_hex(12)})


@place("handled", **ISSUE_SETTINGS)
async def furnish_handled(place: Place) -> None:
    """Three long calls, of which operators deal with two."""
    await gather_crowd(place.site, 21)
    async with place.site.stores() as stores:
        now = datetime.now(UTC)
        for number, (operator, minutes) in {
            2: ("operator", 10),
            6: ("maya.with-a-very-long-name@example.org", 60),
        }.items():
            until = now + timedelta(minutes=minutes + 5)
            await stores.acknowledgements.put(Acknowledgement(f"long_call:{number:032x}", operator, now, until))
    await place.site.start()


@place("calm", **ISSUE_SETTINGS)
async def furnish_calm(place: Place) -> None:
    """A team with nothing wrong."""
    await place.site.start()
    await place.online("Ada Quist", "Björn Santos", "Chidi Okafor", "Dora Mbeki")


async def flap(person: Person) -> None:
    """Change a user's state often enough to need attention."""
    for is_busy in (True, False, True, False):
        assert (await person.put("/users/me/status", {"is_busy": is_busy})).status == 200


async def fall_offline(caller: Person, callee: Person) -> str:
    """Start a call whose callee is offline then, and return its id."""
    call_id = await call(caller, callee)
    assert (await callee.put("/users/me/status", {"is_online": False})).status == 200
    return call_id


async def scroll(scene: Scene, part: str, *, to_end: bool = False) -> Locator:
    """Bring a card to the top of the window, and its list to the end."""
    card = scene.page.locator(part)
    await card.evaluate("(card) => scrollTo(0, card.getBoundingClientRect().top + scrollY - 8)")
    if to_end:
        await card.locator("[data-box]").evaluate("(box) => { box.scrollTop = box.scrollHeight; }")
    return card


# The list.


@state("attention_each_kind", "/admin", place="issues")
async def show_each_kind(scene: Scene) -> None:
    """The oldest issues."""
    await expect(scene.page.locator("#attention [data-count]")).to_have_text(re.compile("^[89]|1."))


@state("attention_each_kind_end", "/admin", place="issues")
async def show_end(scene: Scene) -> None:
    """The newest issues."""
    await expect(scene.page.locator("#attention [data-count]")).to_have_text(re.compile("^[89]|1."))
    await scroll(scene, "#attention", to_end=True)


plain("attention_viewer", "/admin", place="issues", role="viewer")
plain("attention_without_javascript", "/admin", place="issues", options={"java_script_enabled": False})
plain("attention_many", "/admin?status=attention")
plain("attention_none", "/admin", place="calm")


@state("attention_silent_socket", "/admin", place="calm")
async def show_silent_socket(scene: Scene) -> None:
    """A socket that answers no pings."""
    (ada,) = await scene.place.online("Ada Quist")
    socket, status = await RawSocket.open(
        scene.place.site.program.port, f"/ws/feed?token={ada.token}", User_Agent="iPhone"
    )
    assert status == 101
    scene.page.on("close", lambda _: socket.end())
    row = scene.page.locator("#attention .row:not(.gone)").filter(has_text=ada.username)
    await expect(row).to_contain_text("Silent for")


@state("attention_resolved", "/admin", place="calm")
async def show_resolved(scene: Scene) -> None:
    """An issue that ended while the list was in use."""
    ada, bob, cem, dora = await scene.place.online("Ada Quist", LONG_NAMES[0][:60], "Chidi Okafor", "Dora Mbeki")
    call_id = await fall_offline(ada, bob)
    other = await fall_offline(cem, dora)
    row = scene.live.issue(f"call_with_offline:{call_id}")
    await expect(row).to_be_visible()
    await row.locator("[data-f=since]").hover()
    assert (await ada.post("/calls/end", {"call_id": call_id})).status == 200
    await expect(scene.page.locator("#attention .row.gone").first).to_be_visible()
    asyncio.get_running_loop().call_later(15, lambda: asyncio.ensure_future(cem.post("/calls/end", {"call_id": other})))


@state("attention_keyboard", "/admin", place="issues")
async def show_focused(scene: Scene) -> None:
    """The second issue has the keyboard focus."""
    await scene.page.keyboard.press("n")
    await scene.page.keyboard.press("n")


# Who is on it.

plain("attention_on_it", "/admin", place="handled")


@state("attention_on_it_menu", "/admin", place="handled")
async def show_menu(scene: Scene) -> None:
    """For how long the operator is on it."""
    await scene.page.locator("#attention .row:not(.acknowledged) [data-f=onIt]").first.click()


@state("attention_on_it_change", "/admin", place="handled")
async def show_change(scene: Scene) -> None:
    """Somebody else is on it already."""
    await scene.page.locator("#attention .row.acknowledged [data-f=onIt]").first.click()


@state("attention_on_it_now", "/admin", place="calm")
async def show_on_it_now(scene: Scene) -> None:
    """What is said when the operator is on it."""
    ada, bob = await scene.place.online("Ada Quist", "Björn Santos")
    call_id = await fall_offline(ada, bob)
    row = scene.live.issue(f"call_with_offline:{call_id}")
    await row.locator("[data-f=onIt]").click()
    await row.get_by_role("button", name="10 min", exact=True).click()
    await expect(scene.live.toast).to_contain_text("You are on it")
    await expect(row.locator("[data-f=acknowledged]")).to_be_visible()
    await scene.page.mouse.move(1, 1)
    asyncio.get_running_loop().call_later(
        15, lambda: asyncio.ensure_future(ada.post("/calls/end", {"call_id": call_id}))
    )


# Alerts.


async def open_alerts(scene: Scene, *labels: str) -> Locator:
    """Open the dialog of alerts and tick what is named."""
    await scene.page.locator("#alerts-open").click()
    dialog = scene.page.locator("dialog#alerts")
    for label in labels:
        await dialog.get_by_label(label).first.click()
    return dialog


async def allow_notifications(scene: Scene) -> None:
    """Make the page believe that it may show them: not every build of Chromium can."""
    granted = "Object.defineProperty(Notification, 'permission', { get: () => 'granted' })"
    await scene.page.add_init_script(granted)
    await scene.page.evaluate(f"() => void {granted}")


@state("attention_alerts", "/admin")
async def show_alerts(scene: Scene) -> None:
    """As it is at first."""
    await open_alerts(scene)


@state("attention_alerts_denied", "/admin")
async def show_denied_alerts(scene: Scene) -> None:
    """The browser blocks notifications."""
    await scene.page.evaluate("() => void Object.defineProperty(Notification, 'permission', { get: () => 'denied' })")
    await open_alerts(scene)


@state("attention_alerts_all", "/admin")
async def show_all_alerts(scene: Scene) -> None:
    """Everything on."""
    await allow_notifications(scene)
    await open_alerts(scene, "Play a sound", "Show a browser notification", "Quiet hours")


@state("attention_alerts_wrong", "/admin")
async def show_wrong_alerts(scene: Scene) -> None:
    """What is said after wrong input."""
    await allow_notifications(scene)
    dialog = await open_alerts(scene, "Quiet hours")
    amounts = dialog.get_by_role("spinbutton")
    for number, text in enumerate(("-1", "1000000", "")):
        await amounts.nth(number).fill(text)
    await amounts.last.fill("1")
    await dialog.get_by_label("from", exact=True).evaluate("(field) => { field.value = ''; }")
    await dialog.get_by_label("from", exact=True).dispatch_event("change")
    await dialog.evaluate("(dialog) => dialog.scrollTo(0, 0)")


@state("attention_alerts_insecure", "/admin")
async def show_insecure_alerts(scene: Scene) -> None:
    """A page that is neither on https nor on localhost."""
    await scene.page.add_init_script("Object.defineProperty(window, 'isSecureContext', { value: false })")
    await scene.page.reload()
    await scene.live.ready()
    await open_alerts(scene)


async def reloaded(scene: Scene, *labels: str) -> Live:
    """Choose alerts, and open the page again."""
    dialog = await open_alerts(scene, *labels)
    await dialog.get_by_role("button", name="Close").click()
    await scene.page.reload()
    return await scene.live.ready()


@state("attention_alerts_sound_waits", "/admin")
async def show_waiting_sound(scene: Scene) -> None:
    """The browser waits for a click."""
    await allow_notifications(scene)
    await reloaded(scene, "Play a sound")


@state("attention_alerts_quiet_now", "/admin")
async def show_quiet(scene: Scene) -> None:
    """Quiet hours."""
    await allow_notifications(scene)
    dialog = await open_alerts(scene, "Show a browser notification", "Quiet hours")
    for label in ("from", "to"):
        await dialog.get_by_label(label, exact=True).fill("00:00")
    await dialog.get_by_role("button", name="Close").click()
    await expect(scene.page.locator("#alerts-open")).to_have_text("Quiet all day")


@state("attention_alerts_paused", "/admin")
async def show_paused(scene: Scene) -> None:
    """There are no alerts while the page is paused."""
    await allow_notifications(scene)
    await reloaded(scene, "Show a browser notification")
    await scene.page.locator("#pause").click()
    await expect(scene.page.locator("#alerts-open")).to_have_text("No alerts: paused")


# Calls and events.


@state("attention_calls_end", "/admin")
async def show_last_calls(scene: Scene) -> None:
    """The shortest calls, and the card itself on a phone."""
    await scroll(scene, "#calls", to_end=True)


@state("attention_events", "/admin")
async def show_events(scene: Scene) -> None:
    """The latest events."""
    await scroll(scene, "#events")


@state("attention_events_new", "/admin", place="calm")
async def show_new_events(scene: Scene) -> None:
    """Events that wait while the list is used."""
    (ada,) = await scene.place.online(LONG_NAMES[0][:60])
    await scroll(scene, "#events")
    box = scene.page.locator("#events [data-box]")
    await box.hover()
    await flap(ada)
    await expect(scene.page.locator("#events-rate")).to_have_text(re.compile("new"))
