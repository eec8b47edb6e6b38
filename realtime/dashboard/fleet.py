"""Fleet: the servers that share a database, as operators see them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

import msgspec

from models.errors import StoreUnavailable
from models.instances import Instance, NodeReport
from models.times import milliseconds
from realtime.clock import Clock
from settings import Settings

ServerState = Literal["starting", "live", "draining", "cut off", "lost"]


class FleetStore(Protocol):
    """The part of the store of instances that is needed here."""

    async def all(self) -> list[Instance]: ...
    async def report(self, incarnation: str, report: NodeReport) -> None: ...


class ServerRow(msgspec.Struct, frozen=True):
    """One server."""

    name: str
    state: ServerState
    since: int
    """When it was started."""
    report: NodeReport | None
    """What it last said of itself; None while it starts."""
    is_own: bool

    @property
    def sockets(self) -> int:
        """All sockets of a server that has some."""
        if self.report is None or self.state == "lost":
            return 0
        return self.report.feed + self.report.presence + self.report.operators


class Fleet:
    """Looks every few seconds, and says how this server is. `report` returns that.

    A server is lost if it has not renewed for the lease, by this server's steady clock. Time in which this server could
    not look does not count.
    """

    def __init__(
        self, settings: Settings, clock: Clock, store: FleetStore, own: str, report: Callable[[], NodeReport]
    ) -> None:
        self._lease_seconds = settings.lease_seconds
        self._look_seconds = settings.lease_renew_seconds
        self._clock = clock
        self._store = store
        self._own = own
        self._report = report
        self._instances: list[Instance] = []
        self._looked_at = clock.now()
        self._seen: dict[tuple[str, int], float] = {}
        """Since when, in steady time, a server has had this number of renewals."""
        self._labels: dict[str, str] = {}

    async def look(self) -> None:
        """Report, and look at the others. Raises StoreUnavailable."""
        now = self._clock.now()
        try:
            await self._store.report(self._own, self._report())
            instances = [each for each in await self._store.all() if each.shares]
        except StoreUnavailable:
            self._seen.clear()
            raise
        if now - self._looked_at > 2 * self._look_seconds:
            self._seen.clear()
        self._looked_at, self._instances = now, instances
        self._seen = {
            key: self._seen.get(key, now) for each in instances for key in [(each.incarnation, each.renewals)]
        }
        self._labels = {each.report.node: server_label(each) for each in instances if each.report}

    def label(self, node: str) -> str:
        """The name for people of a server in the log."""
        return self._labels.get(node, node)

    def rows(self) -> list[ServerRow]:
        """All servers, in the order in which they were started."""
        ordered = sorted(self._instances, key=lambda each: (each.since, each.incarnation))
        return [self._row(each) for each in ordered]

    def _row(self, instance: Instance) -> ServerRow:
        is_own = instance.incarnation == self._own
        report = self._report() if is_own else instance.report
        state = self._state(instance, report)
        return ServerRow(server_label(instance), state, milliseconds(instance.since), report, is_own)

    def _state(self, instance: Instance, report: NodeReport | None) -> ServerState:
        seen_at = self._seen.get((instance.incarnation, instance.renewals), self._looked_at)
        if self._looked_at - seen_at >= self._lease_seconds:
            return "lost"
        if report is None:
            return "starting"
        if report.is_draining:
            return "draining"
        return "live" if instance.has_log else "cut off"


def server_label(instance: Instance) -> str:
    """How operators know a server."""
    return instance.name or instance.incarnation
