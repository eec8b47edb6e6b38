"""What a receiver is told of what clients, operators and the server do, from one server or three."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from standardwebhooks.webhooks import Webhook as StandardWebhook
from tornado.ioloop import IOLoop

from handlers.docs.webhooks import EVENTS
from realtime.dashboard.action_previews import ActionTarget
from settings import Settings
from tests.conftest import MakePerson, OpenSocket
from tests.receiver import SECRET, Receiver
from tests.running import RunningServer
from tests.secrets_seen import SecretsSeen

pytestmark = [pytest.mark.gen_test]


@pytest.fixture
def receiver(io_loop: IOLoop, secrets_seen: SecretsSeen) -> Iterator[Receiver]:
    """A receiver that listens."""
    made = Receiver()
    io_loop.run_sync(made.start)
    secrets_seen.note(SECRET)
    secrets_seen.note("pass-of-the-url")
    yield made
    io_loop.run_sync(made.stop)


@pytest.fixture
def settings(settings: Settings, receiver: Receiver) -> Settings:
    """The settings of the test's server, which sends to the receiver."""
    url = receiver.url.replace("//", "//ada:pass-of-the-url@")
    return dataclasses.replace(
        settings,
        webhook_url=url,
        webhook_secret=SECRET,
        webhook_interval_seconds=0.02,
        webhook_retry_first_seconds=0.05,
    )


def last(receiver: Receiver, type: str) -> dict[str, Any]:
    """Return the data of the last event of a type."""
    data: dict[str, Any] = receiver.of(type)[-1]
    return data


async def test_a_new_user_is_told_of_and_then_the_changes_of_the_status(receiver: Receiver, user: MakePerson) -> None:
    ada = await user("ada")
    await ada.put("/users/me/status", {"is_online": True, "is_busy": True})
    status = (await ada.get("/users/me/status")).body
    await receiver.until(lambda: receiver.of("status.changed"))
    created, changed = last(receiver, "user.created"), last(receiver, "status.changed")
    assert (created["user_id"], created["status"]["username"]) == (ada.user_id, "ada")
    assert (changed["user_id"], changed["reason"]) == (ada.user_id, "set")
    del status["last_seen"], changed["status"]["last_seen"]
    assert changed["status"] == status


