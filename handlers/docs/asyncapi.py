"""AsyncAPI: the document of the sockets, version 3, made from the commands, messages and close codes."""

from __future__ import annotations

from typing import Any, get_args

import msgspec

from handlers.docs.openapi import API_VERSION
from handlers.docs.schemas import Schemas
from realtime.protocol import (
    Channel,
    CloseCode,
    Command,
    Heartbeat,
    HeartbeatAck,
    Message,
    Ping,
    Pong,
    Refresh,
    Subscribe,
    SubscriptionConfirmed,
    TokenRefreshed,
    Unsubscribe,
    UnsubscriptionConfirmed,
)
from settings import Settings

REPLIES: dict[type[Command], type[Message]] = {
    Ping: Pong,
    Heartbeat: HeartbeatAck,
    Subscribe: SubscriptionConfirmed,
    Unsubscribe: UnsubscriptionConfirmed,
    Refresh: TokenRefreshed,
}
"""What a command is answered with, unless by `error`."""

CLOSES: dict[CloseCode, tuple[str, str]] = {
    CloseCode.NORMAL: ("the client is done", ""),
    CloseCode.TOO_BIG: ("a message was too big", "is wrong"),
    CloseCode.RESTART: ("the server restarts", "comes back after `reconnect_after_ms`"),
    CloseCode.TRY_LATER: ("too many sockets, on the server or from this address", "backs off"),
    CloseCode.UNRESPONSIVE: ("no pong", "reconnects"),
    CloseCode.SLOW_CONSUMER: ("too slow", "reconnects and resumes"),
    CloseCode.RATE_LIMITED: ("too many commands", "backs off"),
    CloseCode.TOKEN_EXPIRED: ("the token has expired", "gets a new one, reconnects"),
    CloseCode.REFUSED: ("credentials refused", "stays away"),
    CloseCode.REVOKED: ("logged out, or disabled by an operator", "stays away"),
    CloseCode.TOO_MANY_SOCKETS: ("too many sockets of this user (10)", "stays away"),
    CloseCode.PROTOCOL_VIOLATION: ("too many messages that make no sense", "stays away"),
}
"""Close codes: what happened, and what a client does then."""

_QUERY = {
    "type": "object",
    "description": "Exactly one credential; it may come as a header or a subprotocol instead.",
    "properties": {
        "token": {"type": "string", "description": "An access token."},
        "ticket": {"type": "string", "description": "The answer of POST /auth/ticket, good for one socket."},
        "epoch": {"type": "string", "description": "Of the numbering that `since` is from: asks to resume."},
        "since": {"type": "integer", "minimum": 0, "description": "The greatest `seq` up to which all is known."},
    },
}

_HEADERS = {
    "type": "object",
    "properties": {
        "Authorization": {"type": "string", "description": "Bearer <access token>"},
        "Sec-WebSocket-Protocol": {"type": "string", "description": "rollcall.v1, bearer.<access token>"},
    },
}


def asyncapi(settings: Settings) -> dict[str, Any]:
    """The whole document."""
    commands, messages = _by_tag(Command), _by_tag(Message)
    readable = {**commands, **messages}
    schemas = Schemas(readable.values(), settings)
    channels: tuple[str, ...] = get_args(Channel)
    operations: dict[str, Any] = {}
    for channel in channels:
        operations |= _operations(channel, commands, messages)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Rollcall",
            "version": API_VERSION,
            "description": "Sockets at the same host and port as this document. The HTTP API is in `/openapi.json`.",
        },
        "defaultContentType": "application/json",
        "channels": {channel: _channel(channel, list(readable)) for channel in channels},
        "operations": operations,
        "components": {
            "schemas": schemas.components,
            "messages": {tag: _message(tag, type, schemas) for tag, type in readable.items()},
        },
    }


def _by_tag(base: type[msgspec.Struct]) -> dict[str, type[msgspec.Struct]]:
    return {str(each.__struct_config__.tag): each for each in base.__subclasses__()}


def _message(tag: str, type: Any, schemas: Schemas) -> dict[str, Any]:
    return {
        "name": tag,
        "title": type.__name__,
        "summary": type.__doc__,
        "contentType": "application/json",
        "payload": schemas.of(type),
    }


def _channel(channel: str, tags: list[str]) -> dict[str, Any]:
    return {
        "address": f"/ws/{channel}",
        "summary": f"A socket that starts subscribed to `{channel}`",
        "messages": {tag: {"$ref": f"#/components/messages/{tag}"} for tag in tags},
        "bindings": {"ws": {"method": "GET", "query": _QUERY, "headers": _HEADERS}},
        "x-close-codes": [
            {"code": int(code), "name": code.name, "meaning": meaning, "client": client}
            for code, (meaning, client) in CLOSES.items()
        ],
    }


def _operations(channel: str, commands: dict[str, Any], messages: dict[str, Any]) -> dict[str, Any]:
    """What the server receives, each with its reply, and what it sends unasked."""
    here = {"$ref": f"#/channels/{channel}"}
    replies = {command: str(reply.__struct_config__.tag) for command, reply in REPLIES.items()}
    operations: dict[str, Any] = {
        f"{channel}.{tag}": {
            "action": "receive",
            "channel": here,
            "summary": command.__doc__,
            "messages": [_reference(channel, tag)],
            "reply": {"channel": here, "messages": [_reference(channel, each) for each in (replies[command], "error")]},
        }
        for tag, command in commands.items()
    }
    for tag, message in messages.items():
        if tag not in replies.values():
            operations[f"{channel}.{tag}"] = {
                "action": "send",
                "channel": here,
                "summary": message.__doc__,
                "messages": [_reference(channel, tag)],
            }
    return operations


def _reference(channel: str, tag: str) -> dict[str, str]:
    return {"$ref": f"#/channels/{channel}/messages/{tag}"}
