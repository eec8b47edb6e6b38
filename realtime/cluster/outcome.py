"""Outcome: what a server waits for after a proposal."""

from __future__ import annotations

import asyncio
from collections.abc import Generator

from models.errors import StoreUnavailable
from realtime.clock import Clock, Timers


class NotApplied(StoreUnavailable):
    """The shared log has not taken a proposal in time. It may still be appended later."""


class Outcome:
    """Awaitable: whether a proposal has been applied here.

    Awaiting it raises NotApplied after the deadline.
    """

    def __init__(self, clock: Clock, timers: Timers, seconds: float) -> None:
        self._clock = clock
        self._timers = timers
        self._seconds = seconds
        self._known = asyncio.Event()
        self._is_applied = False

    def __await__(self) -> Generator[None]:
        yield from self._wait().__await__()

    def applied(self) -> None:
        """The proposal has been applied, or changes nothing."""
        self._is_applied = True
        self._known.set()

    def given_up(self) -> Outcome:
        """The proposal was not appended, and will not be by this server. Returns itself."""
        self._known.set()
        return self

    async def _wait(self) -> None:
        if not self._known.is_set():
            key = ("outcome", id(self))
            self._timers.at(self._clock.now() + self._seconds, key, self._known.set)
            try:
                await self._known.wait()
            finally:
                self._timers.cancel(key)
        if not self._is_applied:
            raise NotApplied("the shared log did not answer in time")
