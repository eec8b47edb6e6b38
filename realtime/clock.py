"""Clock: steady seconds for deadlines, wall time for people; timers; and the environment that the core runs in."""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from models.row_failures import RowFailures
from models.times import milliseconds, utc_milliseconds
from realtime.counters import Counters


class Clock:
    """Time as the core sees it.

    Steady time moves on by at most `stall_seconds` between two ticks. A server that was stopped or blocked for longer
    saw no evidence meanwhile and must not take that for silence: every deadline moves by what it missed.
    """

    def __init__(self, monotonic: Callable[[], float], wall: Callable[[], datetime], *, stall_seconds: float) -> None:
        self._monotonic = monotonic
        self._wall = wall
        self._stall_seconds = stall_seconds
        self._ticked_at = monotonic()
        self._base = 0.0

    def now(self) -> float:
        """Steady seconds since the start."""
        return self._base + min(self._monotonic() - self._ticked_at, self._stall_seconds)

    def tick(self) -> float:
        """Note that the loop is alive; to be called much more often than `stall_seconds`. Returns `now`."""
        self._base = self.now()
        self._ticked_at = self._monotonic()
        return self._base

    def utc(self) -> datetime:
        """Wall time, aware, to the millisecond. Never compared with a deadline."""
        return utc_milliseconds(self._wall())

    def wall_of(self, steady: float) -> int:
        """The wall time of a steady moment, in milliseconds since 1970: for people, and only roughly the same twice."""
        return milliseconds(self.utc() + timedelta(seconds=steady - self.now()))


class Incarnations(Protocol):
    """Which processes use the store. An incarnation is the random id of one process."""

    @property
    def own(self) -> str:
        """The incarnation of this process."""

    def is_lost(self, incarnation: str | None) -> bool:
        """Whether a process has ended for good. None stands for one of a version that wrote no incarnation."""


@dataclass(frozen=True)
class OnlyThisProcess:
    """Every other process is lost: the lease, or the lock on the data folder, keeps a second server away."""

    own: str

    def is_lost(self, incarnation: str | None) -> bool:
        return incarnation != self.own


@dataclass(frozen=True)
class Environment:
    """What the core takes from outside: time, ids, and ways to do things later."""

    clock: Clock
    unix_now: Callable[[], float]
    elapsed: Callable[[], float]
    """Exact seconds for measuring. Deadlines use the clock."""
    call_later: Callable[[float, Callable[[], None]], object]
    spawn: Callable[[Coroutine[Any, Any, None]], None]
    """Run a coroutine in the background, and log its failure."""
    new_id: Callable[[], str]
    """A text that is never returned twice."""
    incarnations: Incarnations
    database_id: str = ""
    """The id of the database, by which a log that servers share is known to belong to it."""
    counters: Counters = field(default_factory=Counters)
    failures: RowFailures = field(default_factory=RowFailures)
    """Rows that were skipped."""


Action = Callable[[], object]


class Timers:
    """Runs actions at steady times. A key has one deadline: setting it again moves it; a cancelled one never fires."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Hashable]] = []
        self._live: dict[Hashable, tuple[int, Action]] = {}
        self._numbers = itertools.count()

    def __len__(self) -> int:
        return len(self._live)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._live

    def at(self, when: float, key: Hashable, action: Action) -> None:
        """Run `action` as soon as `now` has reached `when`."""
        number = next(self._numbers)
        self._live[key] = number, action
        heapq.heappush(self._heap, (when, number, key))
        if len(self._heap) > 64 and len(self._heap) > 4 * len(self._live):
            self._forget_dead()

    def cancel(self, key: Hashable) -> None:
        """Cancel the key's deadline, if it has one."""
        self._live.pop(key, None)

    def run_due(self, now: float) -> int:
        """Run what is due, in order, and return how many ran. What an action sets for `now` runs at the next call.

        An action may cancel or move what is due after it. If one fails, those after it run at the next call.
        """
        due: deque[tuple[float, int, Hashable]] = deque()
        while self._heap and self._heap[0][0] <= now:
            due.append(heapq.heappop(self._heap))
        ran = 0
        try:
            while due:
                _, number, key = due.popleft()
                live = self._live.get(key)
                if live is not None and live[0] == number:
                    del self._live[key]
                    ran += 1
                    live[1]()
        finally:
            for entry in due:
                heapq.heappush(self._heap, entry)
        return ran

    def _forget_dead(self) -> None:
        """Remove dead deadlines. Those that move with every heartbeat would otherwise fill the heap."""
        self._heap = [entry for entry in self._heap if (live := self._live.get(entry[2])) and live[0] == entry[1]]
        heapq.heapify(self._heap)
