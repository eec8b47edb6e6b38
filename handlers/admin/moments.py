"""Moments: times of day and dates in the zone that an operator chose. static/admin/moments.js does the same."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from markupsafe import Markup, escape

from realtime.dashboard.event_text import ago, duration, duration_in_words
from realtime.dashboard.rows import AGO, Explanation

Moment = datetime | int
"""Aware, or milliseconds since 1970."""

Form = Literal["clock", "short", "full", "dated"]
"""How a moment is written: the names of the methods of Moments, and the classes of its markup."""

BROWSERS_ZONE = ""
"""The choice of the zone that the browser is set to. Until a script has told it, times are in UTC."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}")

_MARKUP = Markup('<time class="{}" datetime="{}" title="{}">{}</time>')


@lru_cache(maxsize=1000)
def zone_named(name: str) -> tzinfo | None:
    """The time zone of an IANA name, such as “Europe/Berlin”. None if there is no such zone."""
    if name == "UTC":
        return UTC
    if len(name) > 64 or not _NAME.fullmatch(name):
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError, ValueError):
        return None


class Moments:
    """Writes moments as they are seen from one zone at one time: with the date unless it is today's."""

    def __init__(self, now: int, zone: str = "UTC") -> None:
        """`now` is in milliseconds since 1970. An unknown zone is UTC."""
        self.zone_name = zone if zone_named(zone) else "UTC"
        self.zone = zone_named(zone) or UTC
        self._now = self.local(now)

    def clock(self, moment: Moment) -> str:
        """The time of day: `12:31:07`; `26 Nov, 12:31:07` if that is not today; with the year if it is another one."""
        return self._dated(moment, "%H:%M:%S")

    def dated(self, moment: Moment) -> str:
        """With the date, even if it is today's: `26 Nov, 12:31:07`; with the year if it is another one."""
        return self._dated(moment, "%H:%M:%S", has_date=True)

    def full(self, moment: Moment) -> str:
        """With the date and the year, even if they are today's: `26 Nov 2026, 12:31`."""
        local = self.local(moment)
        return f"{date_in_words(local)}, {local:%H:%M}"

    def short(self, moment: Moment) -> str:
        """The same without seconds."""
        return self._dated(moment, "%H:%M")

    def day(self, moment: Moment) -> str:
        """Only the date: `26 Nov`."""
        local = self.local(moment)
        return f"{local.day} {local:%b}"

    def hour_and_minute(self, moment: Moment) -> str:
        """Only the time of day: `12:31`."""
        return f"{self.local(moment):%H:%M}"

    def local(self, moment: Moment) -> datetime:
        """The moment in the zone."""
        return aware(moment).astimezone(self.zone)

    def marked(self, moment: Moment, form: Form = "clock") -> Markup:
        """The same, marked up for the script that writes it as the browser is set to."""
        text = {"clock": self.clock, "short": self.short, "full": self.full, "dated": self.dated}[form](moment)
        return _MARKUP.format("local" if form == "clock" else f"local {form}", iso(moment), iso(moment), text)

    def because(self, cause: Explanation, now: int) -> str:
        """Why a state is what it is, at the moment `now`."""
        if cause.at is None:
            return cause.text + cause.tail
        match cause.counts:
            case "up" if cause.tail == AGO:
                return f"{cause.text} {ago(now - cause.at)}"
            case "up":
                shown = duration_in_words(now - cause.at) if cause.tail else duration(now - cause.at)
            case "down":
                shown = duration_in_words(-((now - cause.at) // 1000) * 1000)
            case _:
                shown = self.short(cause.at)
        return f"{cause.text} {shown}{cause.tail}"

    def why(self, cause: Explanation, now: int) -> Markup:
        """The same as markup, with a time of day marked up."""
        if cause.at is None or cause.counts != "clock":
            return escape(self.because(cause, now))
        return Markup("{} {}{}").format(cause.text, self.marked(cause.at, "short"), cause.tail)

    def _dated(self, moment: Moment, time: str, *, has_date: bool = False) -> str:
        local = self.local(moment)
        if local.date() == self._now.date() and not has_date:
            return f"{local:{time}}"
        year = "" if local.year == self._now.year else " %Y"
        return f"{local.day} {local:%b{year}, {time}}"


def date_in_words(local: datetime) -> str:
    """`26 Nov 2026`."""
    return f"{local.day} {local:%b %Y}"


def aware(moment: Moment) -> datetime:
    """The moment in UTC."""
    if isinstance(moment, datetime):
        return moment.astimezone(UTC)
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=moment)


def iso(moment: Moment) -> str:
    """The moment as in ISO 8601, in UTC."""
    return aware(moment).isoformat(timespec="milliseconds").replace("+00:00", "Z")
