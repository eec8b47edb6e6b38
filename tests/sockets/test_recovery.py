"""seq, epoch and resume: after a reconnection, the client is in sync with the server."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.clients import Message, Person, Socket
from tests.conftest import MakePerson, OpenSocket
from tests.running import RunningServer

pytestmark = pytest.mark.gen_test


async def online(user: MakePerson, *names: str) -> list[Person]:
    people = [await user(name) for name in names]
    for person in people:
        await person.post("/users/me/heartbeat")
    return people


def updates(messages: list[Message]) -> list[Message]:
    return [message for message in messages if message["type"] == "user_status_update"]


async def everyone(socket: Socket) -> dict[int, Any]:
    """Return the statuses from a snapshot, without the fields that are never announced."""
    statuses: dict[int, Any] = {}
    await socket.send({"type": "subscribe", "subscription": "feed", "snapshot": True})
    while True:
        page = await socket.next("snapshot")
        statuses |= {status["user_id"]: {**status, "last_seen": ""} for status in page["users"]}
        if not page["more"]:
            return statuses


async def test_seq_rises_by_one_with_each_change_and_is_the_same_for_everybody(
    user: MakePerson, socket: OpenSocket
) -> None:
    ada, bob, carol = await online(user, "ada", "bob", "carol")
    sockets = [await socket(ada), await socket(bob, "/ws/presence")]
    for number in range(6):
        await carol.put("/users/me/status", {"is_busy": number % 2 == 0})
    told = [[message["seq"] for message in updates(await each.told())] for each in sockets]
    assert told[0] == told[1] == list(range(told[0][0], told[0][0] + 6))


async def test_who_resumes_gets_exactly_who_changed_each_once_in_the_latest_state(
    user: MakePerson, socket: OpenSocket
) -> None:
    ada, bob, carol, dan = await online(user, "ada", "bob", "carol", "dan")
    lost = await socket(ada, first=True)
    start = await lost.take()
    await lost.drop()
    for number in range(5):
        await bob.put("/users/me/status", {"is_busy": number % 2 == 0})
    await carol.put("/users/me/status", {"is_busy": True})
    await carol.put("/users/me/status", {"is_online": False})
    again = await socket(ada, first=True, epoch=start["epoch"], since=start["seq"])
    told = await again.told()
    assert (told[0]["resumed"], told[0]["epoch"]) == (True, start["epoch"])
    missed = updates(told)[1:]
    assert [each["user_id"] for each in missed] == [bob.user_id, carol.user_id]
    assert (missed[0]["status"]["is_busy"], missed[1]["status"]["is_online"]) == (True, False)
    assert start["seq"] < missed[0]["seq"] < missed[1]["seq"] == told[0]["seq"]
    assert "snapshot" not in [message["type"] for message in told]
    await dan.put("/users/me/status", {"is_busy": True})
    assert (await again.update(dan.user_id))["seq"] == told[0]["seq"] + 1


async def test_who_missed_nothing_resumes_with_nothing(user: MakePerson, socket: OpenSocket) -> None:
    ada, bob = await online(user, "ada", "bob")
    lost = await socket(ada, first=True)
    await bob.put("/users/me/status", {"is_busy": True})
    seq = (await lost.update(bob.user_id))["seq"]
    epoch = (await (await socket(ada, first=True)).take())["epoch"]
    again = await socket(ada, first=True, epoch=epoch, since=seq)
    told = await again.told()
    assert told[0]["resumed"] is True
    assert [each["user_id"] for each in updates(told)] == [ada.user_id]


async def test_resuming_after_the_grace_period_tells_the_own_return_once(
    server: RunningServer, user: MakePerson, socket: OpenSocket
) -> None:
    await server.restart(grace_seconds=0.05, clean_close_seconds=0.0)
    (bob,), ada = await online(user, "bob"), await user("ada")
    watching, lost = await socket(bob), await socket(ada, first=True)
    start = await lost.take()
    await lost.drop()
    await watching.next("user_status_update", user_id=ada.user_id, reason="disconnected")
    told = await (await socket(ada, first=True, epoch=start["epoch"], since=start["seq"])).told()
    assert [(each["user_id"], each["status"]["is_online"]) for each in updates(told)] == [(ada.user_id, True)]


@pytest.mark.parametrize(
    "query",
    [
        {"epoch": "another", "since": 1},
        {"since": 1},
        {"epoch": "EPOCH"},
        {"epoch": "EPOCH", "since": 10**9},
        {"epoch": "EPOCH", "since": -1},
        {"epoch": "EPOCH", "since": "x"},
        {"epoch": "EPOCH", "since": "1.0"},
        {"epoch": "EPOCH", "since": "٣"},
        {"epoch": "EPOCH", "since": "9" * 400},
        {"epoch": "", "since": ""},
    ],
)
async def test_who_cannot_be_brought_up_to_date_gets_a_snapshot(
    user: MakePerson, socket: OpenSocket, query: dict[str, Any]
) -> None:
    ada, bob = await online(user, "ada", "bob")
    epoch = (await (await socket(ada, first=True)).take())["epoch"]
    given = {name: epoch if value == "EPOCH" else value for name, value in query.items()}
    told = await (await socket(ada, "/ws/presence", first=True, **given)).told()
    assert told[0]["resumed"] is False
    assert [message["type"] for message in told[1:]] == ["user_status_update", "snapshot"]
    assert told[2]["subscription"] == "presence"
    assert {status["user_id"] for status in told[2]["users"]} == {ada.user_id, bob.user_id}


async def test_after_a_restart_the_epoch_is_another_and_a_snapshot_comes(
    server: RunningServer, user: MakePerson, socket: OpenSocket
) -> None:
    ada, bob = await online(user, "ada", "bob")
    start = await (await socket(ada, first=True)).take()
    await bob.put("/users/me/status", {"is_busy": True})
    await server.restart_without_log()
    again = await socket(ada, first=True, epoch=start["epoch"], since=start["seq"])
    first = await again.take()
    assert first["resumed"] is False
    assert first["epoch"] != start["epoch"]
    statuses = {status["user_id"]: status for status in (await again.next("snapshot"))["users"]}
    assert statuses[bob.user_id]["is_busy"] is True


async def test_a_client_that_folds_snapshot_resume_and_updates_has_the_servers_picture(
    user: MakePerson, socket: OpenSocket
) -> None:
    ada, *others = await online(user, "ada", *(f"user {number}" for number in range(8)))
    watching = await socket(ada, first=True)
    start = await watching.take()
    picture, seq = await everyone(watching), start["seq"]

    def fold(messages: list[Message]) -> None:
        nonlocal seq
        for message in updates(messages):
            picture[message["user_id"]] = {**message["status"], "last_seen": ""}
            seq = max(seq, message["seq"])

    for turn in range(4):
        work = [
            each.put("/users/me/status", {"is_busy": (turn + place) % 2 == 0, "is_online": (turn * place) % 3 != 1})
            for place, each in enumerate(others)
        ]
        running = asyncio.gather(*work)
        fold(await watching.told())
        await watching.drop()
        await running
        watching = await socket(ada, first=True, epoch=start["epoch"], since=seq)
        told = await watching.told()
        assert told[0]["resumed"] is True
        fold(told)
    assert picture == await everyone(await socket(ada))
