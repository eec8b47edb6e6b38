"""Told ahead: a socket that was told its own status before the log had it is told once."""

from __future__ import annotations

import pytest

from realtime.sockets.told_ahead import ToldAhead
from tests.realtime.client import Client
from tests.realtime.cluster.conftest import told
from tests.realtime.cluster.world import ClusterWorld, NodeWorld


@pytest.fixture
def node(cluster: ClusterWorld) -> NodeWorld:
    """The first server, to which no entry of the log is delivered until it is asked for."""
    cluster.advance(1)
    cluster.nodes[0].shared.hold_delivery()
    return cluster.nodes[0]


def told_ahead(node: NodeWorld) -> ToldAhead:
    """Return the server's part of that name."""
    part = node.core.admission.told_ahead
    assert part is not None
    return part


def own(client: Client) -> list[bool]:
    """Return whether the user was online, by the first message and by each announcement."""
    first = [each["status"]["is_online"] for each in client.messages("user_status_update")[:1]]
    return first + [is_online for is_online, _ in told(client, client.user_id)]


def deliver(cluster: ClusterWorld) -> None:
    """Deliver what the log has."""
    cluster.nodes[0].shared.release_delivery()
    cluster.advance(1)


def test_a_socket_is_told_its_own_status_once(cluster: ClusterWorld, node: NodeWorld) -> None:
    watcher, client = cluster.connect(1, 2), cluster.connect(0, 1)
    deliver(cluster)
    assert own(client) == [True]
    assert [each["user_id"] for each in client.updates()] == [2]
    cluster.advance(1)
    assert told(watcher, 1) == [(True, False)]
    assert len(told_ahead(node)) == 0
    node.put(1, is_busy=True)
    cluster.advance(1)
    assert told(client, 1) == [(True, True)]


def test_the_figures_count_the_user_who_is_not_in_the_log_yet(cluster: ClusterWorld, node: NodeWorld) -> None:
    client = node.connect(1, "feed")
    assert client.messages("feed_stats")[0]["stats"]["online"] == 1
    assert client.messages("feed_stats")[0]["stats"]["available"] == 1
    deliver(cluster)


def test_all_sockets_that_open_before_the_log_has_the_first_are_told_once(
    cluster: ClusterWorld, node: NodeWorld
) -> None:
    clients = [cluster.connect(0, 1) for _ in range(3)]
    node.leave(clients[2])
    deliver(cluster)
    assert [own(client) for client in clients[:2]] == [[True], [True]]


def test_a_socket_that_has_ended_is_forgotten(cluster: ClusterWorld, node: NodeWorld) -> None:
    node.leave(cluster.connect(0, 1))
    assert len(told_ahead(node)) == 0
    deliver(cluster)


def test_a_status_that_the_log_makes_another_one_is_announced(cluster: ClusterWorld, node: NodeWorld) -> None:
    cluster.nodes[1].put(1, is_busy=True)
    client = cluster.connect(0, 1)
    deliver(cluster)
    assert told(client, 1)[-1] == (True, True)


def test_a_socket_that_was_sent_a_snapshot_from_before_is_sent_the_announcement(
    cluster: ClusterWorld, node: NodeWorld
) -> None:
    client = node.connect(1, "presence", epoch="another", since=1)
    node.settle()
    assert [user["is_online"] for user in client.messages("snapshot")[0]["users"] if user["user_id"] == 1] == [False]
    deliver(cluster)
    assert told(client, 1) == [(True, False)]
