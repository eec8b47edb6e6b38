"""Webhooks: builds what sends them, and runs it beside the server."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable

import structlog

from models.errors import StoreUnavailable
from models.stores import Stores
from operation.webhooks.delivery import Delivery
from operation.webhooks.lease import WebhookLease
from operation.webhooks.outbox import Outbox
from operation.webhooks.sender import Sender
from realtime.clock import Environment
from realtime.webhooks.parts import WebhookParts
from realtime.webhooks.retries import Retries
from settings import Settings

LOOK_SECONDS = 1.0
"""How often the server looks for batches to be sent again, and for ones whose retry is due."""

FAILED_SECONDS = 1.0
"""How long to wait after the store has failed."""

_log = structlog.stdlib.get_logger("rollcall.webhooks")


class Webhooks:
    """Two tasks: one stores what happens, the other sends what is stored. So neither waits for the receiver."""

    def __init__(
        self, settings: Settings, environment: Environment, parts: WebhookParts, stores: Stores, incarnation: str
    ) -> None:
        self._interval_seconds = settings.webhook_interval_seconds
        self._lease_seconds = settings.lease_seconds
        self._recorder = parts.recorder
        self._sender = Sender(settings, environment.unix_now)
        self._lease = WebhookLease(stores.webhook_cursor, incarnation, settings)
        self._outbox = Outbox(settings, environment, parts, stores, self._lease)
        self._delivery = Delivery(
            settings, environment.clock, stores, self._lease, self._outbox, parts.figures, self._sender,
            Retries(settings, random.random),
        )  # fmt: skip
        self._is_ready = asyncio.Event()
        self._outbox.on_ready = self._is_ready.set

    def stand_back_if(self, is_cut_off: Callable[[], bool]) -> None:
        """Let another server send while this one is cut off from the log that they share."""
        self._outbox.is_cut_off = is_cut_off

    async def start(self) -> None:
        """Before anybody is served: note how everything is when webhooks are switched on. Raises StoreUnavailable."""
        self._recorder.start()
        await self._outbox.take()

    async def keep_storing(self) -> None:
        """Store what happens, until the task is cancelled."""
        while True:
            await asyncio.sleep(self._interval_seconds)
            await self._guarded(self._outbox.step)

    async def keep_sending(self) -> None:
        """Send what is stored, until the task is cancelled."""
        while True:
            self._is_ready.clear()
            if not await self._guarded(self._delivery.step):
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_SECONDS):
                        await self._is_ready.wait()

    def server_has_gone(self) -> None:
        """Compare once the log has what the server that is gone had saved."""
        self._outbox.compare_in(self._lease_seconds)

    async def stop(self) -> None:
        """After both tasks have ended: store what has happened since, and let another server go on."""
        with contextlib.suppress(StoreUnavailable):  # then the next start finds the differences
            await self._outbox.flush()
        await self._lease.release()
        self._sender.close()

    async def _guarded(self, work: Callable[[], Awaitable[bool | None]]) -> bool:
        try:
            return bool(await work())
        except StoreUnavailable:
            await asyncio.sleep(FAILED_SECONDS)
        except Exception:
            _log.exception("webhooks failed")
            await asyncio.sleep(FAILED_SECONDS)
        return False
