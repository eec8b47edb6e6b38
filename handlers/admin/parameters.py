"""Parameters: reads the query of a page, and makes links with a changed query."""

from __future__ import annotations

import math
from urllib.parse import urlencode

from tornado.web import RequestHandler

from models.errors import Invalid
from models.guard import COUNT_LIMIT

PAGE_MAXIMUM = 100_000


def choice(handler: RequestHandler, name: str, among: tuple[str, ...]) -> str:
    """A parameter that must be one of a few values. The default is the first. Raises Invalid."""
    given = handler.get_query_argument(name, "") or among[0]
    if given not in among:
        raise Invalid(f"The parameter {name} must be one of {', '.join(filter(None, among))}.")
    return given


def page_number(handler: RequestHandler, maximum: int = PAGE_MAXIMUM) -> int:
    """The number of the requested page of a list, from 1. Raises Invalid."""
    text = handler.get_query_argument("page", "1")
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 0
    if not 1 <= number <= maximum:
        raise Invalid(f"The parameter page must be between 1 and {maximum:,}.")
    return number


def stored_page_number(handler: RequestHandler, per_page: int) -> int:
    """The same for a list in the store. Raises Invalid."""
    return page_number(handler, last_page(per_page))


def signed_page_number(handler: RequestHandler, per_page: int) -> int:
    """The same for a list around a moment, which page 0 shows. Pages with later rows are below it. Raises Invalid."""
    text, most = handler.get_query_argument("page", "") or "0", last_page(per_page)
    digits = text.removeprefix("-")
    number = int(text) if digits.isascii() and digits.isdigit() and len(digits) < 7 else most + 1
    if abs(number) > most:
        raise Invalid(f"The parameter page must be between -{most:,} and {most:,}.")
    return number


def last_page(per_page: int) -> int:
    """The pages of a list in the store end where its rows are no longer counted."""
    return math.ceil(COUNT_LIMIT / per_page)


def changed_query(handler: RequestHandler, **changes: str | int) -> str:
    """A link to this page with some parameters changed. Empty ones are left out."""
    query: dict[str, str | int] = {name: handler.get_query_argument(name) for name in handler.request.query_arguments}
    query |= changes
    return "?" + urlencode({name: value for name, value in query.items() if value != ""})
