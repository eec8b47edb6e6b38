"""Webhooks: those that were set aside, and sending them again."""

from __future__ import annotations

from dataclasses import dataclass

from handlers.admin.audit_log import AuditLog
from handlers.admin.base import AdminContext, AdminHandler, allows
from models.errors import NotFound
from models.stores import Stores
from models.webhook_batches import SetAsideBatch
from models.webhook_cursor import Cursor

ALL = "all"
"""Stands for every webhook that was set aside."""

LISTED = 20
"""Webhooks that the System page lists."""


@dataclass(frozen=True)
class WebhookOverview:
    """What the System page shows of webhooks."""

    cursor: Cursor | None
    waiting: int
    """Webhooks that wait for the receiver, counted up to COUNT_LIMIT."""
    set_aside: list[SetAsideBatch]
    """The newest of them."""
    set_aside_count: int


async def webhook_overview(stores: Stores) -> WebhookOverview:
    """How webhooks are doing, as the store has it: the same on every server. Raises StoreUnavailable."""
    set_aside, count = await stores.webhook_batches.list_set_aside(LISTED)
    cursor = await stores.webhook_cursor.read()
    waiting = await stores.webhook_batches.count_waiting("" if cursor is None else cursor.sent)
    return WebhookOverview(cursor, waiting, set_aside, count)


class WebhooksHandler(AdminHandler):
    """POST /admin/webhooks"""

    def initialize(self, admin: AdminContext, stores: Stores, audit_log: AuditLog) -> None:
        """The route passes the collaborators."""
        self.set_up_admin(admin)
        self.stores = stores
        self.audit_log = audit_log

    @allows("admin")
    async def post(self) -> None:
        """Ask for one webhook that was set aside, or for all, to be sent again. Raises NotFound."""
        wanted = self.get_body_argument("webhook", "")
        count = await self.stores.webhook_batches.ask_again(None if wanted == ALL else wanted)
        if not count:
            raise NotFound("There is no such webhook. It may have been sent since.")
        name = f"{count} webhooks" if wanted == ALL else f"webhook {wanted}"
        await self.audit_log.note("webhook_again", self.operator, self.address, target=name, after="to be sent again")
        message = "Webhooks that were set aside are sent again now. Those that fail stay listed below."
        if self.wants_json:
            self.answer({"message": message, "count": count})
        else:
            self.go("/admin/system#webhooks", message)
