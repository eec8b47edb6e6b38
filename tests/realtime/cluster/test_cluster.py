"""Cluster: several servers are as one."""

from __future__ import annotations

from datetime import timedelta

import pytest

from models.errors import StoreUnavailable
from models.status import StatusChange
from tests.realtime.cluster.conftest import MakeCluster, busy, online, told
from tests.realtime.cluster.world import ClusterWorld


def test_a_user_who_connects_to_one_server_is_online_on_all(cluster: ClusterWorld) -> None:
    cluster.connect(0, 1)
    assert online(cluster, 1) == [True, True, True]


def test_a_client_of_another_server_is_told(cluster: ClusterWorld) -> None:
    watcher = cluster.connect(1, 2)
    cluster.connect(0, 1)
    cluster.advance(0.5)
    watcher.fold()
    assert [(each["user_id"], each["seq"]) for each in watcher.updates()] == [(1, 2)]


def test_a_user_with_sockets_on_two_servers_is_offline_only_when_both_have_gone(cluster: ClusterWorld) -> None:
    one, other = cluster.connect(0, 1), cluster.connect(1, 1)
    cluster.nodes[0].leave(one)
    cluster.advance(20)
    assert online(cluster, 1) == [True, True, True]
    cluster.nodes[1].leave(other)
    cluster.advance(2)
    assert online(cluster, 1) == [False, False, False]


def test_a_user_who_changes_servers_within_the_grace_period_is_not_announced(cluster: ClusterWorld) -> None:
    watcher = cluster.connect(2, 2)
    client = cluster.connect(0, 1)
    cluster.nodes[0].lose(client)
    cluster.advance(10)
    cluster.connect(1, 1)
    cluster.advance(60)
    assert [each["user_id"] for each in watcher.updates()] == [1]


def test_the_users_of_a_server_that_dies_are_offline_once_unless_they_come_back(cluster: ClusterWorld) -> None:
    watcher = cluster.connect(2, 2)
    cluster.connect(0, 1)
    cluster.connect(0, 3)
    cluster.nodes[0].crash()
    cluster.advance(5)
    cluster.connect(1, 1)
    cluster.advance(30)
    told = [(each["user_id"], each["status"]["is_online"]) for each in watcher.updates()]
    assert told == [(1, True), (3, True), (3, False)]


def test_a_server_that_was_paused_comes_back_with_its_users(cluster: ClusterWorld) -> None:
    watcher = cluster.connect(2, 2)
    cluster.connect(0, 1)
    cluster.nodes[0].is_paused = True
    cluster.advance(10)
    cluster.nodes[0].is_paused = False
    cluster.advance(60)
    assert online(cluster, 1) == [True, True, True]
    assert [each["user_id"] for each in watcher.updates()] == [1]


@pytest.mark.parametrize("lost", [0, 1, 3, None])
def test_after_a_restart_of_the_engine_everybody_is_right(cluster: ClusterWorld, lost: int | None) -> None:
    watcher = cluster.connect(2, 2)
    cluster.connect(0, 1)
    client = cluster.connect(1, 3)
    cluster.nodes[1].leave(client)
    cluster.advance(5)
    cluster.engine.stop()
    cluster.settle()
    cluster.advance(3)
    cluster.engine.start(lost_entries=lost)
    cluster.advance(30)
    watcher.fold()
    pictures = cluster.pictures()
    assert [picture[user_id]["is_online"] for picture in pictures for user_id in (1, 2, 3)] == [True, True, False] * 3
    assert all(user == pictures[2][user_id] for user_id, user in watcher.picture.items())


def test_one_user_on_two_servers_at_once_is_announced_once(cluster: ClusterWorld) -> None:
    watcher = cluster.connect(2, 2)
    cluster.nodes[0].shared.hold()
    cluster.connect(0, 1)
    cluster.connect(1, 1)
    cluster.nodes[0].shared.release()
    cluster.advance(1)
    assert told(watcher, 1) == [(True, False)]


def test_each_change_is_announced_once_wherever_it_is_asked_for(cluster: ClusterWorld) -> None:
    watcher = cluster.connect(2, 2)
    cluster.connect(0, 1)
    cluster.advance(1)
    for number in range(3):
        cluster.nodes[number].put(1, is_busy=number % 2 == 0)
        cluster.settle()
    cluster.advance(1)
    assert told(watcher, 1) == [(True, False), (True, True), (True, False), (True, True)]


