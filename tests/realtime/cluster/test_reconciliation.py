"""Reconciliation: the store has every call, and the log follows it."""

from __future__ import annotations

import pytest

from models.calls import Call, ended
from realtime.calls.reconciliation import Reconciliation
from tests.realtime.cluster.conftest import busy
from tests.realtime.cluster.test_succession import node_of
from tests.realtime.cluster.world import ClusterWorld


@pytest.fixture
def reconciliation(cluster: ClusterWorld) -> Reconciliation:
    """The first server's. Users 1 and 2 are connected."""
    for user_id in (1, 2):
        cluster.connect(0, user_id)
    cluster.advance(1)
    return node_of(cluster, 0)._comparison.reconciliation


def store(cluster: ClusterWorld) -> Call:
    """Put a call of users 1 and 2 into the store, past every server."""
    call = Call("call", 1, 2, "audio", "ongoing", cluster.time.wall())
    cluster.calls.calls["call"] = call
    cluster.calls.locks |= {1: "call", 2: "call"}
    return call


def end(cluster: ClusterWorld, call: Call) -> None:
    """End a call in the store, past every server."""
    cluster.calls.calls["call"] = ended(call, "completed", cluster.time.wall(), 1)
    cluster.calls.locks.clear()


def run(cluster: ClusterWorld, reconciliation: Reconciliation) -> None:
    """Reconcile."""
    cluster.nodes[0].begin(reconciliation.run())
    cluster.settle()


def test_a_call_that_only_the_store_knows_is_resumed(cluster: ClusterWorld, reconciliation: Reconciliation) -> None:
    store(cluster)
    run(cluster, reconciliation)
    assert busy(cluster, 1) == busy(cluster, 2) == [True, True, True]


def test_a_call_that_is_over_in_the_store_is_given_up(cluster: ClusterWorld, reconciliation: Reconciliation) -> None:
    call = store(cluster)
    run(cluster, reconciliation)
    end(cluster, call)
    run(cluster, reconciliation)
    assert busy(cluster, 1) == busy(cluster, 2) == [False, False, False]
    assert [len(node.core.switchboard.ongoing) for node in cluster.nodes] == [0, 0, 0]


def test_a_call_that_ends_while_it_is_resumed_is_ended(cluster: ClusterWorld, reconciliation: Reconciliation) -> None:
    call = store(cluster)
    cluster.nodes[0].shared.hold()
    cluster.nodes[0].begin(reconciliation.run())
    end(cluster, call)
    cluster.nodes[0].shared.release()
    cluster.settle()
    assert busy(cluster, 1) == busy(cluster, 2) == [False, False, False]


def test_users_held_by_a_call_that_never_was_are_released(
    cluster: ClusterWorld, reconciliation: Reconciliation
) -> None:
    cluster.nodes[0].hold((1, 2), "nothing")
    cluster.settle()
    assert busy(cluster, 1) == [True, True, True]
    run(cluster, reconciliation)
    assert busy(cluster, 1) == busy(cluster, 2) == [False, False, False]


def test_a_call_that_has_started_since_is_kept(cluster: ClusterWorld, reconciliation: Reconciliation) -> None:
    cluster.nodes[0].call(1, 2)
    cluster.settle()
    (call,) = cluster.nodes[0].core.switchboard.ongoing.all()
    cluster.nodes[0].run(reconciliation._give_up(call.call_id))
    cluster.settle()
    assert busy(cluster, 1) == [True, True, True]
