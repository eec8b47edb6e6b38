"""Ended instances: removes the documents of servers that shared a database and ended without removing their own.

A server that has the database alone needs none of this: it waits at its start until every other document is removed.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from models.errors import StoreUnavailable
from models.instances import Instance, Instances
from models.machine import has_ended, is_same_machine
from models.renewal_watch import RenewalWatch

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
        self._renewals = RenewalWatch(LOOK_SECONDS, steady())

    async def remove(self) -> None:
        """Look once, and remove the documents of servers that have ended. Raises StoreUnavailable."""
        now = self._steady()
        try:
            others = await self._instances.others(self._own.incarnation)
        except StoreUnavailable:
            self._renewals.forget()
            raise
        self._renewals.note(others, now)
        for each in others:
            if each.shares and self._is_ended(each):
                await self._instances.remove_lost(each)  # unless it has renewed since

    def _is_ended(self, other: Instance) -> bool:
        if is_same_machine(self._own, other):
            return has_ended(other)
        return self._renewals.silent_seconds(other) >= SILENT_SECONDS
