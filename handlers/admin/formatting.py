"""Formatting: spans, moments, explanations and names as text. The same rules are in static/admin/formatting.js."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from markupsafe import Markup, escape

from models.times import milliseconds
from realtime.dashboard.rows import Explanation

Moment = datetime | int
"""Aware, or milliseconds since 1970."""

_MARKUP = Markup('<time class="{}" datetime="{}">{}</time>')


def span(length: float) -> str:
    """A span of milliseconds: `00:22`, `12:04`, `1:30:10`."""
    minutes, seconds = divmod(max(0, int(length // 1000)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes:02}:{seconds:02}"


def spoken(length: float) -> str:
    """A span in a sentence: `20 s`, then as on a clock."""
    seconds = max(0, int(length // 1000))
    return f"{seconds} s" if seconds < 60 else span(length)


def time(moment: Moment) -> str:
    """The time of day, in UTC: `12:31:07`."""
    return f"{_aware(moment):%H:%M:%S}"


def stamp(moment: Moment) -> Markup:
    """The time of day; a script shows it in the reader's zone, without one it is UTC."""
    return _MARKUP.format("local", _iso(moment), time(moment))


def day(moment: Moment) -> Markup:
    """The same with the day, for what may be of another one."""
    return _MARKUP.format("local day", _iso(moment), f"{_aware(moment):%d %b, %H:%M:%S}")


def because(cause: Explanation, now: int) -> str:
    """Why a state is what it is, at the moment `now`."""
    if cause.at is None:
        return cause.text + cause.tail
    match cause.counts:
        case "up":
            shown = spoken(now - cause.at) if cause.tail else span(now - cause.at)
        case "down":
            shown = spoken(-((now - cause.at) // 1000) * 1000)
        case _:
            shown = f"{_aware(cause.at):%H:%M} UTC"
    return f"{cause.text} {shown}{cause.tail}"


def why(cause: Explanation, now: int) -> Markup:
    """The same, with a time of day that a script shows in the reader's zone."""
    if cause.at is None or cause.counts != "clock":
        return escape(because(cause, now))
    shown = _MARKUP.format("local short", _iso(cause.at), f"{_aware(cause.at):%H:%M} UTC")
    return Markup("{} {}{}").format(cause.text, shown, cause.tail)


def initials(name: str) -> str:
    """One or two letters that stand for a face."""
    parts = [part for part in name.replace("_", " ").replace(".", " ").split() if part[0].isalnum()]
    return "".join(part[0] for part in parts[:1] + parts[1:][-1:]).upper() or "?"


def _aware(moment: Moment) -> datetime:
    if isinstance(moment, datetime):
        return moment.astimezone(UTC)
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=moment)


def _iso(moment: Moment) -> str:
    return _aware(moment).isoformat(timespec="milliseconds").replace("+00:00", "Z")


FILTERS: dict[str, Callable[..., Any]] = {
    "clock": span,
    "spoken": spoken,
    "time": time,
    "stamp": stamp,
    "day": day,
    "because": because,
    "why": why,
    "initials": initials,
    "ms": milliseconds,
}
