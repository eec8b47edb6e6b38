"""The faults of the simulated log."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from typing import Any

import pytest

from models.shared_log import Adopted, Appended, NotSent, OutcomeUnknown, RowConflict, Stale, follows
from tests.cluster.engines import adopted, joined, records, row
from tests.cluster.simulated_engine import SimulatedEngine
from tests.cluster.simulated_log import SimulatedLog


class Servers:
    """Servers on one engine, with a loop that runs only as far as it can."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.engine = SimulatedEngine()
        self.state: Adopted
        self.one, self.two = SimulatedLog(self.engine), SimulatedLog(self.engine)
        for name, log in (("a", self.one), ("b", self.two)):
            self.state = self.run(joined(log, name))

    def begin(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Start work, and let it run as far as it can."""
        task = self.loop.create_task(work)
        for _ in range(10):
            self.loop.run_until_complete(asyncio.sleep(0))
        return task

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run work that waits for nothing."""
        task = self.begin(work)
        assert task.done()
        return task.result()

    def append(self, log: SimulatedLog, server: str, user_id: int, seen: str = "") -> Coroutine[Any, Any, Any]:
        """Append one announced row."""
        return log.append(self.state.generation, server, "set", b"", [row(user_id, seen, server.encode())])

    def appended(self, log: SimulatedLog, server: str, user_id: int, seen: str = "") -> str:
        """Append one announced row. Returns the entry's id."""
        outcome = self.run(self.append(log, server, user_id, seen))
        assert isinstance(outcome, Appended)
        return outcome.entry_id


@pytest.fixture
def servers() -> Iterator[Servers]:
    """Two servers that have joined."""
    made = Servers()
    yield made
    for log in (made.one, made.two):
        made.run(log.close())
    made.loop.run_until_complete(asyncio.sleep(0))
    made.loop.close()


def test_a_lost_reply_leaves_the_command_carried_out_and_the_connection_lost(servers: Servers) -> None:
    servers.one.lose_replies()
    with pytest.raises(OutcomeUnknown):
        servers.run(servers.append(servers.one, "a", 1))
    assert not servers.one.is_connected
    again = servers.run(adopted(servers.one, servers.state))
    assert not again.is_new
    assert isinstance(servers.run(servers.append(servers.one, "a", 1)), RowConflict)
    assert len(servers.run(servers.two.read(servers.state.last_id))) == 1


def test_a_refused_command_is_not_carried_out_and_the_next_one_is(servers: Servers) -> None:
    servers.one.refuse()
    with pytest.raises(NotSent):
        servers.run(servers.append(servers.one, "a", 1))
    assert servers.one.is_connected
    servers.appended(servers.one, "a", 1)


def test_a_read_waits_for_the_next_entry(servers: Servers) -> None:
    reading = servers.begin(servers.two.read(servers.state.last_id))
    assert not reading.done()
    entry_id = servers.appended(servers.one, "a", 1)
    assert [entry.entry_id for entry in reading.result()] == [entry_id]


def test_a_read_that_has_waited_long_enough_returns_nothing(servers: Servers) -> None:
    reading = servers.begin(servers.two.read(servers.state.last_id))
    servers.two.end_read()
    servers.begin(asyncio.sleep(0))
    assert reading.result() == []


def test_entries_that_are_held_back_from_one_reader_reach_the_others(servers: Servers) -> None:
    servers.two.hold_delivery()
    ids = [servers.appended(servers.one, "a", user_id) for user_id in range(3)]
    assert len(servers.run(servers.one.read(servers.state.last_id))) == 3
    reading = servers.begin(servers.two.read(servers.state.last_id))
    assert not reading.done()
    servers.two.deliver()
    servers.begin(asyncio.sleep(0))
    assert [entry.entry_id for entry in reading.result()] == ids[:1]
    servers.two.release_delivery()
    assert [entry.entry_id for entry in servers.run(servers.two.read(ids[0]))] == ids[1:]


def test_a_server_that_decided_before_it_was_overtaken_gets_a_conflict(servers: Servers) -> None:
    servers.one.hold()
    late = servers.begin(servers.append(servers.one, "a", 1))
    entry_id = servers.appended(servers.two, "b", 1)
    servers.one.release()
    servers.begin(asyncio.sleep(0))
    outcome = late.result()
    assert isinstance(outcome, RowConflict)
    assert outcome.rows[1] is not None
    assert outcome.rows[1].entry_id == entry_id


def test_held_commands_are_lost_with_the_connection(servers: Servers) -> None:
    servers.one.hold()
    held = servers.begin(servers.append(servers.one, "a", 1))
    reading = servers.begin(servers.one.read(servers.state.last_id))
    servers.one.cut_off()
    servers.begin(asyncio.sleep(0))
    for task in (held, reading):
        with pytest.raises(OutcomeUnknown):
            task.result()
    assert servers.run(records(servers.two)) == {}


def test_after_a_reply_is_lost_among_held_commands_the_later_ones_are_not_carried_out(servers: Servers) -> None:
    servers.one.hold()
    servers.one.lose_replies()
    tasks = [servers.begin(servers.append(servers.one, "a", user_id)) for user_id in (1, 2)]
    servers.one.release()
    servers.begin(asyncio.sleep(0))
    assert all(isinstance(task.exception(), OutcomeUnknown) for task in tasks)
    assert set(servers.run(records(servers.two))) == {1}


def test_a_cancelled_caller_leaves_its_command_and_the_others(servers: Servers) -> None:
    servers.one.hold()
    given_up, other = [servers.begin(servers.append(servers.one, "a", user_id)) for user_id in (1, 2)]
    given_up.cancel()
    servers.one.release()
    servers.begin(asyncio.sleep(0))
    assert isinstance(other.result(), Appended)
    assert set(servers.run(records(servers.two))) == {1, 2}


def test_a_server_that_is_cut_off_waits_until_it_can_adopt(servers: Servers) -> None:
    servers.one.cut_off()
    with pytest.raises(NotSent):
        servers.run(servers.append(servers.one, "a", 1))
    adopting = servers.begin(adopted(servers.one, servers.state))
    assert not adopting.done()
    servers.appended(servers.two, "b", 1)
    servers.one.reconnect()
    servers.begin(asyncio.sleep(0))
    assert not adopting.result().is_new
    assert adopting.result().seq == 1


def test_after_a_restart_with_everything_a_new_generation_begins_at_the_last_entry(servers: Servers) -> None:
    last = servers.appended(servers.one, "a", 1)
    servers.engine.stop()
    assert not servers.one.is_connected
    adopting = servers.begin(adopted(servers.one, servers.state, "epoch two"))
    servers.engine.start()
    servers.begin(asyncio.sleep(0))
    assert adopting.result().cut == last
    assert set(servers.run(records(servers.one))) == {1}
    assert servers.run(servers.one.nodes()) == {"a": 1, "b": 1}


def test_after_a_restart_without_the_last_entries_their_records_are_the_ones_before(servers: Servers) -> None:
    ids = [servers.appended(servers.one, "a", 1)]
    ids.append(servers.appended(servers.one, "a", 1, ids[0]))
    servers.appended(servers.one, "a", 2)
    servers.engine.stop()
    servers.engine.start(lost_entries=2)
    state = servers.run(adopted(servers.one, servers.state, "epoch two"))
    assert state.cut == ids[0]
    assert {user: stored.entry_id for user, stored in servers.run(records(servers.one)).items()} == {1: ids[0]}


def test_after_a_restart_with_nothing_the_server_has_to_join_again(servers: Servers) -> None:
    servers.appended(servers.one, "a", 1)
    servers.engine.stop()
    servers.engine.start(lost_entries=None)
    state = servers.run(adopted(servers.one, servers.state, "epoch two"))
    assert state.generation > servers.state.generation
    assert servers.run(records(servers.one)) == {}
    assert servers.run(servers.one.nodes()) == {}


def test_a_failover_there_and_back_is_noticed_by_a_server_that_kept_its_connection(servers: Servers) -> None:
    kept = servers.appended(servers.one, "a", 1)
    lost = servers.appended(servers.one, "a", 2)
    servers.engine.fail_over(lost_entries=1, drops_connections=False)
    servers.engine.fail_over(drops_connections=False)
    assert servers.run(servers.append(servers.two, "b", 2)) == Stale(servers.state.generation)
    state = servers.run(adopted(servers.two, servers.state, "epoch two"))
    assert state.cut == kept
    [rebase] = servers.run(servers.one.read(lost))
    assert not follows(rebase, lost)
