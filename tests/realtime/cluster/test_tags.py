"""Tags over several servers: whoever watches by tags is told alike everywhere, whatever the log has lost."""

from __future__ import annotations

import pytest

from tests.realtime.client import Client
from tests.realtime.cluster.conftest import told
from tests.realtime.cluster.world import ClusterWorld


@pytest.fixture
def watcher(cluster: ClusterWorld) -> Client:
    """User 2 watches the users with the tag a at the first server: user 1."""
    cluster.nodes[1].tag(1, "a")
    client = cluster.connect(0, 2)
    cluster.advance(1)
    cluster.nodes[0].send(client, "subscribe", subscription="presence", tags=["a"], snapshot=True)
    cluster.advance(1)
    assert known(client) == {1}
    return client


def known(client: Client) -> set[int]:
    """Return the users whom a client knows."""
    client.fold()
    return set(client.picture)


def test_a_change_of_tags_reaches_the_clients_of_all_servers(cluster: ClusterWorld, watcher: Client) -> None:
    cluster.nodes[2].tag(3, "a")
    cluster.nodes[1].tag(1, "b")
    cluster.advance(1)
    assert known(watcher) == {3}
    assert {node.core.changes.seq for node in cluster.nodes} == {watcher.seq}
    assert [node.tags_of(1) for node in cluster.nodes] == [("b",)] * 3


def test_clients_get_what_a_gap_has_skipped(cluster: ClusterWorld, watcher: Client) -> None:
    cluster.nodes[0].shared.hold_delivery()
    cluster.nodes[1].tag(1)
    cluster.nodes[1].put(1, is_busy=True)
    cluster.nodes[1].tag(3, "a")
    cluster.settle()
    cluster.engine.trim(1)
    cluster.nodes[0].shared.release_delivery()
    cluster.advance(2)
    assert known(watcher) == {3}
    assert watcher.messages()[-1]["seq"] <= cluster.nodes[1].core.changes.seq


def test_a_status_that_changed_before_the_tags_is_told_after_a_gap(cluster: ClusterWorld) -> None:
    client = cluster.connect(0, 2)
    cluster.connect(1, 1)
    cluster.advance(1)
    cluster.nodes[0].shared.hold_delivery()
    cluster.nodes[1].put(1, is_busy=True)
    cluster.nodes[1].tag(1, "a")
    cluster.settle()
    cluster.engine.trim(1)
    cluster.nodes[0].shared.release_delivery()
    cluster.advance(2)
    assert told(client, 1)[-1] == (True, True)


def test_tags_that_were_read_before_their_entry_are_told_in_its_turn(cluster: ClusterWorld, watcher: Client) -> None:
    node = cluster.nodes[0].core.node
    assert node is not None
    reader = node.reader
    last_id, seq = reader.position.last_id, reader.changes.seq
    cluster.nodes[0].shared.hold_delivery()
    cluster.nodes[1].tag(1)
    cluster.nodes[1].tag(3, "a")
    cluster.settle()
    assert reader.replace_all(dict(cluster.engine.contents.users), last_id, seq) == {1, 3}
    assert known(watcher) == {1}
    cluster.nodes[0].shared.release_delivery()
    cluster.advance(1)
    assert known(watcher) == {3}


@pytest.mark.parametrize("lost", [1, 2, None])
def test_clients_learn_that_the_log_has_lost_tags(cluster: ClusterWorld, watcher: Client, lost: int | None) -> None:
    cluster.nodes[1].tag(1)
    cluster.nodes[1].tag(3, "a")
    cluster.advance(1)
    assert known(watcher) == {3}
    cluster.engine.stop()
    cluster.engine.start(lost_entries=lost)
    cluster.advance(20)
    tagged = {each for each in range(1, 5) if cluster.nodes[0].tags_of(each) == ("a",)}
    assert known(watcher) == tagged
    cluster.nodes[2].tag(4, "a")
    cluster.advance(1)
    assert known(watcher) == tagged | {4}
    assert [node.tags_of(1) for node in cluster.nodes] == [cluster.nodes[0].tags_of(1)] * 3


def test_clients_whose_server_was_behind_learn_which_tags_the_log_has_lost(
    cluster: ClusterWorld, watcher: Client
) -> None:
    cluster.nodes[0].shared.hold_delivery()
    cluster.nodes[1].tag(1)
    cluster.nodes[1].tag(3, "a")
    cluster.settle()
    cluster.engine.stop()
    cluster.engine.start(lost_entries=None)
    cluster.nodes[0].shared.release_delivery()
    cluster.advance(20)
    tags = [[node.tags_of(each) for each in range(1, 5)] for node in cluster.nodes]
    assert tags[0] == tags[1] == tags[2]
    assert known(watcher) == {each for each in range(1, 5) if cluster.nodes[0].tags_of(each) == ("a",)}


def test_a_change_of_tags_does_not_stand_for_the_announcement_of_the_own_status(cluster: ClusterWorld) -> None:
    cluster.advance(1)
    cluster.nodes[0].shared.hold_delivery()
    cluster.nodes[1].tag(1, "a")
    client = cluster.connect(0, 1)
    cluster.nodes[0].shared.release_delivery()
    cluster.advance(1)
    assert told(client, 1) == []
    cluster.nodes[1].put(1, is_busy=True)
    cluster.advance(1)
    assert told(client, 1) == [(True, True)]
