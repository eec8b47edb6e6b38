"""Log lag: how far a server is behind the log, in entries and in seconds."""

from __future__ import annotations

from handlers.api.metrics import cluster_metrics
from realtime.cluster.log_lag import LogLag
from tests.realtime.cluster.world import ClusterWorld


def lag(cluster: ClusterWorld, node: int) -> LogLag:
    """Return a server's lag."""
    part = cluster.nodes[node].core.node
    assert part is not None
    return part.lag


def metrics(cluster: ClusterWorld, node: int) -> dict[str, float]:
    """Return a server's metrics of the cluster."""
    core = cluster.nodes[node].core
    assert core.node is not None
    return {each.name: each.samples[0].value for each in cluster_metrics(core.node, core.counters)}


def test_a_server_that_follows_is_not_behind(cluster: ClusterWorld) -> None:
    cluster.connect(0, 1)
    cluster.advance(5)
    assert (lag(cluster, 1).entries, lag(cluster, 1).seconds) == (0, 0)


def test_a_server_that_gets_no_entries_is_further_and_further_behind(cluster: ClusterWorld) -> None:
    cluster.advance(1)
    cluster.nodes[1].shared.hold_delivery()
    for user_id in (1, 2, 3):
        cluster.nodes[0].put(user_id, is_busy=True)
        cluster.settle()
    cluster.advance(3)
    assert lag(cluster, 1).entries == 3
    first = lag(cluster, 1).seconds
    cluster.advance(2)
    assert lag(cluster, 1).seconds == first + 2
    cluster.nodes[1].shared.release_delivery()
    cluster.settle()
    assert (lag(cluster, 1).entries, lag(cluster, 1).seconds) == (0, first + 2)
    cluster.advance(3)
    assert lag(cluster, 1).seconds == 0


def test_in_another_generation_nothing_can_be_counted(cluster: ClusterWorld) -> None:
    cluster.advance(5)
    cluster.engine.fail_over()
    cluster.settle()
    assert lag(cluster, 1).entries == 0


def test_a_server_that_cannot_ask_goes_on(cluster: ClusterWorld) -> None:
    cluster.advance(1)
    cluster.nodes[0].begin(lag(cluster, 0).measure())
    cluster.nodes[0].shared.cut_off()
    assert cluster.nodes[0].begin(lag(cluster, 0).measure()).exception() is not None
    cluster.nodes[0].shared.reconnect()
    cluster.advance(3)
    assert lag(cluster, 0).seconds == 0


def test_what_a_server_does_with_the_log_is_counted(cluster: ClusterWorld) -> None:
    cluster.advance(3)
    before = metrics(cluster, 0)
    assert (before["rollcall_nodes_alive"], before["rollcall_log_connected"]) == (3, 1)
    assert before["rollcall_log_generation"] == cluster.engine.contents.meta.generation
    cluster.nodes[0].shared.hold_delivery()
    cluster.nodes[1].put(1, is_busy=True)
    cluster.nodes[0].begin(cluster.nodes[0].core.presence.heartbeat(1))
    cluster.advance(0.5)
    cluster.nodes[0].shared.release_delivery()
    cluster.advance(0.5)
    after = metrics(cluster, 0)
    grown = {name: after[name] - before[name] for name in ("rollcall_log_appends", "rollcall_log_conflicts")}
    assert grown == {"rollcall_log_appends": 1, "rollcall_log_conflicts": 1}


def test_a_server_that_has_left_counts_no_more(cluster: ClusterWorld) -> None:
    cluster.advance(3)
    cluster.nodes[2].drain()
    cluster.advance(3)
    assert metrics(cluster, 0)["rollcall_nodes_alive"] == 2
