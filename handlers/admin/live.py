"""Live: the page that follows what happens, and the wall display."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, cast, get_args

import msgspec

from handlers.admin.alert_kinds import alert_kinds
from handlers.admin.base import AdminContext, AdminHandler, allows
from handlers.admin.chart_drawing import ChartDrawing
from handlers.admin.chart_ranges import CHART_RANGES, ChartData, ChartRange
from handlers.admin.list_choices import ListName, chosen_columns, chosen_sort, remembers_sort, sort_query
from handlers.admin.page_settings import page_settings
from handlers.admin.parameters import choice, page_number
from handlers.admin.saved_filters import views_of
from handlers.compression import write_large
from models.errors import StoreUnavailable
from models.events import Event
from models.samples import Sample
from models.stores import Stores
from models.tags import LONGEST, normalized_tag
from realtime.dashboard.operator_messages import encode_message
from realtime.dashboard.operator_sessions import OperatorSessions
from realtime.dashboard.overview import Overview
from realtime.dashboard.overview_feed import OverviewFeed
from realtime.dashboard.rows import Issue, UserRow
from realtime.dashboard.user_query import UserFilter, UserSort

FILTERS: tuple[UserFilter, ...] = get_args(UserFilter)
SORTS: tuple[UserSort, ...] = get_args(UserSort)

SEARCH_LIMIT = 100
"""Characters. No name is longer."""

WALL_NAMES = 60
"""Free users that the wall lists without its script, which lists as many as fit."""


class OverviewHandler(AdminHandler):
    """Base of the handlers that show users and calls."""

    list_name: ListName = "users"
    """The list whose order is remembered."""

    def set_up_overview(self, admin: AdminContext, overview: Overview) -> None:
        """To be called first in each handler's `initialize`."""
        self.set_up_admin(admin)
        self.overview = overview

    def listed(self) -> dict[str, Any]:
        """The users on the requested page, and how they are filtered. Raises Invalid."""
        status, q, sort, tag = self._filter()
        page, per_page = page_number(self), self.admin.settings.page_rows
        rows, total = self.overview.page(
            state=status, q=q, sort=sort, skip=(page - 1) * per_page, limit=per_page, tag=tag
        )
        return {
            "rows": rows,
            "total": total,
            "per_page": per_page,
            "targets_limit": self.admin.settings.action_targets_limit,
            "filter": {"status": status, "q": q, "tag": tag, "sort": sort, "page": page},
            "tags": self.overview.tag_counts(),
        }

    def matching(self, limit: int) -> list[UserRow]:
        """The first users who match the filter, from all its pages. Raises Invalid."""
        status, q, sort, tag = self._filter()
        return self.overview.page(state=status, q=q, sort=sort, skip=0, limit=limit, tag=tag)[0]

    def issue_of(self) -> dict[int | str, Issue]:
        """Of each user and each call the first issue that concerns it, as in static/admin/state.js."""
        calls = {call.call_id: call for call in self.overview.calls()}
        found: dict[int | str, Issue] = {}
        for issue in self.overview.issues():
            call = calls.get(issue.call_id)
            both = (call.caller_id, call.callee_id) if call and (not issue.user_id or issue.also) else ()
            for each in filter(None, (issue.call_id, issue.user_id, *both)):
                found.setdefault(each, issue)
        return found

    def _filter(self) -> tuple[UserFilter, str, UserSort, str]:
        status = cast("UserFilter", choice(self, "status", FILTERS))
        sort = cast("UserSort", chosen_sort(self, self.list_name, SORTS))
        return status, self.search(), sort, self.chosen_tag()

    async def with_unsaved(self, stored: Awaitable[list[Event]], is_about: Callable[[Event], bool]) -> list[Event]:
        """Events in the store, and matching ones that are not saved yet, oldest first."""
        known = {event.event_id: event for event in self.overview.unsaved_events() if is_about(event)}
        known |= {event.event_id: event for event in await stored}
        return [known[event_id] for event_id in sorted(known)]

    def on_the_wall(self, tag: str = "") -> dict[str, Any]:
        """What the wall shows. With a tag, only users who have it are listed as free."""
        overview = self.overview
        free, free_count = overview.page(state="available", q="", sort="since", skip=0, limit=WALL_NAMES, tag=tag)
        return {
            "figures": overview.figures(),
            "calls": overview.calls(),
            "issues": overview.issues(),
            "issue_of": self.issue_of(),
            "attention": overview.unattended,
            "free": free,
            "free_count": free_count,
            "tag": tag,
            "per_page": self.admin.settings.page_rows,
            "page_settings": page_settings(self.admin.settings),
        }

    def chosen_tag(self) -> str:
        """The tag that the list is filtered by, or an empty text."""
        return normalized_tag(self.get_query_argument("tag", "")[: 4 * LONGEST])

    def search(self) -> str:
        """The search text."""
        return self.get_query_argument("q", "")[:SEARCH_LIMIT]


