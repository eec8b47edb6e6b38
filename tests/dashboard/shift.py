"""Shift: a team at work, with something for each task of a shift."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from models.audit import AuditEntry
from models.database import open_database
from models.events import Event
from models.status import CurrentState
from models.stores import Stores, open_stores
from models.user_documents import Evidence, NewUser
from operation.demo.demo_users import NAMES
from tests.clients import Person
from tests.dashboard.site import Site, heartbeat

ON_CALLS = ("Elif Yıldız", "Femi Adeyemi", "Olga Kowalska", "Pedro Álvarez")
"""Two calls that nobody has ended."""

ASKED_ABOUT = "Zofia Wójcik"
"""Busy yesterday from 14:00 to 14:20."""

SETTINGS: dict[str, Any] = {"hold_seconds": 1800.0}
"""Users who were online before the server started stay online."""


@dataclass(frozen=True)
class Team:
    """Those who are at work now: all available at first, but for Greta, who has a leftover busy mark."""

    people: dict[str, Person]

    async def come_back(self) -> None:
        """Undo what an earlier task did to them."""
        for person in self.people.values():
            await heartbeat(person)
        await self.leave_busy_mark()

    async def leave_busy_mark(self) -> None:
        """Make Greta busy, as an app does that then forgets it."""
        assert (await self.people["Greta Hoffmann"].put("/users/me/status", {"is_busy": True})).status == 200


def yesterday() -> datetime:
    """The beginning of yesterday in UTC."""
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)


async def begin_shift(site: Site) -> Team:
    """Prepare the store, start the server and let the team come online."""
    async with site.stores():
        pass  # creates the data directory
    database = await open_database(site.program.settings)
    try:
        await _prepare(await open_stores(database, site.program.settings), database)
    finally:
        await database.close()
    await site.start()
    team = Team({name: await site.person(name) for name in NAMES[:14] if name not in ON_CALLS})
    await team.come_back()
    return team


async def _prepare(stores: Stores, database: Any) -> None:
    now = datetime.now(UTC)
    new = [NewUser(name, None, None) for name in (*ON_CALLS, ASKED_ABOUT)]
    *on_calls, asked_about = await stores.users.create_many(new, now - timedelta(days=90))
    began = now - timedelta(hours=3)
    await stores.users.save_evidence(
        Evidence(user_id, True, now, None, CurrentState("available", began, "connected")) for user_id in on_calls
    )
    for number, minutes in enumerate((134, 126)):
        await _begin_call(database, f"{number:032x}", on_calls[2 * number :][:2], now - timedelta(minutes=minutes))
    await stores.events.add_many(list(_day_of(asked_about)))
    await stores.audit.begin(
        AuditEntry(
            "entry", now - timedelta(minutes=50), "second", "force_offline", f"user:{asked_about}", ASKED_ABOUT,
            "available, 1 connection", "offline", "went home without signing out", "192.0.2.7", "done",
        )
    )  # fmt: skip


async def _begin_call(database: Any, call_id: str, parties: list[int], at: datetime) -> None:
    caller, callee = parties
    await database.collection("calls").insert_many(
        [
            {
                "_id": call_id, "caller_id": caller, "callee_id": callee, "call_type": "audio", "status": "ongoing",
                "started_at": at, "ended_at": None, "duration_seconds": None, "end_reason": None, "ended_by": None,
            }
        ]
    )  # fmt: skip
    locks = [{"_id": party, "call_id": call_id, "incarnation": None} for party in parties]
    await database.collection("call_claims").insert_many(locks)


def _day_of(user_id: int) -> list[Event]:
    """Yesterday from 9 to 17, with a break and some work at the desk."""
    changes = [
        (9.0, "available", "connected"), (11.0, "offline", "disconnected"), (11.5, "available", "connected"),
        (14.0, "busy", "set"), (14 + 1 / 3, "available", "set"), (17.0, "offline", "disconnected"),
    ]  # fmt: skip
    return [
        Event(f"{number:012x}", yesterday() + timedelta(hours=hours), state, user_id, ASKED_ABOUT, cause)  # type: ignore[arg-type]
        for number, (hours, state, cause) in enumerate(changes)
    ]
