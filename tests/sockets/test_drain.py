"""Drain: every client is told when to come back, and nobody goes offline by it."""

from __future__ import annotations

import asyncio

import pytest

from tests.clients import Message
from tests.conftest import MakePerson, OpenSocket
from tests.running import RunningServer

pytestmark = pytest.mark.gen_test


@pytest.mark.settings(reconnect_spread_seconds=2.0, sockets_per_user=50)
async def test_every_client_is_told_a_delay_of_its_own_then_closed_with_1012(
    server: RunningServer, user: MakePerson, socket: OpenSocket
) -> None:
    people = [await user(name) for name in ("ada", "bob")]
    sockets = [await socket(people[number % 2], "/ws/presence") for number in range(20)]
    for each in sockets:
        await each.settle()
    await server.server.drain()
    last: list[Message] = [await each.take() for each in sockets]
    assert all(message.keys() == {"type", "reconnect_after_ms"} for message in last)
    assert {message["type"] for message in last} == {"server_draining"}
    delays = sorted(message["reconnect_after_ms"] for message in last)
    assert len(set(delays)) == 20
    assert delays[0] >= 500
    assert delays[-1] <= 2500
    assert {await each.closed() for each in sockets} == {1012}


async def test_a_drain_announces_nothing_and_takes_nobody_offline(
    server: RunningServer, user: MakePerson, socket: OpenSocket
) -> None:
    ada, bob = await user("ada"), await user("bob")
    sockets = [await socket(ada), await socket(bob)]
    for each in sockets:
        await each.settle()
    seq = server.core.log.seq
    await server.server.drain()
    assert server.core.log.seq == seq
    assert [entry.status.is_online for entry in server.core.registry] == [True, True]


async def test_a_socket_that_comes_while_the_server_drains_is_closed_with_1013(
    server: RunningServer, user: MakePerson, socket: OpenSocket
) -> None:
    ada = await user("ada")
    server.core.admission.closing = True
    assert await (await socket(ada, first=True)).closed() == 1013


async def test_no_new_connection_is_taken_while_the_server_drains(
    server: RunningServer, user: MakePerson, socket: OpenSocket
) -> None:
    await socket(await user("ada"))
    await server.server.drain()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", server.port)


@pytest.mark.settings(drain_seconds=0.3)
async def test_a_client_that_does_not_answer_the_close_holds_the_drain_up_no_longer_than_set(
    server: RunningServer, user: MakePerson, socket: OpenSocket
) -> None:
    deaf = await socket(await user("ada"))
    deaf.connection.transport.pause_reading()
    await server.stop()
