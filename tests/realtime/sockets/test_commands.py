"""Commands: checked in order, then answered."""

from __future__ import annotations

from typing import Any

import pytest

from realtime.protocol import CloseCode
from tests.realtime.client import Client
from tests.realtime.conftest import MakeWorld
from tests.realtime.world import World


def reply(world: World, client: Client, kind: str, **fields: Any) -> dict[str, Any]:
    (message,) = world.send(client, kind, **fields)
    return message


@pytest.mark.parametrize("timestamp", ["2030-01-01T00:00:00Z", 17, 1.5])
def test_a_ping_gets_its_own_timestamp_back(world: World, timestamp: Any) -> None:
    message = reply(world, world.connect(1), "ping", timestamp=timestamp)
    assert (message["type"], message["timestamp"]) == ("pong", timestamp)


def test_a_ping_without_a_timestamp_gets_the_servers(world: World) -> None:
    message = reply(world, world.connect(1), "ping")
    assert message["timestamp"] == message["server_time"]


def test_a_heartbeat_gets_the_status(world: World) -> None:
    message = reply(world, world.connect(1), "heartbeat")
    assert (message["type"], message["status"]["is_online"]) == ("heartbeat_ack", True)


def test_a_heartbeat_over_a_socket_ends_an_explicit_offline(world: World) -> None:
    client = world.connect(1)
    world.put(1, is_online=False)
    assert not world.status(1).is_online
    world.send(client, "heartbeat")
    assert world.status(1).is_online


@pytest.mark.parametrize("subscription", ["feed", "presence", "stats", "calls"])
def test_a_subscription_is_confirmed_and_so_is_its_end(world: World, subscription: str) -> None:
    client = world.connect(1)
    for kind, answer in (("subscribe", "subscription_confirmed"), ("unsubscribe", "unsubscription_confirmed")):
        message = reply(world, client, kind, subscription=subscription)
        assert message == {"type": answer, "subscription": subscription}


def test_unsubscribing_twice_is_confirmed_twice(world: World) -> None:
    client = world.connect(1)
    for _ in range(2):
        assert reply(world, client, "unsubscribe", subscription="stats")["type"] == "unsubscription_confirmed"


@pytest.mark.parametrize("asked", [{"snapshot": True}, {"updates_only": False}])
def test_a_snapshot_follows_the_confirmation(world: World, asked: dict[str, bool]) -> None:
    messages = world.send(world.connect(1), "subscribe", subscription="feed", **asked)
    assert [each["type"] for each in messages] == ["subscription_confirmed", "snapshot"]


def test_a_snapshot_of_the_stats_is_the_figures(world: World) -> None:
    messages = world.send(world.connect(1, "presence"), "subscribe", subscription="stats", snapshot=True)
    assert [each["type"] for each in messages] == ["subscription_confirmed", "feed_stats"]


def test_a_snapshot_of_the_calls_is_the_one_the_caller_is_in(world: World) -> None:
    client = world.connect(1)
    assert len(world.send(client, "subscribe", subscription="calls", snapshot=True)) == 1
    world.connect(2)
    call = world.call(1, 2)
    world.arrive()
    messages = world.send(client, "subscribe", subscription="calls", snapshot=True)
    assert messages[1]["call"]["call_id"] == call.call_id


def test_a_session_gets_each_update_once_by_whichever_subscription(world: World) -> None:
    client = world.connect(1)
    world.send(client, "subscribe", subscription="presence")
    world.put(2, is_busy=True)
    world.arrive()
    assert [each["user_id"] for each in client.updates()] == [2]


def test_two_narrowed_subscriptions_give_the_users_of_both(world: World) -> None:
    client = world.connect(1)
    world.send(client, "subscribe", subscription="feed", user_ids=[2])
    world.send(client, "subscribe", subscription="presence", user_ids=[3])
    for user_id in (2, 3):
        world.put(user_id, is_busy=True)
    world.arrive()
    assert [each["user_id"] for each in client.updates()] == [2, 3]


def test_who_unsubscribed_from_all_gets_no_updates(world: World) -> None:
    client = world.connect(1)
    world.send(client, "unsubscribe", subscription="feed")
    world.put(2, is_busy=True)
    world.arrive()
    assert client.updates() == []


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"subscription": "feed", "snapshot": True, "updates_only": True}, "exclude each other"),
        ({"subscription": "calls", "user_ids": [1]}, "goes with feed and presence"),
        ({"subscription": "stats", "user_ids": []}, "goes with feed and presence"),
        ({"subscription": "feed", "user_ids": list(range(1, 502))}, "at most 500"),
    ],
)
def test_a_subscription_that_makes_no_sense_is_refused(world: World, fields: dict[str, Any], complaint: str) -> None:
    client = world.connect(1)
    before = client.session.subscriptions.copy()
    message = reply(world, client, "subscribe", **fields)
    assert message["code"] == "INVALID_MESSAGE_ERROR"
    assert complaint in message["message"]
    assert client.session.subscriptions == before


