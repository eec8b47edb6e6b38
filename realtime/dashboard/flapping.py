"""Flapping: finds users whose state changes too often."""

from __future__ import annotations

from collections import deque
from itertools import islice

FORGOTTEN_AT_ONCE = 2000
"""Users forgotten per call whose last change is long ago: more than change within a second."""


COUNTED_CHANGES = 1000
"""Changes of one user that are counted at most, beyond those that count as flapping."""


class Flapping:
    """Counts `changes` within `seconds`, by steady time. Costs as much as there were changes within that span."""

    def __init__(self, changes: int, seconds: float) -> None:
        self._changes = changes
        self._seconds = seconds
        self._times: dict[int, deque[float]] = {}
        """The latest changes of each user, in the order of each user's last change."""
        self._suspects: set[int] = set()
        """Users who changed often enough at some time."""

    def __len__(self) -> int:
        return len(self._times)

    def note(self, user_id: int, now: float) -> None:
        """The user's state changed."""
        times = self._times.pop(user_id, None) or deque(maxlen=self._changes + COUNTED_CHANGES)
        times.append(now)
        self._times[user_id] = times
        if len(times) >= self._changes:
            self._suspects.add(user_id)

    def forget(self, user_id: int) -> None:
        """Start counting the user's changes from zero."""
        self._times.pop(user_id, None)
        self._suspects.discard(user_id)

    def count(self, user_id: int, now: float) -> int:
        """How often the user changed within the span."""
        since = now - self._seconds
        times = self._times[user_id]
        while times[0] < since:
            times.popleft()
        return len(times)

    def users(self, now: float) -> list[int]:
        """The users who are flapping."""
        since = now - self._seconds
        for user_id, times in list(islice(self._times.items(), FORGOTTEN_AT_ONCE)):
            if times[-1] >= since:
                break
            self.forget(user_id)
        self._suspects = {user_id for user_id in self._suspects if self._times[user_id][-self._changes] >= since}
        return sorted(self._suspects)
