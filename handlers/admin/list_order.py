"""List order: by which column a list from the store is sorted, and in which direction."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from handlers.admin.base import AdminHandler
from handlers.admin.list_choices import chosen_sort, remembered_sort, remembers_sort, sort_query
from handlers.admin.parameters import choice
from models.saved_filters import PageName
from models.timed_list import TimedList

T = TypeVar("T")

SORTED_BY: dict[PageName, tuple[str, ...]] = {"calls": ("started", "duration"), "events": ("time",), "audit": ("time",)}
"""The columns by which a list can be sorted. An index serves the first one with each filter and each range."""

WORDS = {
    "time": ("newest first", "oldest first"),
    "started": ("newest first", "oldest first"),
    "duration": ("longest first", "shortest first"),
}
"""The two directions of a column."""


class ListOrder(msgspec.Struct, frozen=True):
    """The order of a list, as its page, its links and its CSV file have it."""

    sorts: tuple[str, ...]
    """All orders of the list. The first one is the usual one."""
    sort: str
    """The parameter: a column, or with a minus its second direction."""
    is_remembered: bool = False
    """Whether the browser remembers another order than the usual one, so that addresses have to name even that."""

    @property
    def by(self) -> str:
        """The column."""
        return self.sort.removeprefix("-")

    @property
    def is_reversed(self) -> bool:
        """Whether it is the second direction of the column, such as the oldest first."""
        return self.sort.startswith("-")

    @property
    def words(self) -> str:
        """For the caption of the table."""
        return words_of(self.sort)

    @property
    def for_print(self) -> str:
        """The same if it isn't the usual order."""
        return self.words if self.query else ""

    @property
    def choices(self) -> list[tuple[str, str]]:
        """The orders to choose from, as parameters and in words."""
        usual = self.sorts[0] if self.is_remembered else ""
        return [
            (usual, words_of(self.sorts[0]).capitalize()),
            *((sort, words_of(sort).capitalize()) for sort in self.sorts[1:]),
        ]

    @property
    def query(self) -> dict[str, str]:
        """As a parameter, if it isn't the usual order."""
        return sort_query(self.sort, self.sorts)

    def of(self, listed: TimedList[T]) -> TimedList[T]:
        """The list in the direction of this order, by its time."""
        return listed.oldest_first() if self.is_reversed else listed

    def without(self, column: str) -> ListOrder:
        """The order of a list that can't be sorted by a column now."""
        sorts = tuple(sort for sort in self.sorts if sort.removeprefix("-") != column)
        return ListOrder(sorts, self.sort if self.sort in sorts else sorts[0], self.is_remembered)


def words_of(sort: str) -> str:
    """An order in words."""
    return WORDS[sort.removeprefix("-")][sort.startswith("-")]


ORDER_WORDS = {sort: words_of(sort).capitalize() for by in WORDS for sort in (by, f"-{by}")}
"""All orders, as pages name them."""


def read_order(handler: AdminHandler, page: PageName) -> ListOrder:
    """The order that the URL or else the browser's cookie names. Raises Invalid."""
    sorts = _sorts(page)
    return ListOrder(sorts, chosen_sort(handler, page, sorts), remembered_sort(handler, page, sorts) != sorts[0])


def file_order(handler: AdminHandler, page: PageName) -> ListOrder:
    """The order of a CSV file, which only its URL names. Raises Invalid."""
    sorts = _sorts(page)
    return ListOrder(sorts, choice(handler, "sort", sorts))


def remembers_order(handler: AdminHandler, page: PageName) -> bool:
    """Remember the order if the head of a column was used. The page is then answered. Raises Invalid."""
    return remembers_sort(handler, page, _sorts(page))


def _sorts(page: PageName) -> tuple[str, ...]:
    return tuple(sort for by in SORTED_BY[page] for sort in (by, f"-{by}"))
