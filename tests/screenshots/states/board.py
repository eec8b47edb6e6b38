"""Board: the board of the past, where there is one, and where there is none."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from handlers.admin.moments import iso
from models.checkpoints import Checkpoint, PastCall, PastUser, checkpoint_id
from models.events import Event
from models.recorded_spans import Span, SpanEnd
from models.stores import Stores
from models.times import milliseconds
from tests.dashboard.crowds import ONLINE_SETTINGS, gather_crowd
from tests.screenshots.stage import Place, place
from tests.screenshots.state import Scene, plain, state

ZONE = ZoneInfo("Europe/Berlin")
"""The zone of the browsers."""

KEPT_DAYS = 400
"""So that the last time clocks went back is among them."""

CREW = 140

CAUSES = {
    "available": ("connected", "call_ended", "busy_expired", "set"),
    "busy": ("set", "set", "call_started", "set"),
    "offline": ("timed_out", "disconnected", "set", "never"),
}


@place("past", **ONLINE_SETTINGS, events_days=KEPT_DAYS)
async def furnish_past(place: Place) -> None:
    """A team of 140 whose past has everything that can go wrong with a record."""
    crowd = await gather_crowd(place.site, CREW)
    await place.site.start()
    gone = [await _deleted_user(place, name) for name in ("gone", "also gone")]
    crew = [*range(crowd.longest, crowd.longest + CREW), *gone]
    async with place.site.stores() as stores:
        place.ids.update(longest=crowd.longest, gone=gone[0])
        place.ids.update(await _record(stores, crew))


async def _deleted_user(place: Place, name: str) -> int:
    """Register a user and delete them again. Returns their id."""
    account = {"username": name, "password": secrets.token_hex(16)}
    made = await place.site.program.api.post("/auth/register", account)
    api = place.site.program.api.with_token(made.body["access_token"])
    answer = await api.delete("/users/me", {"password": account["password"]})
    assert answer.status < 300, answer.body
    user_id: int = made.body["user_id"]
    return user_id


async def _record(stores: Stores, crew: list[int]) -> dict[str, str]:
    """Write what was recorded in the past. Returns a moment for each case."""
    today = datetime.now(ZONE).date()

    def ago(days: int, hour: int, minute: int = 0) -> datetime:
        return _local(today - timedelta(days=days), hour, minute)

    async def kept(name: str, began: datetime, until: datetime, ended: SpanEnd = "", users: int = CREW) -> None:
        await stores.recorded_spans.begin(Span(f"{name}-{iso(began)}", name, name, began, until, ended))
        await _checkpoint(stores, began, crew[:users])

    await kept("node-1", ago(1, 8), ago(1, 20), "stopped")
    await _checkpoint(stores, ago(1, 14), crew)
    await stores.events.add_many(list(_events(ago(1, 14), crew)))
    await kept("node-1", ago(2, 8), ago(2, 18), "stopped")
    await kept("node-7", ago(2, 8), ago(2, 14, 3))
    await kept("node-8 in the cellar of the old building", ago(2, 8), ago(2, 14, 4), "lost")
    await _checkpoint(stores, ago(2, 14), crew)
    await kept("node-1", ago(3, 8), ago(3, 12), "stopped")
    await kept("node-1", ago(5, 8), ago(5, 12))
    await kept("node-1", ago(7, 8), ago(7, 12), "lost")
    await kept("node-1", ago(7, 13), ago(7, 18), "stopped")
    await kept("node-1", ago(9, 8), ago(9, 18), "stopped")
    await _checkpoint(stores, ago(9, 14), crew)
    damaged = f"{milliseconds(ago(9, 14)):012x}"
    await stores.checkpoints._parts.update_many({"_id": {"$gt": damaged, "$lt": f"{damaged}~"}}, {"$set": {"rows": ""}})
    await _checkpoint(stores, ago(9, 15), crew)
    back = _last_sunday(today, month=10)
    await kept("node-1", _local(back, 1), _local(back, 9), "stopped", users=8)
    return {
        "yesterday": iso(ago(1, 14, 5)),
        "cut": iso(ago(2, 14, 5)),
        "stopped": iso(ago(3, 14, 5)),
        "killed": iso(ago(5, 14, 5)),
        "lost": iso(ago(7, 12, 30)),
        "damaged": iso(ago(9, 14, 5)),
        "back": f"{back}T02:30",
        "skipped": f"{_last_sunday(back, month=3)}T02:30",
        "long_ago": iso(ago(KEPT_DAYS + 100, 14, 5)),
        "future": iso(ago(-1, 14, 5)),
    }


def _local(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute), ZONE).astimezone(UTC)


def _last_sunday(before: date, month: int) -> date:
    """Return the last Sunday of that month, in the last year in which it has passed."""
    for year in (before.year, before.year - 1):
        last = date(year, month, 31)
        found = last - timedelta(days=(last.weekday() + 1) % 7)
        if found < before:
            return found
    raise AssertionError("it was last year at the latest")


async def _checkpoint(stores: Stores, at: datetime, crew: list[int]) -> None:
    made = Checkpoint(checkpoint_id(at, "another"), at, f"{milliseconds(at):012x}~", max(crew))
    await stores.checkpoints.add(made, [("users", list(_users(at, crew))), ("calls", list(_calls(at, crew)))])


def _users(at: datetime, crew: list[int]) -> Iterator[PastUser]:
    for number, user_id in enumerate(crew):
        on_call = number % 10 in (0, 1, 5, 6)
        kind = "busy" if on_call or number % 10 == 2 else "offline" if number % 10 in (3, 4) else "available"
        since = milliseconds(at) - 97_000 * number - (400_000_000 if number % 40 == 3 else 1000)
        by = "maya of the night shift" if number % 20 == 7 else ""
        yield PastUser(user_id, kind, since, CAUSES[kind][number % 4], by)  # type: ignore[arg-type]


def _calls(at: datetime, crew: list[int]) -> Iterator[PastCall]:
    """The first call is of users with long names, the last one of deleted users."""
    pairs = [*zip(crew[0::5], crew[1::5], strict=False)][: len(crew) // 5]
    pairs += [(crew[CREW], crew[CREW + 1])] if len(crew) > CREW else []
    for number, (caller, callee) in enumerate(pairs):
        seconds = 274_000 if number == 1 else 7260 if number < 4 else 31 * number
        yield PastCall(f"past-{number}", caller, callee, "audio", milliseconds(at) - 1000 * seconds)


def _events(at: datetime, crew: list[int]) -> Iterator[Event]:
    for number, kind in enumerate(("available", "offline", "busy")):
        moment = at + timedelta(minutes=number + 1)
        event_id = f"{milliseconds(moment):012x}{number:06}test"
        yield Event(event_id, moment, kind, crew[13 + number], "somebody", "set")  # type: ignore[arg-type]


@place("unrecorded")
async def furnish_unrecorded(place: Place) -> None:
    """A server that has recorded nothing."""
    await place.site.start()
    async with place.site.stores() as stores:
        await stores.recorded_spans.forget(datetime.max.replace(tzinfo=UTC))


PAST = "/admin/board?at={yesterday}"

plain("board_form", "/admin/board", place="past")
plain("board_everybody", PAST, place="past", role="viewer")
plain("board_on_calls", PAST + "&status=calls&sort=since", place="past")
plain("board_searched", PAST + "&q=qui&tag=sales&sort=name", place="past")
plain("board_nobody_found", PAST + "&q=nobody+of+this+name&status=busy", place="past")
plain("board_deleted_users", PAST + "&q=%23{gone},%23{longest}", place="past")
plain("board_beyond_last_page", PAST + "&page=9", place="past")
plain("board_incomplete", "/admin/board?at={cut}", place="past", height=1000)
plain("board_stopped", "/admin/board?at={stopped}", place="past")
plain("board_killed", "/admin/board?at={killed}", place="past")
plain("board_lost", "/admin/board?at={lost}", place="past")
plain("board_damaged", "/admin/board?at={damaged}", place="past")
plain("board_too_long_ago", "/admin/board?at={long_ago}", place="past")
plain("board_not_recorded", "/admin/board?at={skipped}&zone=Europe/Berlin", place="past")
plain("board_two_moments", "/admin/board?at={back}&zone=Europe/Berlin", place="past")
plain("board_future", "/admin/board?at={future}", place="past")
plain("board_wrong_input", "/admin/board?at=yesterday", place="past")
plain("board_nothing_yet", "/admin/board?at=2026-01-31T14:05", place="unrecorded")
plain("board_without_scripts", PAST, place="past", height=1000, options={"java_script_enabled": False})


@state("board_scrolled", PAST, place="past")
async def scroll(scene: Scene) -> None:
    """The middle of the list, which still says that it is the past."""
    await scene.page.evaluate("() => scrollTo(0, 700)")


@state("board_no_users", "/admin/board", place="nobody")
async def show_nobody(scene: Scene) -> None:
    """A moment after the start of a server without users."""
    await scene.page.goto(f"{scene.place.site.origin}/admin/board?at={iso(datetime.now(UTC) - timedelta(seconds=1))}")


@state("board_thousands", "/admin/board", place="thousands", height=1000)
async def show_thousands(scene: Scene) -> None:
    """A team of 5,061, as of a second ago."""
    await scene.page.goto(f"{scene.place.site.origin}/admin/board?at={iso(datetime.now(UTC) - timedelta(seconds=1))}")
