"""Events: what changed and why, kept for a while so that operators can look back.

The store over the collection `events`. A document has the fields of Event, with `event_id` as `_id`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, TypedDict, Unpack, get_args

import msgspec

from models.collection import Keys
from models.documents import insert_new, readable, value_of
from models.guard import COUNT_LIMIT, GuardedCollection
from models.status import State
from models.timed_list import TimedList
from models.users import BULK_ROWS

NEWEST_FIRST: Keys = [("at", -1), ("_id", -1)]
OLDEST_FIRST: Keys = [("at", 1), ("_id", 1)]
BY_ID: Keys = [("_id", 1)]

EventKind = Literal["available", "busy", "offline", "call_started", "call_ended", "action"]


class Event(msgspec.Struct, frozen=True, omit_defaults=True):
    """One change. For a call, `user_id` is the caller and `other_id` the callee.

    `cause` is the reason of an announcement, the type of a call that began, the end reason of a call that ended, or
    the name of an operator's action. `operator` is the operator who caused the change, if one did.
    """

    event_id: str
    """Tells the order of events, even within one millisecond."""
    at: datetime
    kind: EventKind
    user_id: int
    username: str
    cause: str
    other_id: int | None = None
    other_name: str = ""
    call_id: str = ""
    duration_seconds: int | None = None
    operator: str = ""


class EventFilter(TypedDict, total=False):
    """Which events: None means all. `end` itself is not part of the range."""

    kind: EventKind | None
    user_id: int | None
    start: datetime | None
    end: datetime | None


class Events:
    """The events that are kept, listed by time, and those of one millisecond by id."""

    def __init__(self, events: GuardedCollection) -> None:
        self._events = events

    async def ensure_indexes(self) -> None:
        """Kind, user or nothing, then the newest first; and those of each call.

        Older servers had indexes without the time, which found a range of times only by reading everything after it.
        """
        for equal in ("kind", "user_id", "other_id"):
            await self._events.create_index([(equal, 1), *NEWEST_FIRST])
        await self._events.create_index(NEWEST_FIRST)
        await self._events.create_index([("call_id", 1), ("_id", -1)])
        for name in ("kind_1__id_-1", "user_id_1__id_-1", "other_id_1__id_-1", "at_1"):
            await self._events.drop_index(name)

    async def add_many(self, events: Sequence[Event]) -> None:
        """Add events. Events that are already stored stay as they are, so a failed write can be repeated."""
        documents = [_document(event) for event in events]
        for start in range(0, len(documents), BULK_ROWS):
            await insert_new(self._events, documents[start : start + BULK_ROWS])

    def listed(self, **given: Unpack[EventFilter]) -> TimedList[Event]:
        """All events, or those that match. A user's events include the calls in which the user is the callee."""
        kind, user_id = given.get("kind"), given.get("user_id")
        query: dict[str, Any] = {} if kind is None else {"kind": kind}
        queries = [query] if user_id is None else [{each: user_id, **query} for each in ("user_id", "other_id")]
        limits = given.get("start"), given.get("end")
        return TimedList(self._events, queries, NEWEST_FIRST, self._readable, *limits)

    async def page(self, *, skip: int, limit: int, **given: Unpack[EventFilter]) -> tuple[list[Event], int]:
        """One page, newest first, and the number of matching events, counted up to COUNT_LIMIT."""
        return await self.listed(**given).page(skip, limit)

    async def between(self, after: str, up_to: str | None, limit: int) -> tuple[list[Event], str | None]:
        """The next events after an id, oldest first, at most `limit`, and the id to go on after if there may be more.

        With `up_to`, none after that id. Neither need be the id of an existing event.
        """
        ids = {"$gt": after} if up_to is None else {"$gt": after, "$lte": up_to}
        rows = await self._events.find({"_id": ids}, sort=[("_id", 1)], limit=limit)
        return self._readable(rows), rows[-1]["_id"] if len(rows) == limit else None

    async def of_call(self, call_id: str) -> list[Event]:
        """The events of one call, oldest first."""
        return self._readable(await self._events.find({"call_id": call_id}, sort=BY_ID))

    async def states(self, user_id: int, start: datetime, end: datetime, limit: int) -> list[Event]:
        """The changes of a user's state from `start` to before `end`, newest first.

        Beyond the limit, the oldest are left out.
        """
        query = {**_changes(user_id), "at": {"$gte": start, "$lt": end}}
        return self._readable(await self._events.find(query, sort=NEWEST_FIRST, limit=limit))

    async def state_before(self, user_id: int, at: datetime) -> Event | None:
        """The last change of a user's state before a moment."""
        query = {**_changes(user_id), "at": {"$lt": at}}
        found = self._readable(await self._events.find(query, sort=NEWEST_FIRST, limit=1))
        return found[0] if found else None

    async def state_after(self, user_id: int, at: datetime) -> Event | None:
        """The first change of a user's state at a moment or after it."""
        query = {**_changes(user_id), "at": {"$gte": at}}
        found = self._readable(await self._events.find(query, sort=OLDEST_FIRST, limit=1))
        return found[0] if found else None

    async def complete_since(self, forgotten_before: datetime, limit: int) -> datetime:
        """The moment since which no event was deleted, if those before `forgotten_before` and beyond `limit` are."""
        counted = min(limit, COUNT_LIMIT)
        if await self._events.count_documents({}, limit=counted) < counted:
            return forgotten_before
        oldest = self._readable(await self._events.find({}, sort=BY_ID, limit=1))
        return max([forgotten_before, *(event.at for event in oldest)])

    async def rename(self, user_id: int, name: str) -> None:
        """Give a user another name in all events."""
        for id_field, name_field in (("user_id", "username"), ("other_id", "other_name")):
            while ids := await self._oldest({id_field: user_id, name_field: {"$ne": name}}, BULK_ROWS):
                await self._events.update_many({"_id": {"$in": ids}}, {"$set": {name_field: name}})

    async def forget(self, before: datetime) -> int:
        """Delete the events before a moment and return their number."""
        gone = 0
        while ids := await self._oldest({"at": {"$lt": before}}, BULK_ROWS):
            gone += await self._delete(ids)
        return gone

    async def last_surplus(self, keep: int) -> str | None:
        """The id of the newest event that `trim` would delete, or None if it would delete none."""
        surplus = await self._events.count_documents({}) - keep
        if surplus <= 0:
            return None
        rows = await self._events.find({}, {"_id": 1}, sort=BY_ID, skip=surplus - 1, limit=1)
        return str(rows[0]["_id"]) if rows else None

    async def trim(self, keep: int) -> int:
        """Delete all but the newest `keep` events and return the number of deleted ones."""
        surplus = await self._events.count_documents({}) - keep
        gone = 0
        while gone < surplus and (ids := await self._oldest({}, min(BULK_ROWS, surplus - gone), BY_ID)):
            gone += await self._delete(ids)
        return gone

    def _readable(self, rows: list[dict[str, Any]]) -> list[Event]:
        return readable(self._events, rows, self._event)

    def _event(self, row: dict[str, Any]) -> Event:
        return value_of(self._events, {**row, "event_id": row["_id"]}, Event)

    async def _oldest(self, query: dict[str, Any], limit: int, sort: Keys = OLDEST_FIRST) -> list[str]:
        return [row["_id"] for row in await self._events.find(query, {"_id": 1}, sort=sort, limit=limit)]

    async def _delete(self, ids: list[str]) -> int:
        """The caller passes some at a time: deleting an hour's events at once could exceed the deadline of a call."""
        return (await self._events.delete_many({"_id": {"$in": ids}})).deleted_count


def _changes(user_id: int) -> dict[str, Any]:
    """The filter for the changes of a user's state."""
    return {"user_id": user_id, "kind": {"$in": list(get_args(State))}}


def _document(event: Event) -> dict[str, Any]:
    document = msgspec.structs.asdict(event)
    document["_id"] = document.pop("event_id")
    return document
