"""Account actions: admins enable, disable and delete users, and set their passwords."""

from __future__ import annotations

import msgspec

from handlers.admin.action_runner import ActionRequest, ActionResult, ActionRunner
from handlers.admin.actions import ActionForm, FieldProblem
from handlers.admin.base import AdminContext, allows
from handlers.admin.confirmation import Confirmations
from models.direction import in_sentence
from models.errors import Invalid
from models.password_changes import PasswordChanges
from models.usernames import is_too_long, username_key
from realtime.dashboard.rows import ACCOUNT_ACTIONS, ActionName

DONE: dict[ActionName, str] = {
    "enable_user": "{} enabled",
    "disable_user": "{} disabled",
    "delete_user": "{} deleted",
    "set_password": "Password of {} changed",
}
"""What the next page says, with the user's name."""


NAME_NEEDED = "Type the name of the user to confirm the deletion."
WRONG_NAME = f"This isn't the user's name, so nothing was deleted. {NAME_NEEDED}"


class AccountActionsHandler(ActionForm):
    """GET and POST /admin/accounts"""

    url = "/admin/accounts"
    names = ACCOUNT_ACTIONS

    def initialize(  # type: ignore[override]
        self,
        admin: AdminContext,
        confirmations: Confirmations,
        action_runner: ActionRunner,
        password_changes: PasswordChanges,
    ) -> None:
        """The route passes the collaborators."""
        super().initialize(admin, confirmations, action_runner, targets_limit=1)
        self.password_changes = password_changes

    @allows("admin")
    def get(self) -> None:
        """Describe the action."""
        self.describe()

    @allows("admin")
    async def post(self) -> None:
        """Carry out the action. The deletion of a user has to be confirmed with the user's name."""
        await self.submit()

    def problem(self, request: ActionRequest) -> FieldProblem | None:
        """What is wrong with what the admin has typed."""
        problem = super().problem(request)
        if problem is not None:
            return problem
        if request.action == "delete_user" and not self._is_confirmed():
            return FieldProblem("name", WRONG_NAME if self.get_body_argument("name", "") else NAME_NEEDED)
        if request.action == "set_password":
            text = self.password_changes.problem(self._password())
            return FieldProblem("password", text) if text else None
        return None

    async def completed(self, request: ActionRequest) -> ActionRequest:
        """The request with the hash of the password. Raises Overloaded."""
        if request.action != "set_password":
            return request
        password_hash = await self.password_changes.hash_new(self._password(), self.address_key)
        targets = tuple(msgspec.structs.replace(each, password_hash=password_hash) for each in request.targets)
        return msgspec.structs.replace(request, targets=targets)

    def summary(self, action: ActionName, results: list[ActionResult], left_out: int) -> str:
        """The outcome as a sentence, such as “Password of noor changed.”"""
        (result,) = results
        if result.outcome != "done":
            return super().summary(action, results, left_out)
        return f"{DONE[action].format(in_sentence(result.name))}."

    def typed(self) -> dict[str, str]:
        """What the admin has typed."""
        return {**super().typed(), "name": self.get_body_argument("name", ""), "password": self._password()}

    def _is_confirmed(self) -> bool:
        """Whether the name was typed. A form that is sent again finds nobody, and then gets the same answer again."""
        typed, name = self.get_body_argument("name", ""), self.target_name()
        return not name or (not is_too_long(typed) and username_key(typed) == username_key(name))

    def _password(self) -> str:
        """The password as it was typed: Tornado's `get_body_argument` replaces some characters. Raises Invalid."""
        try:
            return self.request.body_arguments.get("password", [b""])[-1].decode()
        except UnicodeDecodeError:
            raise Invalid("The password is not valid UTF-8.") from None