def test_a_new_token_takes_the_place_of_the_old(world: World) -> None:
    client = world.connect(1, identity=world.identity(1, life_seconds=120))
    token, identity = world.tokens.mint(1, "login2", "access", 900)
    assert reply(world, client, "refresh", token=token)["type"] == "token_refreshed"
    world.advance(300)
    assert client.is_open
    assert client.session.identity == identity
    assert client.messages("token_expiring") == []


def test_a_session_lives_no_longer_than_its_new_token(world: World) -> None:
    client = world.connect(1)
    world.send(client, "refresh", token=world.tokens.mint(1, "login", "access", 120)[0])
    world.advance(151)
    assert client.session.close_code == CloseCode.TOKEN_EXPIRED


def test_a_bad_token_leaves_the_old_one_in_place(world: World) -> None:
    client = world.connect(1)
    before = client.session.identity
    assert reply(world, client, "refresh", token="nonsense")["code"] == "AUTH_ERROR"
    assert client.session.identity == before


def test_a_token_of_another_user_is_forbidden(world: World) -> None:
    client = world.connect(1)
    token = world.tokens.mint(2, "login", "access", 900)[0]
    assert reply(world, client, "refresh", token=token)["code"] == "FORBIDDEN_ERROR"
    assert client.session.user_id == 1


def test_a_revoked_session_is_turned_out_at_its_next_command(world: World) -> None:
    client = world.connect(1)
    world.core.authenticator.note_revoked("login", 900)
    assert reply(world, client, "ping")["code"] == "AUTH_ERROR"
    assert client.transport.closed == (4501, "signed out")


def test_an_expired_session_is_turned_out_at_its_next_command(world: World) -> None:
    client = world.connect(1, identity=world.identity(1, life_seconds=30))
    client.session.expires_at = world.core.environment.clock.now() - 30
    assert reply(world, client, "ping")["code"] == "AUTH_ERROR"
    assert client.transport.closed == (4401, "token expired")


def test_within_the_grace_of_a_token_commands_are_answered(world: World) -> None:
    client = world.connect(1)
    client.session.expires_at = world.core.environment.clock.now() - 29
    assert reply(world, client, "ping")["type"] == "pong"


def test_a_user_may_send_so_many_at_once_and_then_so_many_a_second(world: World) -> None:
    clients = [world.connect(1), world.connect(1)]
    for number in range(20):
        assert reply(world, clients[number % 2], "ping")["type"] == "pong"
    assert reply(world, clients[0], "ping")["code"] == "RATE_LIMIT_ERROR"
    world.advance(0.5)
    assert world.send(clients[1], "ping")[-1]["type"] == "pong"


def test_one_users_flood_costs_no_other_user(world: World) -> None:
    flooder, other = world.connect(1), world.connect(2)
    for _ in range(50):
        world.send(flooder, "ping")
    assert reply(world, other, "ping")["type"] == "pong"


def test_a_flood_is_closed_when_it_goes_on(make_world: MakeWorld) -> None:
    world = make_world(1, rate_strikes=5)
    client = world.connect(1)
    for _ in range(20 + 5):
        world.send(client, "ping")
    assert client.is_open
    world.send(client, "ping")
    assert client.session.close_code == CloseCode.RATE_LIMITED


def test_strikes_are_forgiven_in_time(make_world: MakeWorld) -> None:
    world = make_world(1, invalid_strikes=2)
    client = world.connect(1)
    for _ in range(4):
        world.core.commands.dispatch(client.session, "nonsense")
        world.core.commands.dispatch(client.session, "nonsense")
        world.advance(6)
    assert client.is_open


def test_nonsense_is_closed_when_it_goes_on(make_world: MakeWorld) -> None:
    world = make_world(1, invalid_strikes=2)
    client = world.connect(1)
    for _ in range(3):
        world.core.commands.dispatch(client.session, "nonsense")
    assert client.session.close_code == CloseCode.PROTOCOL_VIOLATION


def test_a_binary_message_is_nonsense(world: World) -> None:
    client = world.connect(1)
    world.core.commands.not_text(client.session)
    assert client.errors() == ["INVALID_MESSAGE_ERROR"]


def test_a_binary_message_costs_a_command(world: World) -> None:
    client = world.connect(1)
    for _ in range(20):
        world.send(client, "ping")
    world.core.commands.not_text(client.session)
    assert client.errors() == ["RATE_LIMIT_ERROR"]


def test_a_closed_session_is_not_listened_to(world: World) -> None:
    client = world.connect(1)
    client.session.close(CloseCode.RESTART, "restart")
    world.core.commands.dispatch(client.session, '{"type":"heartbeat"}')
    assert world.core.counters.messages_in == {}


def test_messages_that_came_in_are_counted_by_what_became_of_them(world: World) -> None:
    client = world.connect(1)
    world.core.commands.dispatch(client.session, "nonsense")
    for _ in range(20):
        world.send(client, "ping")
    assert world.core.counters.messages_in == {"invalid": 1, "ping": 19, "rate_limited": 1}
