"""Words: how a terminal names states, reasons and spans of time, with a shape and a colour beside the word."""

from __future__ import annotations

from typing import Literal

from models.status import Status
from realtime.protocol import Reason

State = Literal["available", "busy", "offline"]

SHAPES: dict[State, str] = {"available": "●", "busy": "◐", "offline": "○"}
COLOURS: dict[State, str] = {"available": "green", "busy": "yellow", "offline": "bright_black"}

BECAUSE: dict[Reason, str] = {
    "heartbeat": "a heartbeat came",
    "connected": "connected",
    "disconnected": "the connection is gone",
    "timed_out": "no sign of life",
    "set": "set by hand",
    "busy_expired": "the busy time is over",
    "call_started": "a call began",
    "call_ended": "the call ended",
    "operator": "an operator did it",
}


def state_of(status: Status) -> State:
    """The one word for a status."""
    if not status.is_online:
        return "offline"
    return "busy" if status.is_busy else "available"


def printable(text: str) -> str:
    """The text without what would move the cursor or turn the direction of writing."""
    return "".join(letter if letter.isprintable() else "�" for letter in text)


def span(seconds: float) -> str:
    """A span of time as a person says it."""
    whole = max(0, int(seconds))
    for length, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if whole >= length:
            return f"{whole // length} {unit}"
    return f"{whole} s"
