"""Delivery: sends the stored batches one after another, retries, and sets aside what is not received."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

import structlog

from models.stores import Stores
from models.webhook_batches import StoredBatch
from operation.webhooks.lease import WebhookLease
from operation.webhooks.outbox import Outbox
from realtime.clock import Clock
from realtime.webhooks.figures import WebhookFigures
from realtime.webhooks.retries import Retries
from settings import Settings

_log = structlog.stdlib.get_logger("rollcall.webhooks")


class SendsBatches(Protocol):
    """Sends a batch to the receiver."""

    async def send(self, batch: StoredBatch) -> str:
        """Send a batch. Returns "" if it was received, or else what went wrong."""


class Delivery:
    """Sends the oldest batch until the receiver has it, so that order is kept."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        stores: Stores,
        lease: WebhookLease,
        outbox: Outbox,
        figures: WebhookFigures,
        sender: SendsBatches,
        retries: Retries,
    ) -> None:
        self._set_aside_limit = settings.webhook_set_aside_batches
        self._clock = clock
        self._batches = stores.webhook_batches
        self._lease = lease
        self._outbox = outbox
        self._figures = figures
        self._sender = sender
        self._retries = retries
        self._next_at = 0.0
        """When to send next, in steady time."""
        self._has_set_aside = False
        """Whether a batch was set aside and none was received since: if the next one fails too, it's the receiver."""

    async def step(self) -> bool:
        """Send what is due. Returns whether there may be more to send at once. Raises StoreUnavailable."""
        if not self._lease.is_held:
            self._retries.succeeded()
            self._next_at = 0.0
            return False
        if await self._send_again():
            return True
        if self._clock.now() < self._next_at:
            return False
        sent = self._lease.cursor.sent
        batch = await self._batches.next(sent) if sent < self._outbox.ready else None
        if batch is None or batch.batch_id > self._outbox.ready:
            return False
        failure = await self._attempt(batch)
        if not failure:
            await self._received(batch)
            return True
        return await self._failed(batch, failure)

    async def _attempt(self, batch: StoredBatch) -> str:
        failure = await self._sender.send(batch)
        self._figures.attempts["failed" if failure else "received"] += 1
        return failure

    async def _received(self, batch: StoredBatch) -> None:
        if self._retries.failures:
            _log.info("webhooks are received again")
        self._retries.succeeded()
        self._has_set_aside, self._next_at = False, 0.0
        self._figures.events_sent += batch.count
        await self._done(batch, failing_since=None, failure="")

    async def _failed(self, batch: StoredBatch, failure: str) -> bool:
        if not self._retries.failures:
            _log.warning("webhooks are not received", failure=failure)
        now = self._clock.utc()
        since = self._lease.cursor.failing_since or now
        delay = self._retries.failed()
        if not self._retries.is_over(batch.at, since, now):
            self._next_at = self._clock.now() + delay
            await self._lease.renew(failing_since=since, failure=failure)
            return False
        await self._give_up(batch, since, now, failure)
        return True

    async def _give_up(self, batch: StoredBatch, since: datetime, now: datetime, failure: str) -> None:
        """Set the batch aside. If the one before was set aside, too, so are all that have waited as long."""
        count, next_batch = 0, batch if self._lease.is_held else None
        while next_batch is not None and self._retries.is_over(next_batch.at, since, now):
            await self._batches.set_aside(next_batch, now, failure)
            await self._done(next_batch, failing_since=since, failure=failure)
            count += 1
            if not (self._has_set_aside and self._lease.is_held):
                break
            next_batch = await self._batches.next(next_batch.batch_id)
        self._has_set_aside = True
        self._figures.set_aside += count
        dropped = await self._batches.trim_set_aside(self._set_aside_limit)
        _log.warning("webhooks were set aside", batches=count, failure=failure, dropped=dropped)

    async def _done(self, batch: StoredBatch, *, failing_since: datetime | None, failure: str) -> None:
        """The batch waits no more."""
        if await self._lease.renew(sent=batch.batch_id, failing_since=failing_since, failure=failure):
            self._figures.done(batch.batch_id)
            await self._batches.forget(batch.batch_id)

    async def _send_again(self) -> bool:
        """Send a batch that was set aside, once, because an operator asked for it. Returns whether that worked."""
        batch = await self._batches.next_again()
        if batch is None:
            return False
        failure = await self._attempt(batch)
        if failure:
            await self._batches.failed_again(failure)
            return False
        self._figures.events_sent += batch.count
        await self._batches.sent_again(batch.batch_id)
        return True
