"""subscribe and unsubscribe: which updates a socket gets, and snapshots."""

from __future__ import annotations

from typing import Any

import pytest

from tests.clients import Message, Socket
from tests.conftest import MakePerson, OpenSocket

pytestmark = [pytest.mark.gen_test, pytest.mark.any_store]


def subscribe(subscription: str, **fields: Any) -> Message:
    return {"type": "subscribe", "subscription": subscription, **fields}


async def updates(socket: Socket) -> list[int]:
    """Return the users whose updates a socket received."""
    return [message["user_id"] for message in await socket.told() if message["type"] == "user_status_update"]


@pytest.mark.parametrize("path", ["/ws/feed", "/ws/presence"])
@pytest.mark.parametrize("subscription", ["feed", "presence", "stats", "calls"])
async def test_every_subscription_is_confirmed_on_both_channels(
    user: MakePerson, socket: OpenSocket, path: str, subscription: str
) -> None:
    opened = await socket(await user("ada"), path)
    told = {"type": "subscription_confirmed", "subscription": subscription}
    assert await opened.ask(subscribe(subscription), "subscription_confirmed") == told
    reply = await opened.ask({"type": "unsubscribe", "subscription": subscription}, "unsubscription_confirmed")
    assert reply == {"type": "unsubscription_confirmed", "subscription": subscription}


@pytest.mark.parametrize(("path", "subscription"), [("/ws/feed", "feed"), ("/ws/presence", "presence")])
async def test_user_ids_narrow_a_subscription_and_none_widen_it(
    user: MakePerson, socket: OpenSocket, path: str, subscription: str
) -> None:
    ada, bob, carol = await user("ada"), await user("bob"), await user("carol")
    opened = await socket(ada, path)
    await opened.ask(subscribe(subscription, user_ids=[bob.user_id, 999]), "subscription_confirmed")
    for person in (bob, carol):
        await person.post("/users/me/heartbeat")
    assert await updates(opened) == [bob.user_id]
    await opened.ask(subscribe(subscription, user_ids=[carol.user_id]), "subscription_confirmed")
    for person in (bob, carol):
        await person.put("/users/me/status", {"is_busy": True})
    assert await updates(opened) == [carol.user_id]
    await opened.ask(subscribe(subscription), "subscription_confirmed")
    for person in (bob, carol):
        await person.put("/users/me/status", {"is_busy": False})
    assert await updates(opened) == [bob.user_id, carol.user_id]


async def test_nobody_is_watched_by_an_empty_list(user: MakePerson, socket: OpenSocket) -> None:
    ada, bob = await user("ada"), await user("bob")
    opened = await socket(ada)
    await opened.ask(subscribe("feed", user_ids=[]), "subscription_confirmed")
    await bob.post("/users/me/heartbeat")
    assert await updates(opened) == []


async def test_feed_and_presence_together_tell_each_update_once(user: MakePerson, socket: OpenSocket) -> None:
    ada, bob, carol = await user("ada"), await user("bob"), await user("carol")
    opened = await socket(ada)
    await opened.ask(subscribe("feed", user_ids=[bob.user_id]), "subscription_confirmed")
    await opened.ask(subscribe("presence", user_ids=[bob.user_id, carol.user_id]), "subscription_confirmed")
    for person in (bob, carol):
        await person.post("/users/me/heartbeat")
    assert await updates(opened) == [bob.user_id, carol.user_id]
    await opened.ask({"type": "unsubscribe", "subscription": "presence"}, "unsubscription_confirmed")
    for person in (bob, carol):
        await person.put("/users/me/status", {"is_busy": True})
    assert await updates(opened) == [bob.user_id]


@pytest.mark.settings(watched_users_limit=5)
async def test_a_subscription_names_only_so_many_users(user: MakePerson, socket: OpenSocket) -> None:
    opened = await socket(await user("ada"))
    await opened.ask(subscribe("feed", user_ids=list(range(1, 6))), "subscription_confirmed")
    await opened.send(subscribe("feed", user_ids=list(range(1, 7))))
    error = await opened.next("error")
    assert (error["code"], error["message"]) == ("INVALID_MESSAGE_ERROR", "user_ids has at most 5 ids")


async def test_five_hundred_users_fit_into_a_subscription(user: MakePerson, socket: OpenSocket) -> None:
    opened = await socket(await user("ada"))
    await opened.ask(subscribe("feed", user_ids=list(range(1, 501))), "subscription_confirmed")
    await opened.send(subscribe("feed", user_ids=list(range(1, 502))))
    assert (await opened.next("error"))["code"] == "INVALID_MESSAGE_ERROR"


