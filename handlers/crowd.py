"""Crowd: whether many clients are connecting at this moment, so that work which can wait lets them in first."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable

CONNECTIONS_TOGETHER = 8
"""Connections that waited for the server at the same time, by which a crowd is known."""

CALM_SECONDS = 0.1
"""A crowd is in when so few waited for this long."""


class Crowd:
    """Knows of a crowd from the connections that are accepted together."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._until = -math.inf
        self.on_begin: Callable[[], None] | None = None
        """Called when a crowd begins to connect."""

    @property
    def is_connecting(self) -> bool:
        """Whether a crowd is connecting."""
        return self._now() < self._until

    def note(self, together: int) -> None:
        """So many connections were accepted together."""
        if together < CONNECTIONS_TOGETHER:
            return
        begins = not self.is_connecting
        self._until = self._now() + CALM_SECONDS
        if begins and self.on_begin is not None:
            self.on_begin()

    async def let_in(self, at_most: float) -> None:
        """Wait until no crowd is connecting, but not longer than `at_most` seconds."""
        deadline = self._now() + at_most
        while self.is_connecting and (left := deadline - self._now()) > 0:
            await asyncio.sleep(min(CALM_SECONDS, left))
