"""Screen: what a screen on a wall asks for. Its cookie opens nothing else; an operator's cookie opens none of this."""

from __future__ import annotations

from typing import Any

from handlers.admin.audit_log import AuditLog
from handlers.admin.base import AdminContext, AdminHandler, allows
from handlers.admin.live import OverviewHandler
from handlers.admin.login import device_of
from handlers.compression import write_large
from handlers.sockets.device import device_name
from models.addresses import address_key
from models.errors import Unauthenticated
from models.screen_auth import LinkRefused, ScreenAuth
from models.screens import Screen
from realtime.dashboard.operator_messages import encode_message
from realtime.dashboard.operator_sessions import OperatorSessions
from realtime.dashboard.overview import Overview

COOKIE_SECONDS = 400 * 86400
"""The longest that browsers keep a cookie. It begins anew whenever the page is loaded."""

RETRY_SECONDS = 10
"""When a screen loads the page again after an error. Nobody is there to do it."""

NOT_CONNECTED = "This screen isn't connected. Open the link that an admin made for it."


class ScreenHandler(AdminHandler):
    """Base of the handlers for screens. `screen` is the one that holds the cookie, or None."""

    def set_up_screen(self, admin: AdminContext, screen_auth: ScreenAuth) -> None:
        """To be called first in each handler's `initialize`."""
        self.set_up_admin(admin)
        self.screen_auth = screen_auth
        self.screen: Screen | None = None

    async def identify_operator(self) -> None:
        """Identify the screen instead: no operator is signed in here. Raises StoreUnavailable."""
        cookie = self.get_cookie(self.screen_cookie_name)
        self.screen = await self.screen_auth.identify(cookie) if cookie else None

    def check_access(self, allowed: Any) -> None:
        """Let only screens through. Raises Unauthenticated."""
        if allowed != "screen" or self.screen is None:
            raise Unauthenticated(NOT_CONNECTED)

    def show(self, template: str, *, here: str = "", **values: Any) -> None:
        """Render a page without links that lead away from the wall."""
        super().show(template, here=here, screen=self.screen, for_screen=True, **values)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """As on other pages. The page is loaded again by itself."""
        self.set_header("Refresh", str(RETRY_SECONDS))
        super().write_error(status_code, **kwargs)


class ScreenPageHandler(ScreenHandler, OverviewHandler):
    """GET and POST /admin/screen"""

    def initialize(self, admin: AdminContext, overview: Overview, screen_auth: ScreenAuth, audit_log: AuditLog) -> None:
        """The route passes the collaborators."""
        self.set_up_overview(admin, overview)
        self.set_up_screen(admin, screen_auth)
        self.audit_log = audit_log

    @allows("anybody")
    def get(self) -> None:
        """The wall; or, if the browser has no screen's cookie, the form that a link fills in.

        The secret of a link stands behind `#`, which browsers keep to themselves. So it is in no log, and a program
        that only looks at the link, such as a chat's preview, does not use it up.
        """
        if self.screen is None:
            self._ask("")
            return
        self._set_cookie(self.get_cookie(self.screen_cookie_name, ""))
        self.show("wall.html", **self.on_the_wall(self.screen.tag))

    @allows("anybody")
    async def post(self) -> None:
        """Use a link up. Raises TooMany."""
        self.context.limits.sign_ins.take(address_key(self.address))
        code = self.get_body_argument("code", "").rpartition("#")[2]
        try:
            screen, cookie = await self.screen_auth.open(code, self.address, self._device)
        except LinkRefused as refused:
            await self._refuse(refused)
            return
        self._set_cookie(cookie)
        await self.audit_log.note("screen_open", screen, self.address, target=screen, after=screen.device)
        self.go("/admin/screen")

    async def _refuse(self, refused: LinkRefused) -> None:
        made_for = refused.screen
        if made_for is not None:
            if self.screen is not None and self.screen.screen_id == made_for.screen_id:
                self.go("/admin/screen")  # a screen that opens its own link again, such as after each start
                return
            await self.audit_log.note(
                "screen_open", made_for, self.address, target=made_for, outcome=f"refused: {refused.code}"
            )
        code, message = self.settle_error(500, refused)
        self.clear_header("WWW-Authenticate")
        if self.wants_json:
            self.write_refusal(code, message)
        else:
            self._ask(message)

    def _set_cookie(self, secret: str | None) -> None:
        self.set_cookie(self.screen_cookie_name, secret or "", max_age=COOKIE_SECONDS)

    @property
    def _device(self) -> str:
        agent = device_of(self.request)
        return device_name(agent) or agent

    def _ask(self, problem: str) -> None:
        self.show("screen.html", problem=problem)


class ScreenOverviewHandler(ScreenHandler):
    """GET /admin/screen/overview"""

    def initialize(self, admin: AdminContext, operator_sessions: OperatorSessions, screen_auth: ScreenAuth) -> None:
        """The route passes the collaborators."""
        self.set_up_screen(admin, screen_auth)
        self.operator_sessions = operator_sessions

    @allows("screen")
    async def get(self) -> None:
        """Answer with what the wall shows. Its socket goes on from there."""
        self.set_header("Content-Type", "application/json; charset=utf-8")
        await write_large(self, encode_message(self.operator_sessions.overview()))
