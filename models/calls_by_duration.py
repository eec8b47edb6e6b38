"""Calls by duration: some calls, the longest or the shortest first. Those that are ongoing last until now.

No index serves this order together with the filters of a list. The store sorts what matches, so a list must be short.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime

from models.calls import Call, CallFilter, Calls
from models.collection import Keys
from models.guard import COUNT_LIMIT
from models.times import milliseconds

LONGEST_FIRST: Keys = [("duration_seconds", -1), ("_id", 1)]
SHORTEST_FIRST: Keys = [("duration_seconds", 1), ("_id", -1)]


class CallsByDuration:
    """The calls that match a filter. They must be fewer than COUNT_LIMIT."""

    def __init__(self, calls: Calls, wanted: CallFilter, now: datetime, *, is_shortest_first: bool = False) -> None:
        self._calls = calls
        self._wanted = wanted
        self._now = milliseconds(now)
        self._is_shortest_first = is_shortest_first

    async def page(self, skip: int, limit: int) -> tuple[list[Call], int]:
        """One page, and the number of all. The store sorts the ended calls; the ongoing ones are put in between."""
        state = self._wanted.get("state")
        ongoing = [] if state == "ended" else await self._ongoing()
        start = max(0, skip - len(ongoing))  # at least so many ended calls come before the page
        ended, count = ([], 0) if state == "ongoing" else await self._ended(start, skip - start + limit)
        rows = sorted([*ongoing, *ended], key=self._place, reverse=self._is_shortest_first)
        return rows[skip - start :][:limit], len(ongoing) + count

    async def batches(self, size: int) -> AsyncIterator[list[Call]]:
        """All of them, some at a time, as they were at one moment."""
        rows, _ = await self.page(0, COUNT_LIMIT)
        for start in range(0, len(rows), size):
            yield rows[start : start + size]

    async def _ongoing(self) -> list[Call]:
        wanted = self._wanted.copy()
        wanted["state"] = "ongoing"
        rows, _ = await self._calls.page(**wanted, skip=0, limit=COUNT_LIMIT)
        return rows

    async def _ended(self, skip: int, limit: int) -> tuple[list[Call], int]:
        wanted, sort = self._wanted.copy(), SHORTEST_FIRST if self._is_shortest_first else LONGEST_FIRST
        wanted["state"] = "ended"
        return await self._calls.listed(**wanted).sorted_page(sort, {"duration_seconds": {"$gte": 0}}, skip, limit)

    def _place(self, call: Call) -> tuple[int, str]:
        """What the calls are ordered by, the longest first."""
        if call.duration_seconds is None:
            return milliseconds(call.started_at) - self._now, call.call_id
        return -1000 * call.duration_seconds, call.call_id
