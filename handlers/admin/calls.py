"""Calls: ongoing and ended, and one call."""

from __future__ import annotations

from typing import Literal, cast

import msgspec

from handlers.admin.base import AdminContext, allows
from handlers.admin.live import OverviewHandler
from handlers.admin.parameters import choice, page_number
from models.calls import Call
from models.errors import NotFound
from models.stores import Stores
from realtime.clock import milliseconds
from realtime.dashboard.event_text import event_row
from realtime.dashboard.overview import Overview
from realtime.presence.registry import Registry

CallFilter = Literal["ongoing", "ended"]
STATES = ("", "ongoing", "ended")

SEARCHED_USERS = 200
"""Of a search by name: calls of at most so many users."""


_WHY = {
    "operator": "an operator ended it",
    "completed": "a party hung up",
    "dropped": "a party was gone for too long, or the server found it without one",
    "cancelled": "the caller gave up",
}
"""Why a call ended, by its reason."""


class ShownCall(msgspec.Struct, frozen=True):
    """A call with the names of its parties, as a page prints it."""

    call: Call
    caller_name: str
    callee_name: str
    lasted: int
    """Milliseconds from the start to the end, or to now."""


class CallPages(OverviewHandler):
    """What both handlers have in common."""

    def initialize(self, admin: AdminContext, overview: Overview, stores: Stores, registry: Registry) -> None:
        """Collaborators come from the route."""
        self.set_up_overview(admin, overview)
        self.stores = stores
        self.registry = registry

    def named(self, call: Call) -> ShownCall:
        """The call with its parties' names."""
        until = self.now_ms if call.ended_at is None else milliseconds(call.ended_at)
        return ShownCall(
            call, self._name(call.caller_id), self._name(call.callee_id), until - milliseconds(call.started_at)
        )

    def _name(self, user_id: int) -> str:
        entry = self.registry.find(user_id)
        return entry.profile.username if entry else f"user {user_id}"


class AdminCallsHandler(CallPages):
    """GET /admin/calls"""

    @allows("viewer")
    async def get(self) -> None:
        """All calls, the newest first; those of a name when one is searched for."""
        state, q, page = choice(self, "state", STATES), self.search(), page_number(self)
        user_ids, per_page = self._named(q), self.admin.page_rows
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
            wrong={each.call_id for each in self.overview.issues()},
            total=total,
            per_page=per_page,
            filter={"state": state, "q": q, "page": page},
        )

    def _named(self, q: str) -> list[int] | None:
        if not q:
            return None
        rows, _ = self.overview.page(state="all", q=q, sort="name", skip=0, limit=SEARCHED_USERS)
        return [row.user_id for row in rows]


class AdminCallHandler(CallPages):
    """GET /admin/calls/{id}"""

    @allows("viewer")
    async def get(self, call_id: str) -> None:
        """Parties, timeline, who ended it and why."""
        call = await self.stores.calls.get(call_id) if call_id.isascii() and call_id.isprintable() else None
        if call is None:
            raise NotFound("There is no such call")
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
            contradictions=[each for each in self.overview.issues() if each.call_id == call_id],
        )
