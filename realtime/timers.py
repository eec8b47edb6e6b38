"""Timers: one heap of deadlines, each under a key."""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Callable, Hashable

Action = Callable[[], None]


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
