"""Membership in a cluster: whoever is deleted, disabled or enabled on one server is so on all, and for all clients."""

from __future__ import annotations

import pytest

from models.errors import NotFound, StoreUnavailable
from models.status import StatusChange
from models.user_documents import NewUser
from realtime.protocol import CloseCode
from tests.realtime.client import Client
from tests.realtime.cluster.world import ClusterWorld


@pytest.fixture
def watcher(cluster: ClusterWorld) -> Client:
    """User 2 watches at the third server, and user 1 is connected to the second."""
    client = cluster.connect(2, 2)
    cluster.connect(1, 1)
    cluster.advance(1)
    return client


def delete(cluster: ClusterWorld, user_id: int, node: int = 0) -> None:
    """Delete a user on a server."""
    deletion = cluster.nodes[node].begin(cluster.nodes[node].core.membership.delete(user_id))
    cluster.settle()
    assert deletion.exception() is None


def known_to(cluster: ClusterWorld, user_id: int) -> list[bool]:
    """Return whether the user is known to each server that runs."""
    return [user_id in picture for picture in cluster.pictures()]


def removed(client: Client) -> list[int]:
    """Return the ids of those of whom the client was told that they are gone."""
    return [each["user_id"] for each in client.messages("user_removed")]


def test_a_user_who_is_deleted_on_one_server_is_gone_on_all(cluster: ClusterWorld, watcher: Client) -> None:
    socket, identity = cluster.nodes[1].clients[0], cluster.nodes[1].identity(1)
    delete(cluster, 1)
    assert known_to(cluster, 1) == [False, False, False]
    assert removed(watcher) == [1]
    assert socket.session.close_code == CloseCode.REVOKED
    assert all(node.core.authenticator.is_revoked(identity) for node in cluster.nodes)
    cluster.advance(20)
    timers = [key for node in cluster.nodes for key in node.core.timers._live if isinstance(key, tuple)]
    assert [key for key in timers if key[1] == 1] == []
    assert list(cluster.engine.contents.sessions) == [cluster.nodes[2].own]


@pytest.mark.parametrize("node", [0, 1, 2])
def test_a_client_that_was_away_hears_of_it_on_whichever_server(
    cluster: ClusterWorld, watcher: Client, node: int
) -> None:
    cluster.nodes[2].lose(watcher)
    delete(cluster, 1)
    cluster.connect(node, 2, watcher)
    cluster.advance(1)
    watcher.fold()
    assert removed(watcher) == [1]
    assert 1 not in watcher.picture


def test_a_client_that_resumes_on_a_server_that_has_started_since_hears_of_it(
    cluster: ClusterWorld, watcher: Client
) -> None:
    cluster.nodes[2].lose(watcher)
    delete(cluster, 1)
    cluster.nodes[0].crash()
    cluster.nodes[0].start()
    cluster.settle()
    cluster.connect(0, 2, watcher)
    cluster.advance(1)
    assert watcher.messages()[0]["resumed"]
    assert removed(watcher) == [1]


def test_a_server_that_starts_does_not_know_a_deleted_user(cluster: ClusterWorld) -> None:
    delete(cluster, 1)
    cluster.nodes[1].crash()
    cluster.nodes[1].start()
    cluster.advance(10)
    assert known_to(cluster, 1) == [False, False, False]
    assert cluster.nodes[1].core.registry.name(1) == "deleted user #1"


def test_the_partner_on_another_server_is_freed_and_told(cluster: ClusterWorld, watcher: Client) -> None:
    cluster.nodes[1].begin(cluster.nodes[1].core.switchboard.start(1, 2, "audio", None))
    cluster.settle()
    delete(cluster, 1)
    cluster.advance(1)
    assert [each["call"]["status"] for each in watcher.messages("call_status_update")] == ["ongoing", "dropped"]
    assert [picture[2]["is_busy"] for picture in cluster.pictures()] == [False, False, False]
    assert cluster.calls.locks == {}


def test_the_others_end_the_call_if_the_server_that_deleted_the_user_dies(
    cluster: ClusterWorld, watcher: Client
) -> None:
    cluster.nodes[1].begin(cluster.nodes[1].core.switchboard.start(1, 2, "audio", None))
    cluster.settle()
    cluster.faults.script("end", "refused", "refused")
    delete(cluster, 1)
    cluster.nodes[0].crash()
    cluster.advance(10)
    assert [picture[2]["is_busy"] for picture in cluster.pictures()] == [False, False]


