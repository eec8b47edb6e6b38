"""Span text: why a user was in a state, in a few words."""

from __future__ import annotations

from models.direction import in_sentence
from realtime.dashboard.day_spans import MANY, NOT_YET, Span

NEVER = "never"
"""The cause of the state of a new user."""

_CAUSES = {
    ("available", "connected"): "came online",
    ("available", "heartbeat"): "came online",
    ("available", "call_ended"): "after a call",
    ("available", "busy_expired"): "“busy until” was over",
    ("available", "set"): "set available",
    ("busy", "connected"): "came online, busy",
    ("busy", "heartbeat"): "came online, busy",
    ("busy", "call_started"): "still busy after a call",
    ("busy", "call_ended"): "still busy after a call",
    ("busy", "set"): "set busy",
    ("offline", "timed_out"): "timed out",
    ("offline", "disconnected"): "connection lost",
    ("offline", "set"): "set offline",
    ("offline", NEVER): "never came online",
    ("offline", "disabled"): "disabled",
    ("offline", "operator"): "disconnected by an operator",
    ("unknown", ""): "nothing is recorded",
    ("unknown", NOT_YET): "this user did not exist yet",
    ("stopped", ""): "no server was running",
}
"""Other combinations have no text."""

_BY_OPERATOR = {"available": "busy cleared by", "busy": "set busy by", "offline": "forced offline by"}


def because(span: Span) -> str:
    """Why the user was in this state, or an empty text if that is not known."""
    if span.cause == MANY:
        return "most of the time, with many changes"
    if span.call is not None:
        return f"with {in_sentence(span.call.other_name)}"
    if span.operator:
        return f"{_BY_OPERATOR[span.state]} {in_sentence(span.operator)}"
    return _CAUSES.get((span.state, span.cause), "")
