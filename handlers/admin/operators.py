"""Operators: admins manage accounts and roles."""

from __future__ import annotations

from collections.abc import Awaitable

from handlers.admin.audit_log import AuditLog
from handlers.admin.base import AdminContext, AdminHandler, allows
from models.direction import in_sentence
from models.errors import Conflict, Invalid, NotFound, RequestError
from models.operators import ROLES, Operator, Operators, Role
from realtime.dashboard.operator_sessions import OperatorSessions

CHANGES = ("role", "disable", "enable", "reset")


class OperatorAccounts(AdminHandler):
    """What both handlers have in common."""

    def initialize(
        self, admin: AdminContext, operators: Operators, operator_sessions: OperatorSessions, audit_log: AuditLog
    ) -> None:
        """The route passes the collaborators."""
        self.set_up_admin(admin)
        self.operators = operators
        self.operator_sessions = operator_sessions
        self.audit_log = audit_log

    async def show_all(self, problem: str = "") -> None:
        """Show the page, with the problem of the form if there is one."""
        self.show(
            "operators.html", here="operators", operators=await self.operators.all(), roles=ROLES, problem=problem
        )

    def role(self) -> Role:
        """The role in the form. Raises Invalid."""
        role = self.get_body_argument("role", "")
        if role not in ROLES:
            raise Invalid(f"role must be one of {', '.join(ROLES)}.")
        return role

    async def recorded(
        self, action: str, target: Operator | str, work: Awaitable[Operator], *, before: str = "", after: str = ""
    ) -> Operator | None:
        """Do the work and record it in the audit, even if it is refused. None if the page already shows the problem."""
        try:
            changed = await work
        except RequestError as error:
            await self.audit_log.note(
                action, self.operator, self.address, target=target, before=before, outcome=f"refused: {error.code}"
            )
            if self.wants_json or not isinstance(error, Invalid | Conflict):
                raise
            _, message = self.settle_error(500, error)
            await self.show_all(message)
            return None
        await self.audit_log.note(action, self.operator, self.address, target=changed, before=before, after=after)
        return changed

    def done(self, message: str, operator: Operator) -> None:
        """Report success to a person or to a script."""
        if self.wants_json:
            self.answer({"message": message, "operator": operator})
        else:
            self.go("/admin/operators", message)


class OperatorsHandler(OperatorAccounts):
    """GET and POST /admin/operators"""

    @allows("admin")
    async def get(self) -> None:
        """Show all operators, with forms to change them."""
        await self.show_all()

    @allows("admin")
    async def post(self) -> None:
        """Add an operator."""
        name, role = self.get_body_argument("name", ""), self.role()
        password = self.get_body_argument("password", "", strip=False)
        added = await self.recorded(
            "operator_add", name, self.admin.operator_auth.add(name, password, role), after=role
        )
        if added is not None:
            self.done(f"Added {in_sentence(added.name)}, {added.role}.", added)


class OperatorHandler(OperatorAccounts):
    """POST /admin/operators/{id}"""

    @allows("admin")
    async def post(self, text: str) -> None:
        """Change an operator's role or password, or disable or enable one. All but enabling ends the sign-ins."""
        change = self.get_body_argument("change", "")
        if change not in CHANGES:
            raise Invalid(f"change must be one of {', '.join(CHANGES)}.")
        one = await self.operators.get(int(text)) if text.isascii() and text.isdigit() and len(text) < 10 else None
        if one is None:
            raise NotFound("There is no such operator.")
        before, after = self._before_and_after(change, one)
        changed = await self.recorded(f"operator_{change}", one, self._change(change, one), before=before, after=after)
        if changed is not None:
            if change != "enable":
                self.operator_sessions.end_operator(changed.operator_id)
            self.done(f"{in_sentence(changed.name)}: {after}.", changed)

    async def _change(self, change: str, one: Operator) -> Operator:
        operator_auth = self.admin.operator_auth
        match change:
            case "disable":
                if one.operator_id == self.operator.operator_id:
                    raise Conflict("OWN_ACCOUNT", "You cannot disable your own account.")
                return await operator_auth.change(one.operator_id, disabled=True)
            case "enable":
                return await operator_auth.change(one.operator_id, disabled=False)
            case "role":
                return await operator_auth.change(one.operator_id, role=self.role())
            case _:
                password = self.get_body_argument("password", "", strip=False)
                return await operator_auth.change(one.operator_id, password=password)

    def _before_and_after(self, change: str, one: Operator) -> tuple[str, str]:
        match change:
            case "role":
                return one.role, self.role()
            case "reset":
                return "", "new password"
            case _:
                return "disabled" if one.disabled else "enabled", f"{change}d"