def test_a_deletion_that_was_saved_and_not_appended_is_completed_when_its_server_has_gone(
    cluster: ClusterWorld, watcher: Client
) -> None:
    cluster.nodes[0].run(cluster.users.delete(1, cluster.time.wall()))
    cluster.nodes[0].crash()
    cluster.advance(40)
    assert known_to(cluster, 1) == [False, False]
    assert removed(watcher) == [1]
    cluster.nodes[1].run(cluster.nodes[1].core.check_store())
    cluster.advance(20)
    assert not cluster.users.rows[1].deletion_unfinished


@pytest.mark.parametrize("lost", [1, 3, None])
def test_nobody_is_brought_back_by_a_log_that_has_lost_the_deletion(
    cluster: ClusterWorld, watcher: Client, lost: int | None
) -> None:
    identity = cluster.nodes[0].identity(1)
    delete(cluster, 1)
    cluster.engine.stop()
    cluster.engine.start(lost_entries=lost)
    cluster.settle()
    assert all(node.core.authenticator.is_revoked(identity) for node in cluster.nodes)
    cluster.advance(20)
    watcher.fold()
    assert known_to(cluster, 1) == [False, False, False]
    assert 1 not in watcher.picture


@pytest.mark.parametrize("lost", [0, 1, None])
def test_a_server_that_was_behind_when_the_log_was_lost_hears_of_the_deletion(
    cluster: ClusterWorld, watcher: Client, lost: int | None
) -> None:
    cluster.nodes[2].begin(cluster.nodes[2].core.membership.update(1, {"tags": ("a",)}))
    cluster.advance(1)
    by_tag = cluster.connect(2, 3)
    cluster.nodes[2].send(by_tag, "subscribe", subscription="presence", tags=["a"])
    cluster.nodes[2].shared.hold_delivery()
    delete(cluster, 1)
    cluster.engine.stop()
    cluster.engine.start(lost_entries=lost)
    cluster.nodes[2].shared.release_delivery()
    cluster.advance(20)
    watcher.fold()
    assert known_to(cluster, 1) == [False, False, False]
    assert 1 not in watcher.picture
    assert set(removed(by_tag)) == {1}


@pytest.mark.parametrize("restarted", [(), (0, 1)])
def test_a_server_that_was_cut_off_hears_of_a_deletion_that_the_log_has_lost(
    cluster: ClusterWorld, restarted: tuple[int, ...]
) -> None:
    watcher = cluster.connect(2, 2)
    cluster.advance(1)
    cluster.nodes[2].shared.cut_off()
    cluster.settle()
    delete(cluster, 1)
    cluster.advance(1)
    cluster.engine.stop()
    for node in restarted:
        cluster.nodes[node].crash()
    cluster.engine.start(lost_entries=None)
    for node in restarted:
        cluster.nodes[node].start()
    cluster.advance(10)
    cluster.nodes[2].shared.reconnect()
    cluster.advance(40)
    assert known_to(cluster, 1) == [False, False, False]
    watcher.fold()
    if not watcher.is_open:  # the log has lost an epoch: the client comes back, and gets a snapshot
        cluster.connect(2, 2, watcher)
        cluster.advance(1)
    watcher.fold()
    assert 1 not in watcher.picture
    assert removed(watcher) == [1] or watcher.is_complete
    assert 1 in cluster.engine.contents.users


def test_a_server_that_missed_entries_reads_that_a_user_was_deleted(cluster: ClusterWorld, watcher: Client) -> None:
    cluster.nodes[2].shared.hold_delivery()
    delete(cluster, 1)
    for _ in range(5):
        cluster.nodes[0].put(3, is_busy=True)
        cluster.nodes[0].put(3, is_busy=False)
        cluster.advance(1)
    cluster.engine.trim(1)
    cluster.nodes[2].shared.release_delivery()
    cluster.advance(10)
    watcher.fold()
    assert known_to(cluster, 1) == [False, False, False]
    assert removed(watcher) == [1]


