"""User day: the day and the week of a user as strips, and the timeline of what happened."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from playwright.async_api import expect

from models.calls import Call, ended
from models.events import Event
from models.recorded_spans import Span
from models.status import CurrentState
from models.stores import Stores
from models.user_documents import Evidence, NewUser
from tests.screenshots.stage import Place, place
from tests.screenshots.state import Scene, plain, state

HOUR = timedelta(hours=1)
CHANGES_OF_A_SHIFT = (
    (8.0, "available", "connected"), (9.0, "busy", "call_started"), (9.5, "available", "call_ended"),
    (10.0, "busy", "set"), (10.4, "available", "set"), (13.1, "offline", "disconnected"),
    (13.5, "available", "heartbeat"), (16.0, "offline", "timed_out"),
)  # fmt: skip
"""Hours since midnight in UTC, the states that begin then, and why."""

WORKDAYS_AGO = (1, 2, 3, 4, 6, 8, 9)
WITHOUT_SCRIPTS = {"java_script_enabled": False}


def midnight(days_ago: int) -> datetime:
    """The beginning of a day in UTC."""
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=days_ago)


@place("shifts")
async def furnish_shifts(place: Place) -> None:
    """One user with shifts behind them, one who changes state all the time, one who never came, and pauses."""
    async with place.site.stores():
        pass  # creates the data directory
    async with place.site.stores() as stores:
        names = ("Zoë Íñigo-Vandenberghe of the Night Shift", "نور الدين من فريق المساء", "Flip Flopper", "Nemo Absent")
        ids = await stores.users.create_many([NewUser(name, None, None) for name in names], midnight(20))
        zoe, nour, flip, absent = ids
        for ago in WORKDAYS_AGO:
            await _add_shift(stores, zoe, names[0], nour, ago)
        flips = _flips(flip, names[2])
        await stores.events.add_many(flips)
        await stores.users.save_evidence(
            [
                _offline_since(zoe, midnight(1) + 16 * HOUR, "timed_out"),
                _offline_since(flip, flips[-1].at, "disconnected"),
            ]
        )
        for run in _runs():
            await stores.recorded_spans.begin(run)
    place.ids.update(zoe=zoe, nour=nour, flip=flip, absent=absent)
    for ago in (1, 2, 7, 30):
        place.ids[f"ago_{ago}"] = f"{midnight(ago):%Y-%m-%d}"
    await place.site.start()


async def _add_shift(stores: Stores, user_id: int, name: str, other_id: int, ago: int) -> None:
    """A shift of some days ago, with a call."""
    day = midnight(ago)
    await stores.events.add_many(
        [
            Event(f"{ago:04x}{number:08x}", day + hours * HOUR, kind, user_id, name, cause)  # type: ignore[arg-type]
            for number, (hours, kind, cause) in enumerate(CHANGES_OF_A_SHIFT)
        ]
    )
    call = Call(f"of-the-shift-{ago}", other_id, user_id, "audio", "ongoing", day + 9 * HOUR)
    await stores.calls.insert(call)
    await stores.calls.end(ended(call, "completed", day + 9.5 * HOUR, None))


def _offline_since(user_id: int, at: datetime, reason: str) -> Evidence:
    """Evidence of a user who went offline then."""
    current = CurrentState("offline", at, reason)
    return Evidence(user_id, online=False, last_seen=at, heartbeat_at=None, current_state=current)


def _flips(user_id: int, name: str) -> list[Event]:
    """Changes of state every three minutes, until now."""
    now = datetime.now(UTC)
    found: list[Event] = []
    for number in range(479):
        at = now - timedelta(minutes=3 * (480 - number))
        kind, cause = (("offline", "disconnected"), ("available", "connected"))[number % 2]
        found.append(Event(f"{int(at.timestamp() * 1000):012x}f", at, kind, user_id, name, cause))  # type: ignore[arg-type]
    return found


def _runs() -> list[Span]:
    """Two days ago no server ran from 12:00 to 14:30, and events from 15:00 to 15:40 were lost."""
    day, now = midnight(2), datetime.now(UTC)
    return [
        Span("run-1", "first", "one", midnight(19), day + 12 * HOUR, "stopped"),
        Span("run-2", "second", "one", day + 14.5 * HOUR, day + 15 * HOUR, "lost"),
        Span("run-3", "second", "one", day + 15 * HOUR + timedelta(minutes=40), now, "stopped"),
    ]


plain("user_day_today", "/admin/users/{flip}", place="shifts")
plain("user_day_today_of_somebody_absent", "/admin/users/{absent}", place="shifts", role="viewer")
plain("user_day_past", "/admin/users/{zoe}?day={ago_1}", place="shifts")
plain("user_day_with_gaps", "/admin/users/{zoe}?day={ago_2}", place="shifts")
plain("user_day_before_the_user", "/admin/users/{zoe}?day={ago_30}", place="shifts", role="viewer")
plain("user_day_in_the_future", "/admin/users/{zoe}?day=2099-01-01", place="shifts")
plain("user_day_wrong", "/admin/users/{zoe}?day=yesterday", place="shifts")
plain("user_day_week", "/admin/users/{zoe}?view=week", place="shifts", role="viewer")
plain("user_day_last_week", "/admin/users/{zoe}?view=week&day={ago_7}", place="shifts")
plain("user_day_without_javascript", "/admin/users/{zoe}?day={ago_2}", place="shifts", options=WITHOUT_SCRIPTS)
plain("user_day_timeline_second_page", "/admin/users/{flip}?page=2", place="shifts", height=2400)
plain("user_day_timeline_of_an_hour", "/admin/users/{zoe}?range=hour", place="shifts")
plain("user_day_timeline_range", "/admin/users/{zoe}?from={ago_2}T10:00&to={ago_1}T12:00", place="shifts")
plain("user_day_timeline_wrong_range", "/admin/users/{zoe}?from={ago_1}T10:00&to={ago_2}T12:00", place="shifts")
plain("user_day_moment", "/admin/users/{zoe}?at={ago_1}T10:10", place="shifts", height=2400)
plain("user_day_moment_of_many", "/admin/users/{flip}?at={ago_1}T23:30#moment", place="shifts", height=3200)
plain("user_day_moment_without_javascript", "/admin/users/{zoe}?at={ago_1}T10:10", place="shifts", role="viewer",
      options=WITHOUT_SCRIPTS)  # fmt: skip


@state("user_day_under_the_pointer", "/admin/users/{zoe}?day={ago_1}", place="shifts")
async def point(scene: Scene) -> None:
    """The reading of the state under the pointer."""
    await scene.page.locator(".span.busy .hit").hover(force=True)
    await expect(scene.page.locator("[data-readout]")).to_have_text(re.compile("Busy: set busy"))


@state("user_day_by_keyboard", "/admin/users/{zoe}?day={ago_2}", place="shifts", role="viewer")
async def press_keys(scene: Scene) -> None:
    """The reading of a time without a server, which was reached by keyboard."""
    await scene.page.get_by_role("slider").focus()
    for _ in range(20):
        if "server" in await scene.page.locator("[data-readout]").inner_text():
            break
        await scene.page.keyboard.press("ArrowLeft")
    await expect(scene.page.locator("[data-readout]")).to_contain_text("no server was running")


@state("user_day_states", "/admin/users/{zoe}?day={ago_2}", place="shifts", role="viewer")
async def open_states(scene: Scene) -> None:
    """The states with their times and reasons are open."""
    await scene.page.get_by_text("with times and reasons").click()


@state("user_day_choosing_a_range", "/admin/users/{absent}", place="shifts")
async def open_times(scene: Scene) -> None:
    """The form for a moment or a range is open, which it always is on wide screens, and the timeline is empty."""
    summary = scene.page.get_by_text("Jump to a moment or choose a range")
    if await summary.is_visible():
        await summary.click()
