"""List choices: in which order an operator wants a list, and with which columns. Remembered in the browser."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, cast, get_args

import msgspec
from tornado.web import RequestHandler

from handlers.admin.base import AdminContext, AdminHandler, allows
from handlers.admin.parameters import changed_query
from models.errors import Invalid
from models.saved_filters import PageName

KEPT_DAYS = 400
"""The longest that browsers keep a cookie."""

ListName = Literal["live", "users", "calls", "events"]

APART = "."
"""Between the names of columns in a cookie or a URL."""

NO_COLUMN = "none"


class Column(msgspec.Struct, frozen=True):
    """A column that can be left out."""

    name: str
    label: str


_OF_USERS = (
    Column("since", "Duration"), Column("because", "Because"), Column("device", "Device"), Column("heard", "Last seen"),
)  # fmt: skip

COLUMNS: dict[ListName, tuple[Column, ...]] = {
    "live": _OF_USERS,
    "users": _OF_USERS,
    "calls": (
        Column("type", "Type"),
        Column("started", "Started"),
        Column("duration", "Duration"),
        Column("status", "Status"),
    ),
    "events": (Column("kind", "Type"), Column("cause", "Cause"), Column("user", "User")),
}  # fmt: skip
"""What a list has besides the columns that say what a row is."""


def chosen_columns(handler: RequestHandler, name: ListName) -> frozenset[str]:
    """The columns that the URL or else the browser's cookie names; all if neither does."""
    known = {column.name for column in COLUMNS[name]}
    given = handler.get_query_argument("columns", "") or handler.get_cookie(f"rollcall_columns_{name}", "") or ""
    return (frozenset(given.split(APART)) & known) if given else frozenset(known)


def chosen_sort(handler: RequestHandler, name: PageName, sorts: Sequence[str]) -> str:
    """The order that the URL or else the browser's cookie names; the first if neither does. Raises Invalid."""
    given = handler.get_query_argument("sort", "")
    if given and given not in sorts:
        raise Invalid(f"The parameter sort must be one of {', '.join(sorts)}.")
    return given or remembered_sort(handler, name, sorts)


def remembered_sort(handler: RequestHandler, name: PageName, sorts: Sequence[str]) -> str:
    """The order that the browser's cookie names; the first if it names none."""
    remembered = handler.get_cookie(f"rollcall_sort_{name}", "") or ""
    return remembered if remembered in sorts else sorts[0]


def sort_query(sort: str, sorts: Sequence[str]) -> dict[str, str]:
    """The order as a parameter, unless it is the usual one."""
    return {} if sort == sorts[0] else {"sort": sort}


def remember(handler: AdminHandler, name: str, value: str) -> None:
    """Keep a choice in the browser. Scripts may change it, unlike other cookies."""
    RequestHandler.set_cookie(
        handler, name, value, path="/admin", samesite="Lax", secure=handler.is_secure, expires_days=KEPT_DAYS
    )


def remembers_sort(handler: AdminHandler, name: PageName, sorts: Sequence[str]) -> bool:
    """Remember the order if the head of a column was used, and lead to the page without `keep`. Raises Invalid."""
    if not handler.get_query_argument("keep", ""):
        return False
    remember(handler, f"rollcall_sort_{name}", chosen_sort(handler, name, sorts))
    handler.redirect(handler.request.path + changed_query(handler, keep="", page=""), status=303)
    return True


class ColumnsHandler(AdminHandler):
    """POST /admin/columns"""

    def initialize(self, admin: AdminContext) -> None:
        """The route passes the collaborators."""
        self.set_up_admin(admin)

    @allows("viewer")
    def post(self) -> None:
        """Show a list with these columns from now on in this browser. Raises Invalid."""
        name = self.get_body_argument("list", "")
        if name not in get_args(ListName):
            raise Invalid(f"The field list must be one of {', '.join(get_args(ListName))}.")
        wanted = set(self.get_body_arguments("column"))
        chosen = [column.name for column in COLUMNS[cast("ListName", name)] if column.name in wanted]
        remember(self, f"rollcall_columns_{name}", APART.join(chosen) or NO_COLUMN)
        self.go(self.next_page())
