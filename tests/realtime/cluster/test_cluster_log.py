"""Cluster log: a proposal is decided again until the log has what follows from it."""

from __future__ import annotations

import pytest

from models.errors import StoreUnavailable
from models.status import StatusChange
from realtime.cluster.cluster_log import ClusterLog
from realtime.presence.log import Proposal
from tests.realtime.client import Client
from tests.realtime.cluster.conftest import busy, online, told
from tests.realtime.cluster.world import ClusterWorld


@pytest.fixture
def watcher(cluster: ClusterWorld) -> Client:
    """User 2 watches at the third server, and user 1 is connected to the second."""
    client = cluster.connect(2, 2)
    cluster.connect(1, 1)
    cluster.advance(1)
    return client


def log_of(cluster: ClusterWorld, node: int) -> ClusterLog:
    """Return a server's log."""
    log = cluster.nodes[node].core.log
    assert isinstance(log, ClusterLog)
    return log


def put(cluster: ClusterWorld, node: int, *, is_busy: bool) -> None:
    """Begin PUT /users/me/status as user 1."""
    world = cluster.nodes[node]
    world.begin(world.core.presence.change(1, StatusChange(is_busy=is_busy)))


def entries(cluster: ClusterWorld) -> int:
    """Return how many entries the log has."""
    return len(cluster.engine.contents.log)


def test_a_change_on_an_old_record_is_decided_again(cluster: ClusterWorld, watcher: Client) -> None:
    cluster.nodes[0].shared.hold_delivery()
    cluster.nodes[1].put(1, is_online=False)
    put(cluster, 0, is_busy=True)
    cluster.advance(0.5)
    cluster.nodes[0].shared.release_delivery()
    cluster.advance(1)
    assert told(watcher, 1) == [(True, False), (False, False), (False, True)]


def test_a_change_whose_reply_was_lost_is_made_once(cluster: ClusterWorld, watcher: Client) -> None:
    cluster.nodes[0].shared.lose_replies()
    put(cluster, 0, is_busy=True)
    cluster.advance(1)
    assert told(watcher, 1) == [(True, False), (True, True)]


def test_a_change_that_the_engine_refuses_is_made_later(cluster: ClusterWorld, watcher: Client) -> None:
    cluster.nodes[0].shared.refuse()
    put(cluster, 0, is_busy=True)
    cluster.advance(1)
    assert told(watcher, 1) == [(True, False), (True, True)]


def test_a_change_after_an_unnoticed_failover_is_made_in_the_new_generation(
    cluster: ClusterWorld, watcher: Client
) -> None:
    cluster.engine.fail_over(drops_connections=False)
    put(cluster, 0, is_busy=True)
    cluster.advance(1)
    assert told(watcher, 1) == [(True, False), (True, True)]


def test_a_change_that_a_failover_lost_before_it_was_read_is_made_again(cluster: ClusterWorld, watcher: Client) -> None:
    cluster.nodes[1].put(1, is_online=False)
    cluster.settle()
    cluster.nodes[0].shared.hold_delivery()
    cluster.nodes[1].beat(1)
    put(cluster, 0, is_busy=True)
    cluster.engine.fail_over(lost_entries=1)
    cluster.nodes[0].shared.release_delivery()
    cluster.advance(1)
    watcher.fold()
    assert busy(cluster, 1) == [True, True, True]
    assert watcher.picture[1]["is_busy"]


def test_a_server_that_was_declared_lost_appends_under_a_new_name(cluster: ClusterWorld, watcher: Client) -> None:
    node = cluster.nodes[0].core.node
    assert node is not None
    own, other = node._members.own, next(iter(cluster.engine.contents.nodes.keys() - {node._members.own}))
    counter = cluster.engine.contents.nodes[own]
    cluster.nodes[0].shared.hold_delivery()
    cluster.engine.declare_lost(cluster.engine.contents.meta.generation, other, own, counter or 0, "op")
    put(cluster, 0, is_busy=True)
    cluster.nodes[0].shared.release_delivery()
    cluster.advance(1)
    assert node._members.own != own
    assert told(watcher, 1) == [(True, False), (True, True)]