class LivePages(OverviewHandler):
    """What Live and Wall have in common."""

    def initialize(self, admin: AdminContext, overview: Overview, feed: OverviewFeed, stores: Stores) -> None:
        """The route passes the collaborators."""
        self.set_up_overview(admin, overview)
        self.feed = feed
        self.stores = stores

    def show_live(self, template: str, **values: Any) -> None:
        """Everything as of `seq`, read in one step. Later changes arrive over the socket."""
        overview = self.overview
        self.show(
            template,
            here="live",
            seq=self.feed.seq,
            figures=overview.figures(),
            calls=overview.calls(),
            events=overview.events(),
            issues=overview.issues(),
            issue_of=self.issue_of(),
            attention=overview.unattended,
            alert_kinds=alert_kinds(self.admin.settings),
            page_settings=page_settings(self.admin.settings),
            **self.listed(),
            **values,
        )

    def chosen_range(self) -> ChartRange:
        """The time that the chart shows. Raises Invalid."""
        return CHART_RANGES[choice(self, "chart", tuple(CHART_RANGES))]

    async def stored_samples(self, chosen: ChartRange) -> list[Sample]:
        """The stored samples of this time, unless all of them are in memory. Raises StoreUnavailable."""
        if chosen.is_remembered:
            return []
        return await self.stores.samples.since(self.admin.clock.utc() - timedelta(seconds=chosen.span))

    def chart_data(self, chosen: ChartRange, stored: list[Sample]) -> ChartData:
        """What the chart shows now."""
        now = self.now_ms
        return ChartData(chosen.name, now, chosen.drawn(stored, self.overview.history(), now))


class LiveHandler(LivePages):
    """GET /admin"""

    list_name = "live"

    @allows("viewer")
    async def get(self) -> None:
        """Show everything. If the store can't be reached, the chart has only the last minutes."""
        if remembers_sort(self, "live", SORTS):
            return
        chosen, is_complete, stored = self.chosen_range(), True, list[Sample]()
        views = await views_of(self, "live", sort_query(chosen_sort(self, "live", SORTS), SORTS))
        try:
            stored = await self.stored_samples(chosen)
        except StoreUnavailable:
            is_complete = False
        figures, data, settings = self.overview.figures(), self.chart_data(chosen, stored), self.admin.settings
        self.show_live(
            "live.html",
            views=views,
            columns=chosen_columns(self, "live"),
            chart=ChartDrawing(chosen, chosen.gap_ms(settings), data, figures, self.moments),
            chart_range=chosen,
            chart_ranges=[(each, each.attributes(settings)) for each in CHART_RANGES.values()],
            is_chart_complete=is_complete,
        )


class WallHandler(OverviewHandler):
    """GET /admin/wall"""

    def initialize(self, admin: AdminContext, overview: Overview) -> None:
        """The route passes the collaborators."""
        self.set_up_overview(admin, overview)

    @allows("viewer")
    def get(self) -> None:
        """The wall for operators."""
        self.show("wall.html", **self.on_the_wall(self.chosen_tag()))

    def ask_to_sign_in(self) -> None:
        """A screen has a page of its own."""
        if self.get_cookie(self.screen_cookie_name):
            self.go("/admin/screen")
        else:
            super().ask_to_sign_in()


class SamplesHandler(LivePages):
    """GET /admin/samples"""

    @allows("viewer")
    async def get(self) -> None:
        """Answer with what the chart shows. Its script goes on with the samples of the socket."""
        chosen = self.chosen_range()
        data = self.chart_data(chosen, await self.stored_samples(chosen))
        self.set_header("Content-Type", "application/json; charset=utf-8")
        await write_large(self, msgspec.json.encode(data))


class OverviewDataHandler(AdminHandler):
    """GET /admin/overview"""

    def initialize(self, admin: AdminContext, operator_sessions: OperatorSessions) -> None:
        """The route passes the collaborators."""
        self.set_up_admin(admin)
        self.operator_sessions = operator_sessions

    @allows("viewer")
    async def get(self) -> None:
        """Answer with what the live pages show. Their socket goes on from there."""
        self.set_header("Content-Type", "application/json; charset=utf-8")
        await write_large(self, encode_message(self.operator_sessions.overview()))
