"""Drain: how a server that stops lets go of its clients."""

from __future__ import annotations

import asyncio
import random
import time

from handlers.traffic import Traffic
from realtime.core import Core
from realtime.protocol import CloseCode, ServerDraining
from settings import Settings

STOP_SECONDS = 3.5
"""Of the time to exit, the part that is kept for saving: two calls to a store that doesn't answer."""


class Drain:
    """Sends the sockets away, and waits for what is in progress."""

    def __init__(self, settings: Settings, core: Core, traffic: Traffic) -> None:
        self._settings = settings
        self._core = core
        self._traffic = traffic

    async def send_away(self) -> None:
        """Tell every socket when to reconnect, and close it."""
        sessions = list(self._core.hub)
        random.shuffle(sessions)
        spread_ms = self._settings.reconnect_spread_seconds * 1000
        # Each socket gets its own slot of at least a millisecond, so that no two reconnect at the same moment.
        slot = max(1.0, spread_ms / max(1, len(sessions)))
        self._core.operator_sessions.drain(lambda: int(500 + random.random() * spread_ms))  # noqa: S311
        for place, session in enumerate(sessions):
            jitter = random.random() * (slot - 1)  # noqa: S311  (spread, not secrecy)
            session.push(ServerDraining(reconnect_after_ms=int(500 + place * slot + jitter)))
            session.close(CloseCode.RESTART, "service restart")
            if place % 100 == 99:
                await asyncio.sleep(0)

    async def wait_until_quiet(self, began: float) -> None:
        """Wait until everything has been answered. Requests that are being carried out may take a little longer.

        `began`: when the drain began, as a reading of the monotonic clock.
        """
        settings = self._settings
        for_requests = max(settings.drain_seconds, settings.exit_seconds - STOP_SECONDS)
        while not self._traffic.is_quiet:
            longest = for_requests if self._traffic.requests else settings.drain_seconds
            if time.monotonic() - began >= longest:
                break
            await asyncio.sleep(0.02)
