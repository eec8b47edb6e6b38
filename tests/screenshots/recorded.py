"""Recorded: what happened in the last weeks at a place, written to its store: calls, events and audit entries."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from models.audit import AuditEntry
from models.calls import Call, EndReason
from models.database import open_database
from models.events import Event, EventKind
from models.stores import Stores, open_stores
from models.user_documents import NewUser
from tests.dashboard.crowds import FIRST, LAST, LONG_NAMES, ONLINE_SETTINGS
from tests.dashboard.site import Site, call
from tests.screenshots.stage import Place, place

BERLIN = ZoneInfo("Europe/Berlin")

GOODBYE = len(LONG_NAMES)
"""The position of the user who was deleted since."""

LONG_REASON = (
    "The person asked on the phone to be shown as offline, because the app had been left open on a computer at home "
    "and nobody could be reached who would have closed it before the shift of the next morning began."
)

ADDRESSES = ("192.0.2.17", "2001:db8:85a3:8d3:1319:8a2e:370:7348")


@dataclass(frozen=True)
class Recorded:
    """The ids of the users, in the order of their names, and of some of the calls."""

    user_ids: list[int]
    calls: dict[str, str]
    """Ids of calls that ended in different ways, by how they did."""


async def record(site: Site, *, calls: int) -> Recorded:
    """Write the history of 40 users with so many calls to a server that is stopped. One of the users is deleted."""
    now = datetime.now(UTC).replace(microsecond=0)
    patience = {"store_deadline_seconds": 10.0, "inspect_interval_seconds": 11.0}  # for thousands of rows at once
    settings = dataclasses.replace(site.program.settings, **patience)
    database = await open_database(settings)
    try:
        stores = await open_stores(database, settings)
        names = list(_names(40))
        new = [NewUser(name, None, None) for name in names]
        ids = await stores.users.create_many(new, now - timedelta(days=400))
        people = list(zip(ids, names, strict=True))
        special = list(_special_calls(people, now))
        documents = [_document(each) for each in (*(one for _, one in special), *_calls(people, now, calls))]
        for start in range(0, len(documents), 500):
            await database.collection("calls").insert_many(documents[start : start + 500])
        await stores.events.add_many(list(_events(people, [one for _, one in special], now)))
        await stores.service_keys.add("crm backend", "admin", now - timedelta(days=30))
        await stores.audit.add_all(list(_entries(people, special[0][1], now)))
        await _delete(stores, ids[GOODBYE], now)
    finally:
        await database.close()
    return Recorded(ids, {name: call.call_id for name, call in special})


def clocks_went_back(now: datetime) -> datetime:
    """The last moment at which clocks in Berlin went back by an hour."""
    at = datetime(now.year, now.month, now.day, 1, tzinfo=UTC)
    while at > now or at.astimezone(BERLIN).utcoffset() == (at - timedelta(hours=1)).astimezone(BERLIN).utcoffset():
        at -= timedelta(days=1)
    return at if at.astimezone(BERLIN).hour == 2 else clocks_went_back(at - timedelta(days=2))


def _document(one: Call) -> dict[str, Any]:
    document = msgspec.structs.asdict(one)
    document["_id"] = document.pop("call_id")
    return document


async def _delete(stores: Stores, user_id: int, now: datetime) -> None:
    await stores.users.delete(user_id, now)
    stored = await stores.users.read_back(user_id)
    assert stored is not None
    await stores.deletions.clean_up(stored)
    await stores.deletions.finish(user_id)


def _names(count: int) -> Iterator[str]:
    yield from LONG_NAMES
    for number in range(count - len(LONG_NAMES)):
        yield f"{FIRST[number % len(FIRST)]} {LAST[number // 4 % len(LAST)]}"


Person = tuple[int, str]
"""An id and a name."""


def _ended(call_id: str, pair: tuple[int, int], at: datetime, seconds: int, how: EndReason, by: int | None) -> Call:
    kind = "audio" if seconds % 3 else "video"
    end = at + timedelta(seconds=seconds)
    return Call(call_id, *pair, kind, how, at, end, seconds, how, by)  # type: ignore[arg-type]


def _special_calls(people: list[Person], now: datetime) -> Iterator[tuple[str, Call]]:
    """One call for each way to end, the first by an operator, of today; and one that no event is kept of."""
    ids = [user_id for user_id, _ in people]
    for number, (name, how, by) in enumerate(
        [
            ("by_operator", "completed", None),
            ("completed", "completed", ids[9]),
            ("dropped", "dropped", None),
            ("cancelled", "cancelled", ids[13]),
            ("of_long_names", "completed", ids[1]),
            ("of_deleted", "completed", ids[GOODBYE]),
        ]
    ):
        pair = (ids[7 + 2 * number], ids[8 + 2 * number])
        if name == "of_long_names":
            pair = (ids[3], ids[1])
        elif name == "of_deleted":
            pair = (ids[GOODBYE], ids[9])
        at = now - timedelta(minutes=35 + 11 * number)
        yield name, _ended(f"{name:_<16}{number:016x}", pair, at, 0 if how == "cancelled" else 754, how, by)  # type: ignore[arg-type]
    yield "unrecorded", _ended(f"{0:032x}", (ids[0], ids[2]), now - timedelta(days=390), 93784, "completed", ids[0])
    for number, minutes in enumerate((-70, -45, -20, -5, 10, 25, 40, 75)):
        at = clocks_went_back(now) + timedelta(minutes=minutes)
        yield f"autumn_{number}", _ended(f"autumn{number:026x}", (ids[20], ids[24]), at, 300, "completed", ids[20])


def _calls(people: list[Person], now: datetime, count: int) -> Iterator[Call]:
    ids = [user_id for user_id, _ in people if user_id != people[GOODBYE][0]]
    for number in range(count):
        caller, callee = ids[number * 7 % len(ids)], ids[(number * 7 + number % 11 + 1) % len(ids)]
        at = now - timedelta(hours=2, minutes=number * 61 % 59 + number * (20 * 24 * 60 // count), seconds=number % 60)
        how: EndReason = "dropped" if number % 9 == 4 else "cancelled" if number % 13 == 5 else "completed"
        by = None if how == "dropped" else caller if number % 2 else callee
        seconds = 12 + number % 30 if how == "cancelled" else 40 + number * 37 % 4300
        yield _ended(f"{number + 1:032x}", (caller, callee), at, seconds, how, by)


_CHANGES: tuple[tuple[EventKind, str, str], ...] = (
    ("available", "connected", ""),
    ("busy", "set", ""),
    ("available", "set", ""),
    ("offline", "timed_out", ""),
    ("available", "heartbeat", ""),
    ("offline", "operator", "maya"),
    ("action", "force_offline", "maya"),
    ("busy", "connected", ""),
    ("available", "operator", "noor"),
    ("action", "clear_busy", "noor"),
    ("offline", "disconnected", ""),
    ("available", "connected", ""),
    ("action", "add_tag", "key:crm backend"),
    ("action", "sign_out", "maya"),
    ("available", "busy_expired", ""),
    ("offline", "operator", ""),
)
"""Kinds of events with their causes and the operators who caused them."""


def _events(people: list[Person], calls: list[Call], now: datetime) -> Iterator[Event]:
    for number in range(480):
        user_id, name = people[number * 5 % len(people)]
        kind, cause, operator = _CHANGES[number % len(_CHANGES)]
        at = now - timedelta(minutes=number * 31, seconds=number * 13 % 60)
        yield Event(_event_id(at, number), at, kind, user_id, name, cause, operator=operator)
    for number, one in enumerate(calls):
        if now - one.started_at < timedelta(days=300):
            yield from _events_of(one, dict(people), number)


def _events_of(call: Call, names: dict[int, str], number: int) -> Iterator[Event]:
    parties = (call.caller_id, names[call.caller_id])
    start, end = call.started_at, call.ended_at
    assert end is not None
    operator = "maya" if call.call_id.startswith("by_operator") else ""
    began = Event(
        _event_id(start, 1000 + number),
        start,
        "call_started",
        *parties,
        call.call_type,
        other_id=call.callee_id,
        other_name=names[call.callee_id],
        call_id=call.call_id,
    )
    yield began
    yield msgspec.structs.replace(
        began,
        event_id=_event_id(end, 2000 + number),
        at=end,
        kind="call_ended",
        cause=call.status,
        duration_seconds=call.duration_seconds,
        operator=operator,
    )


def _event_id(at: datetime, number: int) -> str:
    return f"{int(at.timestamp() * 1000):012x}{number:04x}"


_DONE: tuple[tuple[str, str, str, str, str], ...] = (
    ("operator", "force_offline", "busy, 2 connections, 1 call with Greta Okafor", "offline", "shift over"),
    (
        "operator",
        "clear_busy",
        "busy, 1 connection",
        "available, 1 connection",
        "Saved as busy, but shown as available",
    ),
    ("key:crm backend", "put_user", "", "created", ""),
    ("second", "end_call", "ongoing for 2:14", "completed", "hung for two hours"),
    ("admin", "operator_role", "viewer", "operator", "new in the night shift"),
    ("operator", "acknowledge", "nobody is on it", "operator is on it, 10 min", "On a call for too long"),
    ("operator", "operator_sign_in", "", "", ""),
    ("key:crm backend", "put_users", "", "12 created, 3 changed, 0 failed", ""),
    ("admin", "set_password", "enabled", "new password", "forgotten"),
    ("operator", "add_tag", "tags: sales", "tags: sales, support of the night shift", "helps out"),
    ("admin", "screen_add", "", "tag sales", ""),
    ("second", "sign_out", "available, 3 connections", "offline", LONG_REASON),
    ("admin", "delete_user", "enabled, offline", "deleted", "left the company"),
    ("key:crm backend", "set_status", "available", "busy", ""),
)
"""Actions with who did them, what was before and after, and the reason."""

_OUTCOMES = {
    3: "refused: NOTHING_TO_DO", 8: "waiting", 11: "refused: STORE_UNAVAILABLE", 16: "superseded", 19: "started",
    22: "refused: ROLE_TOO_LOW", 27: "failed: SERVER_ERROR", 30: "refused: ACTION_WAITING",
}  # fmt: skip


def _entries(people: list[Person], call: Call, now: datetime) -> Iterator[AuditEntry]:
    names = dict(people)
    parties = " and ".join(names[each] for each in call.participants)
    for number in range(140):
        who, action, before, after, reason = _DONE[number % len(_DONE)]
        user_id, name = people[number * 3 % len(people)]
        target, target_name = f"user:{user_id}", name
        if action == "end_call":
            target, target_name = f"call:{call.call_id}", parties
        elif action == "put_users":
            target, target_name = "", "15 users"
        elif action.startswith(("operator_", "screen_")):
            target, target_name = "operator:1", {"operator_sign_in": who, "operator_role": "noor"}.get(action, "Lobby")
        outcome = _OUTCOMES.get(number, "done")
        if outcome != "done":
            after = "" if outcome in ("started", "waiting") else before
        at = now - timedelta(hours=number * 4, minutes=number * 7 % 60, seconds=number)
        address = ADDRESSES[number % 3 % 2]
        yield AuditEntry(
            f"entry-{number:04}", at, who, action, target, target_name, before, after, reason, address, outcome
        )


@place("history", events_days=400, **ONLINE_SETTINGS)
async def furnish_history(place: Place) -> None:
    """A team of 40 with events, audit entries and 900 calls of the last weeks, and some ongoing calls."""
    await _furnish(place, calls=900)
    people = await place.site.online("Noor Haddad", "Emil Sørensen", "Yara Costa", "Tom Ito")
    place.ids["ongoing"] = await call(people[0], people[1])
    await call(people[2], people[3])


@place("ten_thousand", **ONLINE_SETTINGS)
async def furnish_ten_thousand(place: Place) -> None:
    """The same with more calls than are counted."""
    await _furnish(place, calls=10_200)


async def _furnish(place: Place, *, calls: int) -> None:
    async with place.site.stores():
        pass  # creates the data directory
    recorded = await record(place.site, calls=calls)
    now = datetime.now(UTC)
    place.ids |= {
        **recorded.calls,
        "somebody": recorded.user_ids[20],
        "deleted": recorded.user_ids[GOODBYE],
        "yesterday": f"{now - timedelta(hours=26):%Y-%m-%dT%H:%M}Z",
        "before_that": f"{now - timedelta(hours=30):%Y-%m-%dT%H:%M}Z",
        "autumn": f"{clocks_went_back(now).astimezone(BERLIN):%Y-%m-%d}",
    }
    await place.site.start()
