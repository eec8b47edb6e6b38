"""Stats: figures that add up, and are sent when they have changed."""

from __future__ import annotations

from tests.realtime.conftest import MakeWorld
from tests.realtime.world import World


def test_available_and_busy_make_up_online(world: World) -> None:
    world.connect(1)
    world.connect(2)
    world.put(2, is_busy=True)
    world.put(3, is_busy=True)
    counts = world.core.stats.counts()
    assert (counts.total_users, counts.online, counts.available, counts.busy) == (3, 2, 1, 1)


def test_ongoing_calls_are_counted(world: World) -> None:
    world.connect(2)
    call = world.call(1, 2)
    assert world.core.stats.counts().ongoing_calls == 1
    world.hang_up(1, call)
    assert world.core.stats.counts().ongoing_calls == 0


def test_figures_are_told_only_when_they_changed(world: World) -> None:
    client = world.connect(1)
    world.advance(5)
    told = len(client.messages("feed_stats"))
    world.advance(5)
    assert len(client.messages("feed_stats")) == told
    world.connect(2)
    world.advance(1)
    assert len(client.messages("feed_stats")) == told + 1


def test_figures_are_told_to_feed_and_stats_and_to_nobody_else(world: World) -> None:
    feed, presence, stats = world.connect(1), world.connect(1, "presence"), world.connect(1, "presence")
    world.send(stats, "subscribe", subscription="stats")
    world.advance(2)
    world.connect(2)
    world.advance(2)
    assert [each.messages("feed_stats")[-1:] != [] for each in (feed, presence, stats)] == [True, False, True]


def test_who_was_told_figures_that_went_back_is_told_again(world: World) -> None:
    world.connect(1)
    world.advance(2)
    world.put(1, is_busy=True)
    late = world.connect(1)
    world.put(1, is_busy=False)
    world.advance(2)
    assert late.messages("feed_stats")[-1]["stats"]["busy"] == 0


def test_who_subscribes_again_is_told_the_figures_that_changed_in_between(world: World) -> None:
    client = world.connect(1)
    world.send(client, "unsubscribe", subscription="feed")
    world.put(2, is_online=True)
    world.advance(2)
    world.send(client, "subscribe", subscription="feed")
    told = len(client.messages("feed_stats"))
    world.advance(2)
    assert client.messages("feed_stats")[-1]["stats"]["online"] == 2
    assert len(client.messages("feed_stats")) == told + 1


def test_figures_go_out_in_turns_and_are_those_of_the_moment(make_world: MakeWorld) -> None:
    world = make_world(100)
    clients = [world.connect(user_id) for user_id in range(1, 41)]
    world.advance(2)
    told = [len(client.messages("feed_stats")) for client in clients]
    world.put(50, is_online=True)
    world.send_seconds = 1.0
    world.core.stats.tick()
    world.core.stats.tick()
    has_figures = [len(client.messages("feed_stats")) > before for client, before in zip(clients, told, strict=True)]
    assert has_figures.count(True) == 16
    world.put(51, is_online=True)
    world.arrive()
    world.arrive()
    assert {client.messages("feed_stats")[-1]["stats"]["online"] for client in clients} == {42}
