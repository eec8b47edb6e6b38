"""Event text: describes an event in one sentence, and a length of time as text."""

from __future__ import annotations

from datetime import datetime

from models.direction import in_sentence
from models.events import Event
from models.times import from_milliseconds, milliseconds
from realtime.dashboard.rows import EventDetails, EventRow, Explanation

HOURS_OF_DAY = 24

SECONDS_UNTIL_MINUTES = 120
"""Up to here, how long ago something was is said in seconds: a heartbeat counts for 90."""

NO_BREAK = "\N{NO-BREAK SPACE}"
"""Between the parts of a span of days, which stay in one line."""

_STATES = {
    ("available", "connected"): "came online",
    ("available", "heartbeat"): "came online",
    ("available", "call_ended"): "is available again",
    ("available", "busy_expired"): "is available again",
    ("busy", "connected"): "came online, busy",
    ("busy", "heartbeat"): "came online, busy",
    ("busy", "call_started"): "is on a call",
    ("offline", "timed_out"): "timed out",
    ("offline", "disconnected"): "went offline: connection lost",
    ("offline", "operator"): "was disconnected",
}
"""Other combinations read “is available”, “is busy” and “went offline”."""

_CAUSES = {
    "connected": "connected",
    "heartbeat": "first heartbeat",
    "disconnected": "connection lost",
    "timed_out": "no heartbeat in time",
    "set": "set by the user",
    "busy_expired": "“busy until” was over",
    "call_started": "a call began",
    "call_ended": "a call ended",
    "operator": "disconnected",
    "audio": "audio call",
    "video": "video call",
    "completed": "a participant ended it",
    "dropped": "a participant was offline",
    "cancelled": "the caller gave up",
    "force_offline": "forced offline",
    "disconnect": "disconnected",
    "sign_out": "signed out everywhere",
    "clear_busy": "busy cleared",
    "end_call": "call ended",
    "enable_user": "enabled",
    "disable_user": "disabled",
    "delete_user": "deleted",
    "set_password": "password set",
    "add_tag": "tag added",
    "remove_tag": "tag removed",
}
"""Causes of events in words, where they aren't plain words already."""

_SET_BY_OPERATOR = {"available": "busy cleared", "busy": "made busy", "offline": "forced offline"}
"""The same for states that an operator set. The operator's name follows: “forced offline by maya”."""

_BY_OPERATOR = {"available": "was made available by", "busy": "was made busy by", "offline": "was forced offline by"}

_ENDS = {"completed": "ended their call", "dropped": "were cut off"}

_ACTIONS = {
    "force_offline": "forced {} offline",
    "disconnect": "disconnected {}",
    "sign_out": "signed {} out everywhere",
    "clear_busy": "cleared busy of {}",
    "end_call": "ended the call of {}",
    "enable_user": "enabled {}",
    "disable_user": "disabled {}",
    "delete_user": "deleted {}",
    "set_password": "set the password of {}",
    "add_tag": "added a tag to {}",
    "remove_tag": "removed a tag from {}",
}


def event_row(event: Event) -> EventRow:
    """The row that operators see."""
    return EventRow(
        event_id=event.event_id,
        at=milliseconds(event.at),
        kind=event.kind,
        text=_text(event),
        user_id=event.user_id,
        call_id=event.call_id,
    )


def event_details(event: Event) -> EventDetails:
    """The row of the Events page."""
    return EventDetails(
        event_id=event.event_id,
        at=milliseconds(event.at),
        kind=event.kind,
        text=_text(event),
        user_id=event.user_id,
        call_id=event.call_id,
        username=event.username,
        cause=_cause(event),
        operator=event.operator,
    )


def _cause(event: Event) -> str:
    if event.operator and event.kind in _SET_BY_OPERATOR:
        return _SET_BY_OPERATOR[event.kind]
    if event.operator and event.kind == "call_ended":
        return "ended"
    return _CAUSES.get(event.cause, event.cause.replace("_", " "))


