"""Formatting: the filters of the templates. static/admin/formatting.js does the same in the browser."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from handlers.admin.moments import Moment, Moments, iso
from models.direction import in_sentence, isolated
from models.times import milliseconds
from realtime.dashboard.event_text import ago, duration, duration_in_words, duration_with_units
from realtime.dashboard.rows import Explanation, OnIt


def initials(name: str) -> str:
    """One or two letters for an avatar."""
    parts = [part for part in name.replace("_", " ").replace(".", " ").split() if part[0].isalnum()]
    return "".join(part[0] for part in parts[:1] + parts[1:][-1:]).upper() or "?"


MINUTE_MS = 60_000


def on_it(acknowledged: OnIt, now: int) -> str:
    """Who deals with an issue, and for how many more minutes: “maya is on it, 10 min”."""
    minutes = max(1, -((now - acknowledged.until) // MINUTE_MS))
    return f"{in_sentence(acknowledged.operator)} is on it, {minutes} min"


@pass_context
def _day(context: Context, moment: Moment) -> Markup:
    return _moments(context).marked(moment)


@pass_context
def _clock(context: Context, moment: Moment) -> str:
    return _moments(context).clock(moment)


@pass_context
def _short(context: Context, moment: Moment) -> Markup:
    return _moments(context).marked(moment, "short")


@pass_context
def _dated(context: Context, moment: Moment) -> Markup:
    return _moments(context).marked(moment, "dated")


@pass_context
def _full(context: Context, moment: Moment) -> Markup:
    return _moments(context).marked(moment, "full")


@pass_context
def _full_as_text(context: Context, moment: Moment) -> str:
    return _moments(context).full(moment)


@pass_context
def _hour(context: Context, moment: Moment) -> str:
    return _moments(context).hour_and_minute(moment)


def _weekday(on: date) -> str:
    """`Mon 23 Nov`."""
    return f"{on:%a} {on.day} {on:%b}"


@pass_context
def _because(context: Context, cause: Explanation, now: int) -> str:
    return _moments(context).because(cause, now)


@pass_context
def _why(context: Context, cause: Explanation, now: int) -> Markup:
    return _moments(context).why(cause, now)


def _moments(context: Context) -> Moments:
    """The moments of the page. Macros have them only if they are imported with the context."""
    moments = context["moments"]
    assert isinstance(moments, Moments), "import these macros with context"
    return moments


FILTERS: dict[str, Callable[..., Any]] = {
    "duration": duration,
    "ago": ago,
    "duration_in_words": duration_in_words,
    "duration_with_units": duration_with_units,
    "day": _day,
    "clock": _clock,
    "moment_short": _short,
    "dated": _dated,
    "full": _full,
    "full_as_text": _full_as_text,
    "hour": _hour,
    "weekday": _weekday,
    "iso": iso,
    "milliseconds": milliseconds,
    "because": _because,
    "why": _why,
    "on_it": on_it,
    "initials": initials,
    "isolated": isolated,
    "in_sentence": in_sentence,
}
