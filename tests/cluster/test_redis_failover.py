"""Failovers between two real servers behind one address, which moves from one to the other."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from tornado.ioloop import IOLoop

from models.errors import StoreUnavailable
from models.redis import RedisLog, parse_redis_url
from models.shared_log import Appended, Stale, entry_order, follows
from tests.cluster.conftest import MakeRedis
from tests.cluster.engines import QUICK, adopted, entries, joined, records, row
from tests.redis_server import RedisServer

pytestmark = [pytest.mark.slow, pytest.mark.gen_test(timeout=60)]


class Pair:
    """A primary and its replica. The address is a symbolic link to the socket of one of them."""

    def __init__(self, make_redis: MakeRedis, folder: Path) -> None:
        self.primary: RedisServer = make_redis(on_port=True)
        self.replica: RedisServer = make_redis(on_port=True, replica_of=self.primary)
        self.address = folder / "address"
        self.address.symlink_to(self.primary.path)
        self.logs: list[RedisLog] = []
        self.wait_for_copy()

    def server_log(self) -> RedisLog:
        """Return a new server's access."""
        self.logs.append(RedisLog(parse_redis_url(f"unix://{self.address}"), "rc", QUICK))
        return self.logs[-1]

    def wait_for_copy(self) -> None:
        """Wait until the replica has everything."""
        self.replica.wait_until(lambda: self.replica.ask("INFO", "replication")["master_link_status"] == "up")
        self.replica.wait_until(lambda: self._last(self.replica) == self._last(self.primary))

    def cut(self) -> None:
        """Promote the replica, while everybody is still connected to the primary, whose new entries will be lost."""
        self.wait_for_copy()
        self.replica.ask("REPLICAOF", "NO", "ONE")

    def move(self) -> None:
        """Move the address to the promoted server. The other one becomes its replica."""
        self.primary, self.replica = self.replica, self.primary
        self.address.unlink()
        self.address.symlink_to(self.primary.path)
        self.replica.ask("REPLICAOF", "127.0.0.1", str(self.primary.port))
        self.wait_for_copy()

    def _last(self, server: RedisServer) -> object:
        return server.ask("XREVRANGE", "{rc}:log", "+", "-", "COUNT", "1")


@pytest.fixture
def pair(make_redis: MakeRedis, short_folder: Path, io_loop: IOLoop) -> Iterator[Pair]:
    """Two servers."""
    made = Pair(make_redis, short_folder)
    yield made
    for log in made.logs:
        io_loop.run_sync(log.close)


async def appended(log: RedisLog, generation: int, server: str, user_id: int, record: bytes) -> str:
    """Append one record. Returns the entry's id."""
    outcome = await log.append(generation, server, "set", b"", [row(user_id, record=record)])
    assert isinstance(outcome, Appended), outcome
    return outcome.entry_id


async def test_a_failover_there_and_back_gives_no_id_twice(pair: Pair) -> None:
    one, two = pair.server_log(), pair.server_log()
    first = await joined(one, "a")
    await joined(two, "b")
    kept = await appended(one, first.generation, "a", 1, b"kept")
    pair.cut()
    lost = await appended(one, first.generation, "a", 2, b"lost")
    pair.move()

    # Server two is still connected to the demoted server.
    assert await two.append(first.generation, "b", "set", b"", [row(2)]) == Stale(first.generation)
    second = await adopted(two, first, "epoch two")
    assert (second.is_new, second.cut) == (True, kept)
    there = await appended(two, second.generation, "b", 2, b"there")
    pair.cut()
    pair.move()

    third = await adopted(one, first, "epoch three")
    assert (third.is_new, third.cut) == (True, there)
    back = await appended(one, third.generation, "a", 3, b"back")
    ids = [kept, lost, second.last_id, there, third.last_id, back]
    assert sorted(set(ids), key=entry_order) == ids
    rebase, *others = await entries(one, lost, 4)
    assert [rebase.entry_id, *(entry.entry_id for entry in others)] == ids[2:]
    assert not follows(rebase, lost)
    assert {user_id: stored.record for user_id, stored in (await records(one)).items()} == {
        1: b"kept",
        2: b"there",
        3: b"back",
    }


async def test_a_demoted_server_is_not_adopted_although_it_has_its_primarys_fence(pair: Pair) -> None:
    one, two = pair.server_log(), pair.server_log()
    first = await joined(one, "a")
    await joined(two, "b")
    pair.cut()
    pair.move()
    with pytest.raises(StoreUnavailable):
        await one.renew("a")
    second = await adopted(one, first, "epoch two")
    pair.wait_for_copy()
    assert two.is_connected
    known = await adopted(two, first, "epoch three")
    assert (known.is_new, known.generation) == (False, second.generation)
    await appended(two, known.generation, "b", 1, b"at the primary")


async def test_a_reader_that_waits_on_a_demoted_server_is_told(pair: Pair) -> None:
    log = pair.server_log()
    state = await joined(log)
    reading = asyncio.ensure_future(reads(log, state.last_id))
    await asyncio.sleep(0)
    pair.cut()
    pair.move()
    # Replicas answer reads, so only a write shows a reader between two reads that the server was demoted.
    with pytest.raises(StoreUnavailable):
        await log.renew("a")
    with pytest.raises(StoreUnavailable):
        await reading
    assert (await adopted(log, state)).is_new


async def reads(log: RedisLog, after: str) -> None:
    """Read until the connection is lost."""
    while True:
        await log.read(after)


async def test_when_the_first_replica_attaches_the_generation_changes_and_the_connection_stays(
    make_redis: MakeRedis, io_loop: IOLoop
) -> None:
    primary = make_redis(on_port=True)
    log = RedisLog(parse_redis_url(primary.url), "rc", QUICK)
    state = await joined(log)
    written = await appended(log, state.generation, "a", 1, b"before")
    replica = make_redis(on_port=True, replica_of=primary)
    replica.wait_until(lambda: replica.ask("INFO", "replication")["master_link_status"] == "up")
    assert await log.append(state.generation, "a", "set", b"", [row(2)]) == Stale(state.generation)
    assert log.is_connected
    again = await adopted(log, state, "epoch two")
    assert (again.is_new, again.cut) == (True, written)
    await log.close()
