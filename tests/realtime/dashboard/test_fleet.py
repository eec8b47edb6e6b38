"""Fleet: the servers that share a database, and how each of them is."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from models.errors import StoreUnavailable
from models.instances import Instance, NodeReport
from realtime.clock import Clock
from realtime.dashboard.fleet import Fleet
from settings import Settings
from tests.realtime.world import NOON, FakeClock


def report(node: str, **fields: Any) -> NodeReport:
    """Return what a server says of itself."""
    usual = {"version": "1", "feed": 2, "presence": 3, "operators": 1, "lag_entries": 0, "lag_seconds": 0.0}
    return NodeReport(node=node, **{"is_draining": False, **usual, **fields})


def instance(incarnation: str, **fields: Any) -> Instance:
    """Return the document of a server."""
    process = {"host": "host", "boot_id": "", "pid_namespace": "", "process_id": 1, "process_started": 0}
    usual = {"since": NOON, "shares": True, "has_log": True, "report": report(f"node-{incarnation}")}
    return Instance(incarnation=incarnation, **{**process, **usual, **fields})


class FakeInstances:
    """The store of instances, which may be down."""

    def __init__(self) -> None:
        self.rows: dict[str, Instance] = {}
        self.is_down = False

    async def all(self) -> list[Instance]:
        if self.is_down:
            raise StoreUnavailable("down")
        return list(self.rows.values())

    def put(self, incarnation: str, **fields: Any) -> None:
        """Add or change a server."""
        self.rows[incarnation] = instance(incarnation, **fields)


class Site:
    """The fleet as the server `a` sees it. `b` was started a minute after it."""

    def __init__(self) -> None:
        self.time = FakeClock()
        self.clock = Clock(self.time.monotonic, self.time.wall, stall_seconds=100)
        self.store = FakeInstances()
        self.store.put("a")
        self.store.put("b", since=NOON + timedelta(minutes=1))
        self.own = report("node-a", feed=7)
        self.fleet = Fleet(Settings(), self.clock, self.store, "a", lambda: self.own)

    def look(self, seconds: float = 2.0, *, renews: str = "ab") -> dict[str, str]:
        """Look after some time, in which some servers renewed. Returns the state of each server."""
        self.time.seconds += seconds
        for incarnation in renews:
            row = self.store.rows[incarnation]
            self.store.rows[incarnation] = msgspec.structs.replace(row, renewals=row.renewals + 1)
        asyncio.run(self.fleet.refresh())
        return {row.name: row.state for row in self.fleet.rows()}


@pytest.fixture
def site() -> Site:
    return Site()


def test_all_servers_are_shown_as_they_said_they_are_and_this_one_as_it_is(site: Site) -> None:
    site.look()
    site.own = report("node-a", feed=8)
    own, other = site.fleet.rows()
    assert (own.name, own.is_own, own.sockets, own.report) == ("a", True, 12, site.own)
    assert (other.name, other.is_own, other.sockets) == ("b", False, 6)


def test_a_server_that_does_not_renew_is_lost_until_it_does(site: Site) -> None:
    states = [site.look(renews="a") for _ in range(4)]
    assert [each["b"] for each in states] == ["live", "live", "live", "lost"]
    assert [row.sockets for row in site.fleet.rows()] == [11, 0]
    assert site.look()["b"] == "live"


def test_nobody_is_lost_because_this_server_could_not_look(site: Site) -> None:
    site.look()
    assert site.look(60, renews="")["b"] == "live"
    site.store.is_down = True
    with pytest.raises(StoreUnavailable):
        site.look(3, renews="")
    site.store.is_down = False
    assert site.look(3, renews="") == {"a": "live", "b": "live"}


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({"report": None}, "starting"),
        ({"report": report("node-b", is_draining=True)}, "draining"),
        ({"has_log": False}, "cut off"),
    ],
)
def test_a_state_of_its_own(site: Site, fields: dict[str, Any], state: str) -> None:
    site.store.put("b", **fields)
    assert site.look() == {"a": "live", "b": state}


def test_a_server_that_does_not_share_the_database_is_none_of_the_fleet(site: Site) -> None:
    site.store.put("b", shares=False)
    assert site.look() == {"a": "live"}


def test_a_server_is_called_by_its_name_in_the_log_until_more_is_known(site: Site) -> None:
    assert site.fleet.label("node-b") == "node-b"
    site.look()
    assert (site.fleet.label("node-b"), site.fleet.label("node-c")) == ("b", "node-c")


def test_operators_know_a_server_by_its_name(site: Site) -> None:
    site.store.put("b", name="web-2")
    site.look()
    assert [row.name for row in site.fleet.rows()] == ["a", "web-2"]
    assert site.fleet.label("node-b") == "web-2"
