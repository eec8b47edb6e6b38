"""Grace, hold and multiple devices: who is announced, and above all who is not."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.clients import Person, RawSocket, Socket
from tests.conftest import MakePerson, OpenSocket
from tests.running import RunningServer

pytestmark = pytest.mark.gen_test

SHORT = pytest.mark.settings(grace_seconds=0.3, clean_close_seconds=0.1)
AMPLE = pytest.mark.settings(grace_seconds=2.0, clean_close_seconds=0.1)
"""A grace period in which a client of a busy machine returns."""
LONG_GRACE = pytest.mark.settings(grace_seconds=15.0, clean_close_seconds=0.05)


async def people(user: MakePerson, *names: str) -> list[Person]:
    return [await user(name) for name in names]


async def until_offline(watching: Socket, person: Person) -> list[tuple[int, str]]:
    """Return (user, reason) of all updates until a person goes offline."""
    told: list[tuple[int, str]] = []
    while True:
        update = await watching.next("user_status_update")
        told.append((update["user_id"], update["reason"]))
        if update["user_id"] == person.user_id and not update["status"]["is_online"]:
            return told


async def test_the_first_socket_brings_online_and_further_ones_tell_nothing(
    user: MakePerson, socket: OpenSocket
) -> None:
    ada, bob = await people(user, "ada", "bob")
    watching = await socket(ada)
    await socket(bob)
    update = await watching.update(bob.user_id)
    assert (update["reason"], update["status"]["is_online"]) == ("connected", True)
    await socket(bob)
    await socket(bob, "/ws/presence")
    await watching.quiet()


@AMPLE
async def test_a_reconnect_within_the_grace_period_announces_nothing(user: MakePerson, socket: OpenSocket) -> None:
    ada, bob, carol = await people(user, "ada", "bob", "carol")
    watching, lost, other = await socket(ada), await socket(bob), await socket(carol)
    await watching.settle()
    await lost.drop()
    await socket(bob)
    await other.drop()
    assert await until_offline(watching, carol) == [(carol.user_id, "disconnected")]


@SHORT
async def test_who_stays_away_longer_is_told_offline_once_and_online_once(user: MakePerson, socket: OpenSocket) -> None:
    ada, bob = await people(user, "ada", "bob")
    watching, lost = await socket(ada), await socket(bob)
    await watching.settle()
    await lost.drop()
    assert await until_offline(watching, bob) == [(bob.user_id, "disconnected")]
    await socket(bob)
    assert (await watching.take())["status"]["is_online"] is True
    await watching.quiet()


@SHORT
async def test_a_grace_period_of_an_old_drop_does_not_end_a_newer_connection(
    user: MakePerson, socket: OpenSocket
) -> None:
    ada, bob, carol = await people(user, "ada", "bob", "carol")
    watching, other = await socket(ada), await socket(carol)
    for _ in range(5):
        await (await socket(bob)).drop()
    await socket(bob)
    await watching.settle()
    await other.drop()
    assert await until_offline(watching, carol) == [(carol.user_id, "disconnected")]


@LONG_GRACE
async def test_closing_all_but_one_of_the_sockets_announces_nothing(user: MakePerson, socket: OpenSocket) -> None:
    ada, bob, carol = await people(user, "ada", "bob", "carol")
    watching, other = await socket(ada), await socket(carol)
    sockets = [await socket(bob) for _ in range(3)]
    await watching.settle()
    await sockets[0].close(1000)
    await sockets[1].close(1000)
    await other.close(1000)
    assert await until_offline(watching, carol) == [(carol.user_id, "disconnected")]
    await sockets[2].close(1000)
    assert await until_offline(watching, bob) == [(bob.user_id, "disconnected")]


@LONG_GRACE
@pytest.mark.parametrize("code", [1001, 1002, 1011, 3000, 4000, 4999])
async def test_a_close_with_any_other_code_is_a_loss_and_waits_for_the_grace(
    user: MakePerson, socket: OpenSocket, code: int
) -> None:
    ada, bob, carol = await people(user, "ada", "bob", "carol")
    watching, leaving, other = await socket(ada), await socket(bob), await socket(carol)
    await watching.settle()
    await leaving.close(code)
    await other.close(1000)
    assert await until_offline(watching, carol) == [(carol.user_id, "disconnected")]


@LONG_GRACE
async def test_a_close_without_a_code_is_a_loss(server: RunningServer, user: MakePerson, socket: OpenSocket) -> None:
    ada, bob, carol = await people(user, "ada", "bob", "carol")
    watching, other = await socket(ada), await socket(carol)
    raw, _ = await RawSocket.open(server.port, f"/ws/feed?token={bob.token}")
    await watching.update(bob.user_id)
    raw.write_frame(0x8)
    assert await raw.close_code() != 1000
    raw.end()
    await other.close(1000)
    assert await until_offline(watching, carol) == [(carol.user_id, "disconnected")]


@pytest.mark.settings(clean_close_seconds=0.2)
async def test_a_reload_announces_nothing(user: MakePerson, socket: OpenSocket) -> None:
    ada, bob, carol = await people(user, "ada", "bob", "carol")
    watching, page, other = await socket(ada), await socket(bob), await socket(carol)
    await watching.settle()
    await page.close(1000)
    await socket(bob)
    await other.close(1000)
    assert await until_offline(watching, carol) == [(carol.user_id, "disconnected")]


@pytest.mark.settings(heartbeat_interval_seconds=1, heartbeat_life_seconds=1.1)
async def test_who_has_only_heartbeats_is_offline_when_they_cease(user: MakePerson, socket: OpenSocket) -> None:
    ada, bob = await people(user, "ada", "bob")
    watching = await socket(ada)
    await bob.post("/users/me/heartbeat")
    assert await until_offline(watching, bob) == [(bob.user_id, "heartbeat"), (bob.user_id, "timed_out")]


@LONG_GRACE
async def test_a_fresh_heartbeat_over_rest_outlives_the_sockets(user: MakePerson, socket: OpenSocket) -> None:
    ada, bob, carol = await people(user, "ada", "bob", "carol")
    watching, own, other = await socket(ada), await socket(bob), await socket(carol)
    await bob.post("/users/me/heartbeat")
    await watching.settle()
    await own.close(1000)
    await other.close(1000)
    assert await until_offline(watching, carol) == [(carol.user_id, "disconnected")]
    assert (await bob.get("/users/me/status")).body["is_online"] is True


async def seq_after_restart(server: RunningServer) -> int:
    """Restart, and return the `seq` of the last change before: 0, unless a log that outlives the server has one."""
    before = server.core.changes.seq
    await server.restart()
    return before if server.core.node else 0


@pytest.mark.settings(hold_seconds=0.6, grace_seconds=0.2, clean_close_seconds=0.1)
async def test_after_a_restart_only_who_does_not_return_within_the_hold_is_announced(
    server: RunningServer, user: MakePerson, socket: OpenSocket
) -> None:
    ada, bob, carol, _ = everyone = await people(user, "ada", "bob", "carol", "dan")
    for person in everyone[:3]:
        await socket(person)
    seq = await seq_after_restart(server)
    assert [(await person.get("/users/me/status")).body["is_online"] for person in everyone] == [True] * 3 + [False]
    watching = await socket(ada, first=True)
    assert (await watching.take())["seq"] == seq
    await socket(bob)
    await watching.next("feed_stats")
    assert await until_offline(watching, carol) == [(carol.user_id, "timed_out")]
    await watching.quiet()


async def test_a_restart_with_everyone_back_within_the_hold_announces_nothing_at_all(
    server: RunningServer, user: MakePerson, socket: OpenSocket
) -> None:
    everyone = await people(user, *(f"user {number}" for number in range(20)))
    await asyncio.gather(*(socket(person) for person in everyone))
    seq = await seq_after_restart(server)
    await asyncio.gather(*(socket(person) for person in everyone))
    assert server.core.changes.seq == seq
    assert len(server.sessions) == 20


async def test_who_set_oneself_offline_stays_so_over_sockets_and_a_restart(
    server: RunningServer, user: MakePerson, socket: OpenSocket
) -> None:
    ada, bob = await people(user, "ada", "bob")
    await socket(bob)
    await bob.put("/users/me/status", {"is_online": False})
    await server.restart()
    watching = await socket(ada)
    await socket(bob)
    await watching.quiet()
    assert (await bob.get("/users/me/status")).body["is_online"] is False


@AMPLE
async def test_fifty_users_who_drop_and_return_within_the_grace_cause_no_update(
    server: RunningServer, user: MakePerson, socket: OpenSocket
) -> None:
    ada, carol, *others = await people(user, "ada", "carol", *(f"user {number}" for number in range(50)))
    watching, marker = await socket(ada), await socket(carol)
    sockets: list[Any] = [await socket(person, first=True) for person in others]
    await watching.settle()
    seq = server.core.changes.seq
    for person, opened in zip(others, sockets, strict=True):
        await opened.drop()
        await socket(person, first=True)
    await marker.drop()
    assert await until_offline(watching, carol) == [(carol.user_id, "disconnected")]
    assert server.core.changes.seq == seq + 1


async def test_an_operators_disabling_is_announced_as_such(
    server: RunningServer, user: MakePerson, socket: OpenSocket
) -> None:
    ada, bob = await people(user, "ada", "bob")
    watching = await socket(ada)
    await bob.post("/users/me/heartbeat")
    await watching.settle()
    server.core.presence.disable(bob.user_id)
    update = await watching.update(bob.user_id)
    assert (update["reason"], update["status"]["is_online"]) == ("operator", False)
