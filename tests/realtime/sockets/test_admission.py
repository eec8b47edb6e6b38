"""Admission: a session's first messages, the limits, and that closing undoes everything that opening did."""

from __future__ import annotations

import pytest

from models.errors import NotFound
from realtime.protocol import Channel
from realtime.sockets.admission import LimitReached
from tests.realtime.client import Client
from tests.realtime.conftest import MakeWorld
from tests.realtime.transports import FakeTransport
from tests.realtime.world import World


def types(client: Client) -> list[str]:
    return [each["type"] for each in client.messages()]


@pytest.mark.parametrize(
    ("channel", "expected"),
    [
        ("feed", ["connection_established", "user_status_update", "feed_stats"]),
        ("presence", ["connection_established", "user_status_update"]),
    ],
)
def test_the_first_messages_come_in_order(world: World, channel: Channel, expected: list[str]) -> None:
    assert types(world.connect(1, channel)) == expected


def test_the_first_message_says_what_a_client_needs_to_know(world: World) -> None:
    established = world.connect(1).messages()[0]
    assert established | {"session_id": "", "server_time": "", "epoch": ""} == {
        "type": "connection_established",
        "message": "Connected to feed updates",
        "user_id": 1,
        "channel": "feed",
        "session_id": "",
        "epoch": "",
        "seq": 1,
        "server_time": "",
        "heartbeat_interval": 30,
        "resumed": False,
        "command_burst": 20,
        "commands_per_second": 2.0,
    }
    assert established["epoch"] == world.core.changes.epoch


def test_the_second_message_shows_the_caller_online(world: World) -> None:
    own = world.connect(1).messages()[1]
    assert (own["user_id"], own["status"]["is_online"], own["reason"]) == (1, True, "connected")


def test_the_own_arrival_is_told_once(world: World) -> None:
    client = world.connect(1)
    world.advance(1)
    assert types(client).count("user_status_update") == 1


def test_a_later_change_of_the_own_status_is_told(world: World) -> None:
    client = world.connect(1)
    world.put(1, is_busy=True)
    world.arrive()
    assert client.updates()[-1]["status"]["is_busy"]


def test_the_own_call_is_told_to_a_session_that_just_opened(world: World) -> None:
    world.connect(2)
    client = world.connect(1)
    world.call(1, 2)
    world.arrive()
    assert [each["user_id"] for each in client.updates()] == [1, 2]


def test_who_knows_where_it_was_gets_exactly_what_changed(world: World) -> None:
    client = world.connect(1)
    client.fold()
    world.lose(client)
    for busy in (True, False, True):
        world.put(2, is_busy=busy)
    world.arrive()
    world.connect(1, client=client)
    world.arrive()
    assert client.messages()[0]["resumed"]
    assert [(each["user_id"], each["status"]["is_busy"]) for each in client.updates()] == [(2, True)]
    assert client.messages("snapshot") == []


def test_a_resume_ends_with_the_seq_up_to_which_everything_was_sent(world: World) -> None:
    client = world.connect(1)
    world.lose(client)
    world.put(2, is_busy=True)
    world.arrive()
    world.connect(1, client=client)
    world.put(3, is_busy=True)
    world.arrive()
    assert types(client)[3:] == ["user_status_update", "resume_complete", "user_status_update"]
    missed, complete, later = client.messages()[3:]
    assert missed["seq"] <= complete["seq"] == client.messages()[0]["seq"] < later["seq"]


def test_only_a_resume_is_reported_as_complete(world: World) -> None:
    for client in (world.connect(1), world.connect(2, epoch="other", since=1)):
        world.arrive()
        assert client.messages("resume_complete") == []


def test_who_missed_nothing_gets_nothing(world: World) -> None:
    client = world.connect(1)
    world.lose(client)
    world.connect(1, client=client)
    assert types(client) == ["connection_established", "user_status_update", "feed_stats", "resume_complete"]


@pytest.mark.parametrize(
    ("epoch", "since"), [("other", 1), ("other", None), (None, 1), ("now", None), ("now", 99), ("now", -1)]
)
def test_who_cannot_be_resumed_gets_a_snapshot(world: World, epoch: str | None, since: int | None) -> None:
    client = world.connect(1, epoch=world.core.changes.epoch if epoch == "now" else epoch, since=since)
    assert not client.messages()[0]["resumed"]
    assert [len(page["users"]) for page in client.messages("snapshot")] == [3]


def test_who_asks_for_nothing_gets_no_snapshot(world: World) -> None:
    assert world.connect(1).messages("snapshot") == []