def test_a_deletion_while_the_log_is_closed_refuses_the_user_at_once_and_is_told_later(
    cluster: ClusterWorld, watcher: Client
) -> None:
    cluster.engine.stop()
    cluster.settle()
    deletion = cluster.nodes[1].begin(cluster.nodes[1].core.membership.delete(1))
    cluster.settle()
    assert cluster.nodes[1].core.authenticator.is_revoked(cluster.nodes[1].identity(1))
    cluster.advance(5)
    assert deletion.exception() is None
    with pytest.raises(StoreUnavailable):
        cluster.nodes[1].run(cluster.nodes[1].core.membership.create(NewUser("user1", None, None)))
    cluster.engine.start()
    cluster.advance(10)
    assert known_to(cluster, 1) == [False, False, False]
    assert removed(watcher) == [1]


def test_of_two_servers_that_delete_a_user_at_once_one_finds_nobody(cluster: ClusterWorld, watcher: Client) -> None:
    deletions = [cluster.nodes[node].begin(cluster.nodes[node].core.membership.delete(1)) for node in (0, 1)]
    cluster.advance(1)
    assert [type(each.exception()) for each in deletions] == [type(None), NotFound]
    assert removed(watcher) == [1]


def test_a_change_on_another_server_does_not_bring_a_deleted_user_back(cluster: ClusterWorld, watcher: Client) -> None:
    cluster.nodes[2].shared.hold_delivery()
    delete(cluster, 1)
    presence = cluster.nodes[2].core.presence
    asked = [
        cluster.nodes[2].begin(presence.change(1, StatusChange(is_busy=True))),
        cluster.nodes[2].begin(presence.heartbeat(1)),
    ]
    cluster.nodes[2].shared.release_delivery()
    cluster.advance(5)
    assert [type(each.exception()) for each in asked] == [NotFound, NotFound]
    assert known_to(cluster, 1) == [False, False, False]
    assert removed(watcher) == [1]


def test_a_user_who_is_disabled_and_enabled_is_so_on_all_servers(cluster: ClusterWorld, watcher: Client) -> None:
    socket = cluster.nodes[1].clients[0]
    cluster.nodes[0].begin(cluster.nodes[0].core.membership.disable(1))
    cluster.advance(1)
    assert socket.session.close_code == CloseCode.REVOKED
    assert [node.core.registry.get(1).disabled for node in cluster.nodes] == [True, True, True]
    cluster.nodes[1].begin(cluster.nodes[1].core.membership.enable(1))
    cluster.advance(1)
    assert [node.core.registry.get(1).disabled for node in cluster.nodes] == [False, False, False]
    identity = cluster.nodes[2].tokens.mint(1, "new", "access", 900, 1)[1]
    cluster.connect(2, 1, identity=identity)
    cluster.advance(1)
    assert [picture[1]["is_online"] for picture in cluster.pictures()] == [True, True, True]


def test_who_was_disabled_by_a_notice_on_one_server_is_let_in_after_being_enabled_on_another(
    cluster: ClusterWorld,
) -> None:
    cluster.nodes[0].run(cluster.users.disable(1, cluster.time.wall()))
    for node in cluster.nodes:
        node.core.presence.disable(1)
    cluster.advance(1)
    cluster.nodes[2].begin(cluster.nodes[2].core.membership.enable(1))
    cluster.advance(1)
    assert [node.core.registry.get(1).disabled for node in cluster.nodes] == [False, False, False]


def test_a_user_of_another_program_is_known_on_all_servers_by_the_external_id(cluster: ClusterWorld) -> None:
    creation = cluster.nodes[0].begin(cluster.nodes[0].core.membership.create_external("auth0|ada", "ada", None))
    cluster.settle()
    user_id = creation.result().profile.user_id
    for node in cluster.nodes:
        entry = node.core.registry.find_external("auth0|ada")
        assert entry is not None
        assert entry.profile.user_id == user_id
    delete(cluster, user_id, node=1)
    assert [node.core.registry.find_external("auth0|ada") for node in cluster.nodes] == [None, None, None]


def test_nothing_personal_is_left_in_the_log_of_a_deleted_user(cluster: ClusterWorld) -> None:
    creation = cluster.nodes[0].begin(
        cluster.nodes[0].core.membership.create_external("auth0|ada", "ada", "https://example.com/a.png", ["team"])
    )
    cluster.settle()
    user_id = creation.result().profile.user_id
    delete(cluster, user_id)
    record = cluster.engine.contents.users[user_id].record
    for text in (b"ada", b"example", b"team"):
        assert text not in record