def explanation_in_words(explanation: Explanation, now: datetime) -> str:
    """An explanation as of now, for a program. Times of day are in UTC, and spaces are plain."""
    if explanation.at is None:
        return explanation.text + explanation.tail
    at = from_milliseconds(explanation.at)
    if explanation.counts == "clock":
        return f"{explanation.text} {at:%H:%M} UTC{explanation.tail}"
    span = at - now if explanation.counts == "down" else now - at
    length = duration_in_words(span.total_seconds() * 1000)
    return f"{explanation.text} {length}{explanation.tail}".replace(NO_BREAK, " ")


def _text(event: Event) -> str:
    name, operator = in_sentence(event.username), in_sentence(event.operator)
    match event.kind:
        case "call_started":
            return f"{name} called {_other(event)}"
        case "call_ended":
            return _call_ended(event)
        case "action":
            return f"{operator} {_ACTIONS.get(event.cause, 'acted on {}').format(name)}"
    if event.operator:
        return f"{name} {_BY_OPERATOR[event.kind]} {operator}"
    went = "went offline" if event.kind == "offline" else f"is {event.kind}"
    return f"{name} {_STATES.get((event.kind, event.cause), went)}"


def _call_ended(event: Event) -> str:
    after = "" if event.duration_seconds is None else f" after {duration_with_units(event.duration_seconds * 1000)}"
    both = f"{in_sentence(event.username)} and {_other(event)}"
    if event.operator:
        return f"{in_sentence(event.operator)} ended the call of {both}{after}"
    if event.cause == "cancelled":
        return f"{in_sentence(event.username)} cancelled the call to {_other(event)}{after}"
    return f"{both} {_ENDS.get(event.cause, 'ended their call')}{after}"


def _other(event: Event) -> str:
    return in_sentence(event.other_name) or f"user {event.other_id}"


def duration(milliseconds: float) -> str:
    """As on a clock: `00:22`, `12:04`, `1:30:10`; from a day on, `3 d 4 h`. Nothing is shorter than `00:00`."""
    minutes, seconds = divmod(max(0, int(milliseconds // 1000)), 60)
    hours, minutes = divmod(minutes, 60)
    if hours >= HOURS_OF_DAY:
        days, hours = divmod(hours, HOURS_OF_DAY)
        return NO_BREAK.join([str(days), "d", *([str(hours), "h"] if hours else [])])
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes:02}:{seconds:02}"


def duration_in_words(milliseconds: float) -> str:
    """The same for use in a sentence: `20 s` below a minute, and `1:30` without seconds from an hour on."""
    minutes, seconds = divmod(max(0, int(milliseconds // 1000)), 60)
    hours, minutes = divmod(minutes, 60)
    if not hours and not minutes:
        return f"{seconds} s"
    return f"{hours}:{minutes:02}" if 0 < hours < HOURS_OF_DAY else duration(milliseconds)


def duration_with_units(milliseconds: float) -> str:
    """The same where it could be taken for a time of day: `22 s`, `12 min 4 s`, `1 h 30 min 10 s`, `3 d 4 h`."""
    minutes, seconds = divmod(max(0, int(milliseconds // 1000)), 60)
    hours, minutes = divmod(minutes, 60)
    if hours >= HOURS_OF_DAY:
        return duration(milliseconds)
    return (
        " ".join(f"{number} {unit}" for number, unit in ((hours, "h"), (minutes, "min"), (seconds, "s")) if number)
        or "0 s"
    )


def ago(milliseconds: float) -> str:
    """How long ago something was: `74 s ago`, then `12 min ago`, `5 h ago` and `3 d 4 h ago`."""
    seconds = max(0, int(milliseconds // 1000))
    if seconds < SECONDS_UNTIL_MINUTES:
        return f"{seconds} s ago"
    minutes = seconds // 60
    hours = minutes // 60
    if hours >= HOURS_OF_DAY:
        return f"{duration(milliseconds)} ago"
    return f"{hours} h ago" if hours else f"{minutes} min ago"