def test_a_user_has_room_for_so_many_sockets(make_world: MakeWorld) -> None:
    world = make_world(2, sockets_per_user=2)
    for count in (1, 2):
        world.connect(1)
        assert len(world.core.hub.of_user(1)) == count
    assert world.connect(1).is_open
    assert len(world.core.hub.of_user(1)) == 2
    assert world.connect(2).is_open


def test_the_most_silent_socket_gives_way_to_a_newer_one(make_world: MakeWorld) -> None:
    world = make_world(2, sockets_per_user=3)
    watcher = world.connect(2)
    oldest, silent, chatty = (world.connect(1) for _ in range(3))
    world.advance(5)
    world.send(chatty, "ping")
    world.send(oldest, "ping")
    updates = len(watcher.messages("user_status_update"))
    newest = world.connect(1)
    assert silent.transport.closed == (4503, "replaced by a newer socket")
    assert [each.is_open for each in (oldest, chatty, newest)] == [True, True, True]
    world.advance(60)
    assert len(watcher.messages("user_status_update")) == updates


def test_a_socket_that_ended_makes_room(make_world: MakeWorld) -> None:
    world = make_world(1, sockets_per_user=1)
    world.leave(world.connect(1))
    assert world.connect(1).is_open


def test_an_address_has_room_for_so_many_sockets_unless_it_is_exempt(make_world: MakeWorld) -> None:
    world = make_world(3, sockets_per_address=1)
    world.connect(1, address="a")
    with pytest.raises(LimitReached) as full:
        world.connect(2, address="a")
    assert full.value.close_code == 1013
    assert world.connect(2, address="b").is_open
    assert world.connect(3, address="a", counts_by_address=False).is_open


def test_the_server_has_room_for_so_many_sockets(make_world: MakeWorld) -> None:
    world = make_world(2, sockets_limit=1)
    world.connect(1)
    with pytest.raises(LimitReached) as full:
        world.connect(2)
    assert full.value.close_code == 1013


def test_who_finds_no_room_is_not_online(make_world: MakeWorld) -> None:
    world = make_world(2, sockets_limit=1)
    world.connect(1)
    with pytest.raises(LimitReached):
        world.connect(2)
    assert not world.status(2).is_online
    assert len(world.core.fan_out) == 1


def test_a_user_nobody_knows_leaves_nothing_behind(world: World) -> None:
    with pytest.raises(NotFound):
        world.connect(99)
    assert (len(world.core.hub), len(world.core.fan_out)) == (0, 0)


def test_a_peer_lost_before_the_first_message_leaves_nothing_behind(world: World) -> None:
    transport = FakeTransport(world.soon)
    transport.reset()
    client = world.connect(1, transport=transport)
    assert not client.is_open
    assert (len(world.core.hub), len(world.core.fan_out)) == (0, 0)
    world.advance(16)
    assert not world.status(1).is_online


def test_while_the_server_drains_nobody_enters_and_nobody_goes_offline(world: World) -> None:
    client = world.connect(1)
    world.core.admission.closing = True
    with pytest.raises(LimitReached):
        world.connect(2)
    world.lose(client)
    world.advance(60)
    assert world.status(1).is_online


def test_after_all_sockets_close_nothing_is_left_of_them(world: World) -> None:
    clients = [world.connect(user_id, channel) for user_id in (1, 2, 3) for channel in ("feed", "presence")]
    for client in clients:
        world.send(client, "subscribe", subscription="feed", user_ids=[1, 2], snapshot=True)
    world.advance(30)
    for place, client in enumerate(clients):
        (world.leave if place % 2 else world.lose)(client)
    core = world.core
    assert (len(core.hub), len(core.fan_out), bool(core.fan_out._subscribers)) == (0, 0, False)
    world.advance(40)
    assert len(core.timers) == 0
    assert (len(core.liveness._to_ping), len(core.liveness._pinged)) == (0, 0)
    assert len(core.limits.commands) == 0
    assert core.registry.online == 0


def test_a_peer_found_gone_by_the_reply_leaves_no_subscription(world: World) -> None:
    client = world.connect(1)
    client.transport.reset()
    world.send(client, "subscribe", subscription="feed", user_ids=[2], snapshot=True)
    assert (len(world.core.fan_out), bool(world.core.fan_out._subscribers)) == (0, False)


def test_a_welcome_that_goes_wrong_leaves_nothing_behind(world: World) -> None:
    transport = FakeTransport(world.soon)
    transport.kernel_bytes = None  # type: ignore[assignment]
    with pytest.raises(TypeError):
        world.connect(1, transport=transport)
    assert (len(world.core.hub), len(world.core.fan_out)) == (0, 0)
    world.advance(16)
    assert not world.status(1).is_online
