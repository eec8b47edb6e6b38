"""Saved changes: a change that the store has is in the log in the end, whoever died in between."""

from __future__ import annotations

import pytest

from models.status import Profile, StatusChange
from realtime.cluster import saved_changes
from tests.realtime.client import Client
from tests.realtime.cluster.conftest import busy, told
from tests.realtime.cluster.world import ClusterWorld


@pytest.fixture
def watcher(cluster: ClusterWorld) -> Client:
    """User 2 watches at the third server, and user 1 is connected to the second."""
    client = cluster.connect(2, 2)
    cluster.connect(1, 1)
    cluster.advance(5)
    return client


def save_and_crash(cluster: ClusterWorld, number: int, user_id: int) -> None:
    """Let a server save a change, and crash before it has appended it."""
    node = cluster.nodes[number]
    node.shared.hold()
    node.begin(node.core.presence.change(user_id, StatusChange(is_busy=True)))
    node.crash()
    assert cluster.users.rows[user_id].set_busy


@pytest.mark.parametrize("crashing", [0, 1])
def test_a_change_that_a_server_saved_before_it_died_is_announced_once(
    cluster: ClusterWorld, watcher: Client, crashing: int
) -> None:
    save_and_crash(cluster, crashing, 3)
    cluster.advance(15)
    assert busy(cluster, 3) == [True, True]
    assert told(watcher, 3) == [(False, True)]


def test_a_change_is_announced_that_the_log_lost_together_with_its_server(
    cluster: ClusterWorld, watcher: Client
) -> None:
    for node in cluster.nodes[1:]:
        node.shared.hold_delivery()
    cluster.nodes[0].put(3, is_busy=True)
    cluster.nodes[0].crash()
    cluster.engine.fail_over(lost_entries=1)
    for node in cluster.nodes[1:]:
        node.shared.release_delivery()
    cluster.advance(12)
    assert busy(cluster, 3) == [True, True]
    assert told(watcher, 3) == [(False, True)]


def test_a_user_who_was_saved_and_never_appended_is_known_and_announced(cluster: ClusterWorld, watcher: Client) -> None:
    cluster.users.add(9, cluster.time.wall())
    cluster.nodes[0].crash()
    cluster.advance(15)
    assert all(node.core.registry.get(9).profile == Profile(9, "user9", None) for node in cluster.nodes[1:])
    assert told(watcher, 9) == [(False, False)]


def test_all_users_are_compared_some_at_a_time(
    cluster: ClusterWorld, watcher: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saved_changes, "USERS_AT_ONCE", 2)
    save_and_crash(cluster, 0, 4)
    cluster.faults.calls.clear()
    cluster.advance(15)
    assert busy(cluster, 4) == [True, True]
    assert cluster.faults.calls.count("revisions") == 3


def test_users_are_compared_again_if_the_store_is_down(cluster: ClusterWorld, watcher: Client) -> None:
    save_and_crash(cluster, 0, 3)
    cluster.faults.script("revisions", "refused", "refused")
    cluster.advance(20)
    assert busy(cluster, 3) == [True, True]


def test_another_server_compares_them_if_the_first_dies_before(cluster: ClusterWorld, watcher: Client) -> None:
    save_and_crash(cluster, 2, 3)
    cluster.faults.script("revisions", *["refused"] * 8)
    cluster.advance(9)
    assert busy(cluster, 3) == [False, False]
    cluster.nodes[0].crash()
    cluster.advance(30)
    assert busy(cluster, 3) == [True]
