"""Fleet: the servers that share a database, as operators see them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

import msgspec

from models.errors import StoreUnavailable
from models.instances import Instance, NodeReport
from models.renewal_watch import RenewalWatch
from models.times import milliseconds
from realtime.clock import Clock
from settings import Settings

ServerState = Literal["starting", "live", "draining", "cut off", "lost"]


class FleetStore(Protocol):
    """The part of the store of instances that is needed here."""

    async def all(self) -> list[Instance]: ...


class ServerRow(msgspec.Struct, frozen=True):
    """One server."""

    name: str
    state: ServerState
    since: int
    """When it was started."""
    report: NodeReport | None
    """What it last reported; None while it starts."""
    is_own: bool

    @property
    def sockets(self) -> int:
        """Its open sockets. A lost server has none."""
        if self.report is None or self.state == "lost":
            return 0
        return self.report.feed + self.report.presence + self.report.operators + self.report.service_keys


class Fleet:
    """Reads the servers' documents every few seconds. `report` returns how this server is now.

    A server is lost if it has not renewed its lease in time, by this server's steady clock.
    """

    def __init__(
        self, settings: Settings, clock: Clock, store: FleetStore, own: str, report: Callable[[], NodeReport]
    ) -> None:
        self._lease_seconds = settings.lease_seconds
        self._clock = clock
        self._store = store
        self._own = own
        self._report = report
        self._instances: list[Instance] = []
        self._renewals = RenewalWatch(settings.lease_renew_seconds, clock.now())
        self._labels: dict[str, str] = {}

    async def refresh(self) -> None:
        """Read the reports of all servers. Raises StoreUnavailable."""
        now = self._clock.now()
        try:
            instances = [each for each in await self._store.all() if each.shares]
        except StoreUnavailable:
            self._renewals.forget()
            raise
        self._renewals.note(instances, now)
        self._instances = instances
        self._labels = {each.report.node: server_label(each) for each in instances if each.report}

    def label(self, node: str) -> str:
        """The display name of a server, by its name in the log."""
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
        if self._renewals.silent_seconds(instance) >= self._lease_seconds:
            return "lost"
        if report is None:
            return "starting"
        if report.is_draining:
            return "draining"
        return "live" if instance.has_log else "cut off"


def server_label(instance: Instance) -> str:
    """The name of a server that operators see."""
    return instance.name or instance.incarnation
