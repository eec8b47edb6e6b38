"""Ended instances: removes the documents of servers that shared a database and ended without removing their own.

A server that has the database alone needs none of this: it waits at its start until every other document is removed.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from models.errors import StoreUnavailable
from models.instances import Instance, Instances
from models.machine import has_ended, is_same_machine

LOOK_SECONDS = 60.0
"""How often a server looks for them."""

SILENT_SECONDS = 3600.0
"""After this long without a renewal, a server of another machine counts as ended.

A lease is much shorter, but nothing is lost by waiting. A server that was only paused and finds its document removed
has to be started again.
"""


class EndedInstances:
    """Watches the renewals of the other servers.

    Time counts only while this server looks regularly. During an outage of the store nobody can renew.
    """

    def __init__(self, instances: Instances, own: Instance, steady: Callable[[], float] = time.monotonic) -> None:
        self._instances = instances
        self._own = own
        self._steady = steady
        self._looked_at = steady()
        self._seen: dict[tuple[str, int], float] = {}
        """Since when, in steady time, another server has had this number of renewals."""

    async def remove(self) -> None:
        """Look once, and remove the documents of servers that have ended. Raises StoreUnavailable."""
        now = self._steady()
        if now - self._looked_at > 2 * LOOK_SECONDS:
            self._seen.clear()
        self._looked_at = now
        try:
            others = await self._instances.others(self._own.incarnation)
        except StoreUnavailable:
            self._seen.clear()
            raise
        self._seen = {key: self._seen.get(key, now) for each in others for key in [(each.incarnation, each.renewals)]}
        for each in others:
            if each.shares and self._is_ended(each, now):
                await self._instances.remove_lost(each)  # unless it has renewed since

    def _is_ended(self, other: Instance, now: float) -> bool:
        if is_same_machine(self._own, other):
            return has_ended(other)
        return now - self._seen[other.incarnation, other.renewals] >= SILENT_SECONDS
