"""Memory: gives what closed sockets leave behind back to the operating system."""

from __future__ import annotations

import asyncio
import ctypes
from collections.abc import Callable

LEFT_SHARE = 0.5
"""Memory is given back when fewer sockets than this share of the most are left."""

LEAST_SOCKETS = 100
"""Fewer sockets than these leave nothing worth giving back."""


class MemoryKeeper:
    """Calls malloc's `trim` some time after a crowd has left.

    glibc keeps freed memory for later, and returns by itself only what lies at the end of its heap. Python
    returns its own arenas as soon as they are empty. Other C libraries have no such function, and nothing is called.
    """

    def __init__(self, sockets: Callable[[], int], trim: Callable[[], object] | None) -> None:
        self._sockets = sockets
        self._trim = trim
        self._most = 0
        """The most sockets since memory was last given back."""

    async def look(self) -> None:
        """Give memory back if many sockets have closed. That takes tens of milliseconds, so a thread does it."""
        now = self._sockets()
        self._most = max(self._most, now)
        if self._trim is not None and self._most >= LEAST_SOCKETS and now < LEFT_SHARE * self._most:
            self._most = now
            await asyncio.to_thread(self._trim)


def malloc_trim() -> Callable[[], object] | None:
    """glibc's `malloc_trim`, or None with another C library."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return None if trim is None else lambda: trim(0)
