"""Shown days: which day or week of a user an operator wants to see, from the query of the page."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Literal, cast, get_args

import msgspec

from handlers.admin.base import AdminHandler
from handlers.admin.parameters import choice
from models.errors import Invalid
from realtime.dashboard.calendar_days import DAYS_OF_WEEK, CalendarDay, date_at, day_of, week_of

View = Literal["day", "week"]
VIEWS: tuple[View, ...] = get_args(View)

EARLIEST = date(2000, 1, 1)
LATEST = date(2199, 12, 31)
"""Days beyond these are none that anything is recorded of."""

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class ShownDays(msgspec.Struct, frozen=True):
    """One day, or the seven days of a week."""

    view: View
    on: date
    today: date
    days: list[CalendarDay]

    @property
    def start(self) -> int:
        """Milliseconds since 1970."""
        return self.days[0].start

    @property
    def end(self) -> int:
        """Milliseconds since 1970."""
        return self.days[-1].end

    @property
    def has_today(self) -> bool:
        """Whether today is one of the days."""
        return self.days[0].date <= self.today <= self.days[-1].date

    @property
    def previous(self) -> date | None:
        """The day before, or the same day of the week before."""
        return self._shifted(-1)

    @property
    def following(self) -> date | None:
        """The day after, or the same day of the week after. None if that has not begun."""
        return None if self.days[-1].date >= self.today else self._shifted(1)

    @property
    def title(self) -> str:
        """`Today, Friday 27 November 2026`, or `23 Nov – 29 Nov 2026`."""
        first, last = self.days[0].date, self.days[-1].date
        if self.view == "week":
            year = "" if first.year == last.year else f" {first.year}"
            return f"{first.day} {first:%b}{year} – {last.day} {last:%b} {last.year}"
        near = {self.today: "Today, ", self.today - timedelta(days=1): "Yesterday, "}.get(first, "")
        return f"{near}{first:%A} {first.day} {first:%B} {first.year}"

    def _shifted(self, step: int) -> date | None:
        days = step * (DAYS_OF_WEEK if self.view == "week" else 1)
        if not 0 <= (self.on - EARLIEST).days + days <= (LATEST - EARLIEST).days:
            return None
        return self.on + timedelta(days=days)


def shown_days(handler: AdminHandler, otherwise: datetime | None = None) -> ShownDays:
    """The days in the query: `view` is `day` or `week`, and `day` is a date, by default that of `otherwise` or today's.

    Raises Invalid.
    """
    zone = handler.moments.zone
    today = date_at(handler.now_ms, zone)
    view = cast("View", choice(handler, "view", VIEWS))
    default = today if otherwise is None else min(max(otherwise.astimezone(zone).date(), EARLIEST), LATEST)
    on = _date(handler.get_query_argument("day", "")) or default
    return ShownDays(view, on, today, week_of(on, zone) if view == "week" else [day_of(on, zone)])


def _date(text: str) -> date | None:
    if not text:
        return None
    try:
        on = date.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        on = None
    if on is None or not EARLIEST <= on <= LATEST:
        raise Invalid(f"“{text[:40]}” is not a day. Write “day” as in 2026-11-26.")
    return on
