"""Calls: the store over `calls`, and over `call_claims`, whose unique `_id` allows a user one call at a time.

A document of `call_claims` is a call lock: `_id` is the user, `call_id` the call that holds the lock, and `incarnation`
the process that locked the user, until it has written the call. Older servers did not write it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any, Literal, TypedDict, Unpack

import msgspec
from pymongo import ReturnDocument
from pymongo.errors import BulkWriteError, DuplicateKeyError

from models.collection import Keys
from models.documents import DUPLICATE_KEY, readable, value_of
from models.guard import COUNT_LIMIT, GuardedCollection
from models.merged import MergedQueries
from models.timed_list import TimedList

CallType = Literal["audio", "video"]
EndReason = Literal["completed", "dropped", "cancelled"]
CallState = Literal["ongoing", "completed", "dropped", "cancelled"]
StateFilter = Literal["ongoing", "ended"]

PARTICIPANTS = ("caller_id", "callee_id")

NEWEST_FIRST: Keys = [("started_at", -1), ("_id", 1)]

CALLS_AT_ONCE = 1000
"""Calls that are read in one go."""

CALLS_REACHING_OVER = 5
"""Calls before a moment that are looked at: some more than the one that a user can be in."""

SEARCHED_USERS_LIMIT = 200
"""Users whose calls one query may ask for: about 30 ms in the embedded store if all of them have many calls."""


class Call(msgspec.Struct, frozen=True):
    """One call. `ended_by` is the participant who ended it, or null if the server did."""

    call_id: str
    caller_id: int
    callee_id: int
    call_type: CallType
    status: CallState
    started_at: datetime
    ended_at: datetime | None = None
    duration_seconds: int | None = None
    end_reason: EndReason | None = None
    ended_by: int | None = None

    @property
    def participants(self) -> tuple[int, int]:
        """Caller and callee."""
        return self.caller_id, self.callee_id

    def other(self, user_id: int) -> int:
        """The participant who is not `user_id`."""
        return self.callee_id if user_id == self.caller_id else self.caller_id


class CallFilter(TypedDict, total=False):
    """Which calls: None means all. The range is that of their starts, and `end` itself is not part of it."""

    state: StateFilter | None
    user_ids: Sequence[int] | None
    """Calls of these users, at most SEARCHED_USERS_LIMIT."""
    start: datetime | None
    end: datetime | None


class CallLock(msgspec.Struct, frozen=True):
    """The lock of one user. `incarnation` is None once the call is written, or if an older server made it."""

    user_id: int
    call_id: str
    incarnation: str | None = None


class Calls:
    """All calls, and the call locks of their participants."""

    def __init__(self, calls: GuardedCollection, locks: GuardedCollection) -> None:
        self._calls = calls
        self._locks = locks

    async def ensure_indexes(self) -> None:
        """Participant, state or nothing, then the newest first, as the lists ask for them.

        Every filter of a history has an index, so that no page has to look at calls that it does not show.
        """
        for participant in PARTICIPANTS:
            for narrowed in ((), ("call_type",), ("status",), ("call_type", "status")):
                equal = [(field, 1) for field in (participant, *narrowed)]
                await self._calls.create_index([*equal, *NEWEST_FIRST])
        await self._calls.create_index([("status", 1), ("started_at", -1)])
        await self._calls.create_index(NEWEST_FIRST)

    async def lock(self, call_id: str, participants: tuple[int, int], incarnation: str) -> int | None:
        """Lock both users for a call and return None, or lock neither and return the user who is already locked.

        The lower id comes first, so that exactly one of two simultaneous calls between the same users gets both locks.
        """
        first, second = sorted(participants)
        held = {"call_id": call_id, "incarnation": incarnation}
        try:
            await self._locks.insert_many([{"_id": first, **held}, {"_id": second, **held}])
        except BulkWriteError as error:
            failure = error.details["writeErrors"][0]
            if failure["code"] != DUPLICATE_KEY:
                raise
            if failure["index"] == 1:
                await self._locks.delete_one({"_id": first, **held})
            return (first, second)[failure["index"]]
        return None

    async def lock_of(self, user_id: int) -> CallLock | None:
        """The user's call lock."""
        document = await self._locks.find_one({"_id": user_id})
        return self._lock(document) if document else None

    async def unlock(self, call_id: str, participants: tuple[int, int]) -> None:
        """Release the locks of both users that this call holds."""
        await self._locks.delete_many({"_id": {"$in": list(participants)}, "call_id": call_id})

    async def confirm(self, call_id: str, participants: tuple[int, int], incarnation: str) -> bool:
        """The call that `incarnation` locked both users for is written. False if a lock was released before that.

        A server that believes that the call will never be written can no longer release a confirmed lock.
        """
        held = {"_id": {"$in": list(participants)}, "call_id": call_id, "incarnation": {"$in": [incarnation, None]}}
        result = await self._locks.update_many(held, {"$set": {"incarnation": None}})
        return result.matched_count == len(participants)

    async def release(self, lock: CallLock) -> None:
        """Release this very lock, not a later one of the same user or call."""
        await self._locks.delete_one({"_id": lock.user_id, "call_id": lock.call_id, "incarnation": lock.incarnation})

    async def all_locks(self) -> list[CallLock]:
        """Every call lock. The number of users who can be online bounds it."""
        return readable(self._locks, await self._locks.find({}), self._lock)

    async def insert(self, call: Call) -> bool:
        """Write a new call. False if its id is taken."""
        document = msgspec.structs.asdict(call)
        document["_id"] = document.pop("call_id")
        try:
            await self._calls.insert_one(document)
        except DuplicateKeyError:
            return False
        return True

    async def get(self, call_id: str) -> Call | None:
        """One call."""
        document = await self._calls.find_one({"_id": call_id})
        return self._call(document) if document else None

    async def end(self, ended: Call) -> Call | None:
        """Replace an ongoing call by its ended form. None if it is not ongoing, because someone else ended it first."""
        fields = ("status", "ended_at", "duration_seconds", "end_reason", "ended_by")
        document = await self._calls.find_one_and_update(
            {"_id": ended.call_id, "status": "ongoing"},
            {"$set": {name: getattr(ended, name) for name in fields}},
            return_document=ReturnDocument.AFTER,
        )
        return self._call(document) if document else None

    async def ongoing(self) -> list[Call]:
        """Every ongoing call. The number of users who can be online bounds it."""
        return self._readable(await self._calls.find({"status": "ongoing"}, sort=[("started_at", -1)]))

    async def ended_since(self, at: datetime) -> AsyncIterator[list[Call]]:
        """The calls that started since a moment and are over, oldest first, some at a time."""
        skip = 0
        while rows := await self._calls.find(
            {"started_at": {"$gte": at}}, sort=[("started_at", 1), ("_id", -1)], skip=skip, limit=CALLS_AT_ONCE
        ):
            yield [call for call in self._readable(rows) if call.status != "ongoing"]
            skip += len(rows)

    async def history(
        self,
        user_id: int,
        *,
        call_type: CallType | None,
        status: CallState | None,
        before: Call | None = None,
        skip: int,
        limit: int,
    ) -> tuple[list[Call], int]:
        """Some of a user's calls, newest first, and the number of all matching calls, counted up to COUNT_LIMIT.

        With `before`, only calls that follow this one in the list are returned, and all are counted.
        """
        given = {"call_type": call_type, "status": status}
        narrowed: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        total = await self._of_user(user_id, narrowed).count(COUNT_LIMIT)
        if before is not None:
            # The range on `started_at` alone is what the index serves; the rest drops what came before in a tie.
            later = [{"started_at": {"$lt": before.started_at}}, {"_id": {"$gt": before.call_id}}]
            narrowed |= {"started_at": {"$lte": before.started_at}, "$or": later}
        rows = await self._of_user(user_id, narrowed).page(skip, limit)
        return self._readable(rows), total

    async def overlapping(self, user_id: int, start: datetime, end: datetime, limit: int) -> list[Call]:
        """A user's calls of which a part lies between two moments, newest first.

        Beyond the limit, the oldest are left out. A user has one call at a time, so of the calls that began before,
        only the last ones can reach over the start.
        """
        within = await self._of_user(user_id, {"started_at": {"$gte": start, "$lt": end}}).page(0, limit)
        before = await self._of_user(user_id, {"started_at": {"$lt": start}}).page(0, CALLS_REACHING_OVER)
        reaching = [call for call in self._readable(before) if call.ended_at is None or call.ended_at > start]
        return [*self._readable(within), *reaching]

    def listed(self, **given: Unpack[CallFilter]) -> TimedList[Call]:
        """The calls that match, by their start."""
        state, user_ids = given.get("state"), given.get("user_ids")
        status: dict[str, Any] = {}
        if state is not None:
            status = {"status": "ongoing" if state == "ongoing" else {"$ne": "ongoing"}}
        queries: list[dict[str, Any]] = [status]
        if user_ids is not None and len(user_ids) == 1:
            queries = _of_either(user_ids[0], status)
        elif user_ids is not None:
            queries = [{"$or": [{each: {"$in": list(user_ids)}, **status} for each in PARTICIPANTS]}]
        limits = given.get("start"), given.get("end")
        return TimedList(self._calls, queries, NEWEST_FIRST, self._readable, *limits)

    async def page(self, *, skip: int, limit: int, **given: Unpack[CallFilter]) -> tuple[list[Call], int]:
        """One page, newest first, and the number of matching calls, counted up to COUNT_LIMIT."""
        return await self.listed(**given).page(skip, limit)

    def _of_user(self, user_id: int, narrowed: dict[str, Any]) -> MergedQueries:
        return MergedQueries(self._calls, _of_either(user_id, narrowed), NEWEST_FIRST)

    def _call(self, document: dict[str, Any]) -> Call:
        return value_of(self._calls, {**document, "call_id": document["_id"]}, Call)

    def _lock(self, document: dict[str, Any]) -> CallLock:
        return value_of(self._locks, {**document, "user_id": document["_id"]}, CallLock)

    def _readable(self, documents: list[dict[str, Any]]) -> list[Call]:
        return readable(self._calls, documents, self._call)


def _of_either(user_id: int, narrowed: dict[str, Any]) -> list[dict[str, Any]]:
    """A query for each participant that the user can be, so that an index serves each."""
    return [{participant: user_id, **narrowed} for participant in PARTICIPANTS]


def ended(call: Call, reason: EndReason, at: datetime, by: int | None) -> Call:
    """The call with its end filled in. If the clock was set back, the duration is 0, never negative."""
    seconds = max(0, int((at - call.started_at).total_seconds()))
    return msgspec.structs.replace(
        call, status=reason, ended_at=at, duration_seconds=seconds, end_reason=reason, ended_by=by
    )