@pytest.mark.settings(snapshot_page_users=3)
async def test_a_snapshot_comes_in_pages_behind_the_confirmation_and_before_newer_updates(
    user: MakePerson, socket: OpenSocket
) -> None:
    people = [await user(f"user {number}") for number in range(7)]
    opened = await socket(people[0])
    await opened.send(subscribe("feed", snapshot=True))
    await people[6].post("/users/me/heartbeat")
    told = [message for message in await opened.told() if message["type"] != "feed_stats"]
    assert [message["type"] for message in told] == ["subscription_confirmed", *["snapshot"] * 3, "user_status_update"]
    pages = told[1:4]
    assert [len(page["users"]) for page in pages] == [3, 3, 1]
    assert [page["more"] for page in pages] == [True, True, False]
    assert all(page.keys() == {"type", "subscription", "seq", "users", "more"} for page in pages)
    assert {page["subscription"] for page in pages} == {"feed"}
    assert len({page["seq"] for page in pages}) == 1
    assert told[4]["seq"] == pages[0]["seq"] + 1
    assert {status["user_id"] for page in pages for status in page["users"]} == {each.user_id for each in people}


async def test_a_snapshot_holds_the_statuses_as_rest_tells_them(user: MakePerson, socket: OpenSocket) -> None:
    ada, bob = await user("ada"), await user("bob")
    await bob.put("/users/me/status", {"is_online": True, "is_busy": True})
    opened = await socket(ada, "/ws/presence")
    snapshot = await opened.ask(subscribe("presence", snapshot=True), "snapshot")
    statuses = {status["user_id"]: {**status, "last_seen": ""} for status in snapshot["users"]}
    for person in (ada, bob):
        assert statuses[person.user_id] == {**(await person.get("/users/me/status")).body, "last_seen": ""}


async def test_a_snapshot_of_some_users_holds_these(user: MakePerson, socket: OpenSocket) -> None:
    ada, bob = await user("ada"), await user("bob")
    opened = await socket(ada)
    snapshot = await opened.ask(subscribe("feed", user_ids=[bob.user_id, 999], snapshot=True), "snapshot")
    assert [status["user_id"] for status in snapshot["users"]] == [bob.user_id]
    empty = await opened.ask(subscribe("feed", user_ids=[999], snapshot=True), "snapshot")
    assert (empty["users"], empty["more"]) == ([], False)


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({}, False),
        ({"snapshot": False}, False),
        ({"snapshot": True}, True),
        ({"updates_only": True}, False),
        ({"updates_only": False}, True),
        ({"snapshot": True, "updates_only": False}, True),
        ({"snapshot": False, "updates_only": True}, False),
        ({"snapshot": None, "updates_only": None}, False),
    ],
)
async def test_updates_only_is_another_word_for_no_snapshot(
    user: MakePerson, socket: OpenSocket, fields: dict[str, Any], wanted: bool
) -> None:
    opened = await socket(await user("ada"))
    await opened.send(subscribe("feed", **fields))
    assert ("snapshot" in [message["type"] for message in await opened.told()]) == wanted


@pytest.mark.settings(stats_interval_seconds=0.05)
async def test_stats_can_be_had_on_the_presence_channel_and_left_on_the_feed(
    user: MakePerson, socket: OpenSocket
) -> None:
    ada, bob = await user("ada"), await user("bob")
    feed, presence = await socket(ada), await socket(ada, "/ws/presence")
    await feed.ask({"type": "unsubscribe", "subscription": "feed"}, "unsubscription_confirmed")
    await presence.ask(subscribe("stats"), "subscription_confirmed")
    await bob.post("/users/me/heartbeat")
    await presence.next(
        "feed_stats", stats={"total_users": 2, "online": 2, "available": 2, "busy": 0, "ongoing_calls": 0}
    )
    assert [message for message in await feed.told() if message.get("stats", {}).get("online") == 2] == []


async def test_a_snapshot_of_stats_is_the_figures_now(user: MakePerson, socket: OpenSocket) -> None:
    ada = await user("ada")
    presence = await socket(ada, "/ws/presence")
    message = await presence.ask(subscribe("stats", snapshot=True), "feed_stats")
    assert message.keys() == {"type", "stats", "seq"}
    assert message["stats"] == (await ada.get("/feed/stats")).body


async def test_calls_are_told_until_unsubscribed_and_a_snapshot_is_the_ongoing_one(
    user: MakePerson, socket: OpenSocket
) -> None:
    ada, bob = await user("ada"), await user("bob")
    await bob.post("/users/me/heartbeat")
    presence = await socket(ada, "/ws/presence")
    call = await ada.post("/calls/start", {"callee_id": bob.user_id, "call_type": "video"})
    assert (await presence.next("call_status_update"))["call"] == call.body
    assert (await presence.ask(subscribe("calls", snapshot=True), "call_status_update"))["call"] == call.body
    await presence.ask({"type": "unsubscribe", "subscription": "calls"}, "unsubscription_confirmed")
    await ada.post("/calls/end", {"call_id": call.body["call_id"]})
    assert "call_status_update" not in [message["type"] for message in await presence.told()]
