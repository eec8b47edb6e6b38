"""Formatting: times, explanations and names as text. static/admin/formatting.js does the same in the browser."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from markupsafe import Markup, escape

from models.direction import in_sentence, isolated
from realtime.dashboard.event_text import duration, duration_in_words
from realtime.dashboard.rows import Explanation

Moment = datetime | int
"""Aware, or milliseconds since 1970."""

_MARKUP = Markup('<time class="{}" datetime="{}">{}</time>')


def time(moment: Moment) -> str:
    """The time of day in UTC: `12:31:07`."""
    return f"{_aware(moment):%H:%M:%S}"


def stamp(moment: Moment) -> Markup:
    """The time of day in UTC, marked up for the script that converts it to the reader's time zone."""
    return _MARKUP.format("local", _iso(moment), time(moment))


def day(moment: Moment) -> Markup:
    """The same with the date, for times that may not be today."""
    return _MARKUP.format("local day", _iso(moment), f"{_aware(moment):%d %b, %H:%M:%S}")


def because(cause: Explanation, now: int) -> str:
    """Why a state is what it is, at the moment `now`."""
    if cause.at is None:
        return cause.text + cause.tail
    match cause.counts:
        case "up":
            shown = duration_in_words(now - cause.at) if cause.tail else duration(now - cause.at)
        case "down":
            shown = duration_in_words(-((now - cause.at) // 1000) * 1000)
        case _:
            shown = f"{_aware(cause.at):%H:%M} UTC"
    return f"{cause.text} {shown}{cause.tail}"


def why(cause: Explanation, now: int) -> Markup:
    """The same as markup. A time of day is marked up for the script that converts it to the reader's time zone."""
    if cause.at is None or cause.counts != "clock":
        return escape(because(cause, now))
    shown = _MARKUP.format("local short", _iso(cause.at), f"{_aware(cause.at):%H:%M} UTC")
    return Markup("{} {}{}").format(cause.text, shown, cause.tail)


def initials(name: str) -> str:
    """One or two letters for an avatar."""
    parts = [part for part in name.replace("_", " ").replace(".", " ").split() if part[0].isalnum()]
    return "".join(part[0] for part in parts[:1] + parts[1:][-1:]).upper() or "?"


def _aware(moment: Moment) -> datetime:
    if isinstance(moment, datetime):
        return moment.astimezone(UTC)
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=moment)


def _iso(moment: Moment) -> str:
    return _aware(moment).isoformat(timespec="milliseconds").replace("+00:00", "Z")


FILTERS: dict[str, Callable[..., Any]] = {
    "duration": duration,
    "duration_in_words": duration_in_words,
    "time": time,
    "stamp": stamp,
    "day": day,
    "because": because,
    "why": why,
    "initials": initials,
    "isolated": isolated,
    "in_sentence": in_sentence,
}
