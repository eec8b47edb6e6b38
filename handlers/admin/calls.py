"""Calls: the list of ongoing and ended calls, and the page of one call."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import cast, get_args
from urllib.parse import urlencode

import msgspec

from handlers.admin.base import AdminContext, allows
from handlers.admin.exports import Cell, ExportHandler
from handlers.admin.list_choices import chosen_columns
from handlers.admin.list_order import ListOrder, file_order, read_order, remembers_order
from handlers.admin.live import OverviewHandler
from handlers.admin.page_settings import page_settings
from handlers.admin.parameters import choice
from handlers.admin.saved_filters import views_of
from handlers.admin.time_form import TimeForm, file_words, read_times
from handlers.admin.time_range import TimeRange, read_range
from handlers.admin.timed_page import TimedPage, read_numbered_page, read_page
from models.call_statistics import CallStatistics, statistics_of
from models.calls import SEARCHED_USERS_LIMIT, Call, CallFilter, StateFilter
from models.calls_by_duration import CallsByDuration
from models.errors import Invalid, NotFound, StoreUnavailable
from models.guard import COUNT_LIMIT
from models.search import Search
from models.stores import Stores
from models.timed_list import TimedList
from models.times import milliseconds
from realtime.dashboard.call_details import call_details
from realtime.dashboard.event_text import event_row
from realtime.dashboard.overview import Overview
from realtime.presence.registry import Registry

STATES = ("", *get_args(StateFilter))

COLUMNS = (
    "started", "ended", "duration_seconds", "call_id", "call_type", "status", "caller_id", "caller_name", "callee_id",
    "callee_name", "ended_by",
)  # fmt: skip


class ShownCall(msgspec.Struct, frozen=True):
    """A call with the names of its participants, for a page."""

    call: Call
    caller_name: str
    callee_name: str
    lasted: int
    """Milliseconds from the start to the end, or until now."""

    def was_ongoing(self, at: datetime) -> bool:
        """Whether the call was ongoing at a moment."""
        return self.call.started_at <= at and (self.call.ended_at is None or at < self.call.ended_at)


class CallPages(OverviewHandler):
    """What both pages have in common."""

    def initialize(self, admin: AdminContext, overview: Overview, stores: Stores, registry: Registry) -> None:
        """The route passes the collaborators."""
        self.set_up_overview(admin, overview)
        self.stores = stores
        self.registry = registry

    def wanted(self, times: TimeRange) -> CallFilter:
        """The filters from the query. Raises Invalid."""
        state, q = choice(self, "state", STATES), self.search()
        user_ids = None
        if q:
            rows, _ = self.overview.page(state="all", q=q, sort="name", skip=0, limit=SEARCHED_USERS_LIMIT)
            # No list of users has the deleted ones, but their calls are there.
            user_ids = [row.user_id for row in rows] + sorted(Search(q).ids & self.registry.deleted.keys())
        return CallFilter(
            state=cast("StateFilter", state) if state else None, user_ids=user_ids, start=times.start, end=times.end
        )

    def by_duration(self, wanted: CallFilter, order: ListOrder) -> CallsByDuration:
        """The calls by how long they lasted, or have lasted until now."""
        return CallsByDuration(self.stores.calls, wanted, self.admin.clock.utc(), is_shortest_first=order.is_reversed)

    def named(self, call: Call) -> ShownCall:
        """The call with the names of its participants."""
        until = self.now_ms if call.ended_at is None else milliseconds(call.ended_at)
        return ShownCall(
            call=call,
            caller_name=self.registry.name(call.caller_id),
            callee_name=self.registry.name(call.callee_id),
            lasted=until - milliseconds(call.started_at),
        )


class AdminCallsHandler(CallPages):
    """GET /admin/calls"""

    @allows("viewer")
    async def get(self) -> None:
        """Show all calls, or the calls of the users who match a search."""
        if remembers_order(self, "calls"):
            return
        times, wished = read_times(self), read_order(self, "calls")
        wanted = self.wanted(times.range)
        listed = self.stores.calls.listed(**wanted)
        shown, order = await self._page(times, listed, wanted, wished)
        given = {"state": choice(self, "state", STATES), "q": self.search()}
        is_first = not times.problem and shown.number == (0 if shown.is_around else 1)
        is_short = times.range.is_limited or not shown.is_more
        self.show(
            "calls.html",
            here="calls",
            views=await views_of(self, "calls", order.query),
            columns=chosen_columns(self, "calls"),
            shown=shown,
            calls=[self.named(call) for call in shown.rows],
            issue_of=self.issue_of(),
            times=times,
            order=order,
            is_unsorted=order.by != wished.by and not shown.is_around and not times.problem,
            is_first=is_first,
            is_short=is_short,
            statistics=await self._statistics(listed) if is_first and is_short and shown.total else None,
            filter={**given, "time": times.words, "order": order.for_print, "page": shown.number},
            csv="/admin/calls.csv?" + urlencode({**given, **order.query, **times.query}),
        )

    async def _page(
        self, times: TimeForm, listed: TimedList[Call], wanted: CallFilter, order: ListOrder
    ) -> tuple[TimedPage[Call], ListOrder]:
        """The page, and its order. A long list has none by duration, nor has one around a moment. Raises Invalid."""
        per_page, can_sort = self.admin.settings.page_rows, not times.problem and times.range.at is None
        if order.by == "duration" and can_sort and await listed.count() < COUNT_LIMIT:
            return await read_numbered_page(self, self.by_duration(wanted, order), per_page), order
        if order.by == "duration":
            order = order.without("duration")
        shown = await read_page(self, order.of(listed), times, per_page)
        return shown, order.without("duration") if shown.is_more or shown.is_around else order

    async def _statistics(self, listed: TimedList[Call]) -> CallStatistics | None:
        """What the listed calls have in common. None if the store did not answer in time: the list is shown anyway."""
        try:
            return await statistics_of(listed)
        except StoreUnavailable:
            return None


class CallsCsvHandler(CallPages, ExportHandler):
    """GET /admin/calls.csv"""

    @allows("viewer")
    async def get(self) -> None:
        """Answer with all matching calls, in the order of the page."""
        times = read_range(self)
        wanted = self.wanted(times)
        filters = wanted["state"], self.search(), file_words(times, self.moments)
        order, listed = file_order(self, "calls"), self.stores.calls.listed(**wanted)
        if order.by != "duration":
            await self.send_list("calls", filters, COLUMNS, order.of(listed), self._cells)
        elif await listed.count() < COUNT_LIMIT:
            await self.send_list("calls", filters, COLUMNS, self.by_duration(wanted, order), self._cells)
        else:
            raise Invalid(f"{COUNT_LIMIT:,} calls or more can't be sorted by duration. Choose a shorter time range.")

    def _cells(self, call: Call) -> Sequence[Cell]:
        """The durations of ongoing calls are open."""
        named = self.named(call)
        return [
            call.started_at,
            call.ended_at,
            call.duration_seconds,
            call.call_id,
            call.call_type,
            call.status,
            call.caller_id,
            named.caller_name,
            call.callee_id,
            named.callee_name,
            call.ended_by,
        ]


class AdminCallHandler(CallPages):
    """GET /admin/calls/{id}"""

    @allows("viewer")
    async def get(self, call_id: str) -> None:
        """Show the participants, the timeline, and who ended the call and why."""
        call = await self.stores.calls.get(call_id) if call_id.isascii() and call_id.isprintable() else None
        if call is None:
            raise NotFound("There is no such call.")
        stored = self.stores.events.of_call(call_id)
        events = await self.with_unsaved(stored, lambda event: event.call_id == call_id)
        self.show(
            "call.html",
            here="calls",
            call=call_details(call, self.registry, events),
            events=[event_row(event) for event in events],
            issues=self.overview.issues_about(0, call_id),
            stale_ms=page_settings(self.admin.settings).stale_ms,
        )
