"""Recent updates: what a page that loaded the overview over HTTP has missed when its socket opens."""

from __future__ import annotations

from collections import deque

import msgspec

KEPT_SECONDS = 60.0
"""An overview of 5,000 users takes four seconds at 400 kbit/s."""

KEPT_BYTES = 8 * 1024 * 1024
"""Beyond this, a new overview is smaller than what was missed."""


SEQ_DIGITS = 16
"""No `seq` has as many."""


def seq_of(after: str, feed_id: str) -> int | None:
    """The `seq` in “FEED.SEQ”, or None if that is not of this feed."""
    its_feed, _, seq = after.rpartition(".")
    is_number = seq.isascii() and seq.isdigit() and len(seq) < SEQ_DIGITS
    return int(seq) if its_feed == feed_id and is_number else None


class _Update(msgspec.Struct, frozen=True):
    seq: int
    at: float
    frames: list[bytes]
    size: int


class RecentUpdates:
    """The updates since some `seq`, without gaps. Without such a `seq`, there are none."""

    def __init__(self) -> None:
        self._since: int | None = None
        self._updates: deque[_Update] = deque()
        self._bytes = 0

    def begin(self, seq: int) -> None:
        """Updates are kept from now on, if they are not already."""
        if self._since is None:
            self._since = seq

    def add(self, seq: int, frames: list[bytes], now: float) -> None:
        """Keep one more update, and drop those that are too old or too many."""
        if self._since is None:
            return
        self._updates.append(_Update(seq, now, frames, sum(map(len, frames))))
        self._bytes += self._updates[-1].size
        while self._updates and (self._updates[0].at < now - KEPT_SECONDS or self._bytes > KEPT_BYTES):
            dropped = self._updates.popleft()
            self._since, self._bytes = dropped.seq, self._bytes - dropped.size

    def after(self, seq: int | None) -> list[bytes] | None:
        """The frames of all updates after this one, or None if some are no longer known."""
        newest = self._updates[-1].seq if self._updates else self._since
        if seq is None or self._since is None or newest is None or not self._since <= seq <= newest:
            return None
        return [frame for update in self._updates if update.seq > seq for frame in update.frames]

    def end(self) -> None:
        """What happens from now on is not an update to anybody, or follows on nothing that was told before."""
        self._since = None
        self._updates.clear()
        self._bytes = 0
