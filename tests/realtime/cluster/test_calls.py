"""Calls in a cluster: every server knows every call, and a user is in one at most."""

from __future__ import annotations

import asyncio

import pytest

from models.calls import Call, ended
from models.errors import Conflict, StoreUnavailable
from tests.realtime.cluster.conftest import busy
from tests.realtime.cluster.world import ClusterWorld


@pytest.fixture
def four(cluster: ClusterWorld) -> ClusterWorld:
    """Users 1…4 are connected: 1 and 4 to the first server, 2 to the second, 3 to the third."""
    for node, user_id in ((0, 1), (1, 2), (2, 3), (0, 4)):
        cluster.connect(node, user_id)
    cluster.advance(2)
    return cluster


def start(
    cluster: ClusterWorld, node: int, caller_id: int, callee_id: int, key: str | None = None
) -> asyncio.Task[Call]:
    """Start a call on a server, without letting the others run."""
    world = cluster.nodes[node]
    return world.begin(world.core.switchboard.start(caller_id, callee_id, "audio", key))


def in_calls(cluster: ClusterWorld) -> list[list[bool]]:
    """Return who is busy on each server, by user."""
    return [busy(cluster, user_id) for user_id in (1, 2, 3, 4)]


def ongoing(cluster: ClusterWorld) -> set[int]:
    """Return the numbers of ongoing calls, by the servers that run."""
    return {len(node.core.switchboard.ongoing) for node in cluster.nodes if node.is_running}


IDLE = [False, False, False]
IN_CALL = [True, True, True]


def test_a_call_started_on_one_server_is_ended_on_another(four: ClusterWorld) -> None:
    call = four.nodes[0].call(1, 2)
    four.settle()
    assert in_calls(four) == [IN_CALL, IN_CALL, IDLE, IDLE]
    four.nodes[2].hang_up(2, call)
    four.settle()
    assert in_calls(four) == [IDLE] * 4
    assert ongoing(four) == {0}
    assert not four.calls.locks


def test_both_participants_are_told_wherever_they_are(four: ClusterWorld) -> None:
    call = four.nodes[2].call(1, 2)
    four.settle()
    four.nodes[2].hang_up(1, call)
    four.advance(1)
    for node in four.nodes[:2]:
        states = [each["call"]["status"] for each in node.clients[0].messages("call_status_update")]
        assert states == ["ongoing", "completed"]


def test_of_two_servers_that_start_a_call_with_the_same_callee_one_succeeds(four: ClusterWorld) -> None:
    tasks = [start(four, 0, 1, 2), start(four, 2, 3, 2)]
    four.settle()
    assert tasks[0].exception() is None
    assert isinstance(tasks[1].exception(), Conflict)
    assert in_calls(four) == [IN_CALL, IN_CALL, IDLE, IDLE]


def test_a_call_is_ended_by_a_server_that_does_not_know_of_it_yet(four: ClusterWorld) -> None:
    four.nodes[1].shared.hold_delivery()
    call = four.nodes[0].call(1, 2)
    four.settle()
    end = four.nodes[1].begin(four.nodes[1].core.switchboard.end(2, call.call_id, "completed"))
    four.settle()
    four.nodes[1].shared.release_delivery()
    four.advance(1)
    assert end.result().status == "completed"
    assert in_calls(four) == [IDLE] * 4
    assert ongoing(four) == {0}


def test_a_user_who_is_in_the_next_call_already_stays_in_it(four: ClusterWorld) -> None:
    call = four.nodes[0].call(1, 2)
    four.settle()
    four.nodes[0].shared.hold()
    end = four.nodes[0].begin(four.nodes[0].core.switchboard.end(1, call.call_id, "completed"))
    four.nodes[1].core.switchboard.ongoing.apply(ended(call, "completed", four.time.wall(), 1))
    next_call = four.nodes[1].call(2, 3)
    four.nodes[0].shared.release()
    four.settle()
    assert end.done()
    assert in_calls(four) == [IDLE, IN_CALL, IN_CALL, IDLE]
    assert four.nodes[2].core.registry.get(2).claims.call_id == next_call.call_id


