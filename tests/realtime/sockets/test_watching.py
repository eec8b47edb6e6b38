"""Backends that watch with a service key: they see what everyone sees, and are nobody."""

from __future__ import annotations

from datetime import timedelta

import pytest

from models.errors import Unauthenticated
from models.service_keys import ServiceKey
from realtime.protocol import Channel, CloseCode
from realtime.sockets.admission import LimitReached
from tests.realtime.client import Client
from tests.realtime.conftest import MakeWorld, told
from tests.realtime.world import World


def revoke(world: World, key_id: str = "backend") -> None:
    world.service_keys.change(key_id, revoked_at=world.time.wall())
    world.run(world.core.authenticator.key_ring.load())
    world.settle()


@pytest.mark.parametrize(
    ("channel", "first"), [("feed", ["connection_established", "feed_stats"]), ("presence", ["connection_established"])]
)
def test_the_greeting_names_no_user_and_no_status_follows(world: World, channel: Channel, first: list[str]) -> None:
    client = world.watch(channel)
    greeting, *rest = client.messages()
    assert greeting["user_id"] is None
    assert [greeting["type"], *(each["type"] for each in rest)] == first


def test_it_counts_in_no_figure(world: World) -> None:
    other = world.connect(1)
    world.arrive()
    before = world.core.stats.counts()
    client = world.watch()
    assert world.core.stats.counts() == before
    assert client.messages("feed_stats")[0]["stats"] == {
        "total_users": 3, "online": 1, "available": 1, "busy": 0, "ongoing_calls": 0,
    }  # fmt: skip
    world.advance(60)
    world.lose(client)
    world.advance(60)
    assert told(world, other) == []
    assert world.core.stats.counts() == before


def test_it_is_told_of_everyone(world: World) -> None:
    client = world.watch()
    world.connect(1)
    world.put(1, is_busy=True)
    assert told(world, client) == [(1, True, False, "connected"), (1, True, True, "set")]


def test_a_heartbeat_does_no_harm_and_brings_nobody_online(world: World) -> None:
    client = world.watch()
    (ack,) = world.send(client, "heartbeat")
    assert (ack["type"], ack["status"]) == ("heartbeat_ack", None)
    assert world.core.registry.online == 0


def test_it_may_narrow_what_it_watches_and_has_no_calls(world: World) -> None:
    client = world.watch()
    world.beat(1)
    world.beat(2)
    world.call(1, 2)
    world.arrive()
    calls = world.send(client, "subscribe", subscription="calls", snapshot=True)
    assert [each["type"] for each in calls] == ["subscription_confirmed"]
    told(world, client)
    world.send(client, "unsubscribe", subscription="feed")
    world.send(client, "subscribe", subscription="presence", user_ids=[3], snapshot=True)
    world.beat(3)
    world.put(1, is_online=False)
    assert told(world, client) == [(3, True, False, "heartbeat")]
    assert client.messages("call_status_update") == []


def test_it_resumes(world: World) -> None:
    client = world.watch()
    world.lose(client)
    world.beat(1)
    world.beat(2)
    world.watch(client=client)
    world.arrive()
    client.fold()
    assert client.messages()[0]["resumed"]
    assert [each["user_id"] for each in client.messages("user_status_update")] == [1, 2]
    assert len(client.messages("resume_complete")) == 1


def test_it_is_never_asked_for_a_new_token_and_is_not_given_one(world: World) -> None:
    client = world.watch()
    world.advance(4 * world.settings.access_token_seconds)
    assert client.is_open
    assert client.messages("token_expiring") == []
    token, _ = world.tokens.mint(1, "login", "access", 900)
    (error,) = world.send(client, "refresh", token=token)
    assert (error["type"], error["code"]) == ("error", "FORBIDDEN_ERROR")
    assert client.session.user_id is None


def test_its_pongs_show_that_the_key_is_in_use(world: World) -> None:
    world.watch()
    world.advance(120)
    used = world.service_keys.rows["backend"].last_used_at
    assert used is not None
    assert world.time.wall() - used < timedelta(seconds=90)


def test_its_sockets_are_closed_when_the_key_is_revoked_and_no_others(world: World) -> None:
    clients = [world.watch(), world.watch("presence")]
    others = [world.watch(key_id="other"), world.connect(1)]
    revoke(world)
    assert [each.session.close_code for each in clients] == [CloseCode.REVOKED, CloseCode.REVOKED]
    assert all(each.is_open for each in others)
    assert world.core.hub.of_key("backend") == []


def test_a_key_that_is_revoked_during_the_upgrade_opens_nothing(world: World) -> None:
    world.watch()
    revoke(world)
    with pytest.raises(LimitReached) as refused:
        world.watch()
    assert refused.value.close_code == CloseCode.REVOKED
    assert len(world.core.hub) == 0


def test_a_command_on_a_socket_whose_key_is_revoked_is_refused(world: World) -> None:
    client = world.watch()
    world.core.authenticator.key_ring.on_revoked = lambda _key_id: None
    revoke(world)
    world.send(client, "ping")
    assert client.errors() == ["AUTH_ERROR"]
    assert client.session.close_code == CloseCode.REVOKED


def test_a_key_has_a_limited_number_of_sockets_and_the_open_ones_stay(make_world: MakeWorld) -> None:
    world = make_world(1, sockets_per_key=2)
    clients = [world.watch(), world.watch()]
    with pytest.raises(LimitReached) as refused:
        world.watch()
    assert refused.value.close_code == CloseCode.TRY_LATER
    assert refused.value.setting == "ROLLCALL_SOCKETS_PER_KEY"
    assert all(each.is_open for each in clients)
    world.watch(key_id="other")
    world.leave(clients[0])
    world.watch()


def test_its_sockets_count_for_the_server_and_apart_from_those_of_users(world: World) -> None:
    world.connect(1, "presence")
    world.watch()
    world.watch("presence")
    assert len(world.core.hub) == 3
    assert world.core.hub.count_by_channel() == {"presence": 1, "service_keys": 2}


def test_each_of_its_sockets_has_a_rate_of_its_own(make_world: MakeWorld) -> None:
    world = make_world(1, command_burst=2)
    one, two = world.watch(), world.watch()
    for client in (one, two):
        assert [each["type"] for _ in range(3) for each in world.send(client, "ping")] == ["pong", "pong", "error"]


def test_a_silent_socket_of_a_key_is_no_issue(world: World) -> None:
    def silent() -> Client:
        client = world.watch()
        client.transport.reads = False
        return client

    silent()
    world.advance(32)
    world.core.overview_feed.refresh()
    assert world.core.issues.user_ids == set()


def test_what_identifies_a_caller_takes_tokens_and_keys(world: World) -> None:
    authenticator = world.core.authenticator
    key = world.service_keys.add("backend", world.time.wall())
    token, identity = world.tokens.mint(1, "login", "access", 900)
    with pytest.raises(Unauthenticated):
        authenticator.identify_caller(key)
    found = world.run(authenticator.identify_new_caller(key))
    assert isinstance(found, ServiceKey)
    assert authenticator.identify_caller(key) == found
    assert authenticator.identify_caller(token) == identity
    assert world.run(authenticator.identify_new_caller(token)) == identity
    with pytest.raises(Unauthenticated):
        authenticator.identify(key)
