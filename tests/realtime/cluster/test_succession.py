"""Succession: the users of a server that is gone are held, and go offline once if they stay away."""

from __future__ import annotations

import pytest

from realtime.cluster.node import Node
from realtime.cluster.succession import in_groups
from realtime.presence.user_entry import UserEntry
from tests.realtime.client import Client
from tests.realtime.cluster.conftest import online, told
from tests.realtime.cluster.world import ClusterWorld


@pytest.fixture
def watcher(cluster: ClusterWorld) -> Client:
    """User 2 watches at the third server, and user 1 is connected to the first."""
    client = cluster.connect(2, 2)
    cluster.connect(0, 1)
    cluster.advance(5)
    return client


def node_of(cluster: ClusterWorld, number: int) -> Node:
    """Return a server's part in the cluster."""
    node = cluster.nodes[number].core.node
    assert node is not None
    return node


def ghost_declares_lost(cluster: ClusterWorld, number: int) -> None:
    """Let a server that is gone at once declare another one lost."""
    contents, lost = cluster.engine.contents, node_of(cluster, number)._members.own
    contents.nodes["ghost"] = 1
    cluster.engine.declare_lost(contents.meta.generation, "ghost", lost, contents.nodes[lost] or 0, "op")
    del cluster.engine.contents.nodes["ghost"]


OFFLINE_ONCE = [(True, False), (False, False)]


def test_the_successor_may_go_as_well(cluster: ClusterWorld, watcher: Client) -> None:
    cluster.nodes[0].crash()
    ghost_declares_lost(cluster, 0)
    cluster.advance(20)
    assert online(cluster, 1) == [True, True]
    cluster.advance(10)
    assert told(watcher, 1) == OFFLINE_ONCE
    assert len(cluster.engine.contents.nodes) == 2


def test_two_servers_may_die_together(cluster: ClusterWorld, watcher: Client) -> None:
    cluster.nodes[0].crash()
    cluster.nodes[1].crash()
    cluster.advance(40)
    assert told(watcher, 1) == OFFLINE_ONCE


def test_a_heartbeat_of_a_dead_server_is_held_for_its_life(cluster: ClusterWorld, watcher: Client) -> None:
    cluster.nodes[0].beat(3)
    cluster.settle()
    cluster.nodes[0].crash()
    cluster.advance(80)
    assert online(cluster, 3) == [True, True]
    cluster.advance(30)
    assert told(watcher, 3) == OFFLINE_ONCE


def test_the_successor_goes_on_when_the_engine_is_back(cluster: ClusterWorld, watcher: Client) -> None:
    cluster.nodes[0].crash()
    contents, lost = cluster.engine.contents, node_of(cluster, 0)._members.own
    own = node_of(cluster, 1)._members.own
    cluster.engine.declare_lost(contents.meta.generation, own, lost, contents.nodes[lost] or 0, "op")
    cluster.nodes[1].shared.hold()
    cluster.settle()
    cluster.advance(0.25)
    cluster.engine.stop()
    cluster.advance(5)
    cluster.engine.start()
    cluster.advance(60)
    assert told(watcher, 1) == OFFLINE_ONCE


def test_a_server_that_the_log_has_forgotten_is_gone_if_it_does_not_come_back(
    cluster: ClusterWorld, watcher: Client
) -> None:
    cluster.nodes[0].crash()
    cluster.engine.stop()
    cluster.engine.start(lost_entries=None)
    cluster.advance(60)
    assert told(watcher, 1)[-1] == (False, False)
    assert online(cluster, 1) == [False, False]
    assert online(cluster, 2) == [True, True]


def test_servers_are_only_looked_for_while_the_log_is_open(cluster: ClusterWorld, watcher: Client) -> None:
    cluster.nodes[0].crash()
    cluster.engine.stop()
    cluster.engine.start(lost_entries=None)
    cluster.advance(5)
    cluster.engine.stop()
    cluster.advance(5)
    cluster.engine.start()
    cluster.advance(60)
    assert online(cluster, 1) == [False, False]


def test_an_entry_has_no_more_users_than_it_may(cluster: ClusterWorld) -> None:
    record = cluster.nodes[0].core.registry.get(1).record
    groups = list(in_groups([UserEntry(record)] * 401))
    assert [len(group) for group in groups] == [200, 200, 1]
