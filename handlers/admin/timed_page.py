"""Timed page: the rows of one page of a list, newest first, or those around a moment."""

from __future__ import annotations

from datetime import datetime
from typing import Generic, TypeVar

import msgspec

from handlers.admin.base import AdminHandler
from handlers.admin.parameters import last_page, signed_page_number, stored_page_number
from handlers.admin.time_form import TimeForm
from models.guard import COUNT_LIMIT
from models.timed_list import Side, TimedList

T = TypeVar("T")


class TimedPage(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """The rows of a page, newest first. Around a moment, pages are numbered from 0, which shows the moment."""

    rows: list[T]
    number: int
    per_page: int
    total: int = 0
    """Of the whole list, counted up to COUNT_LIMIT."""
    later_rows: int | None = None
    """The number of rows above the moment, if it is on this page."""
    is_around: bool = False
    has_later: bool = False
    has_earlier: bool = False

    @property
    def is_more(self) -> bool:
        """Whether there are more rows than were counted."""
        return self.total >= COUNT_LIMIT


def is_newest(shown: TimedPage[T], times: TimeForm) -> bool:
    """Whether new rows belong on this page: it is the first, and its range goes on."""
    is_open = times.range.end is None and times.range.at is None
    return shown.number == 1 and is_open and not times.problem


async def read_page(handler: AdminHandler, listed: TimedList[T], times: TimeForm, per_page: int) -> TimedPage[T]:
    """The page that the query asks for. If there is a problem with the range, it is empty. Raises Invalid."""
    if times.problem:
        return TimedPage(rows=[], number=1, per_page=per_page)
    if times.range.at is not None:
        return await _around(handler, listed, times, per_page)
    number = stored_page_number(handler, per_page)
    rows, total = await listed.page((number - 1) * per_page, per_page)
    return TimedPage(
        rows=rows,
        number=number,
        per_page=per_page,
        total=total,
        has_later=number > 1,
        has_earlier=number * per_page < total,
    )


async def _around(handler: AdminHandler, listed: TimedList[T], times: TimeForm, per_page: int) -> TimedPage[T]:
    at = times.range.at
    assert at is not None, "the caller has checked it"
    number, most, above = signed_page_number(handler, per_page), last_page(per_page), per_page // 2
    if number == 0:
        later, has_later = await _beside(listed, at, "from", 0, above)
        earlier, has_earlier = await _beside(listed, at, "before", 0, per_page - above)
    elif number < 0:
        later, has_later = await _beside(listed, at, "from", above + (-number - 1) * per_page, per_page)
        earlier, has_earlier = [], True
    else:
        earlier, has_earlier = await _beside(listed, at, "before", number * per_page - above, per_page)
        later, has_later = [], True
    return TimedPage(
        rows=[*reversed(later), *earlier],
        number=number,
        per_page=per_page,
        total=await listed.count(),
        later_rows=len(later) if number == 0 else None,
        is_around=True,
        has_later=has_later and number > -most,
        has_earlier=has_earlier and number < most,
    )


async def _beside(listed: TimedList[T], at: datetime, side: Side, skip: int, limit: int) -> tuple[list[T], bool]:
    """Rows on one side of the moment, the nearest first, and whether there are more."""
    rows = await listed.next_to(at, side, skip, limit + 1)
    return rows[:limit], len(rows) > limit
