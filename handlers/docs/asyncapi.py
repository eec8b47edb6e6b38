"""AsyncAPI: the description of the sockets, version 3, generated from the commands, messages and close codes."""

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
"""The reply to each command, unless it is `error`."""

CLOSES: dict[CloseCode, tuple[str, str]] = {
    CloseCode.NORMAL: ("the client is done", ""),
    CloseCode.PROTOCOL_ERROR: ("a frame broke the WebSocket protocol", "reconnects with backoff"),
    CloseCode.TOO_BIG: ("a message was too big", "does not send it again"),
    CloseCode.RESTART: ("the server is restarting", "reconnects after `reconnect_after_ms`"),
    CloseCode.TRY_LATER: (
        "too many sockets on the server, from this address or of this service key; or the issuer's keys are missing",
        "reconnects with backoff",
    ),
    CloseCode.UNRESPONSIVE: ("the client did not answer a ping", "reconnects"),
    CloseCode.SLOW_CONSUMER: ("the client reads too slowly", "reconnects and resumes"),
    CloseCode.RATE_LIMITED: ("too many commands", "reconnects with backoff"),
    CloseCode.TOKEN_EXPIRED: ("the token has expired", "gets a new token and reconnects"),
    CloseCode.REFUSED: ("invalid credentials", "does not reconnect"),
    CloseCode.REVOKED: (
        "logged out, disconnected, disabled or deleted, or the service key was revoked",
        "does not reconnect",
    ),
    CloseCode.REPLACED: (
        "replaced by a newer socket: a user may have 10, and the most silent one is closed",
        "reconnects only when the user returns",
    ),
    CloseCode.PROTOCOL_VIOLATION: ("too many malformed messages", "does not reconnect"),
}
"""For each close code, what happened and what the client does next."""

_QUERY = {
    "type": "object",
    "description": "Exactly one credential is required. It may be sent in a header or a subprotocol instead.",
    "properties": {
        "token": {"type": "string", "description": "An access token, or a service key, which begins with rk_."},
        "ticket": {"type": "string", "description": "A ticket from POST /auth/ticket. It opens one socket."},
        "epoch": {"type": "string", "description": "The epoch that `since` belongs to. Send both to resume."},
        "since": {"type": "integer", "minimum": 0, "description": "The `seq` up to which the client has all changes."},
    },
}

_SECURITY_SCHEMES = {
    "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "A user's access token."},
    "serviceKey": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "rk_…",
        "description": "A service key of any scope. The socket watches, and belongs to no user.",
    },
}

_SECURITY = [{"$ref": f"#/components/securitySchemes/{name}"} for name in _SECURITY_SCHEMES]
"""One of these is required."""

_HEADERS = {
    "type": "object",
    "properties": {
        "Authorization": {"type": "string", "description": "Bearer <access token or service key>"},
        "Sec-WebSocket-Protocol": {"type": "string", "description": "rollcall.v1, bearer.<token or key>"},
    },
}


def asyncapi(settings: Settings) -> dict[str, Any]:
    """The complete description."""
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
            "description": "The sockets, at the same host and port as this page. The HTTP API is in `/openapi.json`.",
        },
        "defaultContentType": "application/json",
        "channels": {channel: _channel(channel, list(readable)) for channel in channels},
        "operations": operations,
        "components": {
            "schemas": schemas.components,
            "securitySchemes": _SECURITY_SCHEMES,
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
    """The commands with their replies, and the messages that the server sends by itself."""
    here = {"$ref": f"#/channels/{channel}"}
    replies = {command: str(reply.__struct_config__.tag) for command, reply in REPLIES.items()}
    operations: dict[str, Any] = {
        f"{channel}.{tag}": {
            "action": "receive",
            "channel": here,
            "security": _SECURITY,
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
                "security": _SECURITY,
                "summary": message.__doc__,
                "messages": [_reference(channel, tag)],
            }
    return operations


def _reference(channel: str, tag: str) -> dict[str, str]:
    return {"$ref": f"#/channels/{channel}/messages/{tag}"}
