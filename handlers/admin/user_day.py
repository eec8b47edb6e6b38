"""User day: the states and the totals of one user's day or week, as CSV files."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import TypeVar

import msgspec

from handlers.admin.base import AdminContext, allows
from handlers.admin.day_strips import DayStrip, user_days
from handlers.admin.exports import Cell, ExportHandler
from handlers.admin.live import OverviewHandler
from handlers.admin.shown_days import ShownDays, shown_days
from handlers.admin.user_past import UserPasts
from handlers.admin.users import page_user_id
from models.direction import plain
from models.times import from_milliseconds
from realtime.dashboard.day_spans import KnownCall, Span, SpanState
from realtime.dashboard.day_totals import totals_of
from realtime.dashboard.overview import Overview
from realtime.dashboard.rows import UserRow
from realtime.dashboard.span_text import because

SPAN_COLUMNS: Sequence[str] = (
    "day", "start", "end", "seconds", "state", "on_call", "because", "call_id", "other_id", "other_name", "user_id",
    "username",
)  # fmt: skip
TOTAL_COLUMNS: Sequence[str] = (
    "day", "start", "end", "available_seconds", "busy_seconds", "on_calls_seconds", "offline_seconds",
    "not_recorded_seconds", "server_not_running_seconds", "calls", "calls_seconds", "user_id", "username",
)  # fmt: skip

STATES: dict[SpanState, str] = {"calls": "busy", "unknown": "not_recorded", "stopped": "server_not_running"}
"""States whose names in a file differ."""

SECOND = 1000
"""Milliseconds."""

Lasting = TypeVar("Lasting", Span, KnownCall)


class UserDayHandler(OverviewHandler, ExportHandler):
    """What both files have in common."""

    def initialize(self, admin: AdminContext, overview: Overview, user_pasts: UserPasts) -> None:
        """The route passes the collaborators."""
        self.set_up_overview(admin, overview)
        self.user_pasts = user_pasts

    async def begun(self, text: str) -> tuple[UserRow, ShownDays, list[DayStrip]]:
        """The user in the URL, the days in the query, and those of them that have begun. Raises Invalid, NotFound."""
        shown, zone = shown_days(self), self.moments.zone
        row = self.overview.row(page_user_id(self.overview, text))
        past = await self.user_pasts.between(row.user_id, shown.start, shown.end)
        strips = user_days(past, shown.days, zone, self.now_ms).strips
        return row, shown, [strip for strip in strips if not strip.is_future]


class UserStatesCsvHandler(UserDayHandler):
    """GET /admin/users/{id}/day.csv"""

    @allows("viewer")
    async def get(self, text: str) -> None:
        """Answer with the states of a day or a week, in order."""
        row, shown, strips = await self.begun(text)
        rows = [_span_cells(strip, span, row) for strip in strips for span in strip.spans]
        await self.send_csv(shown.view, (row.username,), SPAN_COLUMNS, _at_once(rows), date=shown.days[0].date)


class UserTotalsCsvHandler(UserDayHandler):
    """GET /admin/users/{id}/totals.csv"""

    @allows("viewer")
    async def get(self, text: str) -> None:
        """Answer with the totals of each day."""
        row, shown, strips = await self.begun(text)
        rows, name = [_total_cells(strip, row) for strip in strips], f"{shown.view}-totals"
        await self.send_csv(name, (row.username,), TOTAL_COLUMNS, _at_once(rows), date=shown.days[0].date)


async def _at_once(rows: list[Sequence[Cell]]) -> AsyncIterator[list[Sequence[Cell]]]:
    yield rows


def on_whole_seconds(each: Lasting) -> Lasting:
    """A span or a call with times cut to seconds.

    The lengths of spans that follow each other then add up to the time from the start of the first one to the end of
    the last one, which lengths that are rounded one by one don't.
    """
    return msgspec.structs.replace(each, start=each.start // SECOND * SECOND, end=each.end // SECOND * SECOND)


def _span_cells(strip: DayStrip, span: Span, row: UserRow) -> Sequence[Cell]:
    call = span.call
    return [
        strip.date.isoformat(),
        from_milliseconds(span.start),
        from_milliseconds(span.end),
        on_whole_seconds(span).length // SECOND,
        STATES.get(span.state, span.state),
        "yes" if call else "",
        plain(because(span)),
        call.call_id if call else None,
        call.other_id if call else None,
        call.other_name if call else None,
        row.user_id,
        row.username,
    ]


def _total_cells(strip: DayStrip, row: UserRow) -> Sequence[Cell]:
    totals = totals_of(map(on_whole_seconds, strip.spans), [on_whole_seconds(call) for call in strip.calls])
    end = strip.spans[-1].end
    times = (totals.available, totals.busy, totals.on_calls, totals.offline, totals.unknown, totals.stopped)
    return [
        strip.date.isoformat(),
        from_milliseconds(strip.start),
        from_milliseconds(end),
        *(time // SECOND for time in times),
        totals.calls,
        totals.call_length // SECOND,
        row.user_id,
        row.username,
    ]
