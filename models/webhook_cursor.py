"""Webhook cursor: how far webhooks have been sent, and which server sends them.

The store over the collection `webhook_cursor`, with one document, whose `_id` is `cursor`. The server that sends renews
it every few seconds. Another server that takes it raises `fence`. Every write names the fence that its server knows, so
one that was paused, and replaced meanwhile, changes nothing.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from models.documents import value_of
from models.guard import GuardedCollection

CURSOR_ID = "cursor"


class Cursor(msgspec.Struct, frozen=True, kw_only=True):
    """The document."""

    fence: int
    holder: str
    """The incarnation of the server that sends, or "" if none does."""
    renewals: int = 0
    has_baseline: bool = False
    """Whether it is noted what everyone's status was when webhooks were switched on."""
    complete_at: datetime
    """All that happened before is stored for sending."""
    last_event_id: str = ""
    """The newest event that was stored for sending."""
    sent: str = ""
    """The id of the last batch that was sent or set aside."""
    failing_since: datetime | None = None
    """When the receiver began to fail, if it has not succeeded since."""
    failure: str = ""
    """How it failed last."""


class WebhookCursor:
    """The cursor, which all servers share."""

    def __init__(self, cursors: GuardedCollection) -> None:
        self._cursors = cursors

    async def read(self) -> Cursor | None:
        """The cursor, or None if webhooks were never switched on."""
        row = await self._cursors.find_one({"_id": CURSOR_ID})
        return None if row is None else self._cursor(row)

    async def create(self, holder: str, at: datetime) -> Cursor | None:
        """Create the cursor, for this server. None if another server was faster."""
        cursor = Cursor(fence=1, holder=holder, complete_at=at)
        try:
            await self._cursors.insert_one({"_id": CURSOR_ID, **msgspec.structs.asdict(cursor)})
        except DuplicateKeyError:
            return None
        return cursor

    async def take(self, seen: Cursor, holder: str) -> Cursor | None:
        """Take the cursor from the server that had it. None if it has changed since it was seen."""
        row = await self._cursors.find_one_and_update(
            {"_id": CURSOR_ID, "fence": seen.fence, "holder": seen.holder, "renewals": seen.renewals},
            {"$set": {"holder": holder}, "$inc": {"fence": 1, "renewals": 1}},
            return_document=ReturnDocument.AFTER,
        )
        return None if row is None else self._cursor(row)

    async def renew(self, fence: int, **fields: Any) -> bool:
        """Show that the server still sends, and set some fields. False if another server has taken the cursor."""
        update: dict[str, dict[str, Any]] = {"$inc": {"renewals": 1}}
        if fields:
            update["$set"] = fields
        result = await self._cursors.update_one({"_id": CURSOR_ID, "fence": fence}, update)
        return result.matched_count == 1

    def _cursor(self, row: dict[str, Any]) -> Cursor:
        return value_of(self._cursors, row, Cursor)
