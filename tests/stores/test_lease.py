"""The lease on a database: of all servers that want it, one has it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from models.database import Database
from models.errors import StoreUnavailable
from models.instances import Instance, Instances, NodeReport
from models.lease import Lease
from models.machine import this_process
from settings import Settings
from tests.realtime.world import NOON

pytestmark = pytest.mark.gen_test(timeout=60)

MakeLease = Callable[..., Lease]


class Site:
    """Leases on one database, and a clock that each wait moves on."""

    def __init__(self, database: Database) -> None:
        self.instances = Instances(database.unchecked_collection("instances"))
        self.now = 1000.0
        self.on_wait: Callable[[], Any] = lambda: None
        self._numbers = itertools.count(1)

    def lease(self, incarnation: str, *, shares: bool = False, log_prefix: str = "", **process: Any) -> Lease:
        """Return the lease of a server, by default on a machine of its own."""
        own = msgspec.structs.replace(self.instance(incarnation, **process), shares=shares, log_prefix=log_prefix)
        return Lease(self.instances, own, Settings(), clock=self.clock, steady=self.clock, sleep=self.sleep)

    def instance(self, incarnation: str, **process: Any) -> Instance:
        """Return the document of a server, by default on a machine of its own."""
        here = {"host": f"host-{next(self._numbers)}", **process}
        identity = msgspec.structs.asdict(msgspec.structs.replace(this_process(), **here))
        return Instance(**identity, incarnation=incarnation, since=NOON)

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        waited = self.on_wait()
        if waited is not None:
            await waited
        await asyncio.sleep(0)

    async def present(self) -> list[str]:
        """Return the incarnations that have a document."""
        return [each.incarnation for each in await self.instances.others("")]


@pytest.fixture
def site(database: Database) -> Site:
    return Site(database)


async def test_an_unused_database_is_taken_at_once(site: Site) -> None:
    lease = site.lease("a")
    with pytest.raises(StoreUnavailable):
        lease.check()
    await lease.take()
    lease.check()
    assert (site.now, await site.present()) == (1000.0, ["a"])


async def test_a_database_that_was_given_back_is_taken_at_once(site: Site) -> None:
    first, second = site.lease("a"), site.lease("b")
    await first.take()
    await first.give_back()
    await second.take()
    assert site.now == 1000.0
    with pytest.raises(StoreUnavailable):
        first.check()
    second.check()


async def test_a_second_server_on_the_same_machine_is_refused_at_once_and_told_who_has_it(site: Site) -> None:
    here = this_process()
    await site.lease("b", host=here.host).take()
    with pytest.raises(StoreUnavailable) as refused:
        await site.lease("a", host=here.host).take()
    assert str(refused.value) == (
        f"another server uses the database rollcall (process {here.process_id} on host {here.host}, "
        "since 2030-01-01T12:00:00Z); stop it, set ROLLCALL_MONGODB_DATABASE to another database, "
        "or set ROLLCALL_REDIS_URL on both"
    )
    assert (site.now, await site.present()) == (1000.0, ["b"])


async def test_a_dead_server_of_the_same_machine_is_replaced_at_once(site: Site) -> None:
    here = this_process()
    dead = site.lease("a", host=here.host, process_started=here.process_started - 1)
    await dead.take()
    await site.lease("b", host=here.host).take()
    assert (site.now, await site.present()) == (1000.0, ["b"])


async def test_a_server_on_another_machine_that_renews_refuses_the_second(site: Site) -> None:
    first, second = site.lease("b"), site.lease("a")
    await first.take()
    site.on_wait = first.renew
    with pytest.raises(StoreUnavailable, match="another server uses the database"):
        await second.take()
    assert site.now < 1000.0 + 2
    assert await site.present() == ["b"]
    first.check()


async def test_a_server_on_another_machine_that_is_silent_for_the_lease_is_replaced(site: Site) -> None:
    first, second = site.lease("a"), site.lease("b")
    await first.take()
    with capture_logs() as logs:
        await second.take()
    assert 1006 < site.now <= 1007
    assert await site.present() == ["b"]
    (line,) = logs
    assert (line["event"], line["server"][:7]) == ("waiting for another server", "process")
    with pytest.raises(StoreUnavailable):
        first.check()
    assert not await first.renew()
    assert "is used by another server now (process" in await first.reason_for_loss()


async def test_a_server_that_wakes_up_just_before_it_is_replaced_keeps_the_database(site: Site) -> None:
    first, second = site.lease("b"), site.lease("a")
    await first.take()

    async def wake_up() -> None:
        if site.now > 1005.7:
            assert await first.renew()

    site.on_wait = wake_up
    with pytest.raises(StoreUnavailable, match="another server uses the database"):
        await second.take()
    first.check()


async def test_a_server_that_renews_between_the_look_and_the_removal_is_not_removed(site: Site) -> None:
    first = site.lease("a")
    await first.take()
    (seen,) = await site.instances.others("b")
    assert await first.renew()
    assert not await site.instances.remove_lost(seen)
    assert await first.renew()


async def test_a_lease_that_is_not_renewed_ends_by_itself(site: Site) -> None:
    lease = site.lease("a")
    await lease.take()
    site.now += 6
    lease.check()
    site.now += 0.1
    with pytest.raises(StoreUnavailable, match="renew"):
        lease.check()
    assert await lease.renew()
    lease.check()


async def test_a_renewal_counts_from_its_beginning(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    lease, renew = site.lease("a"), site.instances.renew
    await lease.take()

    async def renew_slowly(incarnation: str, **fields: Any) -> bool:
        site.now += 5
        return await renew(incarnation, **fields)

    monkeypatch.setattr(site.instances, "renew", renew_slowly)
    assert await lease.renew()
    site.now += 2
    with pytest.raises(StoreUnavailable):
        lease.check()


async def test_a_lease_outlives_an_outage_in_which_nobody_took_it(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    lease, renew = site.lease("a"), site.instances.renew
    await lease.take()

    async def fail(incarnation: str) -> bool:
        raise StoreUnavailable("down")

    monkeypatch.setattr(site.instances, "renew", fail)

    def end_the_outage() -> None:
        if site.now > 1060:
            monkeypatch.setattr(site.instances, "renew", renew)
        if site.now > 1062:
            raise asyncio.CancelledError

    site.on_wait = end_the_outage
    with pytest.raises(asyncio.CancelledError):
        await lease.keep()
    lease.check()


async def test_a_lease_whose_document_was_deleted_is_lost(site: Site) -> None:
    lease = site.lease("a")
    await lease.take()
    await site.instances.leave("a")
    await lease.keep()
    with pytest.raises(StoreUnavailable):
        lease.check()
    assert "was deleted" in await lease.reason_for_loss()


async def test_servers_that_would_share_the_database_over_two_logs_are_refused(site: Site) -> None:
    host = this_process().host
    await site.lease("a", shares=True, log_prefix="blue", host=host).take()
    await site.lease("b", shares=True, log_prefix="blue", host=host).take()
    with pytest.raises(StoreUnavailable, match="set ROLLCALL_REDIS_PREFIX to blue, as it has"):
        await site.lease("c", shares=True, log_prefix="green", host=host).take()
    assert await site.present() == ["a", "b"]


async def test_a_server_that_shares_the_database_is_not_named_as_the_one_that_has_taken_it(site: Site) -> None:
    first, second = site.lease("a", shares=True), site.lease("b", shares=True)
    await first.take()
    await second.take()
    await site.instances.leave("a")
    assert "another server" not in await first.reason_for_loss()


@pytest.mark.parametrize("machines", ["the same machine", "two machines"])
async def test_of_servers_that_start_at_the_same_moment_exactly_one_survives(site: Site, machines: str) -> None:
    """With the real clocks: a server that is slow must not look like one that is silent."""
    process = {"host": this_process().host} if machines == "the same machine" else {}
    settings = Settings(lease_renew_seconds=0.2, lease_seconds=20.0)
    for attempt in range(10):
        leases = [Lease(site.instances, site.instance(name, **process), settings) for name in ("a", "b", "c")]
        took = await asyncio.gather(*map(take_and_keep, leases), return_exceptions=True)
        keeping = [each for each in took if isinstance(each, asyncio.Task)]
        assert len(keeping) == 1, (attempt, took)
        (present,) = await site.present()
        (holder,) = [lease for lease in leases if lease.incarnation == present]
        holder.check()
        keeping[0].cancel()
        await holder.give_back()


async def take_and_keep(lease: Lease) -> asyncio.Task[None]:
    await lease.take()
    return asyncio.create_task(lease.keep())


async def test_a_server_that_is_removed_while_it_waits_does_not_start(site: Site) -> None:
    await site.lease("a").take()
    site.on_wait = lambda: site.instances.leave("b")
    with pytest.raises(StoreUnavailable, match="start it again"):
        await site.lease("b").take()


async def test_a_write_does_not_begin_without_the_lease(site: Site, database: Database) -> None:
    lease = site.lease("a")
    await lease.take()
    database.check_writes(lease.check)
    things = database.collection("things")
    await things.insert_one({"_id": 1})
    site.now += 7
    for write in (
        lambda: things.insert_one({"_id": 2}),
        lambda: things.insert_many([{"_id": 2}]),
        lambda: things.update_one({"_id": 1}, {"$set": {"x": 1}}),
        lambda: things.update_many({"_id": 1}, {"$set": {"x": 1}}),
        lambda: things.find_one_and_update({"_id": 1}, {"$set": {"x": 1}}),
        lambda: things.delete_one({"_id": 1}),
        lambda: things.delete_many({"_id": 1}),
    ):
        with pytest.raises(StoreUnavailable):
            await write()
    assert await things.find({}) == [{"_id": 1}]
    assert not database.breaker.is_open
    assert await lease.renew()
    await things.insert_one({"_id": 2})


async def test_a_renewal_says_how_the_server_is(site: Site) -> None:
    first, second = site.lease("a", shares=True), site.lease("b", shares=True)
    await first.take()
    await second.take()
    report = NodeReport(
        node="n", version="1", feed=1, presence=2, operators=3, lag_entries=4, lag_seconds=0.5, is_draining=True
    )
    first.has_log, first.report = (lambda: True), (lambda: report)
    assert await first.renew()
    assert await second.renew()
    found = [(each.incarnation, each.has_log, each.report) for each in await site.instances.all()]
    assert found == [("a", True, report), ("b", False, None)]
