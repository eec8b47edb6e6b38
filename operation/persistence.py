"""Records: what is kept of what happened. Events, and samples of the figures; taken up again at a start."""

from __future__ import annotations

from datetime import timedelta

from models.stores import Stores
from realtime.core import Core
from settings import Settings

EVENTS_AT_ONCE = 1000
"""Events of one write: what a very busy server notes in a second."""

HISTORY = timedelta(minutes=15)
"""What the chart shows."""


class Persistence:
    """Between the core, which has the latest in memory, and the stores."""

    def __init__(self, settings: Settings, core: Core, stores: Stores) -> None:
        self._settings = settings
        self._core = core
        self._stores = stores

    async def restore(self) -> None:
        """At start: the latest events and samples of the process before. Raises StoreUnavailable."""
        events, _ = await self._stores.events.page(skip=0, limit=self._settings.events_shown)
        self._core.event_log.restore(events)
        self._core.overview.restore(await self._stores.samples.since(self._core.environment.clock.utc() - HISTORY))

    async def save_events(self) -> None:
        """Write down what is not written yet. Raises StoreUnavailable, and then keeps it for the next time."""
        while events := self._core.event_log.unsaved(EVENTS_AT_ONCE):
            await self._stores.events.add_many(events)
            self._core.event_log.saved(events)

    async def sample(self) -> None:
        """Take a sample and write it down. Raises StoreUnavailable: then it is shown, but not kept."""
        await self._stores.samples.add(self._core.overview_feed.take_sample())

    async def forget_old(self) -> None:
        """Delete what is older than is kept. Raises StoreUnavailable."""
        now, settings = self._core.environment.clock.utc(), self._settings
        await self._stores.events.forget(now - timedelta(days=settings.events_days))
        await self._stores.events.trim(settings.events_limit)
        await self._stores.samples.forget(now - timedelta(hours=settings.samples_hours))