def test_a_call_that_a_dead_server_wrote_and_did_not_append_is_resumed(four: ClusterWorld) -> None:
    four.nodes[2].shared.hold()
    start(four, 2, 1, 2)
    four.nodes[2].crash()
    four.advance(15)
    assert in_calls(four) == [[True, True], [True, True], [False, False], [False, False]]
    assert ongoing(four) == {1}


def test_a_lock_that_a_dead_server_left_behind_is_released(four: ClusterWorld) -> None:
    four.faults.holds = True
    start(four, 2, 3, 4)
    four.faults.held[0].go()  # the locks are made
    four.settle()
    four.faults.holds = False
    assert sorted(four.calls.locks) == [3, 4]
    four.nodes[2].crash()
    four.advance(15)
    assert not four.calls.locks


def test_a_call_that_a_paused_server_writes_after_its_locks_were_given_up_is_ended(four: ClusterWorld) -> None:
    four.faults.holds = True
    late = start(four, 2, 3, 4)
    (lock,) = four.faults.held
    lock.go()
    four.nodes[2].settle()
    lock.go()
    four.nodes[2].settle()
    four.faults.holds = False
    (insert,) = four.faults.held
    assert insert.operation == "insert"
    four.nodes[2].is_paused = True
    four.advance(15)
    assert not four.calls.locks
    other = four.nodes[0].call(4, 2)
    four.nodes[2].is_paused = False
    insert.go()
    four.settle()
    insert.go()
    four.settle()
    four.advance(5)
    assert isinstance(late.exception(), StoreUnavailable)
    assert [call.call_id for call in four.calls.calls.values() if call.status == "ongoing"] == [other.call_id]
    assert in_calls(four) == [IDLE, IN_CALL, IDLE, IN_CALL]


def test_a_call_without_locks_that_nobody_ended_is_found_in_time(four: ClusterWorld) -> None:
    late = Call("late", 3, 4, "audio", "ongoing", four.time.wall())
    four.calls.calls["late"] = late
    four.advance(70)
    assert four.calls.calls["late"].status == "dropped"


def test_a_request_repeated_on_another_server_is_answered_once_the_log_has_the_call(four: ClusterWorld) -> None:
    four.nodes[0].shared.hold()
    first, second = four.nodes[0], four.nodes[1]
    lost = first.begin(first.core.switchboard.start(1, 2, "audio", "key"))
    assert not lost.done()
    four.settle()
    repeated = second.begin(second.core.switchboard.start(1, 2, "audio", "key"))
    four.settle()
    call = repeated.result()
    assert call.call_id in second.core.switchboard.ongoing
    four.settle()
    assert in_calls(four) == [IN_CALL, IN_CALL, IDLE, IDLE]
    first.shared.release()
    four.settle()
    assert lost.result() == call
    assert in_calls(four) == [IN_CALL, IN_CALL, IDLE, IDLE]
    assert [each["call"]["status"] for each in first.clients[0].messages("call_status_update")] == ["ongoing"]


def test_a_call_that_ends_while_its_request_is_repeated_is_answered_as_ended(four: ClusterWorld) -> None:
    first, second = four.nodes[0], four.nodes[1]
    first.shared.hold()
    first.begin(first.core.switchboard.start(1, 2, "audio", "key"))
    first.crash()
    second.shared.hold()
    repeated = second.begin(second.core.switchboard.start(1, 2, "audio", "key"))
    (call,) = four.calls.calls.values()
    third = four.nodes[2]
    third.run(third.core.switchboard.end(2, call.call_id, "completed"))
    second.shared.release()
    four.settle()
    assert repeated.result().status == "completed"
    assert in_calls(four) == [[False, False]] * 4
    assert ongoing(four) == {0}


def test_a_call_without_an_answer_of_the_log_goes_on_when_it_is_back(four: ClusterWorld) -> None:
    four.nodes[0].shared.hold()
    task = start(four, 0, 1, 2)
    four.engine.stop()
    four.advance(2)
    assert isinstance(task.exception(), StoreUnavailable)
    four.engine.start()
    four.advance(2)
    assert in_calls(four) == [IN_CALL, IN_CALL, IDLE, IDLE]


