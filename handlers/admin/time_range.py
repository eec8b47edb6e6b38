"""Time range: the times that an operator wants to see, from the query of a page.

`range` names one that ends now, `from` and `to` limit it, and `at` jumps to a moment. Times are in the zone that the
query or else the operator chose, or have an offset.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, tzinfo
from typing import Literal, cast, get_args

import msgspec

from handlers.admin.base import AdminHandler
from handlers.admin.local_time import LocalTime
from handlers.admin.moments import zone_named
from handlers.admin.parameters import choice
from models.errors import Invalid
from models.times import milliseconds, utc_milliseconds

RangeName = Literal["", "hour", "shift", "day", "week"]
RANGE_NAMES: tuple[RangeName, ...] = get_args(RangeName)

TIME_PARAMETERS = ("range", "from", "to", "at", "zone")

PARAMETER_LABELS = {"at": "at", "from": "from", "to": "to"}

FIELD_LABELS = {"at": "Jump to", "from": "From", "to": "To"}
"""The same times as the forms call them."""

TEXT_LIMIT = 100
"""Characters of a time or a zone that are read."""


class TimeRange(msgspec.Struct, frozen=True, kw_only=True):
    """The moments from `start` to just before `end`, each of which may be missing; or all of them, shown around `at`.

    All are aware, in UTC. Those far outside of what anybody asks for are moved into the years that can be shown.
    """

    name: RangeName = ""
    """Set if the range has a name. It ends now, and `end` is None."""
    start: datetime | None = None
    end: datetime | None = None
    at: datetime | None = None
    second_at: datetime | None = None
    """When clocks showed the time of `at` again, because they had gone back."""
    notes: tuple[str, ...] = ()
    """What to tell about times that clocks skipped or showed twice."""

    def includes(self, moment: datetime) -> bool:
        """Whether a moment lies between the limits."""
        return (self.start is None or moment >= self.start) and (self.end is None or moment < self.end)

    @property
    def start_ms(self) -> int | None:
        """The start, as a live list takes it."""
        return milliseconds(self.start) if self.start else None

    @property
    def is_limited(self) -> bool:
        """Whether some times are left out."""
        return self.start is not None or self.end is not None


def read_range(
    handler: AdminHandler, default: RangeName = "", labels: Mapping[str, str] = PARAMETER_LABELS
) -> TimeRange:
    """The range in the query, or the default. `at` overrides `from` and `to`, and they override `range`.

    Raises Invalid with a sentence that says what is wrong, in which `labels` replace the names of the parameters.
    """
    name = cast("RangeName", choice(handler, "range", RANGE_NAMES))
    zone = _zone(handler)
    if at := time_argument(handler, "at"):
        return _jump(LocalTime(labels["at"], at, zone))
    start, end = time_argument(handler, "from"), time_argument(handler, "to")
    if start or end:
        return _between(
            LocalTime(labels["from"], start, zone) if start else None,
            LocalTime(labels["to"], end, zone, is_end=True) if end else None,
        )
    return named_range(name or default, handler.admin.clock.utc(), handler.admin.settings.shift_hours)


def named_range(name: RangeName, now: datetime, shift_hours: int) -> TimeRange:
    """The range of this name. Without a name, it is unlimited."""
    if not name:
        return TimeRange()
    hours = {"hour": 1, "shift": shift_hours, "day": 24, "week": 7 * 24}[name]
    return TimeRange(name=name, start=utc_milliseconds(now - timedelta(hours=hours)))


def time_argument(handler: AdminHandler, name: str) -> str:
    """One of the parameters, as it was typed."""
    return handler.get_query_argument(name, "")[:TEXT_LIMIT]


def _zone(handler: AdminHandler) -> tzinfo:
    return zone_of(time_argument(handler, "zone"), handler.moments.zone)


def zone_of(name: str, default: tzinfo) -> tzinfo:
    """The zone of this name. Raises Invalid if there is none."""
    if not name:
        return default
    if (zone := zone_named(name)) is None:
        raise Invalid(f"There is no time zone “{name}”. Give a name such as Europe/Berlin.")
    return zone


def moments_in(query: Mapping[str, str], default: tzinfo) -> dict[str, datetime]:
    """The moments that `at`, `from` and `to` mean, in the zone of the query or else the default. Raises Invalid."""
    zone = zone_of(query.get("zone", ""), default)
    times = {
        name: LocalTime(name, query[name], zone, is_end=name == "to")
        for name in ("at", "from", "to")
        if query.get(name)
    }
    return {name: time.latest if name == "to" else time.earliest for name, time in times.items()}


def _jump(given: LocalTime) -> TimeRange:
    return TimeRange(
        at=given.earliest,
        second_at=given.second if given.is_twice else None,
        notes=tuple(filter(None, [given.note()])),
    )


def _between(start: LocalTime | None, end: LocalTime | None) -> TimeRange:
    """A range that begins or ends at a time that clocks showed twice includes both."""
    notes = tuple(each.note() for each in (start, end) if each and each.is_skipped)
    first, last = start.earliest if start else None, end.latest if end else None
    if first and last and first >= last:
        raise Invalid(" ".join(["The start of a time range must be before its end.", *notes]))
    return TimeRange(start=first, end=last, notes=notes)
