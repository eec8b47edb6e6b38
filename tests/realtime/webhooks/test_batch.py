"""The JSON of a batch, and what is noted as told by it."""

from __future__ import annotations

import json

import msgspec

from models.times import utc_milliseconds
from models.webhook_told import ToldCall, ToldNews, ToldUser
from realtime.webhooks.batch import batch_of, news_of
from realtime.webhooks.event import ActionData, DeletedData, WebhookEvent, digest
from realtime.webhooks.parts import WebhookParts
from tests.realtime.world import NOON, World


def event(data: DeletedData | ActionData, type: str = "user.deleted") -> WebhookEvent:
    return WebhookEvent("e9", type, NOON, "epoch", 9, data)  # type: ignore[arg-type]


def test_a_batch_has_its_events_in_order_and_remembers_the_last(world: World, parts: WebhookParts) -> None:
    world.put(1, is_busy=True)
    world.put(2, is_busy=True)
    events = parts.recorder.first(10)
    batch = batch_of(events, NOON)
    body = json.loads(batch.body)
    assert (body["type"], body["timestamp"]) == ("events", "2030-01-01T12:00:00Z")
    assert [each["data"]["user_id"] for each in body["events"]] == [1, 2]
    assert set(body["events"][0]) == {"id", "type", "timestamp", "epoch", "seq", "data"}
    assert set(body["events"][0]["data"]) == {"user_id", "status", "reason"}
    assert "external_id" not in body["events"][0]["data"]["status"]
    assert (batch.count, batch.at, batch.last_event_id) == (2, NOON, events[-1].id)
    assert batch_of(events, NOON, is_recorded=False).last_event_id == ""


def test_the_last_event_of_each_user_and_call_counts_as_told(world: World, parts: WebhookParts) -> None:
    world.connect(1)
    world.connect(2)
    call = world.call(1, 2)
    world.hang_up(1, call)
    events = parts.recorder.first(10)
    news = news_of(events)
    statuses = {user_id: world.core.registry.get(user_id).record.status for user_id in (1, 2)}
    assert {each.user_id: each for each in news.users} == {
        user_id: ToldUser(user_id, digest(status)) for user_id, status in statuses.items()
    }
    assert news.calls == [ToldCall(call.call_id, True, call.started_at)]
    assert news_of(events[:-1]).calls == [ToldCall(call.call_id, False, call.started_at)]
    stored = msgspec.json.decode(batch_of(events, NOON).told, type=ToldNews)
    assert stored == news


def test_a_deleted_user_and_an_action_leave_no_status(world: World, parts: WebhookParts) -> None:
    world.put(1, is_busy=True)
    changed = parts.recorder.first(1)
    news = news_of([*changed, event(DeletedData(1, "their-1")), event(ActionData("x", "maya", []), "operator.acted")])
    assert (news.users, news.deleted) == ([], [1])


def test_a_digest_tells_statuses_apart_but_not_by_when_the_user_was_last_seen(world: World) -> None:
    status = world.status(1)
    later = utc_milliseconds(NOON)
    same = msgspec.structs.replace(status, last_seen=later)
    others = [
        msgspec.structs.replace(status, **{name: value})
        for name, value in {
            "is_online": True, "is_busy": True, "busy_until": later, "username": "ada",
            "profile_image_url": "https://example.org/a.png", "external_id": "x",
        }.items()
    ]  # fmt: skip
    assert digest(same) == digest(status)
    assert len({digest(each) for each in [status, *others]}) == 7
