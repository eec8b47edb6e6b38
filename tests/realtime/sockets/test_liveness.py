"""Liveness: silent, slow and expired sessions are found, and no others."""

from __future__ import annotations

import pytest

from realtime.protocol import CloseCode
from tests.realtime.client import Client
from tests.realtime.world import World


class Deaf(Client):
    """A client whose protocol layer answers no pings."""

    def connected(self, *args: object) -> None:
        super().connected(*args)  # type: ignore[arg-type]
        self.pongs = 10**9


def deaf(world: World, user_id: int = 1) -> Client:
    return world.connect(user_id, client=Deaf(user_id))


def test_a_socket_is_pinged_every_interval(world: World) -> None:
    client = world.connect(1)
    world.advance(101)
    client.messages()
    assert client.transport.pings == 4


def test_a_socket_that_answers_lives(world: World) -> None:
    client = world.connect(1)
    world.advance(300)
    assert client.is_open


def test_a_silent_socket_is_closed_after_the_ping_and_the_wait(world: World) -> None:
    client = deaf(world)
    world.advance(34)
    assert client.is_open
    world.advance(2)
    assert client.transport.closed == (4000, "no pong")


def test_a_user_whose_only_socket_was_silent_timed_out(world: World) -> None:
    deaf(world)
    operator_session = world.connect(2)
    world.advance(36 + 16)
    told = [(each["user_id"], each["reason"]) for each in operator_session.updates()]
    assert told == [(1, "timed_out")]


def test_a_socket_whose_ping_cannot_be_sent_is_closed_and_not_pinged_again(world: World) -> None:
    client = world.connect(1)
    client.transport.reset()
    world.advance(26)
    assert not client.is_open
    takes = client.transport.takes
    world.advance(60)
    assert client.transport.takes == takes


@pytest.mark.parametrize("opened_later", [1.0, 5.0, 9.0])
def test_sockets_opened_later_delay_no_ping(world: World, opened_later: float) -> None:
    client = world.connect(1)
    world.advance(25 + opened_later)
    world.connect(2)
    world.advance(26 - opened_later)
    client.messages()
    assert client.transport.pings == 2


def test_a_command_answers_a_ping_too(world: World) -> None:
    client = deaf(world)
    world.advance(26)
    world.send(client, "ping")
    world.advance(12)
    assert client.is_open


def test_an_invalid_message_answers_no_ping(world: World) -> None:
    client = deaf(world)
    world.advance(26)
    world.core.commands.dispatch(client.session, "nonsense")
    world.core.commands.dispatch(client.session, '{"type":"subscribe","subscription":"calls","user_ids":[1]}')
    world.advance(10)
    assert client.session.close_code == CloseCode.UNRESPONSIVE


def use_up_the_rate(world: World) -> None:
    while world.core.limits.commands.take(1, world.core.environment.clock.now()):
        pass


def test_a_pong_to_the_servers_ping_costs_no_command(world: World) -> None:
    client = deaf(world)
    world.advance(25)
    use_up_the_rate(world)
    world.core.commands.pong(client.session)
    assert client.session.heard_at == world.core.environment.clock.now()
    assert client.errors() == []


def test_a_pong_that_nobody_asked_for_counts_as_a_command(world: World) -> None:
    client = deaf(world)
    for _ in range(20):
        world.core.commands.pong(client.session)
    assert client.errors() == []
    heard = client.session.heard_at
    world.core.commands.pong(client.session)
    assert client.errors() == ["RATE_LIMIT_ERROR"]
    assert client.session.heard_at == heard


def test_a_second_pong_to_one_ping_counts_as_a_command(world: World) -> None:
    client = deaf(world)
    world.advance(25)
    use_up_the_rate(world)
    world.core.commands.pong(client.session)
    world.core.commands.pong(client.session)
    assert client.errors() == ["RATE_LIMIT_ERROR"]


def test_a_command_refused_for_its_rate_answers_no_ping(world: World) -> None:
    client = deaf(world)
    for _ in range(20):
        world.send(client, "ping")
    world.advance(25)
    for _ in range(20):
        world.core.limits.commands.take(1, world.core.environment.clock.now())
    for _ in range(31):
        world.core.limits.commands.take(1, world.core.environment.clock.now())
    heard = client.session.heard_at
    world.send(client, "ping")
    assert client.errors() == ["RATE_LIMIT_ERROR"]
    assert client.session.heard_at == heard


def test_a_stall_of_the_server_closes_nobody(world: World) -> None:
    clients = [world.connect(user_id) for user_id in (1, 2, 3)]
    world.advance(25)
    for _ in range(3):
        world.stall(30)
        world.advance(1)
    assert all(each.is_open for each in clients)


def test_a_closed_socket_is_pinged_no_more(world: World) -> None:
    client = world.connect(1)
    world.leave(client)
    world.advance(60)
    client.messages()
    assert client.transport.pings == 0


def test_a_session_is_warned_before_its_token_ends(world: World) -> None:
    client = world.connect(1, identity=world.identity(1, life_seconds=120))
    world.advance(59)
    assert client.messages("token_expiring") == []
    world.advance(2)
    assert len(client.messages("token_expiring")) == 1


def test_a_session_whose_token_ended_is_served_a_little_longer_and_then_closed(world: World) -> None:
    client = world.connect(1, identity=world.identity(1, life_seconds=120))
    world.advance(149)
    assert client.is_open
    world.advance(1.5)
    assert client.errors() == ["AUTH_ERROR"]
    assert client.transport.closed == (4401, "token expired")


def test_a_token_that_ends_before_the_warning_ends_all_the_same(world: World) -> None:
    client = world.connect(1, identity=world.identity(1, life_seconds=30))
    world.advance(61)
    assert client.session.close_code == CloseCode.TOKEN_EXPIRED


def test_a_peer_found_gone_by_the_warning_leaves_no_deadline(world: World) -> None:
    client = world.connect(1, identity=world.identity(1, life_seconds=70))
    client.transport.reset()
    world.advance(11)
    assert not client.is_open
    assert ("token", client.session.session_id) not in world.core.timers


def test_the_deadline_of_a_token_ends_with_its_session(world: World) -> None:
    client = world.connect(1)
    world.leave(client)
    assert ("token", client.session.session_id) not in world.core.timers
