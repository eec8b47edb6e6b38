"""Shapes: check a message against its example in the document."""

from __future__ import annotations

import re
from typing import Any

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")

CONNECTION_ESTABLISHED = {
    "type": "connection_established",
    "message": "Connected to feed updates",
    "user_id": 123,
}

USER_STATUS_UPDATE = {
    "type": "user_status_update",
    "user_id": 456,
    "status": {
        "user_id": 456,
        "username": "john_doe",
        "profile_image_url": "https://example.com/profile.jpg",
        "is_online": True,
        "last_seen": "2024-01-15T10:30:00Z",
        "is_busy": False,
        "busy_until": None,
        "is_available": True,
    },
}

PONG = {"type": "pong", "timestamp": "2024-01-15T10:30:00Z"}
PING = {"type": "ping", "timestamp": "2024-01-15T10:30:00Z"}
SUBSCRIBE = {"type": "subscribe", "subscription": "feed"}
AUTH_ERROR = {"type": "error", "message": "Invalid token", "code": "AUTH_ERROR"}
RATE_LIMIT_ERROR = {"type": "error", "message": "Rate limit exceeded", "code": "RATE_LIMIT_ERROR"}
INVALID_MESSAGE_ERROR = {"type": "error", "message": "Invalid message format", "code": "INVALID_MESSAGE_ERROR"}


def assert_like(example: Any, actual: Any, at: str = "message") -> None:
    """Check that every field of the example is there, and of the same kind; null means "or nothing"."""
    if isinstance(example, dict):
        assert isinstance(actual, dict), at
        for name, value in example.items():
            assert name in actual, f"{at}.{name} is missing"
            assert_like(value, actual[name], f"{at}.{name}")
    elif isinstance(example, str) and _TIME.fullmatch(example):
        assert _TIME.fullmatch(actual), f"{at} is {actual!r}, no time in UTC"
    elif example is not None:
        assert type(actual) is type(example), f"{at} is {actual!r}, unlike {example!r}"
