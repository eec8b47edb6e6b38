"""Stats: the figures of the feed, told when they changed."""

from __future__ import annotations

from realtime.calls.switchboard import Switchboard
from realtime.presence.changelog import ChangeLog
from realtime.presence.registry import Registry
from realtime.protocol import FeedCounts, FeedStats
from realtime.sockets.hub import Hub


class Stats:
    """Counts are kept as statuses change, so that reading them costs nothing."""

    def __init__(self, registry: Registry, switchboard: Switchboard, hub: Hub, log: ChangeLog) -> None:
        self._registry = registry
        self._switchboard = switchboard
        self._hub = hub
        self._log = log
        self._told: FeedCounts | None = None

    def counts(self) -> FeedCounts:
        """The figures now. Busy means online and busy, so that available and busy make up online."""
        online, available = self._registry.online, self._registry.available
        return FeedCounts(
            total_users=len(self._registry),
            online=online,
            available=available,
            busy=online - available,
            ongoing_calls=len(self._switchboard),
        )

    def message(self) -> FeedStats:
        """The figures as a message. Whoever is told others than everyone was is told again, also if they go back."""
        counts = self.counts()
        if counts != self._told:
            self._told = None
        return FeedStats(stats=counts, seq=self._log.seq)

    def tick(self) -> None:
        """Tell the figures, if they are others than last time."""
        counts = self.counts()
        if counts != self._told:
            self._told = counts
            self._hub.publish_stats(counts, self._log.seq)
