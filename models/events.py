"""Events: what changed, by which cause; kept for a while, so that an operator can look back. The store over `events`.

A document: an Event's fields, `event_id` as `_id`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec
from pymongo.errors import BulkWriteError

from models.calls import DUPLICATE_KEY
from models.guard import COUNT_LIMIT, GuardedCollection
from models.users import BULK_ROWS

EventKind = Literal["available", "busy", "offline", "call_started", "call_ended", "action"]


class Event(msgspec.Struct, frozen=True, omit_defaults=True):
    """One change. For a call `user_id` is the caller and `other_id` the callee.

    `cause` is the announcement's reason, the type of a call that began, how one ended, or the name of an operator's
    action. `operator` names who caused it, if an operator did.
    """

    event_id: str
    """Sorts by time, within one millisecond too."""
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


class Events:
    """All events that are kept. Their ids sort by time, so the ids are the order."""

    def __init__(self, events: GuardedCollection) -> None:
        self._events = events

    async def ensure_indexes(self) -> None:
        """Whom or what an event is about, then the newest; and the age, to forget it."""
        await self._events.create_index([("kind", 1), ("_id", -1)])
        await self._events.create_index([("user_id", 1), ("_id", -1)])
        await self._events.create_index([("other_id", 1), ("_id", -1)])
        await self._events.create_index([("call_id", 1), ("_id", -1)])
        await self._events.create_index([("at", 1)])

    async def add_many(self, events: Sequence[Event]) -> None:
        """Keep new events. Those that are kept already stay as they are, so a write may be tried again."""
        documents = [_document(event) for event in events]
        for start in range(0, len(documents), BULK_ROWS):
            try:
                await self._events.insert_many(documents[start : start + BULK_ROWS], ordered=False)
            except BulkWriteError as error:
                if any(each["code"] != DUPLICATE_KEY for each in error.details["writeErrors"]):
                    raise

    async def page(
        self, *, kind: EventKind | None = None, user_id: int | None = None, skip: int, limit: int
    ) -> tuple[list[Event], int]:
        """One page, newest first, and how many there are, counted up to COUNT_LIMIT.

        A call is an event of both its parties.
        """
        of_kind = {} if kind is None else {"kind": kind}
        query = of_kind if user_id is None else _of_user(user_id, of_kind)
        rows = await self._events.find(query, sort=[("_id", -1)], skip=skip, limit=limit)
        return [_event(row) for row in rows], await self._events.count_documents(query, limit=COUNT_LIMIT)

    async def older(
        self, than: str, *, kind: EventKind | None = None, user_id: int | None = None, limit: int
    ) -> list[Event]:
        """The newest of those before an event's id, newest first: so all can be gone through, however many there are.

        `than` need not be the id of an event.
        """
        narrowed: dict[str, Any] = {"_id": {"$lt": than}} if kind is None else {"kind": kind, "_id": {"$lt": than}}
        query = narrowed if user_id is None else _of_user(user_id, narrowed)
        return [_event(row) for row in await self._events.find(query, sort=[("_id", -1)], limit=limit)]

    async def of_call(self, call_id: str) -> list[Event]:
        """What happened to one call, oldest first."""
        return [_event(row) for row in await self._events.find({"call_id": call_id}, sort=[("_id", 1)])]

    async def since(self, user_id: int, at: datetime, limit: int) -> list[Event]:
        """What happened to one user from a moment on, newest first: beyond the limit the oldest are left out."""
        query = _of_user(user_id, {"at": {"$gte": at}})
        return [_event(row) for row in await self._events.find(query, sort=[("_id", -1)], limit=limit)]

    async def forget(self, before: datetime) -> int:
        """Delete what is older; how many there were."""
        gone = 0
        while ids := await self._oldest({"at": {"$lt": before}}, BULK_ROWS):
            gone += await self._delete(ids)
        return gone

    async def trim(self, keep: int) -> int:
        """Delete the oldest beyond so many; how many there were."""
        surplus = await self._events.count_documents({}) - keep
        gone = 0
        while gone < surplus and (ids := await self._oldest({}, min(BULK_ROWS, surplus - gone))):
            gone += await self._delete(ids)
        return gone

    async def _oldest(self, query: dict[str, Any], limit: int) -> list[str]:
        return [row["_id"] for row in await self._events.find(query, {"_id": 1}, sort=[("_id", 1)], limit=limit)]

    async def _delete(self, ids: list[str]) -> int:
        """Some at a time: an hour's events are more than the deadline of a call allows for."""
        return (await self._events.delete_many({"_id": {"$in": ids}})).deleted_count


def _of_user(user_id: int, more: dict[str, Any]) -> dict[str, Any]:
    """Conditions on a user's events. In each branch anew, so that SQLite takes the index of the user for both."""
    return {"$or": [{"user_id": user_id, **more}, {"other_id": user_id, **more}]}


def _document(event: Event) -> dict[str, Any]:
    document = msgspec.structs.asdict(event)
    document["_id"] = document.pop("event_id")
    return document


def _event(row: dict[str, Any]) -> Event:
    return Event(event_id=row["_id"], **{name: row[name] for name in Event.__struct_fields__ if name != "event_id"})
