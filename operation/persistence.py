"""Persistence: saves events and samples of the figures, and restores the latest of them at start."""

from __future__ import annotations

from datetime import datetime, timedelta

from models.stores import Stores
from operation.checkpointer import Checkpointer
from realtime.core import Core
from settings import Settings

EVENTS_AT_ONCE = 1000
"""Events in one write: about as many as a very busy server has in a second."""

HISTORY = timedelta(minutes=15)
"""The span of the chart."""


class Persistence:
    """Moves events and samples between the core, which holds the latest in memory, and the stores."""

    def __init__(self, settings: Settings, core: Core, stores: Stores, checkpointer: Checkpointer) -> None:
        self._settings = settings
        self._core = core
        self._stores = stores
        self._checkpointer = checkpointer

    async def restore(self) -> None:
        """At start: take over the latest events and samples of the last process. Raises StoreUnavailable."""
        events, _ = await self._stores.events.page(skip=0, limit=self._settings.events_shown)
        self._core.event_log.restore(events)
        self._core.overview.restore(await self._stores.samples.since(self._core.environment.clock.utc() - HISTORY))

    async def save_events(self) -> None:
        """Save the events that are not saved yet. Raises StoreUnavailable, and then keeps them for the next time."""
        while events := self._core.event_log.unsaved(EVENTS_AT_ONCE):
            await self._stores.events.add_many(events)
            self._core.event_log.saved(events)
        await self._checkpointer.saved()

    async def sample(self) -> None:
        """Take a sample, which one of the servers saves. Raises StoreUnavailable: then it is shown, but not saved."""
        sample = self._core.overview_feed.take_sample()
        if self._core.is_first:
            await self._stores.samples.add(sample)

    async def forget_old(self) -> None:
        """Delete what is older than the settings say. Raises StoreUnavailable."""
        now, settings = self._core.environment.clock.utc(), self._settings
        await self._forget_checkpoints(now - timedelta(days=settings.events_days))
        await self._stores.events.forget(now - timedelta(days=settings.events_days))
        await self._stores.events.trim(settings.events_limit)
        await self._stores.samples.forget(now - timedelta(hours=settings.samples_hours))
        if settings.webhook_url:
            await self._stores.webhook_batches.forget_set_aside(now - timedelta(days=settings.events_days))

    async def _forget_checkpoints(self, before: datetime) -> None:
        """Delete checkpoints first: without the events after it, a checkpoint would tell something wrong."""
        await self._stores.checkpoints.forget(before)
        await self._stores.recorded_spans.forget(before)
        newest_surplus = await self._stores.events.last_surplus(self._settings.events_limit)
        if newest_surplus is not None:
            await self._stores.checkpoints.forget_without_events(newest_surplus)
