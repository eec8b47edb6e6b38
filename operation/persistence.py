"""Persistence: saves events and samples of the figures, and restores the latest of them at start."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta

from models.samples import Sample
from models.stores import Stores
from operation.checkpointer import Checkpointer
from realtime.core import Core
from realtime.dashboard.event_log import RECENT_EVENTS
from settings import Settings

EVENTS_AT_ONCE = 1000
"""Events in one write: about as many as a very busy server has in a second."""

HISTORY = timedelta(minutes=15)
"""The span of the chart that is kept in memory."""

WAITING_SAMPLES_LIMIT = 1000
"""Samples that wait while the store is down: more than an hour of them. Then the oldest are lost."""


class Persistence:
    """Moves events and samples between the core, which holds the latest in memory, and the stores."""

    def __init__(self, settings: Settings, core: Core, stores: Stores, checkpointer: Checkpointer) -> None:
        self._settings = settings
        self._core = core
        self._stores = stores
        self._checkpointer = checkpointer
        self._waiting_samples: deque[Sample] = deque(maxlen=WAITING_SAMPLES_LIMIT)
        """Samples to save, oldest first."""

    async def restore(self) -> None:
        """At start: take over the latest events and samples of the last process. Raises StoreUnavailable."""
        events, _ = await self._stores.events.page(skip=0, limit=max(self._settings.events_shown, RECENT_EVENTS))
        self._core.event_log.restore(events)
        self._core.overview.restore(await self._stores.samples.since(self._core.environment.clock.utc() - HISTORY))

    async def save_events(self) -> None:
        """Save the events that are not saved yet. Raises StoreUnavailable, and then keeps them for the next time."""
        while events := self._core.event_log.unsaved(EVENTS_AT_ONCE):
            await self._stores.events.add_many(events)
            self._core.event_log.saved(events)
        await self._checkpointer.saved()

    async def sample(self) -> None:
        """Take a sample, which one of the servers saves. Raises StoreUnavailable, and then saves it the next time."""
        sample = self._core.overview_feed.take_sample()
        if not self._core.is_first:
            self._waiting_samples.clear()  # another server has saved samples of these moments
            return
        self._waiting_samples.append(sample)
        while self._waiting_samples:
            oldest = self._waiting_samples[0]
            await self._stores.samples.add(oldest)
            if self._waiting_samples and self._waiting_samples[0] is oldest:
                self._waiting_samples.popleft()

    async def thin_samples(self) -> None:
        """One of the servers deletes samples that are too old, or too many for their age. Raises StoreUnavailable."""
        if not self._core.is_first:
            return
        now = self._core.environment.clock.utc()
        await self._stores.samples.forget(now - timedelta(hours=self._settings.samples_hours))
        await self._stores.samples.thin(now)

    async def forget_old(self) -> None:
        """Delete events and webhooks that are older than the settings say. Raises StoreUnavailable."""
        now, settings = self._core.environment.clock.utc(), self._settings
        await self._forget_checkpoints(now - timedelta(days=settings.events_days))
        await self._stores.events.forget(now - timedelta(days=settings.events_days))
        await self._stores.events.trim(settings.events_limit)
        if settings.webhook_url:
            await self._stores.webhook_batches.forget_set_aside(now - timedelta(days=settings.events_days))

    async def _forget_checkpoints(self, before: datetime) -> None:
        """Delete checkpoints first: without the events after it, a checkpoint would tell something wrong."""
        await self._stores.checkpoints.forget(before)
        await self._stores.recorded_spans.forget(before)
        newest_surplus = await self._stores.events.last_surplus(self._settings.events_limit)
        if newest_surplus is not None:
            await self._stores.checkpoints.forget_without_events(newest_surplus)
