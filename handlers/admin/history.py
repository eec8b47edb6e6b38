"""History: the events and the audit, as pages and as CSV."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast, get_args
from urllib.parse import urlencode

import msgspec

from handlers.admin.audit_words import AUDIT_LABELS
from handlers.admin.base import AdminContext, AdminHandler, allows
from handlers.admin.exports import Cell, ExportHandler
from handlers.admin.list_choices import chosen_columns
from handlers.admin.list_order import file_order, read_order, remembers_order
from handlers.admin.page_settings import page_settings
from handlers.admin.parameters import choice
from handlers.admin.saved_filters import views_of
from handlers.admin.time_form import file_words, read_times
from handlers.admin.time_range import TimeRange, read_range
from handlers.admin.timed_page import is_newest, read_page
from models.audit import AuditEntry, AuditFilter
from models.direction import in_sentence
from models.events import Event, EventFilter, EventKind
from models.status import Status
from models.stores import Stores
from models.usernames import username_key
from realtime.dashboard.event_text import event_details
from realtime.presence.registry import Registry

KINDS = ("", *get_args(EventKind))
ACTIONS = ("", *AUDIT_LABELS)

CANDIDATES_SHOWN = 20
"""Users who are offered if a search could mean several."""

EVENT_COLUMNS = (
    "time", "kind", "user_id", "username", "cause", "other_id", "other_name", "call_id", "duration_seconds", "operator",
)  # fmt: skip
AUDIT_COLUMNS = (
    "time", "operator", "action", "target", "target_name", "before", "after", "reason", "address", "outcome",
    "entry_id",
)  # fmt: skip


class Wanted(msgspec.Struct, frozen=True):
    """The one user whose history is asked for."""

    user_id: int = 0
    """0 if nobody or more than one is meant."""
    candidates: Sequence[Status] = ()
    """Some of those who may be meant."""
    total: int = 0
    """How many may be meant."""


class AdminHistoryHandler(AdminHandler):
    """What the four handlers have in common."""

    def initialize(self, admin: AdminContext, stores: Stores, registry: Registry) -> None:
        """The route passes the collaborators."""
        self.set_up_admin(admin)
        self.stores = stores
        self.registry = registry

    def wanted_events(self, times: TimeRange) -> tuple[EventFilter, str]:
        """The filters of the events from the query, and the user as given. The id is 0 if no user matches.

        Raises Invalid.
        """
        kind, user = choice(self, "kind", KINDS), self.get_query_argument("user", "")[:100]
        wanted = EventFilter(start=times.start, end=times.end)
        if kind:
            wanted["kind"] = cast("EventKind", kind)
        if user:
            wanted["user_id"] = self.user_meant(user).user_id
        return wanted, user

    def wanted_entries(self, times: TimeRange) -> AuditFilter:
        """The filters of the audit from the query. Raises Invalid."""
        return AuditFilter(
            action=choice(self, "action", ACTIONS) or None,
            operator=self.get_query_argument("operator", "")[:100] or None,
            target=self._wanted_target() or None,
            start=times.start,
            end=times.end,
        )

    def _wanted_target(self) -> str:
        """The target in the query. A user is searched for by name or id."""
        user = self.get_query_argument("user", "")[:100]
        if user:
            return f"user:{self.user_meant(user).user_id}"
        return self.get_query_argument("target", "")[:100]

    def target_name(self, target: str) -> str:
        """The target of an action, as the page names it."""
        kind, _, number = target.partition(":")
        if kind == "user" and number.isascii() and number.isdigit() and len(number) < 17:
            return f"{in_sentence(self.registry.name(int(number)))} #{number}"
        return f"Call {number}" if kind == "call" else target

    def user_meant(self, user: str) -> Wanted:
        """Find a user by id, also a deleted one, by full name, or by a part that is in only one name."""
        number = user.strip().removeprefix("#")
        if number.isascii() and number.isdigit() and len(number) < 17:
            user_id = int(number)
            if user_id in self.registry or user_id in self.registry.deleted:
                return Wanted(user_id)
        found, total = self.registry.page(user, online_only=False, available_only=False, skip=0, limit=50)
        exact = [each for each in found if username_key(each.username) == username_key(user)]
        if exact or total == 1:
            return Wanted((exact or found)[0].user_id)
        shown = sorted(found[:CANDIDATES_SHOWN], key=lambda each: (username_key(each.username), each.user_id))
        return Wanted(0, shown, total)


class EventsHandler(AdminHistoryHandler):
    """GET /admin/events"""

    @allows("viewer")
    async def get(self) -> None:
        """Show the events."""
        if remembers_order(self, "events"):
            return
        times, order = read_times(self), read_order(self, "events")
        wanted, user = self.wanted_events(times.range)
        listed = order.of(self.stores.events.listed(**wanted))
        shown = await read_page(self, listed, times, self.admin.settings.page_rows)
        given = {"kind": wanted.get("kind") or "", "user": user}
        self.show(
            "events.html",
            here="events",
            views=await views_of(self, "events", order.query),
            columns=chosen_columns(self, "events"),
            shown=shown,
            events=[event_details(event) for event in shown.rows],
            is_tail=is_newest(shown, times) and wanted.get("user_id") != 0,
            about=urlencode({"about": "events", "kind": given["kind"], "user": wanted.get("user_id") or ""}),
            stale_ms=page_settings(self.admin.settings).stale_ms,
            times=times,
            order=order,
            kinds=KINDS,
            filter={**given, "time": times.words, "order": order.for_print, "page": shown.number},
            csv="/admin/events.csv?" + urlencode({**given, **order.query, **times.query}),
            unknown=self.user_meant(user) if wanted.get("user_id") == 0 else None,
        )


class EventsCsvHandler(AdminHistoryHandler, ExportHandler):
    """GET /admin/events.csv"""

    @allows("viewer")
    async def get(self) -> None:
        """Answer with all matching events, in the order of the page."""
        times = read_range(self)
        wanted, user = self.wanted_events(times)
        filters = wanted.get("kind"), user, file_words(times, self.moments)
        listed = file_order(self, "events").of(self.stores.events.listed(**wanted))
        await self.send_list("events", filters, EVENT_COLUMNS, listed, _event_cells)


class AuditHandler(AdminHistoryHandler):
    """GET /admin/audit"""

    @allows("viewer")
    async def get(self) -> None:
        """Show what operators and backends did."""
        if remembers_order(self, "audit"):
            return
        times, order = read_times(self), read_order(self, "audit")
        wanted = self.wanted_entries(times.range)
        listed = order.of(self.stores.audit.listed(**wanted))
        shown = await read_page(self, listed, times, self.admin.settings.page_rows)
        user = self.get_query_argument("user", "")[:100]
        target = "" if user else wanted.get("target") or ""
        given = {"user": user, "target": target, **{name: wanted.get(name) or "" for name in ("action", "operator")}}
        self.show(
            "audit.html",
            here="audit",
            views=await views_of(self, "audit", order.query),
            shown=shown,
            times=times,
            order=order,
            actions=ACTIONS,
            operators=await self._actors(),
            target_name=self.target_name(target),
            unknown=self.user_meant(user) if wanted.get("target") == "user:0" else None,
            filter={**given, "time": times.words, "order": order.for_print, "page": shown.number},
            csv="/admin/audit.csv?" + urlencode({**given, **order.query, **times.query}),
        )

    async def _actors(self) -> list[str]:
        """Everyone in the audit log: the operators, and the backends by their service keys."""
        operators, keys = await self.stores.operators.all(), await self.stores.service_keys.all()
        return [*(each.name for each in operators), *(each.actor for each in keys)]


class AuditCsvHandler(AdminHistoryHandler, ExportHandler):
    """GET /admin/audit.csv"""

    @allows("viewer")
    async def get(self) -> None:
        """Answer with all matching entries, in the order of the page."""
        times = read_range(self)
        wanted = self.wanted_entries(times)
        filters = wanted.get("action"), wanted.get("operator"), wanted.get("target"), file_words(times, self.moments)
        listed = file_order(self, "audit").of(self.stores.audit.listed(**wanted))
        await self.send_list("audit", filters, AUDIT_COLUMNS, listed, _entry_cells)


def _event_cells(event: Event) -> Sequence[Cell]:
    return [event.at, *(getattr(event, name) for name in EVENT_COLUMNS[1:])]


def _entry_cells(entry: AuditEntry) -> Sequence[Cell]:
    return [entry.at, *(getattr(entry, name) for name in AUDIT_COLUMNS[1:])]
