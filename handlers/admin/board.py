"""Board: the page that shows how things were at one moment."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, cast, get_args

from handlers.admin.base import AdminContext, AdminHandler, allows
from handlers.admin.live import SEARCH_LIMIT
from handlers.admin.parameters import choice, page_number
from handlers.admin.past_boards import NoBoard, PastBoards, Read
from handlers.admin.time_range import TimeRange, read_range
from models.checkpoints import PastCall
from models.errors import Invalid
from models.tags import LONGEST, normalized_tag
from models.times import milliseconds
from realtime.dashboard.past_board import PastBoard
from realtime.dashboard.past_users import PastFilter, PastSort, past_page
from realtime.dashboard.rows import CallRow
from realtime.presence.registry import Registry

FILTERS: tuple[PastFilter, ...] = get_args(PastFilter)
SORTS: tuple[PastSort, ...] = get_args(PastSort)

STEPS = tuple(timedelta(minutes=each) for each in (-60, -5, -1, 1, 5, 60))
"""To what a link leads from the board."""

AGO = tuple(timedelta(minutes=each) for each in (5, 60, 8 * 60, 24 * 60))
"""What a page offers that has no moment in the past."""


class BoardHandler(AdminHandler):
    """GET /admin/board"""

    def initialize(self, admin: AdminContext, past_boards: PastBoards, registry: Registry) -> None:
        """The route passes the collaborators."""
        self.set_up_admin(admin)
        self.past_boards = past_boards
        self.registry = registry

    @allows("viewer")
    async def get(self) -> None:
        """Show who was in which state at the moment `at`, or why nobody knows."""
        try:
            given = read_range(self)
        except Invalid as error:
            self.set_status(400)
            problem = error.message.partition(" Give ")[0]  # the rest is for those who write addresses
            self._show(TimeRange(), error=problem, kept_since=await self.past_boards.kept_since())
            return
        if given.at is None or given.at > self.admin.clock.utc():
            missing = None if given.at is None else NoBoard("future")
            self._show(given, missing=missing, kept_since=await self.past_boards.kept_since())
            return
        found = await self.past_boards.read(given.at)
        if isinstance(found, Read):
            self._show(given, cut=found.cut, **self._listed(found.board))
        else:
            self._show(given, missing=found)

    def _show(self, given: TimeRange, **values: Any) -> None:
        now, at = self.admin.clock.utc(), given.at
        kept_since: datetime | None = values.get("kept_since")
        wanted: dict[str, Any] = {
            "board": None, "missing": None, "error": "", "cut": [], "kept_since": None,
            "filter": {"status": "all", "q": "", "tag": "", "sort": SORTS[0], "page": 1},
        }  # fmt: skip
        self.show(
            "board.html",
            at=at and milliseconds(at),
            given=given,
            typed="" if at is None else self._local(at),
            kept_days=self.admin.settings.events_days,
            steps=[(step, at + step) for step in STEPS if at + step <= now] if at and "board" in values else [],
            ago=[(step, now - step) for step in AGO if kept_since and now - step >= kept_since],
            long_call_ms=round(1000 * self.admin.settings.long_call_seconds),
            **(wanted | values),
        )

    def _local(self, at: datetime) -> str:
        """The moment as the form's field has it, in the zone of the page."""
        local = at.astimezone(self.moments.zone)
        return f"{local:%Y-%m-%dT%H:%M:%S}" if local.second or local.microsecond else f"{local:%Y-%m-%dT%H:%M}"

    def _listed(self, board: PastBoard) -> dict[str, Any]:
        """The users on the requested page, and all calls that fit on one. Raises Invalid."""
        status = cast("PastFilter", choice(self, "status", FILTERS))
        sort = cast("PastSort", choice(self, "sort", SORTS))
        q = self.get_query_argument("q", "")[:SEARCH_LIMIT]
        tag = normalized_tag(self.get_query_argument("tag", "")[: 4 * LONGEST])
        page, per_page = page_number(self), self.admin.settings.page_rows
        rows, total = past_page(
            board, self.registry, state=status, q=q, sort=sort, skip=(page - 1) * per_page, limit=per_page, tag=tag
        )
        return {
            "board": board,
            "figures": board.figures(),
            "calls": [self._call_row(call) for call in board.calls()[:per_page]],
            "rows": rows,
            "total": total,
            "per_page": per_page,
            "filter": {"status": status, "q": q, "tag": tag, "sort": sort, "page": page},
            "tags": self.registry.tag_counts(),
        }

    def _call_row(self, call: PastCall) -> CallRow:
        name = self.registry.name
        return CallRow(
            call.call_id, call.caller_id, name(call.caller_id), call.callee_id, name(call.callee_id), call.call_type,
            call.started_at,
        )  # fmt: skip
