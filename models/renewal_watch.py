"""Renewal watch: for how long servers that use the database have not renewed their leases."""

from __future__ import annotations

from collections.abc import Iterable

from models.instances import Instance


class RenewalWatch:
    """Remembers when each server was first seen with its present number of renewals.

    All times are seconds of this server's steady clock. Time in which it did not look does not count as silence.
    """

    def __init__(self, look_seconds: float, now: float) -> None:
        self._look_seconds = look_seconds
        """How often `note` is called."""
        self._looked_at = now
        self._first_seen: dict[tuple[str, int], float] = {}
        """When a server was first seen with this number of renewals."""

    def note(self, instances: Iterable[Instance], now: float) -> None:
        """Take note of all servers, as they were read at `now` or later."""
        if now - self._looked_at > 2 * self._look_seconds:
            self.forget()
        self._looked_at = now
        keys = [(each.incarnation, each.renewals) for each in instances]
        self._first_seen = {key: self._first_seen.get(key, now) for key in keys}

    def forget(self) -> None:
        """The store could not be read: perhaps nobody could renew."""
        self._first_seen.clear()

    def silent_seconds(self, instance: Instance) -> float:
        """How long the server had not renewed when this server last looked."""
        return self._looked_at - self._first_seen.get((instance.incarnation, instance.renewals), self._looked_at)
