"""Screens: the page on which admins make links for screens on walls, and revoke them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from handlers.admin.audit_log import AuditLog
from handlers.admin.base import AdminContext, AdminHandler, allows
from handlers.admin.reasons import REASON_LIMIT, problem_of
from models.direction import in_sentence
from models.errors import Conflict, Invalid, RequestError
from models.screen_auth import ScreenAuth
from models.screens import Screen
from realtime.clock import Clock
from realtime.dashboard.operator_sessions import OperatorSessions
from realtime.dashboard.overview import Overview

Change = Literal["renew", "revoke"]

SILENT = timedelta(minutes=2)
"""A screen that is on has given a sign of life since then: one is written each minute."""

MILLISECOND = timedelta(milliseconds=1)

ScreenState = Literal["on", "silent", "waiting", "expired"]


def state_of(screen: Screen, now: datetime, open_here: set[str]) -> ScreenState:
    """Whether a screen shows the wall, no longer shows it, waits for its link, or can no longer be opened by it."""
    if screen.opened_at is None:
        return "waiting" if now < screen.link_until else "expired"
    is_alive = screen.screen_id in open_here or (screen.seen_at is not None and now - screen.seen_at < SILENT)
    return "on" if is_alive else "silent"


class AdminScreens(AdminHandler):
    """What both handlers have in common."""

    def initialize(
        self,
        admin: AdminContext,
        screen_auth: ScreenAuth,
        operator_sessions: OperatorSessions,
        overview: Overview,
        audit_log: AuditLog,
    ) -> None:
        """The route passes the collaborators."""
        self.set_up_admin(admin)
        self.screen_auth = screen_auth
        self.operator_sessions = operator_sessions
        self.overview = overview
        self.audit_log = audit_log

    @property
    def clock(self) -> Clock:
        """The server's clock."""
        return self.admin.clock

    async def show_all(self, problem: str = "", made: Screen | None = None, secret: str = "") -> None:
        """Show all screens, perhaps with the link of one, which is shown only this once."""
        now, open_here = self.clock.utc(), set(self.operator_sessions.screens())
        screens = await self.screen_auth.all()
        self.show(
            "screens.html",
            here="operators",
            screens=[(each, state_of(each, now, open_here)) for each in screens],
            silent_ms={each.screen_id: (now - each.seen_at) // MILLISECOND for each in screens if each.seen_at},
            limit=self.admin.settings.screens_limit,
            tags=self.overview.tag_counts(),
            made=made,
            made_link=self._link(secret),
            problem=problem,
            typed={field: self.get_body_argument(field, "") if problem else "" for field in ("name", "tag")},
        )

    async def give_link(self, screen: Screen, secret: str) -> None:
        """Show the link of a screen to a person, or answer with it to a script."""
        if self.wants_json:
            self.answer({"screen": screen, "link": self._link(secret)})
        else:
            await self.show_all(made=screen, secret=secret)

    async def note(self, action: str, target: Screen | str, **more: str) -> None:
        """Write an entry in the audit."""
        await self.audit_log.note(action, self.operator, self.address, target=target, **more)

    def _link(self, secret: str) -> str:
        scheme = "https" if self.is_secure else "http"
        return f"{scheme}://{self.request.host}/admin/screen#{secret}"


class ScreensHandler(AdminScreens):
    """GET and POST /admin/screens"""

    @allows("admin")
    async def get(self) -> None:
        """Show all screens, and the form for a new one."""
        await self.show_all()

    @allows("admin")
    async def post(self) -> None:
        """Make a screen and show its link."""
        name, tag = self.get_body_argument("name", ""), self.get_body_argument("tag", "")
        try:
            screen, secret = await self.screen_auth.add(name, tag, self.operator.name)
        except RequestError as error:
            await self.note("screen_add", name[:REASON_LIMIT], outcome=f"refused: {error.code}")
            if self.wants_json or not isinstance(error, Invalid | Conflict):
                raise
            _, message = self.settle_error(500, error)
            await self.show_all(problem=message)
            return
        await self.note("screen_add", screen, after=f"tag {tag}" if tag else "")
        await self.give_link(screen, secret)


class ScreenChangeHandler(AdminScreens):
    """GET and POST /admin/screens/{id}"""

    @allows("admin")
    async def get(self, screen_id: str) -> None:
        """Ask before a screen is changed. Raises Invalid, NotFound."""
        await self._ask(screen_id)

    @allows("admin")
    async def post(self, screen_id: str) -> None:
        """Revoke a screen, or give it a new link. Both close its sockets on all servers. Raises Invalid, NotFound."""
        change, reason = self._change(), self.get_body_argument("reason", "")
        problem = problem_of(reason, is_needed=False)
        if problem:
            await self._ask_again(screen_id, problem)
            return
        if change == "renew":
            screen, secret = await self.screen_auth.renew(screen_id)
            self.operator_sessions.end_screen(screen)
            await self.note("screen_renew", screen, reason=reason)
            await self.give_link(screen, secret)
            return
        screen = await self.screen_auth.revoke(screen_id)
        self.operator_sessions.end_screen(screen)
        await self.note("screen_revoke", screen, reason=reason)
        if self.wants_json:
            self.answer({"screen": screen})
        else:
            self.go("/admin/screens", f"Revoked {in_sentence(screen.name)}.")

    def _change(self) -> Change:
        match self.get_argument("change", ""):
            case "renew":
                return "renew"
            case "revoke":
                return "revoke"
            case _:
                raise Invalid("The field change must be one of renew, revoke.")

    async def _ask_again(self, screen_id: str, problem: str) -> None:
        if self.wants_json:
            raise Invalid(problem)
        self.set_status(400)
        await self._ask(screen_id, problem)

    async def _ask(self, screen_id: str, problem: str = "") -> None:
        one, open_here = await self.screen_auth.get(screen_id), set(self.operator_sessions.screens())
        self.show(
            "screen_change.html",
            here="operators",
            one=one,
            state=state_of(one, self.clock.utc(), open_here),
            change=self._change(),
            reason=self.get_argument("reason", ""),
            problem=problem,
        )
