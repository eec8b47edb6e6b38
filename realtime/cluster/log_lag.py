"""Log lag: how far this server is behind the log."""

from __future__ import annotations

from models.shared_log import NO_ENTRY, SharedLog, entry_order
from realtime.clock import Clock
from realtime.cluster.position import Position


class LogLag:
    """Asks for the last entry now and then, and measures how long it takes until that entry is applied here."""

    def __init__(self, clock: Clock, shared: SharedLog, position: Position) -> None:
        self._clock = clock
        self._shared = shared
        self._position = position
        self._newest = NO_ENTRY
        self._asked_at: float | None = None
        """The steady time at which this server asked for the entry that it waits for, if it does."""
        self._took = 0.0

    async def measure(self) -> None:
        """Ask, and wait until the entry is applied. Raises StoreUnavailable."""
        if self._asked_at is not None:
            return
        asked_at = self._asked_at = self._clock.now()
        try:
            self._newest = await self._shared.newest()
            await self._position.reached(self._newest)
            self._took = self._clock.now() - asked_at
        finally:
            self._asked_at = None

    @property
    def entries(self) -> int:
        """The entries that were in the log when this server last asked, and are not applied yet."""
        generation, n = entry_order(self._newest)
        applied_generation, applied = entry_order(self._position.last_id)
        return max(0, n - applied) if generation == applied_generation else 0

    @property
    def seconds(self) -> float:
        """How long the last measurement took. If one has not ended, at least how long it has taken so far."""
        return self._took if self._asked_at is None else max(self._took, self._clock.now() - self._asked_at)
