"""Failures that other systems of several servers have had. Each is ruled out here, or in the test that it names.

Writes that a failover loses, and ids given out again: tests/cluster/test_redis_failover.py. A blocked read that misses
a log made anew, scripts that Redis has forgotten, a cancelled command: tests/cluster/test_redis_log.py. Reading from
the end, entries that were trimmed: tests/cluster/test_shared_log.py, and here.
"""

from __future__ import annotations

from realtime.cluster.codec import decoded_record
from tests.realtime.cluster.conftest import busy, online, told
from tests.realtime.cluster.test_succession import node_of
from tests.realtime.cluster.world import ClusterWorld


def announcements(cluster: ClusterWorld, user_id: int) -> list[bool]:
    """Return whether the user is online in each announcement in the log."""
    return [
        decoded_record(row.record).status.is_online
        for entry in cluster.engine.contents.log
        for row in entry.rows
        if row.user_id == user_id and row.is_announced
    ]


def name_of(cluster: ClusterWorld, number: int) -> str:
    """Return the name under which a server writes."""
    return node_of(cluster, number)._members.own


def servers_in_records(cluster: ClusterWorld) -> set[str]:
    """Return the servers that have evidence of somebody, by the log."""
    records = [decoded_record(stored.record) for stored in cluster.engine.contents.users.values()]
    return {server for record in records for server in record.alive_on | record.heartbeat_on}


def test_only_one_of_the_others_announces_the_users_of_a_server_that_died(cluster: ClusterWorld) -> None:
    """Rocket.Chat 14488"""
    watchers = [cluster.connect(1, 2), cluster.connect(2, 3)]
    cluster.connect(0, 1)
    cluster.advance(2)
    cluster.nodes[0].crash()
    for node in cluster.nodes[1:]:
        node.shared.hold()
    cluster.advance(1)  # their commands reach the engine at the same moment
    for node in cluster.nodes[1:]:
        node.shared.release()
    cluster.advance(40)
    assert announcements(cluster, 1) == [True, False]
    assert [told(watcher, 1) for watcher in watchers] == [[(True, False), (False, False)]] * 2


def test_nothing_of_a_server_that_died_is_left(cluster: ClusterWorld) -> None:
    """Rocket.Chat 27468"""
    cluster.connect(0, 1)
    cluster.connect(1, 1)
    cluster.nodes[0].beat(3)
    cluster.advance(2)
    dead = name_of(cluster, 0)
    cluster.nodes[0].crash()
    cluster.advance(10)
    assert online(cluster, 1) == [True, True]
    assert dead not in servers_in_records(cluster)
    assert dead not in cluster.engine.contents.nodes


def test_a_user_is_not_offline_as_long_as_one_server_has_a_socket(cluster: ClusterWorld) -> None:
    """Mattermost 26813"""
    watcher = cluster.connect(2, 2)
    first, second = cluster.connect(0, 1), cluster.connect(1, 1)
    cluster.advance(2)
    cluster.nodes[0].leave(first)
    cluster.advance(5)
    cluster.nodes[0].crash()
    cluster.advance(120)
    assert second.is_open
    assert online(cluster, 1) == [True, True]
    assert told(watcher, 1) == [(True, False)]


def test_who_left_a_server_while_it_was_cut_off_does_not_come_back_with_it(cluster: ClusterWorld) -> None:
    """phoenix_pubsub 55, 111"""
    watcher = cluster.connect(2, 2)
    gone, stays = cluster.connect(0, 1), cluster.connect(0, 3)
    cluster.advance(2)
    cut_off = name_of(cluster, 0)
    cluster.nodes[0].shared.cut_off()
    cluster.advance(3)
    cluster.nodes[0].lose(gone)
    cluster.advance(30)
    cluster.nodes[0].shared.reconnect()
    cluster.advance(60)
    assert stays.is_open
    assert online(cluster, 1) == [False, False, False]
    assert online(cluster, 3) == [True, True, True]
    assert cut_off not in servers_in_records(cluster)
    assert told(watcher, 1) == [(True, False), (False, False)]


def test_who_was_back_for_a_moment_on_a_server_that_was_cut_off_has_the_grace_period(cluster: ClusterWorld) -> None:
    client = cluster.connect(0, 1)
    cluster.advance(2)
    cluster.nodes[0].shared.cut_off()
    cluster.nodes[0].lose(client)
    cluster.advance(20)
    cluster.nodes[0].shared.hold_delivery()
    cluster.nodes[0].shared.reconnect()
    cluster.settle()
    cluster.connect(0, 1, client)
    cluster.nodes[0].lose(client)
    cluster.nodes[0].shared.release_delivery()
    cluster.advance(10)
    assert online(cluster, 1) == [True, True, True]
    cluster.advance(10)
    assert online(cluster, 1) == [False, False, False]


def test_a_server_that_starts_misses_nothing_that_is_appended_meanwhile(cluster: ClusterWorld) -> None:
    """A reader that starts at the end of the log does."""
    cluster.nodes[0].crash()
    cluster.nodes[0].start()
    cluster.nodes[0].shared.hold_delivery()
    for user_id in (1, 2, 3):
        cluster.connect(1, user_id)
        cluster.nodes[2].put(user_id, is_busy=True)
    cluster.nodes[0].shared.release_delivery()
    cluster.advance(1)
    assert [busy(cluster, user_id) for user_id in (1, 2, 3)] == [[True, True, True]] * 3


def test_an_entry_that_was_trimmed_unread_is_missed_by_nobody(cluster: ClusterWorld) -> None:
    """Redis skips such entries in its answer, without a word."""
    client = cluster.connect(0, 2)
    cluster.advance(1)
    cluster.nodes[0].shared.hold_delivery()
    cluster.connect(1, 1)
    cluster.nodes[1].put(3, is_busy=True)
    cluster.settle()
    cluster.engine.trim(1)
    cluster.nodes[0].shared.release_delivery()
    cluster.advance(1)
    client.fold()
    assert {user_id: client.picture[user_id] for user_id in (1, 2, 3)} == {
        user_id: cluster.pictures()[1][user_id] for user_id in (1, 2, 3)
    }
