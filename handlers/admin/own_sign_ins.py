"""Own sign-ins: an operator changes the own password, and sees and ends the own sign-ins."""

from __future__ import annotations

from handlers.admin.audit_log import AuditLog
from handlers.admin.base import AdminContext, AdminHandler, allows
from handlers.admin.login import device_of
from handlers.sockets.device import device_name
from models.direction import in_sentence
from models.errors import Invalid, NotFound, Overloaded, TooMany, Unauthenticated
from realtime.dashboard.operator_sessions import OperatorSessions


class OwnSignInHandler(AdminHandler):
    """What both handlers have in common."""

    def initialize(self, admin: AdminContext, operator_sessions: OperatorSessions, audit_log: AuditLog) -> None:
        """The route passes the collaborators."""
        self.set_up_admin(admin)
        self.operator_sessions = operator_sessions
        self.audit_log = audit_log


class PasswordHandler(OwnSignInHandler):
    """GET and POST /admin/password"""

    @allows("viewer")
    def get(self) -> None:
        """Ask for the current password and the new one."""
        self._ask("")

    @allows("viewer")
    async def post(self) -> None:
        """Change the password. This ends all other sign-ins, and this browser gets a new one."""
        current, password = (self.get_body_argument(field, "", strip=False) for field in ("current", "password"))
        operator_auth, operator = self.admin.operator_auth, self.operator
        device = device_of(self.request)
        try:
            operator_auth.check_new_password(password)
            await operator_auth.sign_in(operator.name, current, self.address, device)
        except (Invalid, Unauthenticated, TooMany, Overloaded) as error:
            self._refuse(error)
            return
        await operator_auth.change(operator.operator_id, password=password)
        self.operator_sessions.end_operator(operator.operator_id)
        secret, _, _ = await operator_auth.sign_in(operator.name, password, self.address, device)
        self.set_cookie(self.cookie_name, secret)
        self.clear_cookie(self.admin.xsrf_cookie)
        await self.audit_log.note("operator_password", operator, self.address, target=operator, after="new password")
        self.signed_in = await operator_auth.identify(secret)
        self.go("/admin/sign-ins", "Password changed. Your other sign-ins have ended.")

    def _refuse(self, error: Invalid | Unauthenticated | TooMany | Overloaded) -> None:
        current = self.get_body_argument("current", "", strip=False)
        is_current_wrong = isinstance(error, Unauthenticated)
        if isinstance(error, Unauthenticated):
            error, current = Invalid("The current password is wrong."), ""
        code, message = self.settle_error(500, error)
        if self.wants_json:
            self.write_refusal(code, message)
        else:
            self._ask(message, current, is_current_wrong=is_current_wrong)

    def _ask(self, problem: str, current: str = "", *, is_current_wrong: bool = False) -> None:
        """Ask for both passwords. Of a form that is refused, those that may be right are kept."""
        self.show(
            "password.html",
            problem=problem,
            current=current,
            is_current_wrong=is_current_wrong,
            password=self.get_body_argument("password", "", strip=False),
            shortest=self.admin.settings.password_length_minimum,
        )


class SignInsHandler(OwnSignInHandler):
    """GET and POST /admin/sign-ins"""

    @allows("viewer")
    async def get(self) -> None:
        """Show where the operator is signed in, the latest first."""
        assert self.signed_in is not None, "`prepare` lets only signed-in operators through"
        sign_ins = await self.admin.operator_auth.sign_ins_of(self.operator.operator_id)
        rows = [(each, _shown(each.device)) for each in sign_ins]
        self.show("sign_ins.html", sign_ins=rows, own=self.signed_in.sign_in.sign_in_id)

    @allows("viewer")
    async def post(self) -> None:
        """End one of the operator's sign-ins and close its sockets. Raises NotFound."""
        assert self.signed_in is not None, "`prepare` lets only signed-in operators through"
        sign_in_id = self.get_body_argument("sign_in", "")
        ended = await self.admin.operator_auth.end_sign_in(self.operator.operator_id, sign_in_id)
        if ended is None:
            raise NotFound("This sign-in has already ended.")
        self.operator_sessions.end_sign_in(sign_in_id)
        await self.audit_log.note("operator_sign_out", self.operator, self.address, target=self.operator)
        if sign_in_id == self.signed_in.sign_in.sign_in_id:
            self.signed_in = None
            self.clear_cookie(self.cookie_name)
            self.go("/admin/login")
        else:
            device = _shown(ended.device)
            self.go("/admin/sign-ins", f"{in_sentence(device) if device else 'The unknown device'} is signed out.")


def _shown(device: str) -> str:
    """The name of a device, or all that it says of itself, which may be nothing."""
    return device_name(device) or device
