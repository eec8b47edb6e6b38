"""Outcome: a proposal is answered when it has been applied, or with an error after the deadline."""

from __future__ import annotations

import asyncio

import pytest

from models.errors import StoreUnavailable
from realtime.clock import Clock, Timers
from realtime.cluster.outcome import Outcome
from tests.realtime.world import FakeClock


class Waiting:
    """An outcome that somebody awaits, with the deadline in two seconds."""

    def __init__(self) -> None:
        self.time = FakeClock()
        self.clock = Clock(self.time.monotonic, self.time.wall, stall_seconds=10)
        self.timers = Timers()
        self.outcome = Outcome(self.clock, self.timers, 2)

    async def wait(self, seconds: float, *, is_applied: bool = False) -> None:
        """Await the outcome, which is known, or not, after some seconds."""

        async def wait() -> None:
            await self.outcome

        task = asyncio.ensure_future(wait())
        await asyncio.sleep(0)
        self.time.seconds += seconds
        self.timers.run_due(self.clock.tick())
        if is_applied:
            self.outcome.applied()
        await task


def test_it_is_awaited_until_it_is_applied() -> None:
    waiting = Waiting()
    asyncio.run(waiting.wait(1, is_applied=True))
    assert len(waiting.timers) == 0


def test_after_the_deadline_it_is_unknown() -> None:
    waiting = Waiting()
    with pytest.raises(StoreUnavailable, match="did not answer"):
        asyncio.run(waiting.wait(2))
    assert len(waiting.timers) == 0


def test_one_that_is_known_is_not_waited_for() -> None:
    waiting = Waiting()
    waiting.outcome.applied()
    asyncio.run(waiting.wait(0))
