"""Actions: confirm an action, carry it out, and report its progress. Forms and scripts use the same URLs.

An action on a user's account has a URL of its own, because only admins may use it.
"""

from __future__ import annotations

import re
import secrets
from typing import get_args

import msgspec

from handlers.admin.action_runner import ActionRequest, ActionResult, ActionRunner
from handlers.admin.base import AdminContext, AdminHandler, allows
from handlers.admin.confirmation import Confirmation, Confirmations
from handlers.admin.users import user_id_of
from models.direction import in_sentence
from models.errors import Forbidden, Invalid, NotFound
from models.operators import Role, is_at_least
from models.tags import checked_tag
from realtime.dashboard.action_previews import ActionTarget
from realtime.dashboard.rows import ACCOUNT_ACTIONS, ACTION_LABELS, TAG_ACTIONS, ActionName

ACTION_NAMES: tuple[ActionName, ...] = tuple(each for each in get_args(ActionName) if each not in ACCOUNT_ACTIONS)
"""The actions of operators, without those of admins."""

REASON_LIMIT = 200
"""In characters."""

STATUS_OF_CODE = {"NOT_FOUND": 404, "STORE_UNAVAILABLE": 503}
"""The HTTP status if the only target was refused, by code. For all other codes it is 409."""

DONE: dict[ActionName, str] = {
    "clear_busy": "Busy cleared. {name} is {state}.",
    "end_call": "Call between {name} ended.",
}
"""What is said of an action that was carried out, where the state afterwards alone would not be clear."""

_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")


class Done(msgspec.Struct, frozen=True):
    """The outcome of an action."""

    outcome: str
    message: str
    results: list[ActionResult]


class ActionForm(AdminHandler):
    """What both kinds of actions have in common."""

    url = "/admin/actions"
    role: Role = "operator"
    """Who may use it."""
    names = ACTION_NAMES

    def initialize(
        self, admin: AdminContext, confirmations: Confirmations, action_runner: ActionRunner, targets_limit: int
    ) -> None:
        """The route passes the collaborators."""
        self.set_up_admin(admin)
        self.confirmations = confirmations
        self.action_runner = action_runner
        self.targets_limit = targets_limit

    async def prepare(self) -> None:
        """Record attempts by operators whose role does not allow actions, within a limit.

        Raises TooMany, and the same errors as its base.
        """
        try:
            await super().prepare()
        except Forbidden:
            if (
                self.request.method == "POST"
                and self.signed_in
                and not is_at_least(self.signed_in.operator.role, self.role)
            ):
                await self.action_runner.refuse(self._action_request(), "ROLE_TOO_LOW")
            raise

    def describe(self) -> None:
        """Describe the action: a page that asks for a reason, or JSON for the dialog. Raises NotFound, Conflict."""
        preview = self._preview()
        if self.wants_json:
            self.answer(preview)
        else:
            self._ask(preview)

    async def submit(self) -> None:
        """Carry out the action, once for each request id."""
        request = self._action_request()
        problem = self.problem(request)
        if problem:
            self._ask_again(problem)
            return
        results = await self.action_runner.carry_out(await self.completed(request))
        done = Done(_outcome(results), self.summary(request.action, results), results)
        if self.wants_json:
            self._answer(done)
        else:
            self.go(self.next_page(), done.message, is_refusal=done.outcome == "refused")

    def _answer(self, done: Done) -> None:
        """Answer with JSON. If the only target was refused, this is an error. Otherwise each result says so."""
        if done.outcome == "refused" and len(done.results) == 1:
            self.set_status(STATUS_OF_CODE.get(done.results[0].code, 409))
            self.write_refusal(done.results[0].code, done.results[0].message)
        else:
            self.answer(done)

    def problem(self, request: ActionRequest) -> str:
        """What is wrong with what the operator has typed, or an empty text."""
        return "" if request.reason else f"Give a reason of at most {REASON_LIMIT} characters."

    async def completed(self, request: ActionRequest) -> ActionRequest:
        """The request with what has to be computed first."""
        return request

    def summary(self, action: ActionName, results: list[ActionResult]) -> str:
        """The outcome as a sentence."""
        return _summary(action, results)

    def _ask_again(self, problem: str) -> None:
        if self.wants_json:
            raise Invalid(problem)
        self.set_status(400)
        self._ask(self._preview(), problem)

    def _ask(self, preview: Confirmation, problem: str = "") -> None:
        self.show(
            "confirm.html",
            url=self.url,
            action=self._action(),
            name=self.target_name(),
            preview=preview,
            verb=ACTION_LABELS[self._action()],
            problem=problem,
            fields=self._fields(preview),
            next=self.next_page() if self.get_argument("next", "") else self._page_of_target(),
        )

    def _fields(self, preview: Confirmation) -> list[tuple[str, str]]:
        """The fields of the form. Of several targets, those are left out that would not change."""
        names: tuple[str, ...] = ("action", "user_id", "call_id", "session_id", "tag")
        if preview.ids:
            others = [(name, self.get_argument(name)) for name in ("action", "tag") if self.get_argument(name, "")]
            return [*others, *((self._kind(), each) for each in preview.ids)]
        return [(name, value) for name in names for value in self.get_arguments(name) if value]

    def _kind(self) -> str:
        return "call_id" if self._action() == "end_call" else "user_id"

    def _preview(self) -> Confirmation:
        request_id = self.get_argument("request_id", "")
        request_id = request_id if _REQUEST_ID.fullmatch(request_id) else secrets.token_urlsafe(16)
        return self.confirmations.make(self._action(), self._targets(), request_id)

    def _action_request(self) -> ActionRequest:
        request_id = self.get_body_argument("request_id", "")
        if not _REQUEST_ID.fullmatch(request_id):
            raise Invalid(
                "request_id must have 8 to 64 letters, digits, hyphens or underscores, and be new for each form."
            )
        reason = self.get_body_argument("reason", "")
        return ActionRequest(
            request_id=request_id,
            action=self._action(),
            targets=self._targets(),
            reason=reason if len(reason) <= REASON_LIMIT and reason.isprintable() else "",
            now=self.get_body_argument("now", "") not in ("", "0", "false"),
            operator=self.operator,
            address=self.address,
        )

    def _action(self) -> ActionName:
        action = self.get_argument("action", "")
        if action not in self.names:
            raise Invalid(f"action must be one of {', '.join(self.names)}.")
        return action

    def _targets(self) -> tuple[ActionTarget, ...]:
        """The users, the socket of a user, or the calls, without duplicates. Raises Invalid."""
        kind = self._kind()
        given = [each for each in dict.fromkeys(self.get_arguments(kind)) if each]
        if not 1 <= len(given) <= self.targets_limit:
            raise Invalid(f"Give {kind} between 1 and {self.targets_limit} times.")
        if kind == "call_id":
            return tuple(ActionTarget(call_id=each[:64]) for each in given)
        session_id = self.get_argument("session_id", "")[:64]
        if session_id and (self._action() != "disconnect" or len(given) > 1):
            raise Invalid("session_id can only be given to disconnect a single user.")
        tag = checked_tag(self.get_argument("tag", "")) if self._action() in TAG_ACTIONS else ""
        return tuple(ActionTarget(user_id=user_id_of(each), session_id=session_id, tag=tag) for each in given)

    def target_name(self) -> str:
        """The name of the only target, if that is a user."""
        targets = self._targets()
        return self.action_runner.username(targets[0].user_id) if len(targets) == 1 else ""

    def _page_of_target(self) -> str:
        targets = self._targets()
        if len(targets) > 1:
            return "/admin/users"
        return f"/admin/users/{targets[0].user_id}" if targets[0].user_id else f"/admin/calls/{targets[0].call_id}"