def test_an_end_that_the_log_has_lost_is_found_in_the_store(four: ClusterWorld) -> None:
    call = four.nodes[0].call(1, 2)
    four.settle()
    four.nodes[0].hang_up(1, call)
    four.settle()
    four.engine.fail_over(lost_entries=1)
    four.advance(5)
    assert in_calls(four) == [IDLE] * 4
    assert ongoing(four) == {0}


def test_a_start_that_the_log_has_lost_is_found_in_the_store(four: ClusterWorld) -> None:
    four.nodes[0].call(1, 2)
    four.settle()
    four.engine.fail_over(lost_entries=1)
    four.advance(5)
    assert in_calls(four) == [IN_CALL, IN_CALL, IDLE, IDLE]
    assert ongoing(four) == {1}


def test_a_request_repeated_on_another_server_gets_the_same_call(four: ClusterWorld) -> None:
    tasks = [start(four, node, 1, 2, key="once") for node in range(3)]
    four.settle()
    assert len({task.result().call_id for task in tasks}) == 1
    assert len(four.calls.calls) == 1
    assert in_calls(four) == [IN_CALL, IN_CALL, IDLE, IDLE]
    four.nodes[1].hang_up(1, tasks[2].result())
    four.settle()
    assert in_calls(four) == [IDLE] * 4


def test_a_request_repeated_on_another_server_after_the_end_gets_the_call_that_has_ended(four: ClusterWorld) -> None:
    four.faults.holds = True
    late = start(four, 1, 1, 2, key="once")
    four.settle()
    four.faults.holds = False
    (lookup,) = four.faults.held
    lookup.go()
    four.settle()
    call = four.nodes[0].call(1, 2, key="once")
    four.nodes[0].hang_up(1, call)
    four.settle()
    lookup.go()
    four.settle()
    assert late.result().status == "completed"
    assert in_calls(four) == [IDLE] * 4


def go(cluster: ClusterWorld) -> None:
    """Carry out the only operation of the store that is on hold."""
    (held,) = cluster.faults.held
    for _ in ("applied", "answered"):
        held.go()
        cluster.settle()


def test_a_request_repeated_while_the_first_one_hangs_is_answered_later(four: ClusterWorld) -> None:
    four.faults.holds = True
    start(four, 0, 1, 2, key="once")
    four.settle()
    for _ in ("lookup", "locks"):
        go(four)
    (writing,) = four.faults.held
    assert writing.operation == "insert"
    four.faults.holds = False
    repeated = start(four, 1, 1, 2, key="once")
    four.advance(2)
    assert isinstance(repeated.exception(), StoreUnavailable)
    go(four)
    assert four.nodes[1].call(1, 2, key="once").call_id in four.nodes[2].core.switchboard.ongoing


def test_a_request_repeated_while_the_first_one_is_written_gets_its_call(four: ClusterWorld) -> None:
    four.faults.holds = True
    first = start(four, 0, 1, 2, key="once")
    four.settle()
    for _ in ("lookup", "locks"):
        go(four)
    four.faults.holds = False
    repeated = start(four, 1, 1, 2, key="once")
    four.settle()
    assert not repeated.done()
    go(four)
    four.settle()
    assert repeated.result().call_id == first.result().call_id


def test_a_request_that_another_server_has_overtaken_leaves_its_call_alone(four: ClusterWorld) -> None:
    four.faults.holds = True
    late = start(four, 1, 1, 2, key="once")
    four.settle()
    go(four)
    (locking,) = four.faults.held
    assert locking.operation == "lock"
    four.faults.holds = False
    call = four.nodes[0].call(1, 2, key="once")
    four.settle()
    go(four)
    assert late.result().call_id == call.call_id
    assert in_calls(four) == [IN_CALL, IN_CALL, IDLE, IDLE]
    assert ongoing(four) == {1}
