"""Node: a server joins, renews its lease, comes back after trouble, and leaves."""

from __future__ import annotations

from collections.abc import Awaitable

import pytest

from models.errors import StoreUnavailable, Unauthenticated
from models.shared_log import NotSent
from realtime.cluster.cluster_log import ClusterLog
from tests.realtime.cluster.conftest import online, told
from tests.realtime.cluster.test_succession import ghost_declares_lost, node_of
from tests.realtime.cluster.world import ClusterWorld


def names(cluster: ClusterWorld) -> set[str]:
    """Return the names under which the servers that run are in the log."""
    return {node_of(cluster, number)._members.own for number, node in enumerate(cluster.nodes) if node.is_up}


def test_every_server_renews_its_lease(cluster: ClusterWorld) -> None:
    cluster.advance(5)
    assert cluster.engine.contents.nodes == dict.fromkeys(names(cluster), 3)


def test_a_server_that_learns_from_its_renewal_that_it_was_lost_takes_a_new_name(cluster: ClusterWorld) -> None:
    client = cluster.connect(0, 1)
    cluster.advance(1)
    before = cluster.nodes[0].own
    cluster.nodes[0].shared.hold_delivery()
    cluster.engine.contents.nodes[before] = None
    cluster.advance(4)
    cluster.nodes[0].shared.release_delivery()
    cluster.advance(1)
    assert cluster.nodes[0].own != before
    assert client.is_open
    assert online(cluster, 1) == [True, True, True]


def test_the_others_are_told_which_server_was_lost_and_that_it_came_back(cluster: ClusterWorld) -> None:
    heard: list[list[tuple[str, str]]] = [[], [], []]
    for number in range(3):
        node_of(cluster, number).on_change = lambda *change, number=number: heard[number].append(change)
    before = cluster.nodes[0].own
    ghost_declares_lost(cluster, 0)
    cluster.advance(1)
    assert heard == [[("lost", before), ("rejoined", cluster.nodes[0].own)], [("lost", before)], [("lost", before)]]


def test_a_new_generation_is_told_with_its_epoch(cluster: ClusterWorld) -> None:
    heard: list[tuple[str, str]] = []
    node_of(cluster, 0).on_change = lambda *change: heard.append(change)
    cluster.engine.fail_over()
    cluster.advance(5)
    assert [kind for kind, _ in heard] == ["new generation"]


def test_a_start_waits_for_the_engine(cluster: ClusterWorld) -> None:
    cluster.nodes[0].crash()
    cluster.engine.stop()
    cluster.nodes[0].start()
    cluster.advance(5)
    assert not cluster.nodes[0].is_listening
    cluster.engine.start()
    cluster.settle()
    assert cluster.nodes[0].is_listening