def test_a_client_that_resumes_on_another_server_gets_what_it_missed(cluster: ClusterWorld) -> None:
    client = cluster.connect(0, 2)
    cluster.connect(1, 1)
    cluster.advance(1)
    cluster.nodes[0].lose(client)
    cluster.nodes[1].put(1, is_busy=True)
    cluster.settle()
    cluster.connect(2, 2, client)
    client.fold()
    assert client.messages()[0]["resumed"]
    assert told(client, 1) == [(True, True)]


def test_the_own_status_at_connect_is_as_if_the_log_had_it(cluster: ClusterWorld) -> None:
    cluster.engine.stop()
    cluster.settle()
    client = cluster.connect(0, 1)
    assert client.messages()[1]["status"]["is_online"]
    assert not cluster.nodes[0].status(1).is_online
    cluster.engine.start()
    cluster.advance(1)
    assert online(cluster, 1) == [True, True, True]


def test_a_rolling_restart_announces_nobody(cluster: ClusterWorld) -> None:
    watcher = cluster.connect(2, 2)
    client = cluster.connect(0, 1)
    cluster.advance(5)
    cluster.nodes[0].drain()
    cluster.settle()
    cluster.nodes[0].crash()
    cluster.advance(30)
    cluster.nodes[0].start()
    cluster.connect(1, 1, client)
    cluster.advance(90)
    assert told(watcher, 1) == [(True, False)]


def test_users_of_a_server_that_left_go_offline_once_if_they_stay_away(cluster: ClusterWorld) -> None:
    watcher = cluster.connect(2, 2)
    cluster.connect(0, 1)
    cluster.advance(5)
    cluster.nodes[0].drain()
    cluster.settle()
    cluster.nodes[0].crash()
    cluster.advance(40)
    assert online(cluster, 1) == [True, True]
    cluster.advance(10)
    assert told(watcher, 1) == [(True, False), (False, False)]


def test_a_user_who_came_back_elsewhere_while_the_engine_was_down_is_not_announced(cluster: ClusterWorld) -> None:
    watcher = cluster.connect(2, 2)
    client = cluster.connect(0, 1)
    cluster.advance(1)
    cluster.engine.stop()
    cluster.settle()
    cluster.nodes[0].lose(client)
    cluster.connect(1, 1, client)
    cluster.advance(30)
    cluster.nodes[1].shared.cut_off()
    cluster.engine.start()
    cluster.advance(1)
    cluster.nodes[1].shared.reconnect()
    cluster.advance(30)
    assert set(told(watcher, 1)) == {(True, False)}


def test_the_end_of_busy_is_told_once_although_the_server_that_wrote_it_died(cluster: ClusterWorld) -> None:
    watcher = cluster.connect(2, 2)
    cluster.connect(1, 1)
    cluster.nodes[0].put(1, busy_until=cluster.time.wall() + timedelta(minutes=1))
    cluster.settle()
    cluster.nodes[0].crash()
    cluster.advance(70)
    assert told(watcher, 1) == [(True, False), (True, True), (True, False)]


def test_what_a_server_that_died_owed_is_announced_by_another(make_cluster: MakeCluster) -> None:
    cluster = make_cluster(announcements_per_second=1)
    watcher = cluster.connect(2, 2)
    cluster.connect(1, 1)
    cluster.advance(3)
    cluster.nodes[0].put(1, is_busy=True)
    cluster.nodes[0].put(1, is_busy=False)
    cluster.nodes[0].put(1, is_busy=True)
    cluster.settle()
    cluster.nodes[0].crash()
    cluster.nodes[1].put(1, is_busy=False)
    cluster.advance(20)
    watcher.fold()
    assert watcher.picture[1] == cluster.pictures()[0][1]
    assert not watcher.picture[1]["is_busy"]


def test_what_nobody_has_asked_for_since_is_announced_by_the_successor(make_cluster: MakeCluster) -> None:
    cluster = make_cluster(announcements_per_second=1)
    watcher = cluster.connect(2, 2)
    cluster.connect(1, 1)
    cluster.advance(3)
    cluster.nodes[0].put(1, is_busy=True)
    cluster.nodes[0].put(1, is_busy=False)
    cluster.settle()
    cluster.nodes[0].crash()
    cluster.advance(20)
    assert told(watcher, 1) == [(True, False), (True, True), (True, False)]


