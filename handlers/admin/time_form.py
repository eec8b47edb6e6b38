"""Time form: how a page shows its range of times, and keeps it in its links and other forms."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial

import msgspec
from markupsafe import Markup

from handlers.admin.base import AdminHandler
from handlers.admin.moments import Moments, iso
from handlers.admin.time_range import (
    FIELD_LABELS,
    PARAMETER_LABELS,
    TIME_PARAMETERS,
    RangeName,
    TimeRange,
    read_range,
    time_argument,
)
from models.errors import Invalid


class TimeForm(msgspec.Struct, frozen=True, kw_only=True):
    """The range, and what the macro `time_bar` needs besides."""

    range: TimeRange
    problem: str = ""
    """Why there is no range. Otherwise empty."""
    choices: list[tuple[RangeName, str]]
    """The ranges with a name, as links say it."""
    fields: dict[str, str]
    """The values of the fields `from`, `to` and `at`: in the zone of the page, or what could not be read."""
    query: dict[str, str]
    """The range as parameters. Unlike the fields, they mean the same in every zone."""
    others: dict[str, str]
    """The other parameters of the page."""
    words: str | Markup = ""
    """The range in words, for print."""
    heading: str | Markup = ""
    """The same for a heading. In both, a script writes the times as the browser is set to."""

    @property
    def is_exact(self) -> bool:
        """Whether the fields have values."""
        return any(self.fields.values())

    @property
    def second_at(self) -> str:
        """The other moment at which clocks showed the time of the jump, as a parameter."""
        return iso(self.range.second_at) if self.range.second_at else ""

    def moment_of(self, name: str) -> datetime | None:
        """The moment in a field."""
        if self.range.name:
            return None
        return {"from": self.range.start, "to": self.range.end, "at": self.range.at}[name]

    @property
    def cleared(self) -> dict[str, str]:
        """What a link to a range with a name leaves out."""
        return dict.fromkeys((*TIME_PARAMETERS[1:], "page"), "")


def read_times(handler: AdminHandler, default: RangeName = "") -> TimeForm:
    """The range in the query. If there is a problem with it, the page can say so, and the status is 400.

    Raises Invalid instead if a script asks.
    """
    shift_hours = handler.admin.settings.shift_hours
    choices = _choices(shift_hours, has_all=not default)
    try:
        found = read_range(handler, default, PARAMETER_LABELS if handler.wants_json else FIELD_LABELS)
    except Invalid as error:
        if handler.wants_json:
            raise
        handler.set_status(400)
        typed = {name: time_argument(handler, name) for name in ("from", "to", "at")}
        return TimeForm(
            range=TimeRange(), problem=error.message, choices=choices, fields=typed, query={}, others=_others(handler)
        )
    moments = handler.moments
    exact = {"from": found.start if not found.name else None, "to": found.end, "at": found.at}
    return TimeForm(
        range=found,
        choices=choices,
        fields={name: _field(at, moments) for name, at in exact.items()},
        query=_query(found, exact, moments),
        others=_others(handler),
        words=_words(found, partial(moments.marked, form="full"), shift_hours),
        heading=_words(found, partial(moments.marked, form="short"), shift_hours),
    )


def _choices(shift_hours: int, *, has_all: bool) -> list[tuple[RangeName, str]]:
    named: list[tuple[RangeName, str]] = [
        ("hour", "Last hour"),
        ("shift", f"Shift ({shift_hours} h)"),
        ("day", "24 h"),
        ("week", "7 days"),
    ]
    return [("", "Any time"), *named] if has_all else named


def _others(handler: AdminHandler) -> dict[str, str]:
    names = handler.request.query_arguments.keys() - {*TIME_PARAMETERS, "page"}
    return {name: value for name in sorted(names) if (value := handler.get_query_argument(name))}


def _field(at: datetime | None, moments: Moments) -> str:
    """As a field of the type `datetime-local` has it. Seconds only if there are any."""
    if at is None:
        return ""
    local = at.astimezone(moments.zone).replace(tzinfo=None)
    return local.isoformat(timespec="seconds" if local.second else "minutes")


def _query(found: TimeRange, exact: dict[str, datetime | None], moments: Moments) -> dict[str, str]:
    if found.name:
        return {"range": found.name}
    local = {name: at.astimezone(moments.zone) for name, at in exact.items() if at is not None}
    return {
        name: at.isoformat(timespec="milliseconds" if at.second or at.microsecond else "minutes")
        for name, at in local.items()
    }


RANGE_WORDS: dict[RangeName, str] = {
    "hour": "Last hour",
    "shift": "Shift",
    "day": "Last 24 hours",
    "week": "Last 7 days",
}
"""The ranges with a name, where the length of a shift doesn't matter."""


def _words(found: TimeRange, shown: Callable[[datetime], str], shift_hours: int) -> str | Markup:
    if found.name:
        hours = f"Last {shift_hours} hours" if shift_hours > 1 else "Last hour"
        return hours if found.name == "shift" else RANGE_WORDS[found.name]
    if found.at:
        return Markup("Around {}").format(shown(found.at))
    if found.start and found.end:
        return Markup("From {} to {}").format(shown(found.start), shown(found.end))
    if found.start:
        return Markup("From {}").format(shown(found.start))
    return Markup("Until {}").format(shown(found.end)) if found.end else ""


def file_words(found: TimeRange, moments: Moments) -> str:
    """The range in the name of a file."""
    if found.name:
        return f"last-{found.name}"
    limits = (("from", found.start), ("to", found.end))
    return "-".join(f"{word}-{_field(at, moments)}" for word, at in limits if at is not None)
