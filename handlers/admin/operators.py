"""Operators: admins manage accounts and roles."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import datetime

from handlers.admin.actions import FieldProblem
from handlers.admin.audit_log import AuditLog
from handlers.admin.base import AdminContext, AdminHandler, allows
from handlers.admin.reasons import problem_of
from models.audit import Audit, AuditFilter
from models.direction import in_sentence
from models.errors import Conflict, Invalid, NotFound, RequestError
from models.operators import ROLES, Operator, Operators, Role
from realtime.dashboard.operator_sessions import OperatorSessions

CHANGES = ("role", "disable", "enable", "reset")

NEED_REASON = ("role", "disable")
"""Changes that ask for a reason."""

DONE = {
    "role": "{name} is now {role}.",
    "disable": "{name} disabled.",
    "enable": "{name} enabled.",
    "reset": "Password of {name} changed.",
}
"""What the next page says of a change."""

WITH_ARTICLE: dict[Role, str] = {"viewer": "a viewer", "operator": "an operator", "admin": "an admin"}


class OperatorAccounts(AdminHandler):
    """What both handlers have in common."""

    def initialize(
        self,
        admin: AdminContext,
        operators: Operators,
        operator_sessions: OperatorSessions,
        audit_log: AuditLog,
        audit: Audit,
    ) -> None:
        """The route passes the collaborators."""
        self.set_up_admin(admin)
        self.operators = operators
        self.operator_sessions = operator_sessions
        self.audit_log = audit_log
        self.audit = audit

    async def show_all(self, problem: str = "") -> None:
        """Show the page. If there is a problem with the form, what was typed is still there."""
        operators = await self.operators.all()
        self.show(
            "operators.html",
            here="operators",
            operators=operators,
            last_sign_ins={each.name: await self._last_sign_in(each) for each in operators},
            roles=ROLES,
            shortest=self.admin.settings.password_length_minimum,
            typed={
                field: self.get_body_argument(field, "", strip=False) if problem else ""
                for field in ("name", "password", "role")
            },
            problem=problem,
        )

    async def _last_sign_in(self, operator: Operator) -> datetime | None:
        entries, _ = await self.audit.page(operator=operator.name, action="operator_sign_in", skip=0, limit=1)
        return entries[0].at if entries else None

    async def show_problem(self, problem: str) -> None:
        """Show the form again."""
        await self.show_all(problem)

    def role(self) -> Role:
        """The role in the form. Raises Invalid."""
        role = self.get_argument("role", "")
        if role not in ROLES:
            raise Invalid(f"The field role must be one of {', '.join(ROLES)}.")
        return role

    async def recorded(
        self,
        action: str,
        target: Operator | str,
        work: Awaitable[Operator],
        *,
        before: str = "",
        after: str = "",
        reason: str = "",
    ) -> Operator | None:
        """Do the work and record it in the audit, even if it is refused. None if the page already shows the problem."""
        try:
            changed = await work
        except RequestError as error:
            await self.audit_log.note(
                action,
                self.operator,
                self.address,
                target=target,
                before=before,
                reason=reason,
                outcome=f"refused: {error.code}",
            )
            if self.wants_json or not isinstance(error, Invalid | Conflict):
                raise
            _, message = self.settle_error(500, error)
            await self.show_problem(message)
            return None
        await self.audit_log.note(
            action, self.operator, self.address, target=changed, before=before, after=after, reason=reason
        )
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
    """GET and POST /admin/operators/{id}"""

    @allows("admin")
    async def get(self, text: str) -> None:
        """Ask for the reason of a change, and for a new password. Raises Invalid, NotFound."""
        one = await self._found(text)
        if self._wanted() == "role" and self.role() == one.role:
            words = f"{in_sentence(one.name)} is {WITH_ARTICLE[one.role]} already."
            return self.go("/admin/operators", words, is_refusal=True)
        await self._ask(one)
        return None

    @allows("admin")
    async def post(self, text: str) -> None:
        """Change an operator's role or password, or disable or enable one. All but enabling ends the sign-ins."""
        change, one, reason = self._wanted(), await self._found(text), self.get_body_argument("reason", "")
        problem = problem_of(reason, is_needed=change in NEED_REASON)
        if problem:
            await self._ask_again(one, problem)
            return
        before, after = self._before_and_after(change, one)
        work = self._change(change, one)
        changed = await self.recorded(f"operator_{change}", one, work, before=before, after=after, reason=reason)
        if changed is not None:
            if change != "enable":
                self.operator_sessions.end_operator(changed.operator_id)
            words = DONE[change].format(name=in_sentence(changed.name), role=WITH_ARTICLE[changed.role])
            self.done(words, changed)

    async def show_problem(self, problem: str) -> None:
        """Show the form of the change again. Its reason was checked before."""
        field = "password" if self._wanted() == "reset" else ""
        await self._ask(await self._found(self.path_args[0]), FieldProblem(field, problem))

    async def _ask_again(self, one: Operator, problem: str) -> None:
        if self.wants_json:
            raise Invalid(problem)
        self.set_status(400)
        await self._ask(one, FieldProblem("reason", problem))

    async def _ask(self, one: Operator, problem: FieldProblem | None = None) -> None:
        change = self._wanted()
        about: AuditFilter = {"action": "operator_disable", "target": f"operator:{one.operator_id}"}
        found, _ = await self.audit.page(**about, skip=0, limit=1) if change == "enable" else ([], 0)
        self.show(
            "operator_change.html",
            here="operators",
            one=one,
            is_own=one.operator_id == self.operator.operator_id,
            change=change,
            role=self.role() if change == "role" else "",
            reason=self.get_argument("reason", ""),
            password=self.get_body_argument("password", "", strip=False),
            disabled=found[0] if found else None,
            needs_reason=change in NEED_REASON,
            WITH_ARTICLE=WITH_ARTICLE,
            shortest=self.admin.settings.password_length_minimum,
            problem=problem,
        )

    def _wanted(self) -> str:
        change = self.get_argument("change", "")
        if change not in CHANGES:
            raise Invalid(f"The field change must be one of {', '.join(CHANGES)}.")
        return change

    async def _found(self, text: str) -> Operator:
        one = await self.operators.get(int(text)) if text.isascii() and text.isdigit() and len(text) < 10 else None
        if one is None:
            raise NotFound("There is no such operator.")
        return one

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
