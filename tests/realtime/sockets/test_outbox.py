"""Outbox: what is queued, how much of it, and in which order it is sent."""

from __future__ import annotations

from typing import Any

import pytest

from models.status import Profile
from realtime.protocol import CloseCode, ServerDraining
from tests.realtime.client import Client
from tests.realtime.conftest import MakeWorld
from tests.realtime.world import World


@pytest.fixture
def slow(world: World) -> Client:
    """User 1, up to date, who reads nothing from now on; the kernel has room for a kilobyte."""
    client = world.connect(1, kernel_bytes=1024)
    world.advance(1)
    client.transport.stall()
    return client


def waiting(client: Client) -> int:
    return client.session.outbox._writer.queued_bytes + client.transport.buffered_bytes


def test_of_each_user_only_the_latest_state_waits(world: World, slow: Client) -> None:
    for number in range(30):
        world.rename(Profile(2, f"name{number}", None))
        world.advance(0.25)
    before = len(slow.updates())
    slow.transport.resume()
    world.arrive()
    assert len(slow.updates()) - before < 8
    assert slow.updates()[-1]["status"]["username"] == "name29"


def test_replies_keep_their_order(world: World, slow: Client) -> None:
    for number in range(30):
        slow.session.push(ServerDraining(reconnect_after_ms=number))
    slow.transport.resume()
    world.arrive()
    assert [each["reconnect_after_ms"] for each in slow.messages("server_draining")] == list(range(30))


def test_of_figures_that_wait_only_the_newest_are_told(world: World, slow: Client) -> None:
    slow.transport.kernel_bytes = 0
    for user_id in (2, 3):
        world.connect(user_id)
        world.core.stats.tick()
    slow.transport.kernel_bytes = 4096
    slow.transport.resume()
    world.advance(1)
    slow.fold()
    assert slow.stats is not None
    assert slow.stats["online"] == 3
    assert len(slow.messages("feed_stats")) <= 3


def test_frames_do_not_overtake_what_the_protocol_layer_is_writing(world: World) -> None:
    client = world.connect(1)
    client.transport.write_of_another(b"\x81\x0f" + b'{"type":"pong"}')
    client.session.push(ServerDraining(reconnect_after_ms=7))
    assert client.messages("server_draining") == []
    world.soon(client.transport.flow)
    world.arrive()
    types = [each["type"] for each in client.messages()]
    assert types.index("pong") < types.index("server_draining")


def test_the_rest_of_a_frame_goes_before_anything_else(world: World) -> None:
    client = world.connect(1)
    world.advance(1)
    client.transport.stall()
    client.transport.kernel_bytes = 10
    world.put(2, is_busy=True)
    client.session.push(ServerDraining(reconnect_after_ms=7))
    client.transport.resume()
    world.arrive()
    types = [each["type"] for each in client.messages()[3:]]
    assert types.index("user_status_update") < types.index("server_draining")


def test_a_peer_that_reads_slowly_is_not_slow(world: World, slow: Client) -> None:
    slow.transport.kernel_bytes = 16
    for number in range(60):
        world.rename(Profile(2, f"name{number}", None))
        slow.transport.read(2048)
        world.advance(0.5)
    assert slow.is_open


def test_a_peer_that_takes_nothing_for_the_limit_is_closed(world: World, slow: Client) -> None:
    slow.transport.kernel_bytes = 100
    world.put(2, is_busy=True)
    world.advance(9)
    assert slow.is_open
    world.advance(2)
    assert slow.session.close_code == CloseCode.SLOW_CONSUMER


def long_names(make_world: MakeWorld, count: int) -> World:
    world = make_world(1)
    for user_id in range(2, count + 2):
        user = world.users.add(user_id, world.time.wall(), username="n" * 60 + str(user_id))
        profile = Profile(user_id, user.profile.username, "https://example.com/" + "p" * 1900)
        world.users.change(user_id, profile=profile)
    world.crash()
    world.start()
    return world


def test_a_snapshot_of_long_names_stays_within_the_limit(make_world: MakeWorld) -> None:
    world = long_names(make_world, 450)
    client = world.connect(1, kernel_bytes=100)
    client.transport.stall()
    world.send(client, "subscribe", subscription="feed", snapshot=True)
    for _ in range(40_000):
        if not world._later and not client.transport.buffered_bytes:
            break
        assert waiting(client) <= world.settings.outbox_limit_bytes
        client.transport.kernel_bytes = 5000
        client.transport.read(5000)
        world.settle()
    client.transport.resume()
    world.arrive()
    client.fold()
    assert client.picture == world.picture()


def test_updates_missed_stay_within_the_limit(make_world: MakeWorld) -> None:
    world = long_names(make_world, 300)
    client = world.connect(1, kernel_bytes=5000)
    client.transport.stall()
    for user_id in range(2, 302):
        world.put(user_id, is_busy=True)
    world.arrive()
    pieces = 0
    while waiting(client):
        assert waiting(client) <= world.settings.outbox_limit_bytes
        client.transport.read(5000)
        world.settle()
        pieces += 1
    assert pieces > 100
    client.transport.resume()
    world.arrive()
    assert [each["user_id"] for each in client.updates()] == list(range(2, 302))


def pages(client: Client) -> list[dict[str, Any]]:
    return client.messages("snapshot")


def test_a_snapshot_comes_in_pages_of_the_same_seq(make_world: MakeWorld) -> None:
    world = make_world(5, snapshot_page_users=2)
    client = world.connect(1)
    world.send(client, "subscribe", subscription="feed", snapshot=True)
    assert [(len(page["users"]), page["more"]) for page in pages(client)] == [(2, True), (2, True), (1, False)]
    assert {page["seq"] for page in pages(client)} == {world.core.changes.seq}


def test_a_snapshot_of_nobody_is_one_empty_page(world: World) -> None:
    client = world.connect(1)
    world.send(client, "subscribe", subscription="feed", user_ids=[], snapshot=True)
    assert [(page["users"], page["more"]) for page in pages(client)] == [([], False)]


def test_a_snapshot_shows_those_who_are_watched(world: World) -> None:
    client = world.connect(1)
    world.send(client, "subscribe", subscription="presence", user_ids=[2, 99], snapshot=True)
    assert [each["user_id"] for each in pages(client)[0]["users"]] == [2]
    assert pages(client)[0]["subscription"] == "presence"


def test_no_update_comes_between_the_pages(make_world: MakeWorld) -> None:
    world = make_world(6, snapshot_page_users=1)
    client = world.connect(1, kernel_bytes=300)
    client.transport.stall()
    world.send(client, "subscribe", subscription="feed", snapshot=True)
    for user_id in range(2, 7):
        client.transport.read(300)
        world.put(user_id, is_busy=True)
        world.settle()
    client.transport.resume()
    world.arrive()
    client.fold()
    assert client.picture == world.picture()
    assert all(each["seq"] > pages(client)[0]["seq"] for each in client.updates()[-4:])


def test_updates_that_were_flushed_meanwhile_come_after_the_last_page(make_world: MakeWorld) -> None:
    world = make_world(6, snapshot_page_users=1)
    client = world.connect(1, kernel_bytes=300)
    client.transport.stall()
    world.send(client, "subscribe", subscription="feed", snapshot=True)
    for user_id in range(2, 7):
        world.put(user_id, is_busy=True)
        world.arrive()
        client.transport.read(300)
        world.arrive()
    client.transport.resume()
    world.arrive()
    kinds = [each["type"] for each in client.messages() if each["type"] in ("snapshot", "user_status_update")]
    assert kinds == ["user_status_update", *["snapshot"] * 6, *["user_status_update"] * 5]