def test_a_start_goes_on_after_the_connection_was_lost(cluster: ClusterWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster.nodes[0].crash()
    cluster.engine.stop()
    cluster.nodes[0].start()
    shared = cluster.nodes[0].shared
    join = shared.join

    async def fail(server: str) -> bool:
        monkeypatch.setattr(shared, "join", join)
        raise NotSent("refused")

    monkeypatch.setattr(shared, "join", fail)
    cluster.engine.start()
    cluster.advance(1)
    assert cluster.nodes[0].is_listening
    cluster.advance(10)
    assert cluster.engine.contents.nodes.keys() == names(cluster)


def test_a_server_that_was_cut_off_comes_back(cluster: ClusterWorld) -> None:
    watcher = cluster.connect(2, 2)
    cluster.connect(0, 1)
    cluster.advance(1)
    cluster.nodes[0].shared.cut_off()
    cluster.advance(8)
    cluster.nodes[0].shared.reconnect()
    cluster.advance(40)
    assert told(watcher, 1) == [(True, False)]
    assert cluster.engine.contents.nodes.keys() == names(cluster)


def test_a_server_that_was_lost_and_forgotten_while_cut_off_does_not_use_its_old_name(cluster: ClusterWorld) -> None:
    before = node_of(cluster, 0)._members.own
    cluster.connect(0, 1)
    cluster.nodes[0].shared.cut_off()
    cluster.advance(8)
    assert before not in cluster.engine.contents.nodes
    joined: list[str] = []
    join = cluster.engine.join
    cluster.engine.join = lambda server: joined.append(server) or join(server)  # type: ignore[func-returns-value, method-assign]
    cluster.nodes[0].shared.reconnect()
    cluster.advance(2)
    assert joined == [node_of(cluster, 0)._members.own]
    assert before not in cluster.engine.contents.nodes
    assert cluster.engine.contents.nodes.keys() == names(cluster)


def test_a_server_that_was_declared_lost_joins_under_a_new_name(cluster: ClusterWorld) -> None:
    before = node_of(cluster, 0)._members.own
    cluster.connect(0, 1)
    cluster.engine.contents.nodes[before] = None
    cluster.nodes[0].shared.drop()
    cluster.advance(20)
    assert node_of(cluster, 0)._members.own != before
    assert cluster.engine.contents.nodes.keys() == names(cluster)
    assert online(cluster, 1) == [True, True, True]


def test_a_server_that_the_engine_has_forgotten_joins_again(cluster: ClusterWorld) -> None:
    cluster.connect(0, 1)
    del cluster.engine.contents.nodes[node_of(cluster, 0)._members.own]
    cluster.advance(20)
    assert cluster.engine.contents.nodes.keys() == names(cluster)
    assert online(cluster, 1) == [True, True, True]


def test_a_server_that_learns_from_the_log_that_it_is_lost_joins_again(cluster: ClusterWorld) -> None:
    cluster.connect(0, 1)
    ghost_declares_lost(cluster, 0)
    cluster.advance(40)
    assert cluster.engine.contents.nodes.keys() == names(cluster)
    assert online(cluster, 1) == [True, True, True]


def test_who_left_a_server_before_it_was_lost_has_the_grace_period_of_the_others(cluster: ClusterWorld) -> None:
    client, second = cluster.connect(0, 1), cluster.connect(0, 3)
    cluster.advance(2)
    cluster.nodes[0].lose(client)
    cluster.nodes[0].lose(second)
    cluster.advance(12)
    cluster.nodes[0].shared.cut_off()
    cluster.advance(4)  # the grace period ends, but nothing can be appended
    cluster.nodes[0].shared.hold_delivery()
    cluster.nodes[0].shared.reconnect()
    cluster.settle()
    cluster.connect(0, 3, second)
    cluster.nodes[0].lose(second)
    ghost_declares_lost(cluster, 0)
    cluster.nodes[0].shared.release_delivery()
    cluster.advance(14)
    assert online(cluster, 1) == online(cluster, 3) == [True, True, True]
    cluster.advance(16)
    assert online(cluster, 1) == online(cluster, 3) == [False, False, False]


def test_a_server_that_a_new_generation_has_as_lost_joins_under_a_new_name(cluster: ClusterWorld) -> None:
    before = node_of(cluster, 0)._members.own
    cluster.connect(0, 1)
    cluster.advance(2)
    cluster.nodes[0].shared.cut_off()
    cluster.engine.contents.nodes[before] = None
    cluster.engine.fail_over()
    cluster.nodes[0].shared.reconnect()
    cluster.advance(20)
    assert node_of(cluster, 0)._members.own != before
    assert cluster.engine.contents.nodes.keys() == names(cluster)
    assert online(cluster, 1) == [True, True, True]


def test_a_renewal_that_is_refused_makes_the_server_connect_again(cluster: ClusterWorld) -> None:
    cluster.nodes[0].shared.refuse()
    cluster.advance(3)
    log = cluster.nodes[0].core.log
    assert isinstance(log, ClusterLog)
    assert log.is_open


def test_a_server_that_has_left_follows_the_log_and_joins_no_more(cluster: ClusterWorld) -> None:
    watcher = cluster.connect(0, 2)
    cluster.advance(3)
    cluster.nodes[0].run(node_of(cluster, 0).leave())
    cluster.connect(1, 1)
    cluster.advance(3)
    cluster.nodes[2].crash()
    cluster.advance(10)
    assert told(watcher, 1) == [(True, False)]
    cluster.nodes[0].shared.drop()
    cluster.advance(10)
    assert cluster.engine.contents.nodes.keys() == {node_of(cluster, 1)._members.own}


def test_nobody_waits_for_the_log_of_a_server_that_has_left(cluster: ClusterWorld) -> None:
    node = cluster.nodes[0]
    node.run(node_of(cluster, 0).leave())
    for waiting in (node.core.presence.disable(1), node.core.presence.review(node.core.registry.get(2), "set")):
        task = node.begin(awaited(waiting))
        node.settle()
        assert isinstance(task.exception(), StoreUnavailable)


async def awaited(outcome: Awaitable[None]) -> None:
    """Await an outcome."""
    await outcome


def test_a_server_that_leaves_after_an_unnoticed_failover_says_so(cluster: ClusterWorld) -> None:
    cluster.engine.fail_over(drops_connections=False)
    task = cluster.nodes[0].begin(node_of(cluster, 0).leave())
    cluster.settle()
    assert isinstance(task.exception(), StoreUnavailable)


def test_a_failover_without_loss_is_followed_without_reading_everything_again(cluster: ClusterWorld) -> None:
    watcher = cluster.connect(0, 2)
    cluster.connect(1, 1)
    cluster.advance(1)
    cluster.engine.fail_over(drops_connections=False)
    cluster.nodes[1].shared.drop()
    cluster.advance(30)
    cluster.nodes[2].put(1, is_busy=True)
    cluster.advance(1)
    assert told(watcher, 1) == [(True, False), (True, True)]


def test_calls_are_compared_again_if_the_store_is_down(cluster: ClusterWorld) -> None:
    for user_id in (1, 2):
        cluster.connect(0, user_id)
    cluster.nodes[0].call(1, 2)
    cluster.settle()
    cluster.faults.script("ongoing", "refused", "refused", "refused")
    cluster.engine.fail_over(lost_entries=1)
    cluster.advance(5)
    assert [len(node.core.switchboard.ongoing) for node in cluster.nodes] == [1, 1, 1]


def test_a_server_says_for_how_long_it_has_not_reached_the_log(cluster: ClusterWorld) -> None:
    node = cluster.nodes[0].core.node
    assert node is not None
    assert (node.is_connected, node.cut_off_seconds) == (True, 0.0)
    cluster.nodes[0].shared.cut_off()
    cluster.advance(12)
    assert not node.is_connected
    assert 10 <= node.cut_off_seconds <= 14


def test_one_server_is_on_duty(cluster: ClusterWorld) -> None:
    cluster.advance(5)
    assert [node.core.is_first for node in cluster.nodes].count(True) == 1


def test_a_ticket_opens_one_socket_on_any_server(cluster: ClusterWorld) -> None:
    one, other = cluster.nodes[0], cluster.nodes[1]
    identity = one.identity(1)
    ticket = one.run(one.core.authenticator.new_ticket(identity))
    assert other.run(other.core.authenticator.identify_by_ticket(ticket)) == identity
    with pytest.raises(Unauthenticated):
        one.run(one.core.authenticator.identify_by_ticket(ticket))


def test_a_ticket_of_a_user_who_was_signed_out_since_is_refused(cluster: ClusterWorld) -> None:
    one, other = cluster.nodes[0], cluster.nodes[1]
    ticket = one.run(one.core.authenticator.new_ticket(one.identity(1)))
    other.core.presence.refuse(1, 1)
    with pytest.raises(Unauthenticated):
        other.run(other.core.authenticator.identify_by_ticket(ticket))
