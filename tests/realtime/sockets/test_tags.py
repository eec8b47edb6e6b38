"""Tags: who watches by tags is told who has them, who gets them and who loses them."""

from __future__ import annotations

from typing import Any

import pytest

from models.status import Profile
from realtime.protocol import CloseCode
from realtime.sockets import fanout
from tests.realtime.client import Client
from tests.realtime.conftest import MakeWorld
from tests.realtime.world import World


def team(world: World, **tags: str) -> None:
    """Give users tags: `u1="ab"` gives user 1 the tags a and b."""
    for name, given in tags.items():
        world.tag(int(name[1:]), *given)
    world.advance(1)


def watcher(world: World, tags: list[str], *, user_id: int = 3, **fields: Any) -> Client:
    """A client that watches by tags and has its snapshot."""
    client = world.connect(user_id, "presence")
    world.advance(2)
    world.send(client, "subscribe", subscription="presence", tags=tags, snapshot=True, **fields)
    world.arrive()
    return client


def heard(world: World, client: Client) -> list[tuple[str, int]]:
    """Return (type, user id) of what the client is told of users from now on, and fold it."""
    world.arrive()
    messages = client.messages()[client._told :]
    client.fold()
    return [(each["type"], each["user_id"]) for each in messages if each["type"].startswith("user_")]


def test_the_snapshot_has_the_users_with_any_of_the_tags(world: World) -> None:
    team(world, u1="a", u2="bc", u3="c")
    client = watcher(world, ["a", "b"])
    client.fold()
    assert client.picture.keys() == {1, 2}


def test_only_users_with_the_tag_are_told_of(world: World) -> None:
    team(world, u1="a")
    client = watcher(world, ["a"])
    heard(world, client)
    world.put(2, is_busy=True)
    world.put(1, is_busy=True)
    assert heard(world, client) == [("user_status_update", 1)]


def test_a_user_who_gets_the_tag_is_told_with_the_current_status(world: World) -> None:
    client = watcher(world, ["a"])
    world.put(1, is_online=True)
    heard(world, client)
    world.tag(1, "a")
    assert heard(world, client) == [("user_status_update", 1)]
    assert client.picture[1] == world.picture()[1]
    assert client.updates()[-1]["seq"] == world.core.changes.seq


def test_a_user_who_loses_the_tag_is_removed(world: World) -> None:
    team(world, u1="a")
    client = watcher(world, ["a"])
    heard(world, client)
    world.tag(1, "b")
    world.arrive()
    assert client.messages()[-1] == {"type": "user_removed", "user_id": 1, "seq": world.core.changes.seq}
    world.put(1, is_busy=True)
    assert heard(world, client) == [("user_removed", 1)]


def test_a_user_who_keeps_another_of_the_tags_stays(world: World) -> None:
    team(world, u1="ab")
    client = watcher(world, ["a", "b"])
    heard(world, client)
    for tags in ("a", "ab", "b"):
        world.tag(1, *tags)
    assert heard(world, client) == []
    world.tag(1)
    assert heard(world, client) == [("user_removed", 1)]


def test_with_ids_and_tags_a_user_must_have_one_of_each(world: World) -> None:
    team(world, u1="a", u2="a")
    client = watcher(world, ["a"], user_ids=[1, 3])
    client.fold()
    assert client.picture.keys() == {1}
    for user_id in (1, 2, 3):
        world.put(user_id, is_busy=True)
        world.tag(user_id, "a")
    assert heard(world, client) == [("user_status_update", 1), ("user_status_update", 3)]


def test_a_user_who_is_watched_by_id_too_is_not_removed(world: World) -> None:
    team(world, u1="a", u2="a")
    client = watcher(world, ["a"])
    world.send(client, "subscribe", subscription="feed", user_ids=[1])
    heard(world, client)
    world.tag(1)
    world.tag(2)
    world.put(1, is_busy=True)
    assert heard(world, client) == [("user_removed", 2), ("user_status_update", 1)]


def test_whoever_watches_without_tags_is_told_nothing_of_tags(world: World) -> None:
    everyone, one = world.connect(2), world.connect(3)
    world.send(one, "subscribe", subscription="feed", user_ids=[1])
    world.advance(2)
    heard(world, everyone), heard(world, one)
    seq = world.core.changes.seq
    world.tag(1, "a")
    assert (heard(world, everyone), heard(world, one)) == ([], [])
    assert world.core.changes.seq == seq + 1
    world.put(1, is_busy=True)
    assert heard(world, everyone) == heard(world, one) == [("user_status_update", 1)]


def test_a_resume_skips_changes_of_tags(world: World) -> None:
    client = world.connect(2)
    world.advance(2)
    world.lose(client)
    world.tag(1, "a")
    world.connect(2, client=client)
    world.arrive()
    assert [each["type"] for each in client.messages()[3:]] == ["resume_complete"]
    client.fold()
    assert client.seq == world.core.changes.seq


def test_a_change_of_status_that_comes_with_other_tags_reaches_everyone(world: World) -> None:
    client, everyone = watcher(world, ["a"]), world.connect(2)
    world.advance(2)
    heard(world, client), heard(world, everyone)
    world.time.seconds += 10

    world.core.log.append(world.proposal(1, profile=Profile(1, "renamed", None), tags=("a",)))
    assert heard(world, client) == heard(world, everyone) == [("user_status_update", 1)]


