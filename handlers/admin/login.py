"""Sign-in and sign-out of operators."""

from __future__ import annotations

from handlers.admin.base import AdminHandler, Office, allows
from handlers.admin.diary import Diary
from models.refusals import Overloaded, TooMany, Unauthenticated
from realtime.watchers import Watchers

DEVICE_LIMIT = 200
"""Characters of a User-Agent that are kept."""


class LoginHandler(AdminHandler):
    """GET and POST /admin/login"""

    def initialize(self, office: Office, watchers: Watchers, diary: Diary) -> None:
        """Collaborators come from the route."""
        self.set_up_admin(office)
        self.watchers = watchers
        self.diary = diary

    @allows("anybody")
    def get(self) -> None:
        """The form; who is signed in needs none."""
        if self.duty is not None:
            self.go(self.next_page())
            return
        self._ask("")

    @allows("anybody")
    async def post(self) -> None:
        """Sign in. What was there before ends: neither its secret nor its XSRF token is of any use afterwards."""
        name, password = (self.get_body_argument(field, "", strip=False) for field in ("name", "password"))
        device = self.request.headers.get("User-Agent", "")[:DEVICE_LIMIT]
        try:
            secret, _, operator = await self.office.desk.sign_in(name, password, self.address, device)
        except (Unauthenticated, TooMany, Overloaded) as refusal:
            self._refuse(refusal)
            return
        await self._leave_old()
        self.set_cookie(self.cookie_name, secret)
        self.clear_cookie(self.office.xsrf_cookie)
        await self.diary.note("operator_sign_in", operator, self.address, target=operator)
        self.go(self.next_page())

    async def _leave_old(self) -> None:
        old = self.get_cookie(self.cookie_name)
        if self.duty is not None and old is not None:
            await self.office.desk.sign_out(old)
            self.watchers.close_sign_in(self.duty.sign_in.sign_in_id)

    def _refuse(self, refusal: Unauthenticated | TooMany | Overloaded) -> None:
        _, message = self.settle_error(500, refusal)
        self.clear_header("WWW-Authenticate")
        if self.wants_json:
            self.write_refusal(refusal.code, message)
        else:
            self.duty = None
            self._ask(message, name=self.get_body_argument("name", "", strip=False))

    def _ask(self, problem: str, name: str = "") -> None:
        self.show("login.html", problem=problem, name=name, next=self.next_page())


class LogoutHandler(AdminHandler):
    """POST /admin/logout"""

    def initialize(self, office: Office, watchers: Watchers, diary: Diary) -> None:
        """Collaborators come from the route."""
        self.set_up_admin(office)
        self.watchers = watchers
        self.diary = diary

    @allows("viewer")
    async def post(self) -> None:
        """End this sign-in, and with it its sockets in every tab."""
        sign_in = await self.office.desk.sign_out(self.get_cookie(self.cookie_name) or "")
        self.watchers.close_sign_in(sign_in.sign_in_id)
        self.clear_cookie(self.cookie_name)
        self.clear_cookie(self.office.xsrf_cookie)
        await self.diary.note("operator_sign_out", self.operator, self.address, target=self.operator)
        self.duty = None
        self.go("/admin/login")
