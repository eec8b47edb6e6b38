"""Paging: lists that are answered one page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Generic, TypeVar

import msgspec

from handlers.base import ApiHandler
from handlers.callers import UserHandler
from models.errors import Invalid

T = TypeVar("T")

PAGE_MAXIMUM = 1_000_000

PageSize = Annotated[
    int,
    msgspec.Meta(extra_json_schema={"minimum": 1, "x-settings": {"maximum": "page_limit", "default": "page_default"}}),
]


class Page(msgspec.Struct, Generic[T], frozen=True):
    """One page of a list."""

    items: Sequence[T]
    page: int
    per_page: int
    total: int
    has_next: bool


class PageQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which page of a list the request asks for."""

    page: Annotated[int, msgspec.Meta(extra_json_schema={"minimum": 1, "maximum": PAGE_MAXIMUM})] = 1
    per_page: PageSize | msgspec.UnsetType = msgspec.UNSET


class Paged(ApiHandler):
    """An endpoint that answers with one page of a list."""

    page_maximum = PAGE_MAXIMUM
    """The last page that may be asked for."""

    def span(self, query: PageQuery) -> tuple[int, int]:
        """(items to skip, items wanted) of a page. Raises Invalid."""
        settings = self.context.settings
        per_page = settings.page_default if query.per_page is msgspec.UNSET else query.per_page
        if not 1 <= per_page <= settings.page_limit:
            raise Invalid(f"per_page must be between 1 and {settings.page_limit}.")
        if not 1 <= query.page <= self.page_maximum:
            raise Invalid(f"page must be between 1 and {self.page_maximum}.")
        return (query.page - 1) * per_page, per_page

    def answer_page(self, items: Sequence[Any], total: int, query: PageQuery) -> None:
        """Write one page of a list."""
        skip, per_page = self.span(query)
        self.answer(Page(items, query.page, per_page, total, skip + len(items) < total))


class PagedHandler(UserHandler, Paged):
    """An endpoint for users that answers with one page of a list."""
