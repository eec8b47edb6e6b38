"""Operators in a cluster: what they do on one server is done, and known, on all of them."""

from __future__ import annotations

from typing import Any

import pytest

from models.calls import Call
from models.errors import StoreUnavailable
from models.events import Event
from models.shared_log import entry_order
from realtime.dashboard.action_previews import ActionTarget
from realtime.dashboard.actions import ActionOutcome
from realtime.dashboard.rows import ActionName
from tests.realtime.cluster.world import ClusterWorld, NodeWorld
from tests.realtime.operators import tell, watch


def act(node: NodeWorld, action: ActionName, *, now: bool = False, **target: Any) -> ActionOutcome:
    """Carry out an action as the operator maya, on one of the servers."""
    work = node.core.actions.carry_out(action, ActionTarget(**target), "maya", now=now, entry_id="entry")
    task = node.begin(work)
    node.cluster.settle()
    return task.result()


def unsaved(node: NodeWorld) -> list[Event]:
    """Return the events that a server will save."""
    return node.core.event_log.unsaved(100)


def test_each_event_is_saved_by_one_server_under_an_id_from_the_log(cluster: ClusterWorld) -> None:
    clients = [cluster.connect(number, number + 1) for number in range(3)]
    cluster.nodes[0].put(3, is_busy=True)
    cluster.settle()
    cluster.nodes[1].lose(clients[1])
    cluster.advance(20)
    saved = [event for node in cluster.nodes for event in unsaved(node)]
    in_order = [(each.user_id, each.kind) for each in sorted(saved, key=lambda each: each.event_id)]
    assert in_order == [(1, "available"), (2, "available"), (3, "available"), (3, "busy"), (2, "offline")]
    assert len({each.event_id for each in saved}) == len(saved)
    log = {entry.entry_id for entry in cluster.engine.contents.log}
    assert {f"{int(each.event_id[:12], 16)}-{int(each.event_id[12:20], 16)}" for each in saved} <= log


def test_events_of_one_entry_have_different_ids(cluster: ClusterWorld) -> None:
    for number in range(3):
        cluster.connect(number, number + 1)
    cluster.nodes[2].call(1, 2)
    cluster.settle()
    events = [each for each in unsaved(cluster.nodes[2]) if each.user_id in (1, 2)]
    assert [each.kind for each in events] == ["busy", "busy", "call_started"]
    assert [each.event_id for each in events] == sorted({each.event_id for each in events})
    assert len({each.event_id[:20] for each in events}) == 1


def test_all_servers_show_the_same_events(cluster: ClusterWorld) -> None:
    cluster.connect(1, 1)
    cluster.advance(1)
    act(cluster.nodes[0], "force_offline", user_id=1)
    cluster.settle()
    one, two, three = ([each.event_id for each in node.core.event_log.latest()] for node in cluster.nodes)
    assert one == two == three
    assert [each.kind for each in cluster.nodes[2].core.event_log.latest()] == ["action", "offline", "available"]


@pytest.fixture
def in_call(cluster: ClusterWorld) -> tuple[ClusterWorld, Call]:
    """Users 1 and 2 are in a call."""
    for number in range(2):
        cluster.connect(number, number + 1)
    call = cluster.nodes[0].call(1, 2)
    cluster.settle()
    return cluster, call


def wait(node: NodeWorld) -> None:
    """Let an action on user 1 wait for the end of the call."""
    node.audit.begin("entry", node.time.wall(), "force_offline", 1)
    assert act(node, "force_offline", user_id=1).outcome == "waiting"


def follow(cluster: ClusterWorld) -> None:
    """Let every server look for actions that wait."""
    for node in cluster.nodes:
        if node.is_running:
            node.begin(node.core.check_store())
    cluster.settle()


def pending(cluster: ClusterWorld) -> list[str]:
    """Return what waits for user 1, as each running server shows it."""
    return [node.core.overview.row(1).waiting for node in cluster.nodes if node.is_running]


def acted(cluster: ClusterWorld) -> list[str]:
    """Return the actions among the events, as a server shows them."""
    return [each.cause for each in cluster.nodes[1].core.event_log.latest() if each.kind == "action"]


WAITING = "force offline, by maya"


def test_an_action_that_waits_is_carried_out_although_the_call_ends_on_another_server(
    in_call: tuple[ClusterWorld, Call],
) -> None:
    cluster, call = in_call
    wait(cluster.nodes[0])
    cluster.nodes[2].hang_up(2, call)
    cluster.advance(1)
    assert [node.status(1).is_online for node in cluster.nodes] == [False, False, False]


def test_every_server_shows_an_action_that_waits_and_one_carries_it_out(in_call: tuple[ClusterWorld, Call]) -> None:
    cluster, call = in_call
    wait(cluster.nodes[0])
    assert pending(cluster) == [WAITING, "", ""]
    follow(cluster)
    assert pending(cluster) == [WAITING] * 3
    cluster.nodes[2].hang_up(2, call)
    cluster.advance(1)
    follow(cluster)
    assert acted(cluster) == ["force_offline"]
    assert cluster.audit.entries["entry"].outcome == "done"
    assert pending(cluster) == ["", "", ""]


