"""Formatting: states, reasons and spans of time as words, and the symbol and colour of each state."""

from __future__ import annotations

from models.status import State
from realtime.protocol import Reason

SHAPES: dict[State, str] = {"available": "●", "busy": "◐", "offline": "○"}
COLOURS: dict[State, str] = {"available": "green", "busy": "yellow", "offline": "bright_black"}

REASONS: dict[Reason, str] = {
    "heartbeat": "a heartbeat came",
    "connected": "connected",
    "disconnected": "connection lost",
    "timed_out": "no sign of life",
    "set": "set by hand",
    "busy_expired": "the busy time is over",
    "call_started": "a call began",
    "call_ended": "the call ended",
    "operator": "by an operator",
}


def span(seconds: float) -> str:
    """A span of time in its largest unit: `59 s`, `1 min`, `2 h`, `3 d`."""
    whole = max(0, int(seconds))
    for length, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if whole >= length:
            return f"{whole // length} {unit}"
    return f"{whole} s"
