"""Sockets in a cluster: every server knows those of the others, a second or so later."""

from __future__ import annotations

import pytest

from models.errors import Conflict
from realtime.cluster.codec import decoded_sessions, encoded_session
from realtime.dashboard.action_previews import ActionTarget
from realtime.dashboard.rows import Explanation
from realtime.presence.incarnation import Incarnation
from realtime.presence.log import Kick, SessionsChange, SharedSession
from realtime.presence.registry import Registry
from realtime.protocol import CloseCode
from realtime.sockets.shared_sessions import SharedSessions
from settings import Settings
from tests.realtime.client import Client
from tests.realtime.cluster.conftest import MakeCluster
from tests.realtime.cluster.test_operators import act
from tests.realtime.cluster.world import ClusterWorld


def sockets(cluster: ClusterWorld, user_id: int) -> list[list[str]]:
    """Return the ids of a user's sockets, as each running server shows them."""
    return [
        sorted(row.session_id for row in node.core.overview.sessions(user_id))
        for node in cluster.nodes
        if node.is_running
    ]


def ids(*clients: Client) -> list[str]:
    """Return the ids of some clients' sockets."""
    return sorted(client.session.session_id for client in clients)


def stored(cluster: ClusterWorld) -> dict[str, list[str]]:
    """Return the ids of the sockets whose rows the engine has, by server."""
    return {server: sorted(rows) for server, rows in cluster.engine.contents.sessions.items() if rows}


def entries_of_sockets(cluster: ClusterWorld) -> int:
    """Return how many entries of the log tell of sockets, and of nothing else."""
    return sum(entry.kind == "append" and not entry.rows for entry in cluster.engine.contents.log)


def test_every_server_shows_the_sockets_of_all(cluster: ClusterWorld) -> None:
    clients = [cluster.connect(number, 1) for number in range(3)]
    cluster.advance(2)
    assert sockets(cluster, 1) == [ids(*clients)] * 3
    for node in cluster.nodes:
        row = node.core.overview.row(1)
        assert (row.sockets, row.device, row.because) == (3, "tests", Explanation("connected"))


def test_a_socket_that_was_closed_is_shown_no_more(cluster: ClusterWorld) -> None:
    stays, goes = cluster.connect(0, 1), cluster.connect(1, 1)
    cluster.advance(2)
    cluster.nodes[1].leave(goes)
    cluster.advance(2)
    assert sockets(cluster, 1) == [ids(stays)] * 3
    assert stored(cluster) == {cluster.nodes[0].own: ids(stays)}


def test_many_changes_within_a_second_are_told_of_together(cluster: ClusterWorld) -> None:
    cluster.connect(0, 1)
    cluster.advance(2)
    before = entries_of_sockets(cluster)
    for _ in range(4):
        cluster.connect(0, 1)
        cluster.connect(0, 2)
        cluster.advance(0.2)
    cluster.advance(2)
    assert entries_of_sockets(cluster) - before <= 2
    assert [len(each) for each in sockets(cluster, 1)] == [5, 5, 5]


def test_a_socket_that_changes_nothing_is_told_of_once(cluster: ClusterWorld) -> None:
    cluster.connect(0, 1)
    cluster.advance(2)
    before = len(cluster.engine.contents.log)
    cluster.advance(120)
    assert len(cluster.engine.contents.log) == before