def test_a_put_while_the_log_is_closed_does_not_overwrite_a_later_one(cluster: ClusterWorld) -> None:
    cluster.connect(1, 1)
    cluster.advance(1)
    cluster.nodes[0].shared.cut_off()
    cluster.settle()
    early = cluster.nodes[0].begin(cluster.nodes[0].core.presence.change(1, StatusChange(is_busy=True)))
    cluster.advance(2)
    assert isinstance(early.exception(), StoreUnavailable)
    cluster.nodes[1].put(1, is_busy=False)
    cluster.nodes[0].shared.reconnect()
    cluster.advance(5)
    assert busy(cluster, 1) == [False, False, False]
    assert not cluster.users.rows[1].set_busy


def test_a_gap_in_the_log_makes_a_server_read_everything_again(cluster: ClusterWorld) -> None:
    watcher = cluster.connect(0, 2)
    cluster.nodes[0].shared.hold_delivery()
    for user_id in (1, 3, 4):
        cluster.connect(1, user_id)
    cluster.engine.trim(1)
    cluster.nodes[0].shared.release_delivery()
    cluster.advance(1)
    watcher.fold()
    assert [online(cluster, user_id) for user_id in (1, 3, 4)] == [[True, True, True]] * 3
    assert all(watcher.picture[user_id]["is_online"] for user_id in (1, 3, 4))


def test_two_servers_that_declare_each_other_lost_both_go_on(make_cluster: MakeCluster) -> None:
    cluster = make_cluster(nodes=2)
    watcher = cluster.connect(1, 2)
    cluster.connect(0, 1)
    cluster.advance(3)
    names = [node.core.node._members.own for node in cluster.nodes if node.core.node]
    for node, own, other in zip(cluster.nodes, names, reversed(names), strict=True):
        counter = cluster.engine.contents.nodes[other]
        generation = cluster.engine.contents.meta.generation
        node.begin(node.shared.declare_lost(generation, own, other, counter or 0, "op"))
    cluster.advance(60)
    assert online(cluster, 1) == online(cluster, 2) == [True, True]
    assert told(watcher, 1) == [(True, False)]
    assert len(cluster.engine.contents.nodes) == 2


def test_who_is_held_after_a_restart_of_everything_is_not_announced_offline(make_cluster: MakeCluster) -> None:
    cluster = make_cluster(nodes=2)
    cluster.connect(0, 1)
    cluster.advance(3)
    for node in cluster.nodes:
        node.crash()
    cluster.engine.stop()
    cluster.engine.start(lost_entries=None)
    for node in cluster.nodes:
        node.start()
    cluster.settle()
    watcher = cluster.connect(1, 2)
    cluster.connect(0, 1)
    cluster.advance(90)
    assert online(cluster, 1) == [True, True]
    assert set(told(watcher, 1)) <= {(True, False)}


def test_an_answered_change_survives_although_the_log_has_lost_it(cluster: ClusterWorld) -> None:
    watcher = cluster.connect(2, 2)
    cluster.connect(1, 1)
    cluster.advance(1)
    cluster.nodes[0].put(1, is_busy=True)
    cluster.settle()
    cluster.engine.fail_over(lost_entries=1)
    cluster.advance(5)
    watcher.fold()
    assert busy(cluster, 1) == [True, True, True]
    assert watcher.picture[1]["is_busy"]


def test_a_change_that_was_saved_and_never_appended_is_appended_at_the_next_start(cluster: ClusterWorld) -> None:
    cluster.nodes[0].put(1, is_busy=True)
    cluster.settle()
    cluster.nodes[0].shared.hold()
    cluster.nodes[0].begin(cluster.nodes[0].core.presence.change(1, StatusChange(is_busy=False)))
    cluster.nodes[0].crash()
    cluster.nodes[0].start()
    cluster.advance(1)
    assert busy(cluster, 1) == [False, False, False]


def test_a_lower_rev_that_is_answered_late_does_not_overwrite_a_higher_one(cluster: ClusterWorld) -> None:
    cluster.faults.holds = True
    late = cluster.nodes[0].begin(cluster.nodes[0].core.presence.change(1, StatusChange(is_busy=True)))
    cluster.faults.holds = False
    (held,) = cluster.faults.held
    held.go()
    cluster.settle()
    cluster.nodes[1].put(1, is_busy=False)
    cluster.settle()
    held.go()
    cluster.settle()
    assert late.done()
    assert busy(cluster, 1) == [False, False, False]
    assert not cluster.users.rows[1].set_busy


