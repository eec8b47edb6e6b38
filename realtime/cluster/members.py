"""Members: which servers there are, and which of them are silent."""

from __future__ import annotations

from collections.abc import Mapping

from realtime.clock import Clock
from realtime.presence.incarnation import Incarnation
from settings import Settings


class Members:
    """Watches the renewal counters of the others.

    A server is silent if its counter has not changed for the lease, by this server's own steady clock. Time in which
    this server could not look does not count.
    """

    def __init__(self, settings: Settings, clock: Clock, incarnation: Incarnation) -> None:
        self._clock = clock
        self._incarnation = incarnation
        self.lease_seconds = settings.lease_seconds
        self.renew_seconds = settings.lease_renew_seconds
        self._looked_at = clock.now()
        self._seen: dict[str, tuple[int, float]] = {}
        """The counter of each server, and the steady time at which it was first seen."""
        self._unheard_of: dict[str, float] = {}
        """Servers that are known from the store only, and the steady time at which that was noticed."""
        self._gone: set[str] = set()
        """Servers that were declared lost or have left."""

    @property
    def own(self) -> str:
        """The name of this server."""
        return self._incarnation.id

    @property
    def living(self) -> set[str]:
        """The servers that are not known to be gone."""
        return set(self._seen)

    @property
    def is_first(self) -> bool:
        """Whether this is the living server with the lowest name: it does what only one needs to do."""
        return self.own == min({*self._seen, self.own})

    def is_own(self, server: str) -> bool:
        """Whether this server has, or had, the name."""
        return self._incarnation.is_own(server)

    def is_lost(self, incarnation: str | None) -> bool:
        """Whether a server is gone for good. One that nobody has heard of may have joined just now."""
        if incarnation is None or incarnation in self._gone:
            return True
        if incarnation in self._seen or self._incarnation.is_own(incarnation):
            return False
        since = self._unheard_of.setdefault(incarnation, self._clock.now())
        return self._clock.now() - since >= self.lease_seconds

    def observe(self, nodes: Mapping[str, int | None]) -> dict[str, int]:
        """Take note of the counters. Returns the silent servers, each with its counter."""
        now = self._clock.now()
        if now - self._looked_at > 2 * self.renew_seconds:
            self._seen.clear()
        self._looked_at = now
        living = {server: counter for server, counter in nodes.items() if counter is not None}
        self._gone |= nodes.keys() - living.keys()
        self._gone -= living.keys()  # the log may have lost that they had gone
        self._seen = {
            server: self._seen[server] if self._seen.get(server, (None,))[0] == counter else (counter, now)
            for server, counter in living.items()
        }
        for server in living:
            self._unheard_of.pop(server, None)
        return {server: counter for server, (counter, at) in self._seen.items() if now - at >= self.lease_seconds}

    def has_gone(self, server: str) -> None:
        """A server was declared lost, or has left."""
        self._gone.add(server)
        self._seen.pop(server, None)
