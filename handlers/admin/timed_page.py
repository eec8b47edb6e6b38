"""Timed page: the rows of one page of a list by time, or those around a moment."""

from __future__ import annotations

from datetime import datetime
from typing import Generic, Protocol, TypeVar

import msgspec

from handlers.admin.base import AdminHandler
from handlers.admin.parameters import last_page, signed_page_number, stored_page_number
from handlers.admin.time_form import TimeForm
from models.guard import COUNT_LIMIT
from models.timed_list import Side, TimedList

T = TypeVar("T")

_NEWEST_FIRST: tuple[Side, Side] = "from", "before"
_OLDEST_FIRST: tuple[Side, Side] = "before", "from"
"""Which rows are above a moment, and which below it."""


class Numbered(Protocol[T]):
    """A list whose pages have numbers."""

    async def page(self, skip: int, limit: int) -> tuple[list[T], int]:
        """Some rows, and the number of all."""
        ...


class TimedPage(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """The rows of a page. Around a moment, pages are numbered from 0, which shows the moment."""

    rows: list[T]
    number: int
    per_page: int
    total: int = 0
    """Of the whole list, counted up to COUNT_LIMIT."""
    rows_above: int | None = None
    """The number of rows above the moment, if it is on this page."""
    is_around: bool = False
    is_oldest_first: bool = False
    """Otherwise the newest come first."""
    has_above: bool = False
    """Whether there are rows above this page."""
    has_below: bool = False

    @property
    def is_more(self) -> bool:
        """Whether there are more rows than were counted."""
        return self.total >= COUNT_LIMIT


def is_newest(shown: TimedPage[T], times: TimeForm) -> bool:
    """Whether new rows belong at the top of this page: it is the first, and its range goes on."""
    is_open = times.range.end is None and times.range.at is None
    return shown.number == 1 and is_open and not times.problem and not shown.is_oldest_first


async def read_page(handler: AdminHandler, listed: TimedList[T], times: TimeForm, per_page: int) -> TimedPage[T]:
    """The page that the query asks for. If there is a problem with the range, it is empty. Raises Invalid."""
    if times.problem:
        return TimedPage(rows=[], number=1, per_page=per_page, is_oldest_first=listed.is_oldest_first)
    if times.range.at is not None:
        return await _around(handler, listed, times, per_page)
    return await read_numbered_page(handler, listed, per_page, is_oldest_first=listed.is_oldest_first)


async def read_numbered_page(
    handler: AdminHandler, listed: Numbered[T], per_page: int, *, is_oldest_first: bool = False
) -> TimedPage[T]:
    """The page whose number the query has. Raises Invalid."""
    number = stored_page_number(handler, per_page)
    rows, total = await listed.page((number - 1) * per_page, per_page)
    return TimedPage(
        rows=rows,
        number=number,
        per_page=per_page,
        total=total,
        is_oldest_first=is_oldest_first,
        has_above=number > 1,
        has_below=number * per_page < total,
    )


async def _around(handler: AdminHandler, listed: TimedList[T], times: TimeForm, per_page: int) -> TimedPage[T]:
    at = times.range.at
    assert at is not None, "the caller has checked it"
    number, most, half = signed_page_number(handler, per_page), last_page(per_page), per_page // 2
    above_it, below_it = _OLDEST_FIRST if listed.is_oldest_first else _NEWEST_FIRST
    above: list[T] = []
    below: list[T] = []
    has_above = has_below = True
    if number == 0:
        above, has_above = await _beside(listed, at, above_it, 0, half)
        below, has_below = await _beside(listed, at, below_it, 0, per_page - half)
    elif number < 0:
        above, has_above = await _beside(listed, at, above_it, half + (-number - 1) * per_page, per_page)
    else:
        below, has_below = await _beside(listed, at, below_it, number * per_page - half, per_page)
    return TimedPage(
        rows=[*reversed(above), *below],
        number=number,
        per_page=per_page,
        total=await listed.count(),
        rows_above=len(above) if number == 0 else None,
        is_around=True,
        is_oldest_first=listed.is_oldest_first,
        has_above=has_above and number > -most,
        has_below=has_below and number < most,
    )


async def _beside(listed: TimedList[T], at: datetime, side: Side, skip: int, limit: int) -> tuple[list[T], bool]:
    """Rows on one side of the moment, the nearest first, and whether there are more."""
    rows = await listed.next_to(at, side, skip, limit + 1)
    return rows[:limit], len(rows) > limit