async def test_every_webhook_is_as_openapi_describes_it(
    receiver: Receiver, server: RunningServer, user: MakePerson
) -> None:
    ada, ben = await user("ada"), await user("ben")
    for person in (ada, ben):
        await person.post("/users/me/heartbeat")
    started = (await ada.post("/calls/start", {"callee_id": ben.user_id, "call_type": "audio"})).body
    await server.core.actions.carry_out(
        "end_call", ActionTarget(call_id=started["call_id"]), "maya", now=True, entry_id="e1"
    )
    for is_busy in (True, False) * 3:
        await ben.put("/users/me/status", {"is_busy": is_busy, "is_online": True})
    server.core.overview_feed.refresh()
    (flapping,) = (each.key for each in server.core.overview.issues() if each.user_id == ben.user_id)
    await server.core.acknowledgements.add([flapping], "maya", 600)
    await receiver.until(lambda: any(event["type"] == "attention.acknowledged" for event in receiver.events))
    await server.core.membership.delete(ben.user_id)
    await server.core.membership.create_external("their/1", "cy", None)
    server.core.overview_feed.refresh()
    await receiver.until(lambda: {event["type"] for event in receiver.events} == set(EVENTS))
    document = (await ada.get("/openapi.json")).body
    schema = document["webhooks"]["events"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    whole = {**schema, "components": document["components"]}
    validator = Draft202012Validator(whole, format_checker=FormatChecker(["date-time"]))
    for attempt in receiver.attempts:
        validator.validate(json.loads(attempt.body))
    for event in receiver.events:
        name = EVENTS[event["type"]][0].__name__
        data = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
        Draft202012Validator({**data, "unevaluatedProperties": False}).validate(event["data"])


async def test_webhooks_are_accepted_by_the_library_of_standard_webhooks(receiver: Receiver, user: MakePerson) -> None:
    await user("ada")
    await receiver.until(lambda: receiver.received)
    (attempt,) = receiver.attempts
    assert StandardWebhook(SECRET).verify(attempt.body, attempt.headers)["type"] == "events"
    assert attempt.headers["authorization"].startswith("Basic ")


async def test_an_event_has_the_seq_and_the_epoch_of_the_feed(
    receiver: Receiver, user: MakePerson, socket: OpenSocket
) -> None:
    ada, watcher = await user("ada"), await user("watcher")
    feed = await socket(watcher)
    await ada.put("/users/me/status", {"is_busy": True})
    update = await feed.next("user_status_update")
    await receiver.until(lambda: any(each["data"]["reason"] == "set" for each in _changes(receiver)))
    (event,) = [each for each in _changes(receiver) if each["data"]["reason"] == "set"]
    assert (event["seq"], event["data"]["status"]) == (update["seq"], update["status"])


async def test_both_ends_of_a_call_are_told(receiver: Receiver, user: MakePerson) -> None:
    ada, ben = await user("ada"), await user("ben")
    for person in (ada, ben):
        await person.post("/users/me/heartbeat")
    started = (await ada.post("/calls/start", {"callee_id": ben.user_id, "call_type": "video"})).body
    ended = (await ben.post("/calls/end", {"call_id": started["call_id"], "reason": "completed"})).body
    await receiver.until(lambda: receiver.of("call.ended"))
    assert last(receiver, "call.started")["call"]["call_id"] == started["call_id"]
    told = last(receiver, "call.ended")
    assert (told["call"]["end_reason"], told["call"]["ended_by"]) == ("completed", ben.user_id)
    assert told["call"] == {name: ended[name] for name in told["call"]}
    assert told["caller"] == {"user_id": ada.user_id, "username": "ada"}
    assert told["callee"] == {"user_id": ben.user_id, "username": "ben"}


async def test_what_an_operator_does_is_told_with_its_effect(
    receiver: Receiver, server: RunningServer, user: MakePerson
) -> None:
    ada = await user("ada")
    await ada.post("/users/me/heartbeat")
    target = ActionTarget(user_id=ada.user_id)
    await server.core.actions.carry_out("force_offline", target, "maya", now=True, entry_id="e1")
    await receiver.until(lambda: receiver.of("operator.acted"))
    acted, changed = last(receiver, "operator.acted"), last(receiver, "status.changed")
    assert acted == {
        "action": "force_offline", "operator": "maya", "users": [{"user_id": ada.user_id, "username": "ada"}]
    }  # fmt: skip
    assert (changed["status"]["is_online"], changed["reason"], changed["operator"]) == (False, "operator", "maya")


async def test_a_deleted_user_is_told_of_by_the_id_of_the_backend(receiver: Receiver, server: RunningServer) -> None:
    stored = await server.core.membership.create_external("their/1", "ada", None)
    await receiver.until(lambda: receiver.of("user.created"))
    assert last(receiver, "user.created")["status"]["external_id"] == "their/1"
    await server.core.membership.delete(stored.profile.user_id)
    await receiver.until(lambda: receiver.of("user.deleted"))
    assert last(receiver, "user.deleted") == {"user_id": stored.profile.user_id, "external_id": "their/1"}


@pytest.mark.also_clustered
async def test_events_come_in_order_and_each_once(receiver: Receiver, user: MakePerson) -> None:
    people = [await user(f"u{number}") for number in range(5)]
    for number in range(20):
        await people[number % 5].put("/users/me/status", {"is_busy": number < 10})
    await receiver.until(lambda: len(_changes(receiver)) >= 10)
    seqs = [event["seq"] for event in receiver.events]
    assert seqs == sorted(seqs)
    assert len({event["id"] for event in receiver.events}) == len(receiver.events)
    assert len(receiver.received) == len(receiver.attempts)


async def test_only_the_names_of_settings_of_webhooks_are_on_pages(receiver: Receiver, user: MakePerson) -> None:
    ada = await user("ada")
    assert "pass-of-the-url" not in (await ada.get("/metrics")).body
    assert SECRET not in (await ada.get("/metrics")).body


def _changes(receiver: Receiver) -> list[dict[str, Any]]:
    return [event for event in receiver.events if event["type"] == "status.changed"]