def test_a_server_behind_the_log_does_not_save_what_it_remembers(cluster: ClusterWorld) -> None:
    cluster.nodes[0].put(1, is_busy=True)
    cluster.settle()
    cluster.nodes[0].shared.hold_delivery()
    cluster.nodes[1].put(1, is_busy=False)
    cluster.nodes[0].core.write_back.mark_unsure(1)
    cluster.advance(5)
    assert not cluster.users.rows[1].set_busy
    cluster.nodes[0].shared.release_delivery()
    cluster.advance(5)
    assert busy(cluster, 1) == [False, False, False]
    assert not cluster.users.rows[1].set_busy


def test_a_user_who_is_added_is_announced_once(cluster: ClusterWorld) -> None:
    watcher = cluster.connect(2, 2)
    added = cluster.users.add(9, cluster.time.wall())
    for node in cluster.nodes:
        node.core.loader.add(added)
    cluster.advance(1)
    assert told(watcher, 9) == [(False, False)]
    assert [9 in node.core.registry for node in cluster.nodes] == [True, True, True]


def test_when_everybody_has_gone_nothing_is_left(cluster: ClusterWorld) -> None:
    client = cluster.connect(0, 1)
    cluster.nodes[1].beat(2)
    cluster.settle()
    cluster.nodes[0].lose(client)
    cluster.advance(150, ticks=8)
    for node in cluster.nodes:
        assert all(not entry.record.alive_on for entry in node.core.registry)
        assert len(node.core.timers) == 1  # the renewal of the lease
        assert len(node.core.log) == 0  # type: ignore[arg-type]


def test_a_busy_status_that_was_prolonged_elsewhere_does_not_end_early(cluster: ClusterWorld) -> None:
    watcher = cluster.connect(2, 2)
    cluster.nodes[0].put(1, busy_until=cluster.time.wall() + timedelta(seconds=10))
    cluster.settle()
    cluster.nodes[0].shared.hold_delivery()
    cluster.nodes[1].put(1, busy_until=cluster.time.wall() + timedelta(seconds=30))
    cluster.advance(12)
    cluster.nodes[0].shared.release_delivery()
    cluster.advance(5)
    assert busy(cluster, 1) == [True, True, True]
    cluster.advance(15)
    assert busy(cluster, 1) == [False, False, False]
    assert told(watcher, 1) == [(False, True), (False, True), (False, False)]


def test_an_offline_that_arrives_late_does_not_end_a_newer_heartbeat(cluster: ClusterWorld) -> None:
    cluster.nodes[0].beat(1)
    cluster.advance(2)
    cluster.nodes[1].shared.hold()
    cluster.nodes[1].begin(cluster.nodes[1].core.presence.change(1, StatusChange(is_online=False)))
    cluster.nodes[1].shared.cut_off()
    cluster.advance(2)
    cluster.nodes[0].beat(1)
    cluster.nodes[1].shared.reconnect()
    cluster.advance(1)
    assert online(cluster, 1) == [False, False, False]
    node = cluster.nodes[0].core
    assert node.registry.get(1).has_heartbeat(node.environment.clock.now())


def test_an_own_status_at_connect_that_turns_out_wrong_is_put_right(cluster: ClusterWorld) -> None:
    cluster.nodes[0].shared.hold_delivery()
    cluster.nodes[1].put(1, is_online=False)
    client = cluster.connect(0, 1)
    assert client.messages()[1]["status"]["is_online"]
    cluster.nodes[0].shared.release_delivery()
    cluster.advance(1)
    client.fold()
    assert client.picture[1] == cluster.pictures()[0][1]
    assert online(cluster, 1) == [False, False, False]


def test_a_heartbeat_that_arrives_late_does_not_end_a_newer_offline(cluster: ClusterWorld) -> None:
    cluster.connect(0, 1)
    cluster.advance(1)
    cluster.nodes[0].shared.cut_off()
    cluster.settle()
    cluster.nodes[0].beat(1, over_socket=True)
    cluster.advance(1)
    cluster.nodes[1].put(1, is_online=False)
    cluster.nodes[0].shared.reconnect()
    cluster.advance(1)
    assert online(cluster, 1) == [False, False, False]


def test_a_heartbeat_that_one_server_saved_is_not_overwritten_by_another(cluster: ClusterWorld) -> None:
    cluster.connect(1, 1)
    cluster.nodes[0].put(1, is_online=False)
    cluster.advance(2)
    cluster.nodes[0].beat(1)
    cluster.nodes[0].flush()
    beaten_at = cluster.users.rows[1].heartbeat_at
    assert beaten_at is not None
    cluster.nodes[1].core.presence.seen(1)
    cluster.nodes[1].flush()
    assert cluster.users.rows[1].heartbeat_at == beaten_at
