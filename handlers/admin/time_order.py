"""Time order: whether the newest or the oldest rows of a list come first."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from handlers.admin.base import AdminHandler
from handlers.admin.list_choices import chosen_sort, remembers_sort, sort_query
from handlers.admin.parameters import choice
from models.saved_filters import PageName
from models.timed_list import TimedList

T = TypeVar("T")

ORDERED_BY: dict[PageName, str] = {"calls": "started", "events": "time", "audit": "time"}
"""The column by which a list can be sorted, because an index serves it with each filter and each range."""


class TimeOrder(msgspec.Struct, frozen=True):
    """The order of a list, as its page, its links and its CSV file have it."""

    by: str
    """The column."""
    sort: str
    """The parameter: the column if the newest rows come first, otherwise with a minus."""

    @property
    def is_oldest_first(self) -> bool:
        """Otherwise the newest rows come first."""
        return self.sort.startswith("-")

    @property
    def words(self) -> str:
        """For the caption of the table."""
        return "oldest first" if self.is_oldest_first else "newest first"

    @property
    def for_print(self) -> str:
        """The same if it isn't the usual order."""
        return self.words if self.is_oldest_first else ""

    @property
    def query(self) -> dict[str, str]:
        """As a parameter, if it isn't the usual order."""
        return sort_query(self.sort, (self.by,))

    def of(self, listed: TimedList[T]) -> TimedList[T]:
        """The list in this order."""
        return listed.oldest_first() if self.is_oldest_first else listed


def read_order(handler: AdminHandler, page: PageName) -> TimeOrder:
    """The order that the URL or else the browser's cookie names. Raises Invalid."""
    return TimeOrder(ORDERED_BY[page], chosen_sort(handler, page, _sorts(page)))


def file_order(handler: AdminHandler, page: PageName) -> TimeOrder:
    """The order of a CSV file, which only its URL names. Raises Invalid."""
    return TimeOrder(ORDERED_BY[page], choice(handler, "sort", _sorts(page)))


def remembers_order(handler: AdminHandler, page: PageName) -> bool:
    """Remember the order if the head of a column was used. The page is then answered. Raises Invalid."""
    return remembers_sort(handler, page, _sorts(page))


def _sorts(page: PageName) -> tuple[str, str]:
    by = ORDERED_BY[page]
    return by, f"-{by}"
