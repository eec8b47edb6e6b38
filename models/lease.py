"""Lease: the right of one server to write to a MongoDB database. It must be renewed, or another server may take it.

A server first writes its document, then looks for others. So of two that start at the same moment at least one sees the
other, and they never both get the lease. If both see each other, the one with the lower incarnation gets it.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import sys
import time
from collections.abc import Awaitable, Callable

import structlog

from models.errors import StoreUnavailable
from models.instances import Instance, Instances, NodeReport
from models.machine import has_ended, is_same_machine
from settings import Settings

SILENT_WAIT_SECONDS = 2.0
"""A longer wait for the lease is logged."""

LOOKS_PER_RENEWAL = 4
"""How often a server that waits for the lease looks, and how often one that was cut off tries to renew."""

_log = structlog.stdlib.get_logger("rollcall.lease")


def seconds_since_boot() -> float:
    """Seconds of a clock that goes on while the process is stopped and, on Linux, while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if sys.platform == "linux" else time.monotonic()


class Lease:
    """The lease of one process on one database."""

    def __init__(
        self,
        instances: Instances,
        own: Instance,
        settings: Settings,
        *,
        clock: Callable[[], float] = seconds_since_boot,
        steady: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._instances = instances
        self._own = own
        self._database = settings.mongodb_database
        self._seconds = settings.lease_seconds
        self._renew_seconds = settings.lease_renew_seconds
        self._clock = clock
        """For the end of the own lease: it must not stand still while the process does."""
        self._steady = steady
        """For others' leases. It stands still while the machine sleeps, because nobody renews then."""
        self._sleep = sleep
        self._renewed_at = -math.inf
        """When the last successful renewal began."""
        self._watched: dict[tuple[str, int], float] = {}
        """Since when, in steady time, another server has had this number of renewals."""
        self.has_log: Callable[[], bool] = lambda: False
        """Whether this server reaches the log that it shares with others."""
        self.report: Callable[[], NodeReport | None] = lambda: None
        """What this server tells the others of itself."""

    @property
    def incarnation(self) -> str:
        return self._own.incarnation

    def check(self) -> None:
        """Raise StoreUnavailable unless this process may write now."""
        if self._clock() - self._renewed_at > self._seconds:
            raise StoreUnavailable("this server could not renew its lease on the database")

    async def take(self) -> None:
        """Take the lease. Raises StoreUnavailable, which names the server that has it."""
        try:
            await self._instances.add(self._own)
            await self._wait_until_alone()
            began = self._clock()
            if not await self._instances.hold(self.incarnation):
                raise self._removed()
            self._renewed_at = began
        except BaseException:
            with contextlib.suppress(StoreUnavailable):
                await self.give_back()
            raise

    async def renew(self) -> bool:
        """Renew the lease. False if another server has taken it: then it never comes back. Raises StoreUnavailable."""
        began = self._clock()
        if not await self._instances.renew(self.incarnation, has_log=self.has_log(), report=self.report()):
            self._renewed_at = -math.inf
            return False
        self._renewed_at = began
        return True

    async def keep(self) -> None:
        """Renew the lease until it is lost, also after an outage of the store."""
        pause = self._renew_seconds
        while True:
            await self._sleep(pause)
            try:
                if not await self.renew():
                    return
                pause = self._renew_seconds
            except StoreUnavailable:  # it may be back soon
                pause = self._renew_seconds / LOOKS_PER_RENEWAL
            except Exception:
                _log.exception("the lease on the database could not be renewed")

    async def others_with_log(self) -> dict[str, int]:
        """The renewals of the other servers that reached the shared log when they last renewed.

        Raises StoreUnavailable.
        """
        others = await self._instances.others(self.incarnation)
        return {each.incarnation: each.renewals for each in others if each.has_log}

    async def give_back(self) -> None:
        """End the lease, so that the next server need not wait. Raises StoreUnavailable."""
        self._renewed_at = -math.inf
        await self._instances.leave(self.incarnation)

    async def reason_for_loss(self) -> str:
        """Why the lease was lost, and who has it now if that can be found out."""
        try:
            others = await self._instances.others(self.incarnation)
            holders = [each for each in others if each.holds and not each.shares_with(self._own)]
        except StoreUnavailable:
            holders = []
        now = f"; it is used by another server now ({_described(holders[0])})" if holders else ""
        return (
            f"this server has lost the database {self._database}{now}: it was paused or cut off for longer than "
            f"{self._seconds:g} s (ROLLCALL_LEASE_SECONDS), or its document in the collection instances was deleted"
        )

    async def _wait_until_alone(self) -> None:
        began, is_told = self._steady(), False
        while True:
            looked_at = self._steady()
            found = await self._instances.others(self.incarnation)
            others = [each for each in found if not each.shares_with(self._own)]
            left = [each for each in others if not await self._was_removed(each, looked_at)]
            if not others:
                return
            if not left:
                continue  # somebody may have come since
            if not is_told and self._steady() - began > SILENT_WAIT_SECONDS:
                is_told = True
                _log.info("waiting for another server", database=self._database, server=_described(left[0]))
            await self._sleep(self._renew_seconds / LOOKS_PER_RENEWAL)
            if not await self._instances.renew(self.incarnation):
                raise self._removed()

    async def _was_removed(self, other: Instance, looked_at: float) -> bool:
        """Remove another server that does not run any more. False if that is not certain yet.

        Raises StoreUnavailable if it runs, and has the database or goes first.
        """
        if is_same_machine(self._own, other):
            is_lost = has_ended(other)
            is_alive = not is_lost
        else:
            # The count was read after `looked_at`, and noted only after it had been read.
            since = self._watched.setdefault((other.incarnation, other.renewals), self._steady())
            is_lost = looked_at - since > self._seconds
            is_alive = sum(incarnation == other.incarnation for incarnation, _ in self._watched) > 1
        if is_alive and (other.holds or other.incarnation < self.incarnation):
            raise StoreUnavailable(
                f"another server uses the database {self._database} ({_described(other)}); "
                f"stop it, set ROLLCALL_MONGODB_DATABASE to another database, or {self._way_to_share(other)}"
            )
        return is_lost and await self._instances.remove_lost(other)

    def _way_to_share(self, other: Instance) -> str:
        if other.shares and self._own.shares:
            return f"set ROLLCALL_REDIS_PREFIX to {other.log_prefix}, as it has"
        return "set ROLLCALL_REDIS_URL on both"

    def _removed(self) -> StoreUnavailable:
        return StoreUnavailable(
            f"another server removed this one from the database {self._database} while it started; start it again"
        )


def _described(instance: Instance) -> str:
    since = instance.since.isoformat(timespec="seconds").replace("+00:00", "Z")
    name = f"{instance.name}, " if instance.name else ""
    return f"{name}process {instance.process_id} on host {instance.host}, since {since}"
