"""What no server can have written into the shared log is reported and replaced, and stops nobody."""

from __future__ import annotations

import msgspec
from structlog.testing import capture_logs

from models.shared_log import SharedEntry
from realtime.cluster.codec import decoded_record
from realtime.cluster.node import PAUSE_SECONDS
from tests.realtime.cluster.conftest import busy, online
from tests.realtime.cluster.world import ClusterWorld

NONSENSE = b"\xff nonsense"


def make_unreadable(cluster: ClusterWorld, user_id: int) -> None:
    """Put nonsense in the place of a record."""
    users = cluster.engine.contents.users
    users[user_id] = msgspec.structs.replace(users[user_id], record=NONSENSE)


def is_readable(cluster: ClusterWorld, user_id: int) -> bool:
    """Return whether the log has a record of the user that can be read."""
    return decoded_record(cluster.engine.contents.users[user_id].record) is not None


def test_an_entry_that_cannot_be_read_is_reported_and_skipped(cluster: ClusterWorld) -> None:
    client = cluster.connect(0, 1)
    cluster.advance(1)
    engine = cluster.engine
    with capture_logs() as logs:
        engine._add(
            engine.contents.meta.generation,
            lambda entry_id: SharedEntry(entry_id, "append", engine.contents.meta.seq, "op", NONSENSE, by="nobody"),
        )
        cluster.advance(PAUSE_SECONDS + 1)
    assert [each["kind"] for each in logs if each["log_level"] == "error"] == ["following the shared log"] * 3
    cluster.nodes[1].put(1, is_busy=True)
    cluster.advance(1)
    assert busy(cluster, 1) == [True, True, True]
    client.fold()
    assert client.is_open


def test_a_server_that_finds_a_record_that_it_cannot_read_replaces_it_with_its_own(cluster: ClusterWorld) -> None:
    cluster.connect(0, 1)
    cluster.advance(1)
    cluster.nodes[0].put(1, is_busy=True)
    make_unreadable(cluster, 1)
    cluster.engine.fail_over()
    cluster.advance(1)
    assert is_readable(cluster, 1)
    assert busy(cluster, 1) == online(cluster, 1) == [True, True, True]


def test_a_change_replaces_a_record_that_cannot_be_read(cluster: ClusterWorld) -> None:
    cluster.connect(0, 1)
    cluster.advance(1)
    users = cluster.engine.contents.users
    make_unreadable(cluster, 1)
    users[1] = msgspec.structs.replace(users[1], entry_id=cluster.engine.contents.log[0].entry_id)
    cluster.nodes[2].put(1, is_busy=True)
    cluster.advance(1)
    assert is_readable(cluster, 1)
    assert busy(cluster, 1) == [True, True, True]
