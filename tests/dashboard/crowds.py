"""Crowds: many users with long names in every state, written to the store of a server that is stopped."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from models.audit import AuditEntry
from models.database import open_database
from models.events import Event
from models.status import CurrentState, State
from models.stores import open_stores
from models.user_documents import Evidence, NewUser
from tests.dashboard.site import Site

LONG_NAMES = (
    "Zoë Íñigo-Vandenberghe of the Night Shift and of Wednesday Nights",
    "W" * 64,
    "Konstantinos-Alexandros.Papadopoulos-Theodoropoulos@example.org",
    "محمد عبد الرحمن بن عبد العزيز آل سعود من فريق المساء والليل",
    "יהודה בן־אברהם מהמשמרת השלישית של יום רביעי בערב",
    "名前がとても長い利用者の山田太郎左衛門之介と申します",
)
FIRST = ("Ada", "Björn", "Chidi", "Dora", "Emre", "Farah", "Greta", "Haruto", "Inés", "Jing", "Kofi", "Lior")
LAST = ("Quist", "Santos", "Okafor", "Mbeki", "Varga", "Wei", "Kowalski", "Reyes", "Íñigo", "Lindqvist", "Bauer")

ONLINE_SETTINGS: dict[str, Any] = {"hold_seconds": 1800.0, "call_lease_seconds": 3600.0, "sample_interval_seconds": 1.0}
"""Users who were online before the server started stay online without a socket."""

TAGS = ("sales", "support of the night shift", "W" * 64, "دعم", "营业部")

OLDEST_CALL = timedelta(days=3, hours=4, minutes=5, seconds=6)


@dataclass(frozen=True)
class Crowd:
    """The ids of some of the users, and of a call."""

    longest: int
    """On the longest call, with a long name."""
    stuck: int
    """Busy by hand since the past."""
    call_id: str


async def gather_crowd(site: Site, count: int) -> Crowd:
    """Add `count` users: of ten, two are offline, one is busy, four are on calls and three are available."""
    async with site.stores():
        pass  # creates the data directory
    now = datetime.now(UTC)
    patience = {"store_deadline_seconds": 10.0, "inspect_interval_seconds": 11.0}  # for thousands of rows at once
    settings = dataclasses.replace(site.program.settings, **patience)
    database = await open_database(settings)
    try:
        stores = await open_stores(database, settings)
        names = list(_names(count))
        new = [NewUser(name, None, None, tags=_tags(number)) for number, name in enumerate(names)]
        ids = await stores.users.create_many(new, now - timedelta(days=400))
        states = [_state(number) for number in range(count)]
        await stores.users.save_evidence(
            Evidence(user_id, state != "offline", *_seen(number, state, now))
            for number, (user_id, state) in enumerate(zip(ids, states, strict=True))
        )
        busy = [user_id for number, user_id in enumerate(ids) if states[number] == "busy" and number % 10 == 2]
        users = database.collection("users")
        await users.update_many({"_id": {"$in": busy}}, {"$set": {"set_busy": True}, "$inc": {"rev": 1}})
        on_calls = [user_id for number, user_id in enumerate(ids) if number % 10 in _ON_CALLS]
        calls = list(_calls(on_calls, now))
        for start in range(0, len(calls), 500):
            part = calls[start : start + 500]
            await database.collection("calls").insert_many(part)
            await database.collection("call_claims").insert_many(list(_locks(part)))
        await stores.events.add_many(list(_events(dict(zip(ids, names, strict=True)), now)))
        for entry in _entries(dict(zip(ids, names, strict=True)), now):
            await stores.audit.begin(entry)
    finally:
        await database.close()
    return Crowd(longest=on_calls[0], stuck=busy[0], call_id=calls[0]["_id"])


_ON_CALLS = (0, 1, 5, 6)


def _names(count: int) -> Iterator[str]:
    for number in range(count):
        if number < len(LONG_NAMES):
            yield LONG_NAMES[number]
        else:
            name = f"{FIRST[number % len(FIRST)]} {LAST[number // len(FIRST) % len(LAST)]}"
            yield name if number < len(FIRST) * len(LAST) else f"{name} {number}"


def _tags(number: int) -> tuple[str, ...]:
    """Every third user has a tag, and every ninth has all of them."""
    return TAGS if number % 9 == 0 else TAGS[number % 5 : number % 5 + 1] if number % 3 == 0 else ()


def _state(number: int) -> State:
    if number % 10 in (3, 4):
        return "offline"
    return "busy" if number % 10 in (*_ON_CALLS, 2) else "available"


def _seen(number: int, state: State, now: datetime) -> tuple[datetime, None, CurrentState]:
    since = now - timedelta(minutes=7 * (number % 50), seconds=number % 60, days=number % 3 * 200)
    reason = {"available": "connected", "busy": "set_busy", "offline": "timed_out"}[state]
    return max(since, now - timedelta(seconds=number % 60)), None, CurrentState(state, since, reason)


def _calls(user_ids: list[int], now: datetime) -> Iterator[dict[str, Any]]:
    for number in range(0, len(user_ids) - 1, 2):
        age = OLDEST_CALL if number == 0 else timedelta(minutes=130 if number % 4 else 5, seconds=number % 3600)
        yield {
            "_id": f"{number:032x}",
            "caller_id": user_ids[number],
            "callee_id": user_ids[number + 1],
            "call_type": "video",
            "status": "ongoing",
            "started_at": now - age,
            "ended_at": None,
            "duration_seconds": None,
            "end_reason": None,
            "ended_by": None,
        }


def _locks(calls: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for call in calls:
        for party in ("caller_id", "callee_id"):
            yield {"_id": call[party], "call_id": call["_id"], "incarnation": None}


def _events(names: dict[int, str], now: datetime) -> Iterator[Event]:
    ids = list(names)[:60]
    for number in range(120):
        user_id, other_id = ids[number % len(ids)], ids[(number + 1) % len(ids)]
        at = now - timedelta(hours=number)
        event_id = f"{int(at.timestamp() * 1000):012x}{number:04x}"
        kind = ("call_ended", "available", "busy", "offline", "call_started")[number % 5]
        yield Event(
            event_id, at, kind, user_id, names[user_id], "completed" if kind == "call_ended" else "connected",  # type: ignore[arg-type]
            other_id, names[other_id], f"{1000 + number:032x}" if kind.startswith("call") else "",
            300_000 if kind == "call_ended" else None,
        )  # fmt: skip
    start = now - OLDEST_CALL
    event_id = f"{int(start.timestamp() * 1000):012x}0000"
    yield Event(event_id, start, "call_started", ids[0], names[ids[0]], "video", ids[1], names[ids[1]], f"{0:032x}")


def _entries(names: dict[int, str], now: datetime) -> Iterator[AuditEntry]:
    for number, (user_id, name) in enumerate(list(names.items())[:12]):
        yield AuditEntry(
            f"entry-{number}", now - timedelta(days=50 * number), "operator", "force_offline", f"user:{user_id}", name,
            "busy, 2 connections, 1 call with " + "W" * 64, "offline",
            "The person asked on the phone to be shown as offline, because the app had been left open at home. " * 2,
            "2001:db8:85a3:8d3:1319:8a2e:370:7348", "refused: STORE_UNAVAILABLE" if number % 2 else "done",
        )  # fmt: skip
