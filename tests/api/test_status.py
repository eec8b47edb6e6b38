"""GET and PUT /users/me/status, POST /users/me/heartbeat."""

from __future__ import annotations

import asyncio
import math
import time
from datetime import UTC, datetime, timedelta

import pytest

from tests.conftest import MakePerson, OpenSocket
from tests.running import RunningServer

pytestmark = pytest.mark.gen_test

STATUS = {
    "user_id", "username", "profile_image_url", "is_online", "last_seen", "is_busy", "busy_until", "is_available",
}  # fmt: skip


def soon(seconds: float) -> str:
    """Return a time `seconds` from now, as clients write it."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(timespec="milliseconds")


async def test_a_status_has_eight_fields_and_starts_offline(user: MakePerson) -> None:
    ada = await user("ada")
    answer = await ada.get("/users/me/status")
    assert answer.status == 200
    assert answer.body.keys() == STATUS
    assert (answer.body["is_online"], answer.body["is_busy"], answer.body["is_available"]) == (False, False, False)


async def test_a_heartbeat_brings_the_user_online(user: MakePerson, socket: OpenSocket) -> None:
    ada, bob = await user("ada"), await user("bob")
    feed = await socket(bob)
    answer = await ada.post("/users/me/heartbeat")
    assert answer.status == 200
    assert answer.body.keys() == STATUS
    assert answer.body["is_available"] is True
    assert (await feed.update(ada.user_id))["reason"] == "heartbeat"


async def test_a_heartbeat_of_who_is_online_tells_nobody_anything(user: MakePerson, socket: OpenSocket) -> None:
    ada, bob = await user("ada"), await user("bob")
    first = (await ada.post("/users/me/heartbeat")).body["last_seen"]
    feed = await socket(bob)
    await asyncio.sleep(0.002)  # last_seen has a resolution of milliseconds
    second = (await ada.post("/users/me/heartbeat")).body["last_seen"]
    assert second > first
    await feed.quiet()


async def test_each_field_is_set_by_itself_and_the_others_stay(user: MakePerson) -> None:
    ada = await user("ada")
    until = soon(3600)
    answers = [
        (await ada.put("/users/me/status", body)).body
        for body in (
            {"is_online": True},
            {"is_busy": True},
            {"busy_until": until},
            {"is_online": False},
            {"is_online": True},
            {"busy_until": None},
            {"is_busy": False},
        )
    ]
    shown = [
        (each["is_online"], each["is_busy"], each["busy_until"] is not None, each["is_available"]) for each in answers
    ]
    assert shown == [
        (True, False, False, True),
        (True, True, False, False),
        (True, True, True, False),
        (False, True, True, False),
        (True, True, True, False),
        (True, True, False, False),
        (True, False, False, True),
    ]


async def test_all_fields_are_set_together(user: MakePerson, socket: OpenSocket) -> None:
    ada, bob = await user("ada"), await user("bob")
    feed = await socket(bob)
    until = soon(3600)
    body = {"is_online": True, "is_busy": True, "busy_until": until}
    answer = await ada.put("/users/me/status", body)
    assert datetime.fromisoformat(answer.body["busy_until"]) == datetime.fromisoformat(until)
    update = await feed.update(ada.user_id)
    assert update["status"] == answer.body
    assert update["reason"] == "set"
    await feed.quiet()


async def test_a_change_that_changes_nothing_is_not_announced(user: MakePerson, socket: OpenSocket) -> None:
    ada, bob = await user("ada"), await user("bob")
    await ada.put("/users/me/status", {"is_online": True, "is_busy": True})
    feed = await socket(bob)
    assert (await ada.put("/users/me/status", {"is_busy": True})).status == 200
    await feed.quiet()


async def test_a_time_zone_other_than_utc_is_understood(user: MakePerson) -> None:
    ada = await user("ada")
    moment = datetime.now(UTC) + timedelta(hours=3)
    there = moment.astimezone(datetime.strptime("+0530", "%z").tzinfo)
    answer = await ada.put("/users/me/status", {"busy_until": there.isoformat()})
    assert datetime.fromisoformat(answer.body["busy_until"]) - moment < timedelta(milliseconds=1)
    assert answer.body["busy_until"].endswith("Z")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"busy_until": "2020-01-01T00:00:00Z"},
        {"busy_until": "2099-01-01T00:00:00"},
        {"busy_until": "2099-13-01T00:00:00Z"},
        {"busy_until": "tomorrow"},
        {"busy_until": "9999-12-31T23:59:59-14:00"},
        {"busy_until": "9999-12-31T23:59:59Z"},
        {"busy_until": "2200-01-01T00:00:00Z"},
        {"busy_until": "0001-01-01T00:00:00+14:00"},
        {"is_busy": False, "busy_until": "2099-01-01T00:00:00Z"},
    ],
)
async def test_a_status_that_makes_no_sense_is_refused(user: MakePerson, body: dict[str, object]) -> None:
    ada = await user("ada")
    answer = await ada.put("/users/me/status", body)
    assert (answer.status, answer.code) == (400, "INVALID_REQUEST")
    assert (await ada.get("/users/me/status")).body["is_busy"] is False


async def test_busy_ends_by_itself(user: MakePerson, socket: OpenSocket) -> None:
    ada, bob = await user("ada"), await user("bob")
    feed = await socket(bob)
    await ada.put("/users/me/status", {"is_online": True, "busy_until": soon(0.15)})
    assert (await feed.update(ada.user_id))["status"]["is_busy"] is True
    update = await feed.update(ada.user_id)
    assert (update["reason"], update["status"]["is_busy"], update["status"]["busy_until"]) == (
        "busy_expired",
        False,
        None,
    )


async def test_an_explicit_offline_stands_above_a_live_socket_until_the_next_heartbeat(
    user: MakePerson, socket: OpenSocket
) -> None:
    ada, bob = await user("ada"), await user("bob")
    own, feed = await socket(ada), await socket(bob)
    assert (await ada.put("/users/me/status", {"is_online": False})).body["is_online"] is False
    assert (await feed.update(ada.user_id))["status"]["is_online"] is False
    await own.ask({"type": "ping"}, "pong")
    assert (await ada.get("/users/me/status")).body["is_online"] is False
    assert (await own.ask({"type": "heartbeat"}, "heartbeat_ack"))["status"]["is_online"] is True
    assert (await feed.update(ada.user_id))["reason"] == "heartbeat"


async def test_claims_survive_a_restart(server: RunningServer, user: MakePerson) -> None:
    ada, bob = await user("ada"), await user("bob")
    until = soon(3600)
    await ada.put("/users/me/status", {"is_online": True, "busy_until": until})
    await bob.post("/users/me/heartbeat")
    await bob.put("/users/me/status", {"is_online": False})
    await server.restart()
    status = (await ada.get("/users/me/status")).body
    assert (status["is_online"], status["is_busy"]) == (True, True)
    assert datetime.fromisoformat(status["busy_until"]) == datetime.fromisoformat(until)
    assert (await bob.get("/users/me/status")).body["is_online"] is False


async def test_last_seen_survives_a_planned_restart_and_never_goes_back(
    server: RunningServer, user: MakePerson
) -> None:
    ada = await user("ada")
    before = (await ada.post("/users/me/heartbeat")).body["last_seen"]
    await server.restart()
    assert (await ada.get("/users/me/status")).body["last_seen"] >= before


async def test_of_changes_at_once_the_one_announced_last_is_the_one_that_stands(
    user: MakePerson, socket: OpenSocket
) -> None:
    ada, bob = await user("ada"), await user("bob")
    feed = await socket(bob)
    answers = await asyncio.gather(*(ada.put("/users/me/status", {"is_busy": n % 2 == 0}) for n in range(21)))
    assert all(answer.status == 200 for answer in answers)
    told = [each for each in await feed.told() if each["type"] == "user_status_update"]
    assert told[-1]["status"]["is_busy"] == (await ada.get("/users/me/status")).body["is_busy"]


@pytest.mark.one_node
@pytest.mark.settings(announcements_per_second=4)
async def test_fifty_changes_in_a_row_cause_at_most_four_announcements_a_second_and_the_last_wins(
    user: MakePerson, socket: OpenSocket
) -> None:
    ada, bob = await user("ada"), await user("bob")
    await ada.post("/users/me/heartbeat")
    feed, began = await socket(bob), time.monotonic()
    for number in range(51):
        assert (await ada.put("/users/me/status", {"is_busy": number % 2 == 0})).status == 200
    early = [each for each in await feed.told() if each["type"] == "user_status_update"]
    assert len(early) <= 4 * math.ceil(time.monotonic() - began)
    if not early or not early[-1]["status"]["is_busy"]:
        assert (await feed.update(ada.user_id))["status"]["is_busy"] is True
