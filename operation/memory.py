"""Memory: gives what closed sockets leave behind back to the operating system, and collects no garbage in a crowd."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import time
from collections.abc import Callable

from handlers.crowd import Crowd

LEFT_SHARE = 0.5
"""Memory is given back when fewer sockets than this share of the most are left."""

LEAST_SOCKETS = 100
"""Fewer sockets than these leave nothing worth giving back."""

CROWD_SECONDS = 0.25
"""How often the number of sockets is compared."""

CROWD_SOCKETS = 50
"""Sockets that opened in this time, less those that closed, by which a crowd is known."""

PAUSE_SECONDS = 1.0
"""How long nothing is collected at most. What needs a collector, such as failed requests, waits for it so long."""

REFUSED_SECONDS = 0.1
"""After so long, a crowd of whom few were let in is taken for one that is refused."""

_THRESHOLDS = gc.get_threshold()
_NEVER = 2**30


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


class CollectionKeeper:
    """Puts garbage collections off while a crowd comes.

    What sockets make stays, or needs no collector. Still, Python goes through all that is new again and again, and
    through all objects whenever their number has grown by a quarter. 5,000 new sockets make that stop the event loop
    several times, for up to a tenth of a second.

    Clients who are refused do leave garbage. Of a second's worth, the search would take longer than it saves.
    """

    def __init__(self, sockets: Callable[[], int], crowd: Crowd, now: Callable[[], float] = time.monotonic) -> None:
        self._sockets = sockets
        self._crowd = crowd
        self._now = now
        self._before = 0
        self._paused_at: float | None = None
        self._sockets_then = 0

    def pause(self) -> None:
        """Collect nothing for now: a crowd begins to connect."""
        self._paused_at = self._now()
        self._sockets_then = self._sockets()
        gc.disable()

    def resume(self) -> None:
        """Collect again."""
        if self._paused_at is not None:
            self._paused_at = None
            gc.enable()

    async def look(self) -> None:
        """Allow or put off collections. A crowd that takes its time puts off only full ones."""
        if self._paused_at is not None and self._is_over(self._paused_at):
            self.resume()
        now = self._sockets()
        is_crowd = now - self._before >= CROWD_SOCKETS
        self._before = now
        young, middle, old = _THRESHOLDS
        gc.set_threshold(young, middle, _NEVER if is_crowd else old)

    def _is_over(self, paused_at: float) -> bool:
        lasted = self._now() - paused_at
        is_refused = lasted >= REFUSED_SECONDS and self._sockets() - self._sockets_then < CROWD_SOCKETS
        return not self._crowd.is_connecting or is_refused or lasted >= PAUSE_SECONDS


def keep_for_good() -> None:
    """Let the garbage collector leave alone what exists now, such as 100,000 users. From here on it runs.

    A program that began with this server has made next to no garbage so far. Others look for theirs first.
    """
    if gc.isenabled():
        gc.collect()
    gc.freeze()
    gc.enable()


def malloc_trim() -> Callable[[], object] | None:
    """glibc's `malloc_trim`, or None with another C library."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return None if trim is None else lambda: trim(0)
