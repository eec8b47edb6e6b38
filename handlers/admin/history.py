"""History: the events and the audit, as pages and as CSV."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import cast, get_args
from urllib.parse import urlencode

from handlers.admin.base import AdminContext, AdminHandler, allows
from handlers.admin.exports import Cell, ExportHandler
from handlers.admin.parameters import choice, stored_page_number
from models.audit import AuditEntry
from models.events import Event, EventKind
from models.guard import COUNT_LIMIT
from models.stores import Stores
from models.usernames import username_key
from realtime.dashboard.event_text import event_row
from realtime.dashboard.rows import ACTION_LABELS
from realtime.presence.registry import Registry

KINDS = ("", *get_args(EventKind))
AUDIT_LABELS: dict[str, str] = {
    **{str(name): label for name, label in ACTION_LABELS.items()},
    "acknowledge": "Acknowledged issue",
    "take_back": "Took back acknowledgement",
    "operator_sign_in": "Signed in",
    "operator_sign_out": "Signed out",
    "operator_add": "Added operator",
    "operator_role": "Changed role",
    "operator_disable": "Disabled operator",
    "operator_enable": "Enabled operator",
    "operator_reset": "Set password",
    "operator_password": "Changed own password",
    "screen_add": "Added screen",
    "screen_open": "Opened screen's link",
    "screen_renew": "Made screen's link again",
    "screen_revoke": "Revoked screen",
    "webhook_again": "Sent webhooks again",
    "put_users": "Sent many users",
    "put_user": "Created or changed user",
    "create_user": "Created user",
    "change_user": "Changed user",
    "set_status": "Set status",
    "issue_tokens": "Issued tokens",
    "start_call": "Started call",
}
"""Everything that the audit records, as its page shows it."""

ACTIONS = ("", *AUDIT_LABELS)

EXPORTED_AT_ONCE = 500
"""Rows read from the store at a time."""

AFTER_ALL = "~"
"""Sorts after the id of every event."""

EVENT_COLUMNS = (
    "time", "kind", "user_id", "username", "cause", "other_id", "other_name", "call_id", "duration_seconds", "operator",
)  # fmt: skip
AUDIT_COLUMNS = (
    "time", "operator", "action", "target", "target_name", "before", "after", "reason", "address", "outcome",
    "entry_id",
)  # fmt: skip


class AdminHistoryHandler(AdminHandler):
    """What the four handlers have in common."""

    def initialize(self, admin: AdminContext, stores: Stores, registry: Registry) -> None:
        """The route passes the collaborators."""
        self.set_up_admin(admin)
        self.stores = stores
        self.registry = registry

    def wanted_events(self) -> tuple[EventKind | None, str, int | None]:
        """(kind, user as given, user id) from the query. The id is 0 if no user matches. Raises Invalid."""
        kind, user = choice(self, "kind", KINDS), self.get_query_argument("user", "")[:100]
        return cast("EventKind", kind) if kind else None, user, self._user_id(user) if user else None

    def wanted_entries(self) -> dict[str, str | None]:
        """The filters of the audit from the query. Raises Invalid."""
        return {
            "action": choice(self, "action", ACTIONS) or None,
            "operator": self.get_query_argument("operator", "")[:100] or None,
            "target": self.get_query_argument("target", "")[:100] or None,
        }

    def _user_id(self, user: str) -> int:
        """Find a user by id, by full name, or by a part that occurs in only one name; else 0."""
        if user.isascii() and user.isdigit() and len(user) < 17 and int(user) in self.registry:
            return int(user)
        found, total = self.registry.page(user, online_only=False, available_only=False, skip=0, limit=50)
        exact = [each for each in found if username_key(each.username) == username_key(user)]
        return (exact or found)[0].user_id if exact or total == 1 else 0


class EventsHandler(AdminHistoryHandler):
    """GET /admin/events"""

    @allows("viewer")
    async def get(self) -> None:
        """Show the events, newest first."""
        kind, user, user_id = self.wanted_events()
        per_page = self.admin.settings.page_rows
        page = stored_page_number(self, per_page)
        events, total = await self.stores.events.page(
            kind=kind, user_id=user_id, skip=(page - 1) * per_page, limit=per_page
        )
        self.show(
            "events.html",
            here="events",
            events=[(event, event_row(event)) for event in events],
            total=total,
            is_more=total >= COUNT_LIMIT,
            per_page=per_page,
            kinds=KINDS,
            filter={"kind": kind or "", "user": user, "page": page},
            csv="/admin/events.csv?" + urlencode({"kind": kind or "", "user": user}),
            is_unknown=user_id == 0,
        )


class EventsCsvHandler(AdminHistoryHandler, ExportHandler):
    """GET /admin/events.csv"""

    @allows("viewer")
    async def get(self) -> None:
        """Answer with all matching events, newest first."""
        kind, user, user_id = self.wanted_events()
        await self.send_csv("events", (kind, user), EVENT_COLUMNS, self._batches(kind, user_id))

    async def _batches(self, kind: EventKind | None, user_id: int | None) -> AsyncIterator[list[Sequence[Cell]]]:
        older = AFTER_ALL
        while events := await self.stores.events.older(older, kind=kind, user_id=user_id, limit=EXPORTED_AT_ONCE):
            yield [_event_cells(event) for event in events]
            older = events[-1].event_id


class AuditHandler(AdminHistoryHandler):
    """GET /admin/audit"""

    @allows("viewer")
    async def get(self) -> None:
        """Show what operators and backends did, newest first."""
        wanted, per_page = self.wanted_entries(), self.admin.settings.page_rows
        page = stored_page_number(self, per_page)
        entries, total = await self.stores.audit.page(**wanted, skip=(page - 1) * per_page, limit=per_page)
        given = {name: value or "" for name, value in wanted.items()}
        self.show(
            "audit.html",
            here="audit",
            entries=entries,
            total=total,
            is_more=total >= COUNT_LIMIT,
            per_page=per_page,
            actions=ACTIONS,
            operators=await self._actors(),
            filter={**given, "page": page},
            csv="/admin/audit.csv?" + urlencode(given),
        )

    async def _actors(self) -> list[str]:
        """Everyone in the audit log: the operators, and the backends by their service keys."""
        operators, keys = await self.stores.operators.all(), await self.stores.service_keys.all()
        return [*(each.name for each in operators), *(each.actor for each in keys)]


class AuditCsvHandler(AdminHistoryHandler, ExportHandler):
    """GET /admin/audit.csv"""

    @allows("viewer")
    async def get(self) -> None:
        """Answer with all matching entries, newest first."""
        wanted = self.wanted_entries()
        await self.send_csv("audit", wanted.values(), AUDIT_COLUMNS, self._batches(wanted))

    async def _batches(self, wanted: dict[str, str | None]) -> AsyncIterator[list[Sequence[Cell]]]:
        last: AuditEntry | None = None
        while entries := await self.stores.audit.older(last, **wanted, limit=EXPORTED_AT_ONCE):
            yield [_entry_cells(entry) for entry in entries]
            last = entries[-1]


def _event_cells(event: Event) -> Sequence[Cell]:
    return [event.at, *(getattr(event, name) for name in EVENT_COLUMNS[1:])]


def _entry_cells(entry: AuditEntry) -> Sequence[Cell]:
    return [entry.at, *(getattr(entry, name) for name in AUDIT_COLUMNS[1:])]
