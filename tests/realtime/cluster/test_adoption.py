"""Adoption: after its start, or after the log has lost entries, a server agrees with the log again."""

from __future__ import annotations

import pytest

from models.status import Profile, StatusChange
from realtime.protocol import CloseCode
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


def test_a_server_that_starts_knows_what_the_others_know(cluster: ClusterWorld, watcher: Client) -> None:
    cluster.nodes[1].put(1, is_busy=True)
    cluster.nodes[0].crash()
    cluster.nodes[0].start()
    cluster.advance(60)
    pictures = cluster.pictures()
    assert pictures[0] == pictures[1] == pictures[2]
    assert told(watcher, 1) == [(True, False), (True, True)]


def test_a_server_that_starts_resumes_clients_of_the_others(cluster: ClusterWorld, watcher: Client) -> None:
    cluster.nodes[2].lose(watcher)
    cluster.nodes[1].put(1, is_busy=True)
    cluster.settle()
    cluster.nodes[0].crash()
    cluster.nodes[0].start()
    cluster.settle()
    cluster.connect(0, 2, watcher)
    cluster.advance(1)
    assert watcher.messages()[0]["resumed"]
    assert told(watcher, 1) == [(True, True)]


def test_a_user_who_is_not_in_the_store_is_taken_from_the_log(cluster: ClusterWorld, watcher: Client) -> None:
    added = cluster.users.add(9, cluster.time.wall())
    cluster.nodes[1].core.loader.add(added)
    cluster.settle()
    del cluster.users.rows[9]
    cluster.nodes[0].crash()
    cluster.nodes[0].start()
    cluster.settle()
    assert cluster.nodes[0].core.registry.get(9).profile == Profile(9, "user9", None)
    cluster.users.rows[9] = added


@pytest.mark.parametrize("lost", [1, 2, 5])
def test_clients_learn_that_the_log_has_lost_what_they_were_told(
    cluster: ClusterWorld, watcher: Client, lost: int
) -> None:
    cluster.nodes[1].beat(3)
    cluster.nodes[1].put(3, is_busy=True)
    cluster.settle()
    cluster.engine.fail_over(lost_entries=lost)
    cluster.advance(10)
    watcher.fold()
    for user_id in (1, 2, 3):
        assert watcher.picture[user_id] == cluster.pictures()[0][user_id]
        assert online(cluster, user_id) == [True, True, True]
    assert busy(cluster, 3) == [True, True, True]


def test_clients_hear_nothing_of_users_who_are_as_they_were_told_although_the_log_has_lost_everything(
    cluster: ClusterWorld, watcher: Client
) -> None:
    cluster.nodes[0].put(3, is_busy=True)
    cluster.nodes[0].beat(4)
    cluster.advance(2)
    heard = len(watcher.updates())
    cluster.engine.stop()
    cluster.engine.start(lost_entries=None)
    cluster.advance(20)
    assert [each["user_id"] for each in watcher.updates()[heard:]] == []
    assert sorted(cluster.engine.contents.users) == [1, 2, 3, 4]
    cluster.nodes[1].put(1, is_busy=True)
    cluster.advance(1)
    assert told(watcher, 1)[-1] == (True, True)


def test_clients_who_were_told_something_else_are_told_again_although_the_log_has_lost_everything(
    cluster: ClusterWorld, watcher: Client
) -> None:
    other = cluster.connect(0, 3)
    cluster.advance(1)
    cluster.nodes[2].shared.hold_delivery()
    cluster.nodes[0].put(1, is_busy=True)
    cluster.engine.stop()
    cluster.engine.start(lost_entries=None)
    cluster.nodes[2].shared.release_delivery()
    cluster.advance(10)
    for client in (watcher, other):
        client.fold()
        assert client.picture[1] == cluster.pictures()[0][1]
    assert busy(cluster, 1) == [True, True, True]
    assert told(watcher, 1) == [(True, False), (True, True)]


def test_evidence_that_only_the_log_has_is_taken_back(cluster: ClusterWorld, watcher: Client) -> None:
    client = cluster.connect(0, 3)
    cluster.advance(1)
    cluster.nodes[0].leave(client)
    cluster.advance(3)
    cluster.engine.fail_over(lost_entries=1)
    cluster.advance(20)
    assert online(cluster, 3) == [False, False, False]


def test_a_disabled_user_stays_disabled_although_the_log_has_lost_it(cluster: ClusterWorld, watcher: Client) -> None:
    cluster.nodes[0].core.presence.disable(1)
    cluster.settle()
    cluster.engine.fail_over(lost_entries=1)
    cluster.advance(5)
    assert [node.core.registry.get(1).record.disabled for node in cluster.nodes] == [True, True, True]


def test_a_change_that_was_saved_before_the_log_knew_the_user_is_announced(
    cluster: ClusterWorld, watcher: Client
) -> None:
    cluster.nodes[0].shared.hold()
    cluster.nodes[0].begin(cluster.nodes[0].core.presence.change(4, StatusChange(is_busy=True)))
    cluster.nodes[0].crash()
    cluster.nodes[0].start()
    cluster.advance(1)
    assert busy(cluster, 4) == [True, True, True]
    assert told(watcher, 4) == [(False, True)]


def test_clients_connect_again_if_the_log_has_lost_their_whole_epoch(cluster: ClusterWorld, watcher: Client) -> None:
    before = len(cluster.engine.contents.log)
    cluster.engine.fail_over()
    cluster.advance(1)
    cluster.nodes[1].put(1, is_busy=True)
    cluster.settle()
    cluster.nodes[0].crash()
    cluster.nodes[1].crash()
    cluster.nodes[2].shared.cut_off()
    cluster.engine.fail_over(lost_entries=len(cluster.engine.contents.log) - before)
    cluster.nodes[0].start()
    cluster.settle()
    cluster.nodes[2].shared.reconnect()
    cluster.advance(1)
    assert watcher.session.close_code == CloseCode.RESTART
    cluster.connect(0, 2, watcher)
    assert not watcher.messages()[0]["resumed"]
