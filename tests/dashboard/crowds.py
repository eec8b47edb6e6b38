"""Crowds: many users with long names in every state, written to the store of a server that is stopped."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from models.audit import AuditEntry
from models.database import open_database
from models.events import Event, EventKind
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
        people = list(zip(ids, names, strict=True))
        removal, entry_of_it = _tag_removal(people[1], now)
        await stores.events.add_many([*_events(people, now), *_beginnings(dict(people), calls), removal])
        for entry in (*_entries(dict(people), now), entry_of_it):
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


_REASONS: dict[State, str] = {"available": "connected", "busy": "set", "offline": "timed_out"}

LONGEST_TODAY_HOURS = 7
"""Whoever is not in the same state for hundreds of days has been so for less."""

_CHANGES: tuple[tuple[EventKind, str], ...] = (
    ("call_ended", "completed"), ("available", "connected"), ("busy", "set"), ("offline", "timed_out"),
    ("call_started", "video"),
)  # fmt: skip
"""Kinds of events with their causes."""


def _state(number: int) -> State:
    if number % 10 in (3, 4):
        return "offline"
    return "busy" if number % 10 in (*_ON_CALLS, 2) else "available"


def _seen(number: int, state: State, now: datetime) -> tuple[datetime, None, CurrentState]:
    since = now - timedelta(
        minutes=7 * (number % 50), seconds=number % 60, days=number % 3 * 200 if _is_steady(number) else 0
    )
    last_seen = since if state == "offline" else max(since, now - timedelta(seconds=number % 60))
    return last_seen, None, CurrentState(state, since, _REASONS[state])


def _is_steady(number: int) -> bool:
    """Whether a user may have been in the same state for hundreds of days, and so has no events."""
    return number >= len(LONG_NAMES) and number % 3 > 0


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


def _events(people: list[tuple[int, str]], now: datetime) -> Iterator[Event]:
    """Events of users whose state is of today: how it began, unless by a call, and 120 from before."""
    of_today = [number for number in range(2, len(people)) if not _is_steady(number)][:60]
    for number in of_today:
        state, (_, _, current) = _state(number), _seen(number, _state(number), now)
        if number % 10 not in _ON_CALLS:
            yield Event(_event_id(current.since, number), current.since, state, *people[number], _REASONS[state])
    for number in range(120):
        person, other = (people[of_today[(number + step) % len(of_today)]] for step in (0, 1))
        at = now - timedelta(hours=LONGEST_TODAY_HOURS + number)
        kind, cause = _CHANGES[number % len(_CHANGES)]
        event = Event(_event_id(at, number), at, kind, *person, cause)
        if kind.startswith("call"):
            seconds = 30_000 if kind == "call_ended" else None
            event = msgspec.structs.replace(
                event, other_id=other[0], other_name=other[1], call_id=f"{1000 + number:032x}", duration_seconds=seconds
            )
        yield event


def _tag_removal(person: tuple[int, str], now: datetime) -> tuple[Event, AuditEntry]:
    """An action on a user with a long name who goes on with a call, as event and as audit entry."""
    user_id, name = person
    at = now - timedelta(minutes=3)
    event = Event(_event_id(at, user_id), at, "action", user_id, name, "remove_tag", operator="operator")
    return event, AuditEntry(
        "entry-tag", at, "operator", "remove_tag", f"user:{user_id}", name, "tags: night", "no tags", "back by day",
        "192.0.2.1", "done",
    )  # fmt: skip


def _beginnings(names: dict[int, str], calls: list[dict[str, Any]]) -> Iterator[Event]:
    """How the first of the ongoing calls began."""
    for number, call in enumerate(calls[:20]):
        at, caller, callee = call["started_at"], call["caller_id"], call["callee_id"]
        yield Event(
            _event_id(at, 1000 + number), at, "call_started", caller, names[caller], call["call_type"], callee,
            names[callee], call["_id"],
        )  # fmt: skip


def _event_id(at: datetime, number: int) -> str:
    return f"{int(at.timestamp() * 1000):012x}{number:04x}"


def _entries(names: dict[int, str], now: datetime) -> Iterator[AuditEntry]:
    for number, (user_id, name) in enumerate(list(names.items())[:12]):
        at = now - timedelta(days=10 + 30 * number)  # before the longest call
        is_refused = number % 2 or _is_steady(number)
        yield AuditEntry(
            f"entry-{number}", at, "operator", "force_offline", f"user:{user_id}", name,
            "busy, 2 connections, 1 call with " + "W" * 64, "offline",
            "The person asked on the phone to be shown as offline, because the app had been left open at home. " * 2,
            "2001:db8:85a3:8d3:1319:8a2e:370:7348", "refused: STORE_UNAVAILABLE" if is_refused else "done",
        )  # fmt: skip
