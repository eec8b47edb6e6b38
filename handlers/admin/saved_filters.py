"""Saved filters: what operators saved under a name. They are kept with the account, and so follow the person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast, get_args
from urllib.parse import parse_qsl, urlencode

import msgspec
from markupsafe import Markup

from handlers.admin.base import AdminContext, AdminHandler, allows
from handlers.admin.moments import Moments
from handlers.admin.time_range import moments_in
from models.errors import Invalid, NotFound, RequestError, StoreUnavailable
from models.saved_filters import PageName, SavedFilter

PATHS: dict[PageName, str] = {
    "live": "/admin",
    "users": "/admin/users",
    "calls": "/admin/calls",
    "events": "/admin/events",
    "audit": "/admin/audit",
}

TITLES: dict[PageName, str] = {
    "live": "Live", "users": "Users", "calls": "Calls", "events": "Events", "audit": "Audit log",
}  # fmt: skip

NOT_SAVED = ("page", "pick", "flash")
"""Parameters that say where in a list one is, and not what it is filtered by."""


class Views(msgspec.Struct, frozen=True):
    """What the menu “Views” of a page offers."""

    page: PageName
    query: str
    """The filter of the page as it is now."""
    saved: list[SavedFilter]
    is_unknown: bool = False
    """Whether the saved filters could not be read."""

    def path(self, saved: SavedFilter) -> str:
        """The page with a saved filter."""
        return path_of(saved)


def path_of(saved: SavedFilter) -> str:
    """The page with this filter."""
    return PATHS[saved.page] + (f"?{saved.query}" if saved.query else "")


async def views_of(handler: AdminHandler, page: PageName, sort: Mapping[str, str]) -> Views:
    """The menu of this page for the operator who asks. `sort` is the order as a parameter, unless it is the usual one.

    If the browser remembers the order, the address doesn't have it.
    """
    query = cleaned(handler.request.query)
    if sort and not handler.get_query_argument("sort", ""):
        query = "&".join(filter(None, [query, urlencode(sort)]))
    try:
        saved = await handler.admin.saved_filters.of_operator(handler.operator.operator_id, page)
    except StoreUnavailable:
        return Views(page, query, [], is_unknown=True)
    return Views(page, query, saved)


def cleaned(query: str) -> str:
    """A query string with only what filters, sorts and limits a list."""
    try:
        given = parse_qsl(query.lstrip("?"), max_num_fields=50)
    except ValueError as error:
        raise Invalid("This filter has too many parts to be saved.") from error
    return urlencode([(name, value) for name, value in given if name not in NOT_SAVED])


def in_words(filter_: dict[str, str], moments: Moments) -> dict[str, str | Markup]:
    """A filter with its times in the zone of the page, as the page writes them. What can't be read stays as it is."""
    try:
        found = moments_in(filter_, moments.zone)
    except Invalid:
        return {**filter_}
    times = {name: moments.marked(moment, "full") for name, moment in found.items()}
    return {name: times.get(name, value) for name, value in filter_.items() if name != "zone" or not times}


class SavedFiltersHandler(AdminHandler):
    """/admin/saved-filters"""

    def initialize(self, admin: AdminContext) -> None:
        """The route passes the collaborators."""
        self.set_up_admin(admin)

    @allows("viewer")
    async def get(self) -> None:
        """Show the operator's own saved filters."""
        self._show(await self._saved())

    @allows("viewer")
    async def post(self) -> None:
        """Save, rename or delete one, and lead back to the page of the form. A refusal is shown there."""
        change = self.get_body_argument("change", "save")
        try:
            message = await self._change(change)
        except (Invalid, NotFound) as refusal:
            if self.wants_json:
                raise
            return await self._refuse(refusal, change)
        if self.wants_json:
            self.finish({"message": message})
        else:
            self.go(self._next(), message)
        return None

    async def _saved(self) -> list[SavedFilter]:
        return await self.admin.saved_filters.of_operator(self.operator.operator_id)

    def _show(self, saved: list[SavedFilter], problem: str = "") -> None:
        """Show the page. If there is a problem with a new name, the name is still in its field."""
        rows = [(each, path_of(each), in_words(dict(parse_qsl(each.query)), self.moments)) for each in saved]
        typed = {name: self.get_body_argument(name, "", strip=False) for name in ("page", "name", "new_name")}
        self.show("saved_filters.html", saved=rows, titles=TITLES, problem=problem, typed=typed)

    async def _refuse(self, refusal: RequestError, change: str) -> None:
        """Say why: next to the new name, or else on the page of the form."""
        saved = await self._saved()
        of_form = tuple(self.get_body_argument(name, "") for name in ("page", "name"))
        if change == "rename" and any((each.page, each.name) == of_form for each in saved):
            self.set_status(400)
            self._show(saved, refusal.message)
        else:
            self.go(self._next(), refusal.message, is_refusal=True)

    async def _change(self, change: str) -> str:
        filters, operator_id = self.admin.saved_filters, self.operator.operator_id
        page, name = self._page(), self.get_body_argument("name", "")
        match change:
            case "save":
                saved = SavedFilter(page, name, cleaned(self.get_body_argument("query", "")))
                await filters.save(operator_id, saved)
                return f"Filter “{' '.join(name.split())}” saved."
            case "rename":
                new_name = self.get_body_argument("new_name", "")
                await filters.rename(operator_id, page, name, new_name)
                return f"Filter “{name}” renamed to “{' '.join(new_name.split())}”."
            case "delete":
                await filters.delete(operator_id, page, name)
                return f"Filter “{name}” deleted."
        raise Invalid("The field change must be one of save, rename, delete.")

    def _page(self) -> PageName:
        page = self.get_body_argument("page", "")
        if page not in get_args(PageName):
            raise Invalid(f"The field page must be one of {', '.join(get_args(PageName))}.")
        return cast("PageName", page)

    def _next(self) -> str:
        return self.own_page(self.get_body_argument("next", "") or "/admin/saved-filters")
