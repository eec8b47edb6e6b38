"""Login: operators sign in and out."""

from __future__ import annotations

from tornado.httputil import HTTPServerRequest

from handlers.admin.audit_log import AuditLog
from handlers.admin.base import AdminContext, AdminHandler, allows
from models.addresses import address_key
from models.errors import Overloaded, TooMany, Unauthenticated
from realtime.dashboard.operator_sessions import OperatorSessions

DEVICE_LIMIT = 200
"""In characters of the User-Agent."""


def device_of(request: HTTPServerRequest) -> str:
    """What a sign-in records of the browser."""
    return request.headers.get("User-Agent", "")[:DEVICE_LIMIT]


class OperatorLoginHandler(AdminHandler):
    """GET and POST /admin/login"""

    def initialize(self, admin: AdminContext, operator_sessions: OperatorSessions, audit_log: AuditLog) -> None:
        """The route passes the collaborators."""
        self.set_up_admin(admin)
        self.operator_sessions = operator_sessions
        self.audit_log = audit_log

    @allows("anybody")
    def get(self) -> None:
        """Show the form, or redirect an operator who is already signed in."""
        if self.signed_in is not None:
            self.go(self.next_page())
            return
        self._ask("")

    @allows("anybody")
    async def post(self) -> None:
        """Sign in. This ends the browser's previous sign-in, so that its secret and XSRF token become useless."""
        name, password = (self.get_body_argument(field, "", strip=False) for field in ("name", "password"))
        device = device_of(self.request)
        try:
            self.context.limits.sign_ins.take(address_key(self.address))
            secret, _, operator = await self.admin.operator_auth.sign_in(name, password, self.address, device)
        except (Unauthenticated, TooMany, Overloaded) as error:
            self._refuse(error)
            return
        await self._end_previous()
        self.set_cookie(self.cookie_name, secret)
        self.clear_cookie(self.admin.xsrf_cookie)
        await self.audit_log.note("operator_sign_in", operator, self.address, target=operator)
        self.go(self.next_page())

    async def _end_previous(self) -> None:
        previous = self.get_cookie(self.cookie_name)
        if self.signed_in is not None and previous is not None:
            await self.admin.operator_auth.sign_out(previous)
            self.operator_sessions.end_sign_in(self.signed_in.sign_in.sign_in_id)

    def _refuse(self, error: Unauthenticated | TooMany | Overloaded) -> None:
        code, message = self.settle_error(500, error)
        self.clear_header("WWW-Authenticate")
        if self.wants_json:
            self.write_refusal(code, message)
        else:
            self.signed_in = None
            self._ask(message, name=self.get_body_argument("name", "", strip=False))

    def _ask(self, problem: str, name: str = "") -> None:
        self.show("login.html", problem=problem, name=name, next=self.next_page())


class OperatorLogoutHandler(AdminHandler):
    """POST /admin/logout"""

    def initialize(self, admin: AdminContext, operator_sessions: OperatorSessions, audit_log: AuditLog) -> None:
        """The route passes the collaborators."""
        self.set_up_admin(admin)
        self.operator_sessions = operator_sessions
        self.audit_log = audit_log

    @allows("viewer")
    async def post(self) -> None:
        """End this sign-in and close its sockets in all tabs."""
        sign_in = await self.admin.operator_auth.sign_out(self.get_cookie(self.cookie_name) or "")
        self.operator_sessions.end_sign_in(sign_in.sign_in_id)
        self.clear_cookie(self.cookie_name)
        self.clear_cookie(self.admin.xsrf_cookie)
        await self.audit_log.note("operator_sign_out", self.operator, self.address, target=self.operator)
        self.signed_in = None
        self.go("/admin/login")
