"""The board of the past with several servers: from any checkpoint and the events of all comes what was shown then."""

from __future__ import annotations

import json
from typing import Any

from models.events import Event
from realtime.dashboard.capture import Capture, capture
from realtime.dashboard.operator_messages import encode_message
from realtime.dashboard.past_board import PastBoard
from tests.realtime.cluster.world import ClusterWorld, NodeWorld


def captured(node: NodeWorld) -> Capture:
    core = node.core
    return capture(core.registry, core.switchboard.ongoing, core.event_log, core.environment.clock)


def saved(cluster: ClusterWorld) -> list[Event]:
    """Return the events that all servers save, in the order of their ids."""
    events = [event for node in cluster.nodes for event in node.core.event_log.unsaved(1000)]
    return sorted(events, key=lambda each: each.event_id)


def shown(node: NodeWorld) -> tuple[dict[int, str], set[str]]:
    """Return what the feed of a server says: the state of each user, and the calls."""
    overview: dict[str, Any] = json.loads(encode_message(node.core.operator_sessions.overview()))
    return {row["user_id"]: row["state"] for row in overview["users"]}, {call["call_id"] for call in overview["calls"]}


def board(start: Capture, node: NodeWorld, events: list[Event]) -> tuple[dict[int, str], set[str]]:
    """Return the same as of now, from a checkpoint and the events after it."""
    users = [row for kind, rows in start.parts() if kind == "users" for row in rows]
    calls = [row for kind, rows in start.parts() if kind == "calls" for row in rows]
    past = PastBoard(node.core.environment.clock.utc(), users, calls)  # type: ignore[arg-type]
    for event in events:
        if event.event_id > start.reached:
            past.apply(event)
    return {user.user_id: user.state for user in past.users.values()}, {call.call_id for call in past.calls()}


def test_any_servers_checkpoint_and_the_events_of_all_give_what_was_shown(cluster: ClusterWorld) -> None:
    first = captured(cluster.nodes[0])
    assert first.newest_user == 4
    for number in range(3):
        cluster.connect(number, number + 1)
    cluster.nodes[2].call(1, 2)
    cluster.settle()
    middle = captured(cluster.nodes[1])
    cluster.nodes[1].put(3, is_busy=True)
    cluster.settle()
    cluster.nodes[0].put(4, is_online=False)
    cluster.advance(2)
    expected = shown(cluster.nodes[0])
    assert expected[0] == {1: "busy", 2: "busy", 3: "busy", 4: "offline"}
    last = captured(cluster.nodes[2])
    for start in (first, middle, last):
        assert board(start, cluster.nodes[0], saved(cluster)) == expected
    assert not [event for event in saved(cluster) if event.event_id > last.reached]


def test_a_change_back_is_an_event_after_all_records_were_read_anew(cluster: ClusterWorld) -> None:
    """Otherwise, the server would believe that it had told of this state already."""
    cluster.connect(0, 1)
    reader = cluster.nodes[1].core.node.reader  # type: ignore[union-attr]
    entry = cluster.nodes[1].core.registry.get(1)
    available = entry.record
    cluster.nodes[0].put(1, is_busy=True)
    cluster.settle()
    busy = entry.record
    entry.record, entry.logged_state = available, "available"  # as if the entry had been missed
    reader._follower.take_over(1, busy)
    before = len(saved(cluster))
    cluster.nodes[1].put(1, is_busy=False)
    cluster.settle()
    assert [(event.kind, event.user_id) for event in saved(cluster)[before:]] == [("available", 1)]