def test_an_action_outlives_the_server_where_it_waits(in_call: tuple[ClusterWorld, Call]) -> None:
    cluster, call = in_call
    wait(cluster.nodes[2])
    follow(cluster)
    cluster.nodes[2].crash()
    cluster.nodes[0].hang_up(2, call)
    cluster.advance(1)
    assert cluster.audit.entries["entry"].outcome == "done"
    assert acted(cluster) == ["force_offline"]


def test_an_action_that_another_server_has_ended_waits_no_more(in_call: tuple[ClusterWorld, Call]) -> None:
    cluster, _ = in_call
    wait(cluster.nodes[0])
    follow(cluster)
    assert act(cluster.nodes[1], "force_offline", now=True, user_id=1).outcome == "done"
    assert cluster.audit.entries["entry"].outcome == "superseded"
    follow(cluster)
    assert pending(cluster) == ["", "", ""]
    assert acted(cluster) == ["force_offline"]


def test_an_action_that_another_server_has_begun_is_not_taken(in_call: tuple[ClusterWorld, Call]) -> None:
    cluster, _ = in_call
    wait(cluster.nodes[0])
    cluster.nodes[0].run(cluster.audit.claim("entry"))
    assert act(cluster.nodes[0], "force_offline", now=True, user_id=1).outcome == "done"
    assert cluster.audit.entries["entry"].outcome == "started"


def test_an_action_whose_substitute_fails_goes_on_waiting_everywhere(in_call: tuple[ClusterWorld, Call]) -> None:
    cluster, call = in_call
    wait(cluster.nodes[0])
    follow(cluster)
    cluster.faults.script("end", "refused")
    cluster.faults.script("wait", "refused")
    with pytest.raises(StoreUnavailable):
        act(cluster.nodes[0], "force_offline", now=True, user_id=1)
    follow(cluster)
    cluster.advance(3)
    follow(cluster)
    assert pending(cluster) == [WAITING] * 3
    cluster.nodes[1].hang_up(2, call)
    cluster.advance(3)
    assert cluster.audit.entries["entry"].outcome == "done"
    assert acted(cluster) == ["force_offline"]


def test_what_began_to_wait_while_a_server_looked_is_not_forgotten(in_call: tuple[ClusterWorld, Call]) -> None:
    cluster, _ = in_call
    wait(cluster.nodes[0])
    cluster.faults.holds = True
    looking = cluster.nodes[0].begin(cluster.nodes[0].core.actions.follow())
    cluster.nodes[0].core.actions._waiting._busy.add(1)
    cluster.audit.entries.pop("entry")
    while cluster.faults.held:
        cluster.faults.held[0].go()
        cluster.settle()
    cluster.faults.holds = False
    assert looking.done()
    cluster.nodes[0].core.actions._waiting._busy.discard(1)
    assert pending(cluster)[0] == WAITING


def test_an_action_whose_reply_was_lost_is_one_event(cluster: ClusterWorld) -> None:
    cluster.connect(1, 1)
    cluster.advance(2)
    cluster.nodes[0].shared.lose_replies(2)
    task = cluster.nodes[0].begin(
        cluster.nodes[0].core.actions.carry_out("disconnect", ActionTarget(1), "maya", now=False, entry_id="entry")
    )
    cluster.settle()
    later = cluster.connect(1, 1)
    cluster.advance(1)
    assert task.done()
    assert [entry.kind for entry in cluster.engine.contents.log].count("rebase") == 1
    assert acted(cluster) == ["disconnect"]
    assert later.is_open


def test_only_the_latest_proposals_are_remembered(cluster: ClusterWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("realtime.presence.follower.OPS_KEPT", 1)
    cluster.connect(1, 1)
    cluster.advance(2)
    act(cluster.nodes[0], "disconnect", user_id=1)
    act(cluster.nodes[0], "sign_out", user_id=1)
    assert acted(cluster) == ["sign_out", "disconnect"]


def test_nobody_is_disconnected_while_the_log_cannot_be_reached(cluster: ClusterWorld) -> None:
    client = cluster.connect(0, 1)
    cluster.engine.stop()
    cluster.advance(1)
    with pytest.raises(StoreUnavailable):
        act(cluster.nodes[0], "disconnect", user_id=1)
    assert client.is_open


def test_ids_in_the_log_sort_after_those_of_a_server_that_was_alone(cluster: ClusterWorld) -> None:
    cluster.connect(0, 1)
    (event,) = unsaved(cluster.nodes[0])
    entry = cluster.engine.contents.log[-1].entry_id
    assert event.event_id == f"{entry_order(entry)[0]:012x}{entry_order(entry)[1]:08x}0000"
    assert len(event.event_id) == len("0192f3a4b5c6000001id1234")


def test_after_the_log_was_restarted_operators_get_its_epoch_and_a_new_overview(cluster: ClusterWorld) -> None:
    node = cluster.nodes[0]
    screen = watch(node)
    before = screen.messages("connection_established")[0]["epoch"]
    assert before == node.core.changes.epoch
    cluster.engine.fail_over()
    cluster.advance(3)
    tell(node)
    assert [each["epoch"] for each in screen.messages("connection_established")] == [before, node.core.changes.epoch]
    assert before != node.core.changes.epoch
    assert len(screen.messages("overview")) == 2
