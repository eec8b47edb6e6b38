"""Saved filters: what operators saved under a name, to open it again; the store over the collection `saved_filters`.

A document has `_id` (an operator's id), `rev` and `filters`, a list of {`page`, `name`, `query`}. `rev` rises with each
change, so that of two changes at once none is lost, and there are never more than FILTERS_LIMIT.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import msgspec
from pymongo.errors import DuplicateKeyError

from models.documents import value_of
from models.errors import Invalid, NotFound
from models.guard import GuardedCollection
from models.usernames import demand_on

PageName = Literal["live", "users", "calls", "events", "audit"]

FILTERS_LIMIT = 50
"""Of one operator."""

NAME_LIMIT = 60
"""Characters."""

QUERY_LIMIT = 1000
"""Characters of a query string."""

TRIES = 10
"""Changes of one operator at the same moment."""


class SavedFilter(msgspec.Struct, frozen=True):
    """A query string of one of the pages, under a name."""

    page: PageName
    name: str
    query: str


class _Document(msgspec.Struct, frozen=True):
    rev: int
    filters: tuple[SavedFilter, ...]


Change = Callable[[list[SavedFilter]], list[SavedFilter]]


class SavedFilters:
    """Each operator's own, in alphabetical order."""

    def __init__(self, filters: GuardedCollection) -> None:
        self._filters = filters

    async def of_operator(self, operator_id: int, page: PageName | None = None) -> list[SavedFilter]:
        """Those of all pages or of one."""
        document = await self._read(operator_id)
        return [each for each in document.filters if page in (None, each.page)]

    async def save(self, operator_id: int, saved: SavedFilter) -> None:
        """Save a filter. One of the same page and name is replaced. Raises Invalid."""
        saved = SavedFilter(saved.page, checked_name(saved.name), saved.query)
        if len(saved.query) > QUERY_LIMIT:
            raise Invalid(f"This filter is too long to be saved. It may have {QUERY_LIMIT} characters.")

        def add(filters: list[SavedFilter]) -> list[SavedFilter]:
            others = [each for each in filters if not _is(each, saved.page, saved.name)]
            if len(others) >= FILTERS_LIMIT:
                raise Invalid(f"You have {FILTERS_LIMIT} saved filters. Delete one first.")
            return [*others, saved]

        await self._change(operator_id, add)

    async def rename(self, operator_id: int, page: PageName, name: str, new_name: str) -> None:
        """Give a filter another name. Raises Invalid, NotFound."""
        new_name = checked_name(new_name)

        def change(filters: list[SavedFilter]) -> list[SavedFilter]:
            found = _found(filters, page, name)
            others = [each for each in filters if each != found]
            if any(_is(each, page, new_name) for each in others):
                raise Invalid(f"There is already a filter named “{new_name}”.")
            return [*others, SavedFilter(page, new_name, found.query)]

        await self._change(operator_id, change)

    async def delete(self, operator_id: int, page: PageName, name: str) -> None:
        """Delete a filter. Raises NotFound."""

        def remove(filters: list[SavedFilter]) -> list[SavedFilter]:
            found = _found(filters, page, name)
            return [each for each in filters if each != found]

        await self._change(operator_id, remove)

    async def _change(self, operator_id: int, change: Change) -> None:
        for _ in range(TRIES):
            before = await self._read(operator_id)
            filters = sorted(change(list(before.filters)), key=lambda each: (each.page, each.name.casefold()))
            stored = [msgspec.structs.asdict(each) for each in filters]
            if await self._replace(operator_id, before.rev, stored):
                return
        raise Invalid("Your saved filters were changed elsewhere at the same moment. Try again.")

    async def _replace(self, operator_id: int, rev: int, stored: list[dict[str, Any]]) -> bool:
        """Whether nobody else was faster."""
        if rev == 0:
            try:
                await self._filters.insert_one({"_id": operator_id, "rev": 1, "filters": stored})
            except DuplicateKeyError:
                return False
            return True
        changes = {"$set": {"rev": rev + 1, "filters": stored}}
        return (await self._filters.update_one({"_id": operator_id, "rev": rev}, changes)).matched_count == 1

    async def _read(self, operator_id: int) -> _Document:
        document = await self._filters.find_one({"_id": operator_id})
        return value_of(self._filters, document, _Document) if document else _Document(0, ())


def checked_name(text: str) -> str:
    """The name as it is stored. Raises Invalid."""
    name = " ".join(text[: 4 * NAME_LIMIT].split())
    if len(name) > NAME_LIMIT or not name:
        raise Invalid(f"The name of a filter must have 1 to {NAME_LIMIT} characters.")
    if demand := demand_on(name):
        raise Invalid(f"The name of a filter must have {demand}.")
    return name


def _is(saved: SavedFilter, page: PageName, name: str) -> bool:
    return (saved.page, saved.name.casefold()) == (page, name.casefold())


def _found(filters: list[SavedFilter], page: PageName, name: str) -> SavedFilter:
    for each in filters:
        if _is(each, page, name):
            return each
    raise NotFound("There is no such saved filter.")
