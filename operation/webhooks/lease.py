"""Lease: lets one server at a time send webhooks."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec
import structlog

from models.errors import StoreUnavailable
from models.lease import LOOKS_PER_RENEWAL, seconds_since_boot
from models.webhook_cursor import Cursor, WebhookCursor
from settings import Settings

_log = structlog.stdlib.get_logger("rollcall.webhooks")


class WebhookLease:
    """The cursor, as long as this server has it.

    A server that shares the database takes the cursor from one that has not renewed it for the lease. A server that is
    alone takes it at once, because no other server can use the database.
    """

    def __init__(
        self,
        cursors: WebhookCursor,
        holder: str,
        settings: Settings,
        *,
        clock: Callable[[], float] = seconds_since_boot,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cursors = cursors
        self._holder = holder
        self._is_alone = not settings.redis_url
        self._seconds = settings.lease_seconds
        self._renew_seconds = settings.lease_renew_seconds
        self._clock = clock
        """For the end of the own lease: it must not stand still while the process does."""
        self._steady = steady
        """For others' leases. It stands still while the machine sleeps, because nobody renews then."""
        self._renewed_at = -math.inf
        self._next_look = -math.inf
        self._seen: tuple[Cursor, float] | None = None
        """The cursor as another server has it, and since when in steady time."""
        self._cursor: Cursor | None = None

    @property
    def is_held(self) -> bool:
        """Whether this server may send now."""
        return self._cursor is not None and self._clock() - self._renewed_at <= self._seconds

    @property
    def cursor(self) -> Cursor:
        """The cursor. Only for the server that has it."""
        assert self._cursor is not None, "another server has the cursor"
        return self._cursor

    @property
    def is_due(self) -> bool:
        """Whether it is time to renew."""
        return self._clock() - self._renewed_at >= self._renew_seconds

    async def acquire(self, utc: datetime) -> bool:
        """Take the cursor if no other server has it. Raises StoreUnavailable."""
        if self._clock() < self._next_look:
            return False
        self._next_look = self._clock() + self._renew_seconds / LOOKS_PER_RENEWAL
        began = self._clock()
        found = await self._cursors.read()
        if found is None:
            taken = await self._cursors.create(self._holder, utc)
        elif self._may_take(found):
            taken = await self._cursors.take(found, self._holder)
        else:
            return False
        if taken is None:
            return False
        self._cursor, self._renewed_at, self._seen = taken, began, None
        return True

    async def renew(self, **fields: Any) -> bool:
        """Renew the lease, and set fields of the cursor. False if another server has taken it.

        Raises StoreUnavailable.
        """
        began = self._clock()
        if self._cursor is None:
            return False
        if not await self._cursors.renew(self._cursor.fence, **fields):
            self.lose()
            return False
        if self._cursor is not None:
            self._cursor = msgspec.structs.replace(self._cursor, **fields)
            self._renewed_at = began
        return True

    def lose(self) -> None:
        """Another server has the cursor."""
        if self._cursor is not None:
            _log.info("another server sends webhooks now")
        self._cursor, self._renewed_at = None, -math.inf

    async def release(self) -> None:
        """Let another server take the cursor at once."""
        if self.is_held:
            with contextlib.suppress(StoreUnavailable):  # then it has to wait
                await self.renew(holder="")
        self._cursor = None

    def _may_take(self, found: Cursor) -> bool:
        if self._is_alone or found.holder in ("", self._holder):
            return True
        now = self._steady()
        if self._seen is None or self._seen[0] != found:
            self._seen = found, now
        return now - self._seen[1] > self._seconds
