"""Stats: the figures of the feed, sent when they change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import islice

from models.status import Status
from realtime.calls.ongoing import OngoingCalls
from realtime.clock import Environment
from realtime.presence.changelog import ChangeLog
from realtime.presence.registry import Registry
from realtime.protocol import FeedCounts, FeedStats, encode
from realtime.sockets.hub import Hub
from realtime.sockets.session import Session
from settings import Settings

_STRIDE = 16
"""Sockets sent to between two checks of the time."""


class Stats:
    """The figures are counted as statuses change, so reading them costs nothing."""

    def __init__(
        self,
        settings: Settings,
        environment: Environment,
        registry: Registry,
        calls: OngoingCalls,
        hub: Hub,
        log: ChangeLog,
    ) -> None:
        self._slice_seconds = settings.flush_slice_seconds
        self._call_later = environment.call_later
        self._elapsed = environment.elapsed
        self._registry = registry
        self._calls = calls
        self._hub = hub
        self._log = log
        self._told: FeedCounts | None = None
        self._framed: tuple[FeedStats, bytes] | None = None
        """The last message to one client, and its frame."""
        self._is_sending = False
        self._late: set[Session] = set()
        """Sessions that subscribed again, and may have missed a change in between."""

    def counts(self, own: Status | None = None) -> FeedCounts:
        """The figures now. `busy` counts users who are online and busy, so available plus busy is online.

        `own` is a user's status that counts in place of the one in memory.
        """
        online, available = self._registry.online, self._registry.available
        if own is not None:
            known = self._registry.get(own.user_id).status
            online += own.is_online - known.is_online
            available += own.is_available - known.is_available
        return FeedCounts(
            total_users=len(self._registry),
            online=online,
            available=available,
            busy=online - available,
            ongoing_calls=len(self._calls),
        )

    def counts_of(self, tags: Iterable[str]) -> FeedCounts:
        """The figures now of the users who have any of these tags, and of the calls that they are in."""
        entries = self._registry.tagged(tags)
        online = sum(entry.status.is_online for entry in entries)
        available = sum(entry.status.is_available for entry in entries)
        calls = {entry.claims.call_id for entry in entries} - {None}
        return FeedCounts(
            total_users=len(entries),
            online=online,
            available=available,
            busy=online - available,
            ongoing_calls=len(calls),
        )

    def message(self, own: Status | None = None) -> FeedStats:
        """The figures as a message for one client, whose own status may not be in memory yet.

        If they differ from what everyone was sent last, everyone is sent them again, even if they change back by then.
        """
        counts = self.counts(own)
        if counts != self._told:
            self._told = None
        return FeedStats(stats=counts, seq=self._log.seq)

    def frame(self, own: Status | None = None) -> bytes:
        """The same message as a frame. While nothing changes, it is encoded once for all who connect."""
        message = self.message(own)
        if self._framed is None or self._framed[0] != message:
            self._framed = message, encode(message)
        return self._framed[1]

    def tick(self) -> None:
        """Send the figures if they have changed, or else to those who may have missed the last change."""
        if self._is_sending:
            return
        counts = self.counts()
        receivers = list(self._late) if counts == self._told else list(self._hub)
        self._told = counts
        self._late.clear()
        self._send(iter(receivers))

    def _send(self, left: Iterator[Session]) -> None:
        """Send the figures to the next sessions, then let other work have its turn.

        They are counted anew each time, because a session may have been told newer ones by another message.
        """
        self._is_sending = False
        started = self._elapsed()
        while sessions := list(islice(left, _STRIDE)):
            counts = self.counts()
            if counts != self._told:
                self._told = None  # the sessions before have others, so everyone is sent them again
            self._hub.send_stats(sessions, counts, self._log.seq)
            if self._elapsed() - started > self._slice_seconds:
                self._is_sending = True
                self._call_later(0, partial(self._send, left))
                return

    def send_later(self, session: Session) -> None:
        """Send the figures to a session that has subscribed to them again, with the next tick."""
        self._late.add(session)
