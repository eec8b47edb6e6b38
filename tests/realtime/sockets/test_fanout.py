"""Fan-out: immediate after a quiet moment, gathered under load; no update is duplicated, late or lost."""

from __future__ import annotations

import itertools

import pytest

from models.status import Profile
from realtime.protocol import CloseCode
from realtime.sockets import fanout
from tests.realtime.client import Client
from tests.realtime.conftest import MakeWorld
from tests.realtime.world import World


@pytest.fixture
def stride(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the fan-out check the time after every socket."""
    monkeypatch.setattr(fanout, "_STRIDE", 1)


def names(client: Client) -> list[str]:
    return [each["status"]["username"] for each in client.updates()]


def rename(world: World, name: str, user_id: int = 9) -> None:
    world.rename(Profile(user_id, name, None))


def watching(make_world: MakeWorld, count: int, **settings: int) -> tuple[World, list[Client]]:
    """Return a quiet world and some clients that are up to date."""
    world = make_world(9, announcements_per_second=1000, **settings)
    clients = [world.connect(user_id) for user_id in range(1, count + 1)]
    world.advance(3)
    world.hurries = True
    return world, clients


def interrupted(make_world: MakeWorld, count: int) -> tuple[World, list[Client]]:
    """Like `watching`, but in the middle of a flush: so far, only the first client has the update."""
    world, clients = watching(make_world, count)
    world.send_seconds = 1.0
    rename(world, "first")
    return world, clients


def test_the_first_change_after_a_quiet_moment_goes_out_at_once(make_world: MakeWorld) -> None:
    world, (client,) = watching(make_world, 1)
    rename(world, "first")
    assert names(client)[-1] == "first"


def test_changes_that_follow_gather_and_go_out_together(make_world: MakeWorld) -> None:
    world, (client,) = watching(make_world, 1)
    for name in ("first", "second", "third"):
        rename(world, name)
    assert names(client)[-1] == "first"
    takes = client.transport.takes
    world.arrive()
    assert names(client)[-2:] == ["second", "third"]
    assert client.transport.takes == takes + 1


def test_changes_gather_for_as_long_as_the_last_flush_took(make_world: MakeWorld) -> None:
    world, (client,) = watching(make_world, 1)
    world.send_seconds = 0.5
    rename(world, "first")
    rename(world, "second")
    began = world.time.seconds
    world.arrive()
    assert world.time.seconds - began >= 0.5
    assert names(client)[-1] == "second"


def test_what_is_announced_once_the_interval_is_over_waits_for_nothing(make_world: MakeWorld) -> None:
    world, (client,) = watching(make_world, 1)
    rename(world, "first")
    world.advance(1)
    rename(world, "second")
    assert names(client)[-1] == "second"


def test_what_is_announced_shortly_after_a_flush_waits_for_the_interval(make_world: MakeWorld) -> None:
    world, (client,) = watching(make_world, 1)
    rename(world, "first")
    world.time.seconds += 0.003
    rename(world, "second")
    assert names(client)[-1] == "first"
    began = world.time.seconds
    world.arrive()
    assert world.time.seconds - began == pytest.approx(0.002)


def test_too_much_for_one_send_goes_out_in_several_in_order(make_world: MakeWorld) -> None:
    world, (client,) = watching(make_world, 1)
    for number in range(400):
        rename(world, f"{number}" + "x" * 50)
    world.arrive()
    assert [int(name.rstrip("x")) for name in names(client)[-400:]] == list(range(400))


@pytest.mark.usefixtures("stride")
def test_a_flush_that_takes_too_long_lets_others_have_the_loop(make_world: MakeWorld) -> None:
    world, clients = interrupted(make_world, 3)
    assert [names(each)[-1:] == ["first"] for each in clients] == [True, False, False]
    world.arrive()
    assert [names(each)[-1:] == ["first"] for each in clients] == [True, True, True]


@pytest.mark.usefixtures("stride")
def test_what_is_announced_during_a_flush_comes_after_it(make_world: MakeWorld) -> None:
    world, clients = interrupted(make_world, 3)
    rename(world, "second")
    world.arrive()
    assert [names(each)[-2:] for each in clients] == [["first", "second"]] * 3


@pytest.mark.usefixtures("stride")
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_snapshot_during_a_flush_is_followed_only_by_what_is_newer(make_world: MakeWorld, place: int) -> None:
    world, clients = interrupted(make_world, 3)
    world.send(clients[place], "subscribe", subscription="feed", snapshot=True)
    rename(world, "second")
    world.arrive()
    clients[place].fold()
    assert clients[place].picture == world.picture()
    assert names(clients[place])[-2:] == ["first", "second"]


@pytest.mark.usefixtures("stride")
@pytest.mark.parametrize("place", [0, 1, 2])
def test_who_narrows_during_a_flush_gets_each_update_once(make_world: MakeWorld, place: int) -> None:
    world, clients = interrupted(make_world, 3)
    world.send(clients[place], "subscribe", subscription="feed", user_ids=[9])
    rename(world, "second")
    world.arrive()
    assert names(clients[place])[-1] == "second"
    assert names(clients[place]).count("first") <= 1


@pytest.mark.usefixtures("stride")
def test_who_narrowed_before_a_flush_has_it_in_the_middle(make_world: MakeWorld) -> None:
    world, clients = watching(make_world, 3)
    world.send(clients[0], "subscribe", subscription="feed", user_ids=[9])
    world.send_seconds = 1.0
    rename(world, "first")
    world.send(clients[0], "subscribe", subscription="feed")
    world.arrive()
    assert names(clients[0])[-1:] == ["first"]
    assert names(clients[0]).count("first") == 1


@pytest.mark.usefixtures("stride")
def test_who_catches_up_during_a_flush_gets_it_too(make_world: MakeWorld) -> None:
    world, clients = watching(make_world, 3)
    late = clients[2]
    late.transport.write_of_another(b"\x81\x0f" + b'{"type":"pong"}')
    rename(world, "first")
    world.time.seconds += 1
    world.send_seconds = 1.0
    rename(world, "second")
    late.transport.flow()
    world.arrive()
    rename(world, "third")
    world.arrive()
    assert names(late)[-3:] == ["first", "second", "third"] or names(late)[-2:] == ["second", "third"]


@pytest.mark.usefixtures("stride")
def test_who_connects_during_a_flush_gets_only_what_is_newer(make_world: MakeWorld) -> None:
    world, _ = interrupted(make_world, 2)
    late = world.connect(5)
    rename(world, "second")
    world.arrive()
    assert names(late) == ["second"]


@pytest.mark.usefixtures("stride")
def test_who_resumes_during_a_flush_gets_all_of_it_once(make_world: MakeWorld) -> None:
    world, clients = watching(make_world, 3)
    away = clients[2]
    world.lose(away)
    world.send_seconds = 1.0
    rename(world, "first")
    world.connect(3, client=away)
    rename(world, "second")
    world.arrive()
    assert names(away) == ["first", "second"] or names(away) == ["second"]
    away.fold()
    assert away.picture == {each: world.picture()[each] for each in away.picture}


@pytest.mark.usefixtures("stride")
def test_who_closes_during_a_flush_gets_nothing_of_it(make_world: MakeWorld) -> None:
    world, clients = interrupted(make_world, 3)
    clients[1].session.close(CloseCode.REVOKED, "gone")
    world.arrive()
    assert "first" not in names(clients[1])
    assert names(clients[2])[-1] == "first"


def test_a_peer_found_gone_by_a_flush_ends_alone(make_world: MakeWorld) -> None:
    world, clients = watching(make_world, 3)
    clients[0].transport.reset()
    rename(world, "first")
    assert [each.is_open for each in clients] == [False, True, True]
    assert names(clients[2])[-1] == "first"


def test_a_slow_socket_delays_no_other(make_world: MakeWorld) -> None:
    world, clients = watching(make_world, 2)
    clients[0].transport.stall()
    clients[0].transport.kernel_bytes = 0
    rename(world, "first")
    assert names(clients[1])[-1] == "first"
    assert world.core.fan_out.behind() == [clients[0].session]


def test_falling_behind_is_counted(make_world: MakeWorld) -> None:
    world, (client,) = watching(make_world, 1)
    client.transport.stall()
    client.transport.kernel_bytes = 0
    rename(world, "first")
    rename(world, "second")
    world.arrive()
    client.transport.resume()
    client.transport.kernel_bytes = 1 << 20
    world.arrive()
    assert names(client)[-1] == "second"
    assert world.core.fan_out.behind() == []


def test_a_session_that_waited_for_a_reply_when_an_update_came_is_conflated(make_world: MakeWorld) -> None:
    world, (client,) = watching(make_world, 1)
    client.transport.stall()
    client.transport.kernel_bytes = 0
    world.send(client, "ping")
    rename(world, "first")
    assert world.core.counters.conflated == 1


def test_of_users_not_watched_nothing_is_sent(make_world: MakeWorld) -> None:
    world, clients = watching(make_world, 2)
    world.send(clients[0], "subscribe", subscription="feed", user_ids=[8])
    before = names(clients[0])
    rename(world, "first", 9)
    rename(world, "eighth", 8)
    world.arrive()
    assert names(clients[0])[len(before) :] == ["eighth"]


def test_messages_are_counted_for_everyone_who_got_them(make_world: MakeWorld) -> None:
    world, clients = watching(make_world, 3)
    world.send(clients[0], "subscribe", subscription="feed", user_ids=[9])
    before = world.core.counters.messages_out["user_status_update"]
    rename(world, "first", 9)
    assert world.core.counters.messages_out["user_status_update"] - before == 3


def test_catching_up_a_session_that_ended_is_nothing(make_world: MakeWorld) -> None:
    world, (client,) = watching(make_world, 1)
    world.leave(client)
    before = client.transport.takes
    world.core.fan_out.catch_up(client.session)
    assert client.transport.takes == before


def test_after_all_have_left_nothing_is_kept(make_world: MakeWorld) -> None:
    world, clients = watching(make_world, 3)
    world.send(clients[0], "subscribe", subscription="feed", user_ids=[8, 9])
    world.send(clients[1], "subscribe", subscription="feed", user_ids=[9])
    for client in clients:
        world.leave(client)
    assert len(world.core.fan_out) == 0
    assert not world.core.fan_out._subscribers


def test_a_run_with_nothing_to_send_is_nothing(make_world: MakeWorld) -> None:
    world, (client,) = watching(make_world, 1)
    before = client.transport.takes
    world.core.fan_out._run()
    assert client.transport.takes == before


def test_a_slow_socket_that_watches_one_user_gets_the_rest_and_the_latest(make_world: MakeWorld) -> None:
    world, (client,) = watching(make_world, 1)
    world.send(client, "subscribe", subscription="feed", user_ids=[9])
    client.transport.stall()
    client.transport.kernel_bytes = 20
    for name in ("first", "second", "third"):
        rename(world, name, 9)
        world.arrive()
    client.transport.kernel_bytes = 1 << 20
    client.transport.resume()
    world.arrive()
    assert names(client)[-2:] == ["first", "third"]


def test_a_peer_that_watches_one_user_and_is_found_gone_ends(make_world: MakeWorld) -> None:
    world, (client, other) = watching(make_world, 2)
    for each in (client, other):
        world.send(each, "subscribe", subscription="feed", user_ids=[9])
    client.transport.reset()
    rename(world, "first", 9)
    assert not client.is_open
    assert names(other)[-1] == "first"


def test_while_the_loop_is_late_changes_gather_for_longer_up_to_a_limit(make_world: MakeWorld) -> None:
    world, (client,) = watching(make_world, 1)
    rename(world, "first")
    waits = []
    for number in range(8):
        rename(world, f"{number}")
        world.time.seconds += 1
        world.arrive()
        assert names(client)[-1] == f"{number}"
        rename(world, f"{number} again")
        began = world.time.seconds
        waits.append(round(world.core.fan_out._next_at - began, 3))
    assert waits == [0.01, 0.02, 0.04, 0.08, 0.16, 0.25, 0.25, 0.25]
    world.arrive()
    rename(world, "last")
    began = world.time.seconds
    world.arrive()
    assert world.time.seconds - began == pytest.approx(0.005)


def test_changes_that_pile_up_while_the_loop_is_late_are_not_gathered_for_longer(make_world: MakeWorld) -> None:
    world, (client,) = watching(make_world, 1)
    for number in range(400):
        rename(world, f"{number}" + "x" * 50)
    world.time.seconds += 1
    began = world.time.seconds
    world.arrive()
    assert names(client)[-1].startswith("399")
    assert world.time.seconds - began < 0.05


@pytest.mark.usefixtures("stride")
@pytest.mark.parametrize("stride_of_the_next_flush", [None, 1, 64])
def test_a_crowd_that_joined_during_a_flush_catches_up_in_turns(
    make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch, stride_of_the_next_flush: int | None
) -> None:
    world, _ = interrupted(make_world, 2)
    late = [world.connect(user_id) for user_id in (3, 4, 5)]
    fan_out = world.core.fan_out
    monkeypatch.setattr(fan_out, "_elapsed", itertools.count().__next__)  # each turn is long enough for one socket
    current = [0]
    while world._later:
        world.time.seconds = max(world.time.seconds, world._later[0][0])
        world.turn()
        current.append(sum(client.session.outbox.current for client in late))
        if stride_of_the_next_flush and current[-1] == 1:
            monkeypatch.setattr("realtime.sockets.fanout._STRIDE", stride_of_the_next_flush)
            fan_out._next_at = 0.0
            rename(world, "second")
            stride_of_the_next_flush = None
    assert len(set(current)) > 2
    assert current == sorted(current)
    rename(world, "third")
    world.arrive()
    assert [names(client)[-1] for client in late] == ["third"] * 3
    assert all(names(client).count(name) <= 1 for client in late for name in ("second", "third"))


def test_a_flush_goes_on_to_its_end_when_less_is_left_than_the_slice_has_sent(make_world: MakeWorld) -> None:
    world, clients = watching(make_world, 3)
    world.send_seconds = world.settings.flush_slice_seconds * 0.7
    rename(world, "first")
    assert [names(client)[-1:] for client in clients] == [["first"]] * 3


def test_one_that_fails_or_falls_short_keeps_nothing_from_those_after_it(make_world: MakeWorld) -> None:
    world, clients = watching(make_world, 5)
    clients[1].transport.reset()
    clients[3].transport.stall()
    clients[3].transport.kernel_bytes = 10
    rename(world, "first")
    assert [names(client)[-1:] for client in clients[::2]] == [["first"]] * 3
    clients[3].transport.resume()
    world.arrive()
    assert names(clients[3])[-1] == "first"


@pytest.mark.parametrize("other", [0, 2])
def test_a_session_brought_up_during_a_flush_gets_its_update_once(make_world: MakeWorld, other: int) -> None:
    world, clients = watching(make_world, 3)
    clients[1].transport.on_take = lambda: world.core.fan_out.bring_up(clients[other].session)
    rename(world, "first")
    world.arrive()
    assert [names(client).count("first") for client in clients] == [1, 1, 1]