def test_changes_of_tags_are_not_limited_and_owe_nothing(world: World) -> None:
    client, everyone = watcher(world, ["a"]), world.connect(2)
    world.advance(2)
    heard(world, client), heard(world, everyone)
    for number in range(6):
        world.put(1, is_busy=number % 2 == 0)
    world.tag(1, "a")
    assert heard(world, client)[-1] == ("user_status_update", 1)
    assert not client.updates()[-1]["status"]["is_busy"], "the latest status, which others are told later"
    world.advance(1)
    assert everyone.updates()[-1]["seq"] == world.core.changes.seq
    everyone.fold()
    assert everyone.picture[1] == world.picture()[1]


@pytest.mark.parametrize("tags", [["a", "a"], ["a"]])
def test_a_slow_reader_is_told_of_each_move_in_turn(world: World, tags: list[str]) -> None:
    team(world, u1="a", u2="a")
    client = watcher(world, tags)
    heard(world, client)
    client.transport.stall()
    client.transport.kernel_bytes = 0
    world.send(client, "ping")
    for given in ((), ("a",), ()):
        world.tag(1, *given)
        world.put(2, is_busy=not world.status(2).is_busy)
        world.advance(0.5)
    client.transport.kernel_bytes = 1 << 20
    client.transport.resume()
    world.advance(1)
    assert [each for each in heard(world, client) if each[1] == 1][-1] == ("user_removed", 1)
    assert client.picture.keys() == {2}
    world.tag(3)
    world.put(3, is_busy=True)
    world.arrive()
    assert not world.core.changes.moves, "nobody needs them any more"


def test_a_reader_that_is_too_far_behind_is_closed(make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fanout, "MOVES_KEPT", 3)
    world = make_world(3)
    clients = [watcher(world, ["a"], user_id=user_id) for user_id in (2, 3)]
    for client in clients:
        client.transport.stall()
        client.transport.kernel_bytes = 0
        for tags in ("a", "", "a"):
            world.tag(1, *tags)
            world.advance(0.25)
    assert [client.session.close_code for client in clients] == [CloseCode.SLOW_CONSUMER, None]
    world.lose(clients[1])
    world.tag(1)
    world.advance(1)
    assert not world.core.changes.moves


def test_a_flush_of_tags_alone_is_counted_for_those_who_are_told(world: World) -> None:
    team(world, u1="a")
    watcher(world, ["a"])
    world.connect(2)
    world.advance(2)
    sent = world.core.counters.messages_out
    updates, removals = sent["user_status_update"], sent["user_removed"]
    world.tag(1)
    world.tag(2, "a")
    world.arrive()
    assert (sent["user_status_update"], sent["user_removed"]) == (updates + 1, removals + 1)


def test_sessions_that_watch_alike_share_what_they_are_sent(world: World) -> None:
    clients = [watcher(world, tags, user_id=user_id) for user_id, tags in ((1, ["a", "b"]), (2, ["b", "a"]))]
    assert len(world.core.fan_out._subscribers._groups) == 1
    world.leave(clients[0])
    world.tag(3, "a")
    assert heard(world, clients[1])[-1] == ("user_status_update", 3)
    world.send(clients[1], "unsubscribe", subscription="presence")
    assert not world.core.fan_out._subscribers


def test_many_who_watch_by_tags_are_sent_to_in_slices(make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fanout, "_STRIDE", 1)
    world = make_world(4)
    clients = [watcher(world, ["a"], user_id=user_id) for user_id in (1, 2, 3)]
    for client in clients:
        heard(world, client)
    world.hurries, world.send_seconds = True, 1.0
    world.tag(4, "a")
    told = [client for client in clients if client.updates() and client.updates()[-1]["user_id"] == 4]
    assert len(told) == 1, "the others follow after other work"
    waiting = next(client for client in clients if client not in told)
    world.send(waiting, "subscribe", subscription="presence", tags=["a"], snapshot=True)
    world.lose(next(client for client in clients if client not in (*told, waiting)))
    world.send_seconds, world.hurries = 0.0, False
    world.advance(1)
    waiting.fold()
    assert waiting.picture.keys() == {4}


@pytest.mark.parametrize(
    ("tags", "complaint"),
    [
        (["x" * 65], "1 to 64 characters"),
        (["x" * 2000], "1 to 64 characters"),
        (["\u200b"], "invisible"),
        ([f"t{number}" for number in range(21)], "at most 20 tags"),
    ],
)
def test_tags_that_no_user_can_have_are_refused(world: World, tags: list[str], complaint: str) -> None:
    client = world.connect(1)
    world.send(client, "subscribe", subscription="feed", tags=tags)
    assert complaint in client.messages()[-1]["message"]


def test_a_tag_is_found_in_any_normalization(world: World) -> None:
    world.tag(1, "caf\u00e9")
    client = watcher(world, ["cafe\u0301"])
    client.fold()
    assert client.picture.keys() == {1}
