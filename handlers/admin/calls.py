"""Calls: the list of ongoing and ended calls, and the page of one call."""

from __future__ import annotations

from typing import Literal, cast

import msgspec

from handlers.admin.base import AdminContext, allows
from handlers.admin.live import OverviewHandler
from handlers.admin.parameters import choice, stored_page_number
from models.calls import SEARCHED_USERS_LIMIT, Call
from models.errors import NotFound
from models.guard import COUNT_LIMIT
from models.stores import Stores
from models.times import milliseconds
from realtime.dashboard.event_text import event_row
from realtime.dashboard.overview import Overview
from realtime.presence.registry import Registry

CallFilter = Literal["ongoing", "ended"]
STATES = ("", "ongoing", "ended")

_WHY = {
    "operator": "an operator ended it",
    "completed": "a participant hung up",
    "dropped": "a participant was offline for too long, or the server found no participant online",
    "cancelled": "the caller gave up",
}
"""Explanations of the end reasons."""


class ShownCall(msgspec.Struct, frozen=True):
    """A call with the names of its participants, for a page."""

    call: Call
    caller_name: str
    callee_name: str
    lasted: int
    """Milliseconds from the start to the end, or until now."""


class CallPages(OverviewHandler):
    """What both pages have in common."""

    def initialize(self, admin: AdminContext, overview: Overview, stores: Stores, registry: Registry) -> None:
        """The route passes the collaborators."""
        self.set_up_overview(admin, overview)
        self.stores = stores
        self.registry = registry

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
        """Show all calls, newest first, or the calls of the users who match a search."""
        state, q, per_page = choice(self, "state", STATES), self.search(), self.admin.settings.page_rows
        user_ids, page = self._matching_users(q), stored_page_number(self, per_page)
        calls, total = await self.stores.calls.page(
            state=cast("CallFilter", state) if state else None,
            user_ids=user_ids,
            skip=(page - 1) * per_page,
            limit=per_page,
        )
        self.show(
            "calls.html",
            here="calls",
            calls=[self.named(call) for call in calls],
            calls_with_issues={each.call_id for each in self.overview.issues()},
            total=total,
            is_more=total >= COUNT_LIMIT,
            per_page=per_page,
            filter={"state": state, "q": q, "page": page},
        )

    def _matching_users(self, q: str) -> list[int] | None:
        if not q:
            return None
        rows, _ = self.overview.page(state="all", q=q, sort="name", skip=0, limit=SEARCHED_USERS_LIMIT)
        return [row.user_id for row in rows]


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
        shown = self.named(call)
        names = {call.caller_id: shown.caller_name, call.callee_id: shown.callee_name}
        operator = next((event.operator for event in events if event.kind == "call_ended"), "")
        self.show(
            "call.html",
            here="calls",
            shown=shown,
            events=[event_row(event) for event in events],
            ended_by=operator or names.get(call.ended_by or 0, ""),
            by_operator=bool(operator),
            why=_WHY.get("operator" if operator else call.end_reason or "", ""),
            issues=[each for each in self.overview.issues() if each.call_id == call_id],
        )
