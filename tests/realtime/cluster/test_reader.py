"""Reader: every entry is applied once, in order, also those that were read with the records."""

from __future__ import annotations

import dataclasses

from realtime.cluster.reader import Reader
from tests.realtime.cluster.conftest import busy, told
from tests.realtime.cluster.world import ClusterWorld


def reader_of(cluster: ClusterWorld, node: int) -> Reader:
    """Return a server's reader."""
    found = cluster.nodes[node].core.node
    assert found is not None
    return found.reader


def test_a_record_that_is_newer_than_its_place_in_the_log_is_announced_in_its_turn(cluster: ClusterWorld) -> None:
    watcher = cluster.connect(0, 2)
    cluster.connect(1, 1)
    cluster.connect(1, 3)
    cluster.advance(1)
    reader = reader_of(cluster, 0)
    last_id, seq = reader.position.last_id, reader.changes.seq
    cluster.nodes[0].shared.hold_delivery()
    cluster.nodes[1].put(3, is_busy=True)
    cluster.nodes[1].put(1, is_busy=True)
    assert reader.replace_all(dict(cluster.engine.contents.users), last_id, seq) == {1, 3}
    assert reader.changes.seq == seq
    late = cluster.connect(0, 4)
    cluster.nodes[0].shared.release_delivery()
    cluster.advance(1)
    for client in (watcher, late):
        client.fold()
        assert told(client, 1)[-1:] == told(client, 3)[-1:] == [(True, True)]
    assert busy(cluster, 1) == busy(cluster, 3) == [True, True, True]


def test_an_entry_that_is_older_than_the_record_is_not_told(cluster: ClusterWorld) -> None:
    watcher = cluster.connect(0, 2)
    cluster.connect(1, 1)
    cluster.advance(1)
    reader = reader_of(cluster, 0)
    last_id, seq = reader.position.last_id, reader.changes.seq
    cluster.nodes[0].shared.hold_delivery()
    cluster.nodes[1].put(1, is_busy=True)
    cluster.nodes[1].put(1, is_online=False)
    reader.replace_all(dict(cluster.engine.contents.users), last_id, seq)
    cluster.nodes[0].shared.release_delivery()
    cluster.advance(1)
    assert told(watcher, 1) == [(True, False), (False, True)]
    assert reader.changes.seq == reader_of(cluster, 1).changes.seq


def test_a_deletion_that_was_read_before_its_entry_is_announced_in_its_turn(cluster: ClusterWorld) -> None:
    cluster.nodes[1].begin(cluster.nodes[1].core.membership.update(1, {"tags": ("a",)}))
    cluster.advance(1)
    watcher, by_tag = cluster.connect(0, 2), cluster.connect(0, 3)
    cluster.nodes[0].send(by_tag, "subscribe", subscription="presence", tags=["a"])
    reader = reader_of(cluster, 0)
    last_id, seq = reader.position.last_id, reader.changes.seq
    cluster.nodes[0].shared.hold_delivery()
    cluster.nodes[1].begin(cluster.nodes[1].core.membership.delete(1))
    cluster.settle()
    assert 1 in reader.replace_all(dict(cluster.engine.contents.users), last_id, seq)
    assert 1 not in cluster.nodes[0].core.registry
    assert [len(client.messages("user_removed")) for client in (watcher, by_tag)] == [0, 0]
    cluster.nodes[0].shared.release_delivery()
    cluster.advance(1)
    assert [len(client.messages("user_removed")) for client in (watcher, by_tag)] == [1, 1]


def test_a_deletion_that_clients_have_come_past_is_told_when_it_is_repeated(cluster: ClusterWorld) -> None:
    cluster.nodes[1].begin(cluster.nodes[1].core.membership.update(1, {"tags": ("a",)}))
    cluster.advance(1)
    watcher, by_tag = cluster.connect(0, 2), cluster.connect(0, 3)
    cluster.nodes[0].send(by_tag, "subscribe", subscription="presence", tags=["a"])
    reader = reader_of(cluster, 0)
    cluster.nodes[0].shared.hold_delivery()
    cluster.nodes[1].begin(cluster.nodes[1].core.membership.delete(1))
    cluster.settle()
    told_up_to = reader.changes.seq = cluster.nodes[1].core.changes.seq + 5
    cluster.nodes[0].core.fan_out.catch_up_all()
    assert 1 in reader.replace_all(
        dict(cluster.engine.contents.users), cluster.engine.contents.log[-1].entry_id, told_up_to
    )
    assert [len(client.messages("user_removed")) for client in (watcher, by_tag)] == [0, 0]
    cluster.engine.contents.meta = dataclasses.replace(cluster.engine.contents.meta, seq=told_up_to)
    reader.on_untold(1)
    cluster.nodes[0].shared.release_delivery()
    cluster.advance(2)
    assert [len(client.messages("user_removed")) for client in (watcher, by_tag)] == [1, 1]


def test_after_a_gap_nothing_is_applied(cluster: ClusterWorld) -> None:
    reader = reader_of(cluster, 0)
    last_id = reader.position.last_id
    cluster.nodes[0].shared.hold_delivery()
    cluster.connect(1, 1)
    cluster.connect(1, 3)
    assert not reader.take(cluster.engine.contents.log[-1])
    assert reader.position.last_id == last_id
    cluster.nodes[0].shared.release_delivery()
    cluster.settle()


def test_a_new_generation_has_an_epoch_of_its_own_and_a_higher_seq(cluster: ClusterWorld) -> None:
    cluster.connect(1, 1)
    before = [(node.core.changes.epoch, node.core.changes.seq) for node in cluster.nodes]
    cluster.engine.fail_over()
    cluster.advance(1)
    after = [(node.core.changes.epoch, node.core.changes.seq) for node in cluster.nodes]
    assert len(set(before)) == len(set(after)) == 1
    assert after[0][0] != before[0][0]
    assert after[0][1] >= before[0][1] + (1 << 20)


def test_clients_get_what_a_gap_has_skipped_and_nobody_is_announced_again(cluster: ClusterWorld) -> None:
    here, there = cluster.connect(0, 2), cluster.connect(2, 3)
    cluster.connect(1, 1)
    cluster.advance(1)
    cluster.nodes[0].shared.hold_delivery()
    for is_busy in (True, False, True):
        cluster.nodes[1].put(1, is_busy=is_busy)
    cluster.settle()
    cluster.engine.trim(1)
    cluster.nodes[0].shared.release_delivery()
    cluster.advance(2)
    assert told(here, 1)[-1] == (True, True)
    assert told(there, 1) == [(True, False), (True, True), (True, False), (True, True)]


def test_a_new_generation_counts_on_from_its_first_entry(cluster: ClusterWorld) -> None:
    cluster.nodes[0].shared.cut_off()
    cluster.settle()
    cluster.engine.fail_over()
    cluster.settle()
    cluster.nodes[1].put(1, is_busy=True)
    cluster.nodes[0].shared.hold_delivery()
    cluster.nodes[0].shared.reconnect()
    cluster.settle()
    client = cluster.connect(0, 2)
    cluster.nodes[0].shared.release_delivery()
    cluster.advance(1)
    client.fold()
    assert client.epoch == cluster.nodes[1].core.changes.epoch
    assert told(client, 1) == [(False, True)]
    assert len({node.core.changes.seq for node in cluster.nodes}) == 1