def test_a_record_that_is_not_in_the_log_is_written_anew(cluster: ClusterWorld, watcher: Client) -> None:
    del cluster.engine.contents.users[1]
    put(cluster, 0, is_busy=True)
    cluster.advance(1)
    assert told(watcher, 1) == [(True, False), (True, True)]


def test_a_record_that_another_server_writes_first_keeps_no_other_out_of_the_log(
    cluster: ClusterWorld, watcher: Client
) -> None:
    for user_id in (1, 2, 3):
        cluster.engine.contents.users.pop(user_id, None)
    cluster.nodes[0].shared.hold()
    log_of(cluster, 0).append(Proposal((1, 2, 3), "connected", is_written=True))
    cluster.nodes[1].put(1, is_busy=True)
    cluster.settle()
    cluster.nodes[0].shared.release()
    cluster.advance(1)
    assert cluster.engine.contents.users.keys() >= {1, 2, 3}
    assert told(watcher, 1) == [(True, False), (True, True)]


def test_a_change_that_waits_at_an_outage_keeps_no_other_record_out_of_the_log(
    cluster: ClusterWorld, watcher: Client
) -> None:
    for user_id in (1, 2, 3):
        cluster.engine.contents.users.pop(user_id, None)
    cluster.nodes[0].shared.hold()
    put(cluster, 0, is_busy=True)
    log_of(cluster, 0).append(Proposal((1, 2, 3), "connected", is_written=True))
    cluster.nodes[0].shared.release()
    cluster.advance(1)
    assert cluster.engine.contents.users.keys() >= {1, 2, 3}
    assert told(watcher, 1) == [(True, False), (True, True)]


def test_reports_that_wait_become_one_entry(cluster: ClusterWorld, watcher: Client) -> None:
    log_of(cluster, 0).close()
    clients = [cluster.connect(0, 3) for _ in range(5)]
    before = entries(cluster)
    log_of(cluster, 0).open()
    cluster.settle()
    assert entries(cluster) == before + 1
    assert all(client.is_open for client in clients)
    assert told(watcher, 3) == [(True, False)]


def test_what_changes_nothing_is_no_entry(cluster: ClusterWorld, watcher: Client) -> None:
    before = entries(cluster)
    cluster.nodes[1].beat(1, over_socket=True)
    cluster.settle()
    assert entries(cluster) == before


def test_while_the_log_is_closed_a_change_is_answered_with_an_error(cluster: ClusterWorld, watcher: Client) -> None:
    log = log_of(cluster, 0)
    log.close()
    assert not log.is_open
    task = cluster.nodes[0].begin(cluster.nodes[0].core.presence.change(1, StatusChange(is_busy=True)))
    assert isinstance(task.exception(), StoreUnavailable)
    assert not cluster.users.rows[1].set_busy
    log.open()
    cluster.advance(1)
    assert busy(cluster, 1) == [False, False, False]
    assert len(log) == 0


def test_a_change_whose_append_is_not_answered_in_time_is_an_error_and_made_later(
    cluster: ClusterWorld, watcher: Client
) -> None:
    cluster.nodes[0].shared.hold()
    task = cluster.nodes[0].begin(cluster.nodes[0].core.presence.change(1, StatusChange(is_busy=True)))
    cluster.advance(2)
    assert isinstance(task.exception(), StoreUnavailable)
    cluster.nodes[0].shared.release()
    cluster.advance(1)
    assert busy(cluster, 1) == [True, True, True]
    assert len(log_of(cluster, 0)) == 0


def test_a_repeat_is_left_out_if_another_server_writes_first(cluster: ClusterWorld, watcher: Client) -> None:
    for number in (0, 1):
        log_of(cluster, number).append(Proposal((1,), "set", is_repeat=True))
    cluster.advance(1)
    assert told(watcher, 1) == [(True, False), (True, False)]
    assert online(cluster, 1) == [True, True, True]
