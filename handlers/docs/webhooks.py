"""Webhooks: describes what the receiver of webhooks gets, for OpenAPI."""

from __future__ import annotations

from typing import Any, get_args

from realtime.webhooks.event import ActionData, CallData, DeletedData, EventType, IssueData, StatusData

EVENTS: dict[EventType, tuple[type, str]] = {
    "status.changed": (StatusData, "a user's status was announced"),
    "call.started": (CallData, "a call started"),
    "call.ended": (CallData, "a call ended"),
    "user.created": (StatusData, "a user was added"),
    "user.deleted": (DeletedData, "a user was deleted"),
    "operator.acted": (ActionData, "an operator has carried out an action"),
    "attention.started": (IssueData, "something needs attention"),
    "attention.acknowledged": (IssueData, "an operator deals with it, or nobody does any more"),
    "attention.ended": (IssueData, "it needs no attention any more"),
}
"""For each type of events: the type of its data, and its meaning."""

DATA_TYPES = tuple(dict.fromkeys(type for type, _ in EVENTS.values()))

BATCH, EVENT = "WebhookBatch", "WebhookEvent"

_TIME = {"type": "string", "format": "date-time"}

_HEADERS = {
    "webhook-id": "The id of this webhook. It is the same with every attempt.",
    "webhook-timestamp": "When this attempt was made, in Unix seconds.",
    "webhook-signature": "`v1,` and the Base64 of an HMAC-SHA256 over id, timestamp and body, with dots in between.",
}


def webhook_schemas() -> dict[str, dict[str, Any]]:
    """The schemas of a batch and of an event, by name.

    The description says which type the data has. Generators would have to make up a class for a choice of types.
    """
    assert set(EVENTS) == set(get_args(EventType)), "every type is described"
    data = "; ".join(f"`{type}`: {meaning}, `{data.__name__}`" for type, (data, meaning) in EVENTS.items())
    event = {
        "id": {"type": "string"},
        "type": {"type": "string", "enum": list(EVENTS)},
        "timestamp": _TIME,
        "epoch": {"type": "string"},
        "seq": {"type": "integer", "format": "int64"},
        "data": {"type": "object", "description": f"Its schema depends on the type. {data}."},
    }
    batch = {
        "type": {"type": "string", "enum": ["events"]},
        "timestamp": _TIME,
        "events": {"type": "array", "items": _reference(EVENT)},
    }
    return {
        BATCH: _object(BATCH, "Up to 100 events, in the order in which they happened.", batch),
        EVENT: _object(EVENT, "One event.", event),
    }


def webhooks() -> dict[str, Any]:
    """The section of OpenAPI."""
    headers = [
        {"name": name, "in": "header", "required": True, "description": meaning, "schema": {"type": "string"}}
        for name, meaning in _HEADERS.items()
    ]
    answers = {
        "2XX": {"description": "Received. Any other answer, or none within the deadline, is an attempt that failed."}
    }
    operation = {
        "operationId": "receive_events",
        "summary": "Sent to ROLLCALL_WEBHOOK_URL; see /docs/webhooks",
        "parameters": headers,
        "requestBody": {"required": True, "content": {"application/json": {"schema": _reference(BATCH)}}},
        "responses": answers,
    }
    return {"events": {"post": operation}}


def _object(name: str, meaning: str, properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "title": name,
        "description": meaning,
        "type": "object",
        "properties": properties,
        "required": list(properties),
    }


def _reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}