class ActionsHandler(ActionForm):
    """GET and POST /admin/actions"""

    @allows("operator")
    def get(self) -> None:
        """Ask which tag, if the action needs one, then describe the action."""
        problem = self._problem_of_tag()
        if problem is None:
            self.describe()
        else:
            names = ("action", "user_id", "next")
            self.show(
                "tag.html",
                label=ACTION_LABELS[self._action()],
                problem=problem,
                tag=self.get_argument("tag", ""),
                tags=self.confirmations.tags(),
                fields=[(name, value) for name in names for value in self.get_arguments(name) if value],
                next=self.next_page() if self.get_argument("next", "") else "/admin/users",
            )

    def _problem_of_tag(self) -> str | None:
        """What is wrong with the tag: an empty text if none is given yet, None if nothing is."""
        if self.wants_json or self._action() not in TAG_ACTIONS:
            return None
        tag = self.get_argument("tag", "")
        try:
            return None if tag and checked_tag(tag) else ""
        except Invalid as error:
            return error.message

    @allows("operator")
    async def post(self) -> None:
        """Carry out the action."""
        await self.submit()


class ProgressHandler(AdminHandler):
    """GET /admin/actions/progress"""

    def initialize(self, admin: AdminContext, action_runner: ActionRunner) -> None:
        """The route passes the collaborators."""
        self.set_up_admin(admin)
        self.action_runner = action_runner

    @allows("operator")
    def get(self) -> None:
        """Answer with the progress of one of the operator's actions. Raises NotFound if it is not in progress."""
        progress = self.action_runner.progress(self.operator, self.get_query_argument("request_id", ""))
        if progress is None:
            raise NotFound("There is no such action in progress.")
        self.answer(progress)


def _outcome(results: list[ActionResult]) -> str:
    """The outcome of the target that got furthest."""
    outcomes = {result.outcome for result in results}
    return next(each for each in ("waiting", "done", "refused") if each in outcomes)


def _summary(action: ActionName, results: list[ActionResult]) -> str:
    label = ACTION_LABELS[action]
    if len(results) == 1:
        result = results[0]
        name = result.name or "a call known only to the store"
        if result.outcome == "done" and action in DONE:
            state = result.message.partition(",")[0]
            return DONE[action].format(name=name if action == "end_call" else in_sentence(name), state=state)
        return f"{label}, {in_sentence(name)}: {result.message.removesuffix('.')}."
    counts = [(name, sum(result.outcome == name for result in results)) for name in ("done", "waiting", "refused")]
    return f"{label}: " + ", ".join(f"{count} {name}" for name, count in counts if count) + "."
