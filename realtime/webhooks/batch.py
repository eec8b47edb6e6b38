"""Batch: events that are sent together, and what is noted as told by them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from models.webhook_batches import BatchContent
from models.webhook_told import ToldCall, ToldIssue, ToldNews, ToldUser
from realtime.webhooks.event import CallData, DeletedData, IssueData, StatusData, WebhookEvent, digest, external_id_of


class Body(msgspec.Struct, frozen=True):
    """The JSON that the receiver gets."""

    type: str
    timestamp: datetime
    events: Sequence[WebhookEvent]


def batch_of(events: Sequence[WebhookEvent], at: datetime, *, is_recorded: bool = True) -> BatchContent:
    """The content of a batch. Events that a comparison found are not recorded ones, and have no place among them."""
    return BatchContent(
        body=msgspec.json.encode(Body("events", at, events)).decode(),
        told=msgspec.json.encode(news_of(events)).decode(),
        count=len(events),
        at=at,
        last_event_id=events[-1].id if is_recorded else "",
    )


def news_of(events: Sequence[WebhookEvent]) -> ToldNews:
    """What is known by those who have received these events. The last one of each user or call counts."""
    users: dict[int, ToldUser] = {}
    calls: dict[str, ToldCall] = {}
    issues: dict[str, ToldIssue] = {}
    deleted: list[int] = []
    for event in events:
        match event.data:
            case StatusData(user_id=user_id, status=status):
                users[user_id] = ToldUser(user_id, digest(status), external_id_of(status))
            case CallData(call=call):
                calls[call.call_id] = ToldCall(call.call_id, event.type == "call.ended", call.started_at)
            case DeletedData(user_id=user_id):
                users.pop(user_id, None)
                deleted.append(user_id)
            case IssueData(key=key):
                told = "" if event.type == "attention.ended" else msgspec.json.encode(event.data).decode()
                issues[key] = ToldIssue(key, told)
            case _:
                pass
    return ToldNews(list(users.values()), list(calls.values()), deleted, list(issues.values()))
