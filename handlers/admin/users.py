"""Users: the list of users, and the page of one user."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode

from handlers.admin.base import AdminContext, allows
from handlers.admin.day_strips import STATE_WORDS, user_days
from handlers.admin.list_choices import chosen_columns, chosen_sort, remembers_sort, sort_query
from handlers.admin.live import SORTS, OverviewHandler
from handlers.admin.page_settings import page_settings
from handlers.admin.parameters import changed_query
from handlers.admin.saved_filters import views_of
from handlers.admin.shown_days import shown_days
from handlers.admin.time_form import TimeForm, read_times
from handlers.admin.timed_page import TimedPage, is_newest, read_page
from handlers.admin.user_past import UserPasts
from models.audit import AuditFilter
from models.errors import NotFound
from models.events import Event
from models.external_ids import EXTERNAL
from models.operators import is_at_least
from models.stores import Stores
from realtime.cluster.session_sharing import SessionSharing
from realtime.dashboard.event_text import event_row
from realtime.dashboard.overview import Overview
from realtime.dashboard.rows import UserRow
from realtime.dashboard.span_text import because
from realtime.protocol import USER_ID_LIMIT

TIMELINE_ROWS = 200
"""Events on one page of a user's timeline."""

PICKED_APART = "."
"""Between the ids of picked users in a URL."""

ACTIONS_SHOWN = 20
"""Latest actions on a user."""


class AdminUsersHandler(OverviewHandler):
    """GET /admin/users"""

    def initialize(self, admin: AdminContext, overview: Overview) -> None:
        """The route passes the collaborators."""
        self.set_up_overview(admin, overview)

    @allows("viewer")
    async def get(self) -> None:
        """Show users, filtered, sorted and in pages."""
        if self.get_query_argument("pick", "") == "all" and self._may_pick():
            self._name_all()
            return
        if remembers_sort(self, "users", SORTS):
            return
        views = await views_of(self, "users", sort_query(chosen_sort(self, "users", SORTS), SORTS))
        figures = self.overview.figures()
        counts = {
            "all": figures.available + figures.busy + figures.offline,
            "available": figures.available,
            "busy": figures.busy,
            "offline": figures.offline,
        }
        self.show(
            "users.html",
            here="users",
            views=views,
            columns=chosen_columns(self, "users"),
            counts=counts,
            issue_of=self.issue_of(),
            picked=self._picked(),
            **self.listed(),
        )

    def _may_pick(self) -> bool:
        return is_at_least(self.operator.role, "operator")

    def _name_all(self) -> None:
        """Go to the page on which everybody who matches now is picked, up to the limit of one action."""
        rows = self.matching(self.admin.settings.action_targets_limit)
        self.redirect("/admin/users" + changed_query(self, pick=PICKED_APART.join(str(row.user_id) for row in rows)))

    def _picked(self) -> list[UserRow]:
        """The users who are picked, also those on other pages. Who does not exist any more is left out."""
        given = self.get_query_argument("pick", "").split(PICKED_APART) if self._may_pick() else []
        ids = dict.fromkeys(int(each) for each in given if re.fullmatch(r"[0-9]{1,16}", each))
        rows = [self.overview.row(user_id) for user_id in ids if self.overview.exists(user_id)]
        return rows[: self.admin.settings.action_targets_limit]


class AdminUserHandler(OverviewHandler):
    """GET /admin/users/{id}"""

    def initialize(
        self,
        admin: AdminContext,
        overview: Overview,
        stores: Stores,
        sharing: SessionSharing | None,
        user_pasts: UserPasts,
    ) -> None:
        """The route passes the collaborators."""
        self.set_up_overview(admin, overview)
        self.stores = stores
        self.user_pasts = user_pasts
        self.sharing = sharing

    @allows("viewer")
    async def get(self, text: str) -> None:
        """Show a user's status, sockets, current call, day, events of the last day, and actions by operators."""
        user_id = page_user_id(self.overview, text)
        if not self.overview.exists(user_id):
            raise NotFound(f"There is no user #{user_id}. The user may have been deleted.")
        times = read_times(self, default="day")
        shown, events = await self._timeline(user_id, times)
        wanted = AuditFilter(target=f"user:{user_id}")
        if times.range.name != "day":
            wanted |= AuditFilter(start=times.range.start, end=times.range.end)
        acts, acted = await self.stores.audit.page(**wanted, skip=0, limit=ACTIONS_SHOWN)
        if self.sharing is not None:
            await self.sharing.refresh_heard(user_id)
        row, sessions = self.overview.row(user_id), self.overview.sessions(user_id)
        self.show(
            "user.html",
            here="users",
            row=row,
            sessions=sessions,
            has_servers=self.sharing is not None or any(session.server for session in sessions),
            call=next((call for call in self.overview.calls() if call.call_id == row.call_id), None),
            issues=self.overview.issues_about(row.user_id, row.call_id),
            times=times,
            shown=shown,
            events=[event_row(event) for event in events],
            csv="/admin/events.csv?" + urlencode({"user": user_id, **times.query}),
            is_tail=is_newest(shown, times),
            stale_ms=page_settings(self.admin.settings).stale_ms,
            shortest=self.admin.settings.password_length_minimum,
            acts=acts,
            acted=acted,
            **await self._day(user_id, times),
        )

    async def _day(self, user_id: int, times: TimeForm) -> dict[str, Any]:
        """The user's day or week that the query asks for. A moment or a range leads to its day. Raises Invalid."""
        asked = times.range
        wanted = shown_days(self, asked.at or (None if asked.name else asked.start or asked.end))
        past = await self.user_pasts.between(user_id, wanted.start, wanted.end)
        return {
            "wanted_days": wanted,
            "days": user_days(past, wanted.days, self.moments.zone, self.now_ms),
            "state_words": STATE_WORDS,
            "span_because": because,
            "query": {name: self.get_query_argument(name) for name in self.request.query_arguments},
        }

    async def _timeline(self, user_id: int, times: TimeForm) -> tuple[TimedPage[Event], list[Event]]:
        """A page of the user's events, and its rows with those that are not saved yet, such as what a form has done."""
        unsaved = [event for event in self.overview.unsaved_events() if user_id in (event.user_id, event.other_id)]
        listed = self.stores.events.listed(user_id=user_id, start=times.range.start, end=times.range.end)
        shown = await read_page(self, listed, times, TIMELINE_ROWS)
        if shown.is_around or shown.number > 1 or times.problem:
            return shown, shown.rows
        known = {event.event_id: event for event in unsaved if times.range.includes(event.at)}
        known |= {event.event_id: event for event in shown.rows}
        return shown, sorted(known.values(), key=lambda event: (event.at, event.event_id), reverse=True)


def page_user_id(overview: Overview, text: str) -> int:
    """The user in the URL of a page: an id, or `external:` and an id in another program. Raises Invalid, NotFound."""
    return overview.user_id_of(text) if text.startswith(EXTERNAL) else user_id_of(text)


def user_id_of(text: str) -> int:
    """The user id in a URL. Raises NotFound if it is malformed, since no page links to such a URL."""
    if not (text.isascii() and text.isdigit() and len(text) < 17 and 0 < int(text) <= USER_ID_LIMIT):
        raise NotFound("There is no such user.")
    return int(text)