def test_more_sockets_than_one_write_may_have_are_told_of(
    make_cluster: MakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("realtime.cluster.session_sharing.MOST_ROWS", 2)
    cluster = make_cluster(nodes=2)
    clients = [cluster.nodes[0].connect(1, "presence") for _ in range(5)]
    cluster.advance(2)
    assert sockets(cluster, 1) == [ids(*clients)] * 2


def test_the_sockets_of_a_server_that_left_are_forgotten(cluster: ClusterWorld) -> None:
    client = cluster.connect(0, 1)
    cluster.connect(1, 1)
    cluster.advance(2)
    cluster.nodes[1].drain()
    cluster.settle()
    cluster.nodes[1].crash()
    cluster.settle()
    assert sockets(cluster, 1) == [ids(client)] * 2
    assert stored(cluster) == {cluster.nodes[0].own: ids(client)}


def test_the_sockets_of_a_server_that_was_lost_are_forgotten(cluster: ClusterWorld) -> None:
    client = cluster.connect(0, 1)
    cluster.connect(1, 1)
    cluster.advance(2)
    cluster.nodes[1].crash()
    cluster.advance(10)
    assert sockets(cluster, 1) == [ids(client)] * 2
    assert stored(cluster) == {cluster.nodes[0].own: ids(client)}


def test_a_server_that_was_paused_tells_of_its_sockets_under_its_new_name(cluster: ClusterWorld) -> None:
    client = cluster.connect(1, 1)
    cluster.advance(2)
    before = cluster.nodes[1].own
    cluster.nodes[1].is_paused = True
    cluster.advance(10)
    assert sockets(cluster, 1) == [[], []]
    cluster.nodes[1].is_paused = False
    cluster.advance(5)
    assert cluster.nodes[1].own != before
    assert sockets(cluster, 1) == [ids(client)] * 3
    assert stored(cluster) == {cluster.nodes[1].own: ids(client)}


def test_a_server_that_starts_knows_the_sockets_of_the_others(cluster: ClusterWorld) -> None:
    clients = [cluster.connect(0, 1) for _ in range(5)]
    cluster.advance(2)
    cluster.nodes[1].crash()
    cluster.advance(10)
    cluster.nodes[1].start()
    cluster.advance(1)
    assert sockets(cluster, 1) == [ids(*clients)] * 3


def test_a_server_that_was_lost_and_not_forgotten_yet_has_no_sockets(cluster: ClusterWorld) -> None:
    client = cluster.connect(0, 1)
    cluster.advance(2)
    cluster.nodes[1].crash()
    cluster.engine.contents.nodes["lost"] = None
    cluster.nodes[1].start()
    cluster.settle()
    assert sockets(cluster, 1) == [ids(client)] * 3


@pytest.mark.parametrize("lost", [0, 1, 2, 4, None])
def test_after_a_restart_of_the_engine_all_sockets_are_known_again(cluster: ClusterWorld, lost: int | None) -> None:
    stays, goes = cluster.connect(0, 1), cluster.connect(1, 1)
    cluster.advance(2)
    late = cluster.connect(2, 1)
    cluster.nodes[1].leave(goes)
    cluster.advance(2)
    cluster.engine.stop()
    cluster.settle()
    later = cluster.connect(1, 1)
    cluster.advance(2)
    cluster.engine.start(lost_entries=lost)
    cluster.advance(5)
    assert sockets(cluster, 1) == [ids(stays, late, later)] * 3
    assert sorted(each for theirs in stored(cluster).values() for each in theirs) == ids(stays, late, later)


def test_a_write_whose_reply_was_lost_is_repeated(cluster: ClusterWorld) -> None:
    cluster.advance(2)
    client = cluster.nodes[0].connect(1, "presence")
    cluster.settle()
    cluster.nodes[0].shared.lose_replies()
    cluster.advance(5)
    assert sockets(cluster, 1) == [ids(client)] * 3


def test_a_write_after_an_unnoticed_failover_is_repeated(cluster: ClusterWorld) -> None:
    cluster.connect(0, 1)
    cluster.advance(3)
    client = cluster.nodes[0].connect(1, "presence")
    cluster.engine.fail_over(drops_connections=False)
    cluster.advance(5)
    assert [len(each) for each in sockets(cluster, 1)] == [2, 2, 2]
    assert client.is_open


def test_an_operator_disconnects_a_socket_wherever_it_is(cluster: ClusterWorld) -> None:
    stays, goes = cluster.connect(1, 1), cluster.connect(2, 1)
    cluster.advance(2)
    preview = cluster.nodes[0].core.actions.preview("disconnect", ActionTarget(1, session_id=goes.session.session_id))
    assert preview.hits == ["1 connection"]
    act(cluster.nodes[0], "disconnect", user_id=1, session_id=goes.session.session_id)
    assert (stays.session.close_code, goes.session.close_code) == (None, CloseCode.REVOKED)
    assert sockets(cluster, 1) == [ids(stays)] * 3


def test_an_operator_disconnects_all_sockets_of_a_user(cluster: ClusterWorld) -> None:
    clients = [cluster.connect(number, 1) for number in (0, 1, 2)]
    other = cluster.connect(1, 2)
    cluster.advance(2)
    assert act(cluster.nodes[0], "disconnect", user_id=1).before == "available, 3 connections"
    assert [client.session.close_code for client in clients] == [CloseCode.REVOKED] * 3
    assert other.is_open
    assert sockets(cluster, 1) == [[], [], []]
    cluster.advance(5)
    assert sockets(cluster, 1) == [[], [], []]
    with pytest.raises(Conflict):
        act(cluster.nodes[0], "disconnect", user_id=1)


def test_the_oldest_socket_beyond_the_limit_is_closed_wherever_it_is(make_cluster: MakeCluster) -> None:
    cluster = make_cluster(sockets_per_user=2)
    clients: list[Client] = []
    for number in (0, 1, 2):
        clients.append(cluster.connect(number, 1))
        cluster.advance(2)
    assert [client.session.close_code for client in clients] == [CloseCode.REPLACED, None, None]
    cluster.advance(5)
    assert sockets(cluster, 1) == [ids(*clients[1:])] * 3


def test_of_many_sockets_opened_everywhere_at_once_as_many_stay_as_are_allowed(make_cluster: MakeCluster) -> None:
    cluster = make_cluster(sockets_per_user=3)
    clients = [cluster.nodes[number % 3].connect(1, "presence") for number in range(9)]
    cluster.advance(5)
    assert sum(client.is_open for client in clients) == 3
    assert sockets(cluster, 1) == [ids(*(client for client in clients if client.is_open))] * 3


def test_a_silent_socket_needs_attention_on_every_server(make_cluster: MakeCluster) -> None:
    cluster = make_cluster(
        sockets_per_user=2, ping_interval_seconds=8.0, pong_timeout_seconds=7.5, silent_socket_seconds=10.0
    )
    old = cluster.connect(0, 1)
    cluster.advance(2)
    deaf = cluster.connect(1, 1)
    deaf.transport.reads = False
    cluster.advance(11)
    for node in cluster.nodes:
        node.core.overview_feed.refresh()
    cluster.advance(2)
    for node in cluster.nodes:
        node.core.overview_feed.refresh()
        (issue,) = node.core.overview.issues()
        assert (issue.kind, issue.session_id) == ("silent_socket", deaf.session.session_id)
        assert issue.effect == "Closes 1 connection. user1 keeps 1 more"
    new = cluster.connect(2, 1)
    cluster.advance(1)
    assert (old.session.close_code, deaf.session.close_code) == (None, CloseCode.REPLACED)
    cluster.advance(2)
    for node in cluster.nodes:
        node.core.overview_feed.refresh()
        assert node.core.overview.issues() == []
    assert sockets(cluster, 1) == [ids(old, new)] * 3


def test_the_last_sign_of_life_is_asked_for(cluster: ClusterWorld) -> None:
    cluster.connect(0, 1)
    cluster.advance(90)
    (row,) = cluster.nodes[1].core.overview.sessions(1)
    assert row.heard_at < row.opened_at + 1000
    sharing = cluster.nodes[1].core.session_sharing
    assert sharing is not None
    cluster.nodes[1].run(sharing.refresh_heard(1))
    (later,) = cluster.nodes[1].core.overview.sessions(1)
    assert later.heard_at >= row.heard_at + 50_000
    assert later.opened_at == row.opened_at
    assert cluster.nodes[1].core.overview.row(1).heard == later.heard_at
    cluster.engine.stop()
    cluster.nodes[1].run(sharing.refresh_heard(1))


def test_a_row_that_is_due_and_has_changed_is_written_once(
    cluster: ClusterWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("realtime.cluster.session_sharing.HEARD_SECONDS", 0.5)
    client = cluster.connect(0, 1)
    cluster.advance(0.2)
    before = entries_of_sockets(cluster)
    sharing = cluster.nodes[0].core.session_sharing
    assert sharing is not None
    sharing.note(ids(client))
    cluster.advance(2)
    assert entries_of_sockets(cluster) == before + 1
    assert sockets(cluster, 1) == [ids(client)] * 3


def test_a_user_of_another_server_without_a_socket_is_explained(cluster: ClusterWorld) -> None:
    cluster.nodes[0].beat(1)
    lost = cluster.connect(0, 2)
    cluster.advance(5)
    cluster.nodes[0].lose(lost)
    cluster.connect(0, 3)
    row = cluster.nodes[1].core.overview.row
    assert row(3).because == Explanation("connected")
    cluster.advance(3)
    assert row(1).because == Explanation("heartbeat to another server")
    assert row(2).because == Explanation("connection lost, in the grace period of another server")


def test_a_row_of_a_socket_is_what_it_was() -> None:
    session = SharedSession("one", 1, "feed", "phone", "192.0.2.1", 5, 7, True)
    assert decoded_sessions([encoded_session(session), None, b"nonsense"]) == [session]


@pytest.fixture
def shared() -> SharedSessions:
    """The sockets of several servers; this one is `a`."""
    return SharedSessions(Settings(), Incarnation("a", str), Registry())


def session(session_id: str, user_id: int = 1, *, is_silent: bool = False) -> SharedSession:
    """Return a socket."""
    return SharedSession(session_id, user_id, "feed", "", "", 0, 0, is_silent)


def test_what_is_closed_twice_or_was_never_known_changes_nothing(shared: SharedSessions) -> None:
    shared.apply("b", SessionsChange([session("one")], []))
    for _ in range(2):
        shared.apply("b", SessionsChange([], ["one", "two"]))
        shared.kicked(Kick(9))
        shared.kicked(Kick(1, "two"))
    assert len(shared) == 0


def test_signs_of_life_of_sockets_that_are_gone_are_ignored(shared: SharedSessions) -> None:
    shared.note_heard([session("one")])
    assert len(shared) == 0


def test_only_other_servers_have_sockets_elsewhere(shared: SharedSessions) -> None:
    for server in "ab":
        shared.apply(server, SessionsChange([session(server, is_silent=True)], []))
    assert [held.server for held in shared.elsewhere(1)] == ["b"]
    assert [held.server for held in shared.silent_elsewhere()] == ["b"]
