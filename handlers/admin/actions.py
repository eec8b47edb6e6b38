"""Actions: confirm an action, carry it out, and report its progress. Forms and scripts use the same URLs.

An action on a user's account has a URL of its own, because only admins may use it.
"""

from __future__ import annotations

import re
import secrets
from typing import Any, NamedTuple, get_args

from handlers.admin.action_results import STATUS_OF_CODE, Done, each_result, furthest, summary
from handlers.admin.action_runner import ActionRequest, ActionResult, ActionRunner
from handlers.admin.base import AdminContext, AdminHandler, allows
from handlers.admin.confirmation import Confirmation, Confirmations
from handlers.admin.flash import FlashResult
from handlers.admin.reasons import problem_of
from handlers.admin.role_refusals import RecordsRoleRefusals
from handlers.admin.users import PICKED_APART, user_id_of
from models.errors import Forbidden, Invalid, NotFound
from models.tags import checked_tag
from realtime.dashboard.action_previews import ActionTarget
from realtime.dashboard.rows import ACCOUNT_ACTIONS, ACTION_LABELS, TAG_ACTIONS, ActionName

ACTION_NAMES: tuple[ActionName, ...] = tuple(each for each in get_args(ActionName) if each not in ACCOUNT_ACTIONS)
"""The actions of operators, without those of admins."""

NOBODY_PICKED = "Nobody is picked. Tick the users first."

_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")


class FieldProblem(NamedTuple):
    """What is wrong with a field of a form."""

    field: str
    text: str


class ActionForm(RecordsRoleRefusals):
    """What both kinds of actions have in common."""

    url = "/admin/actions"
    names = ACTION_NAMES

    def initialize(
        self, admin: AdminContext, confirmations: Confirmations, action_runner: ActionRunner, targets_limit: int
    ) -> None:
        """The route passes the collaborators."""
        self.set_up_admin(admin)
        self.confirmations = confirmations
        self.action_runner = action_runner
        self.targets_limit = targets_limit

    async def record_refusal(self, error: Forbidden) -> None:
        """Write an entry for each target. Raises Invalid, TooMany, StoreUnavailable."""
        await self.action_runner.refuse(self._action_request(), error.code)

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
        if problem is not None:
            self._ask_again(problem)
            return
        left_out = self._left_out(request)
        results = await self.action_runner.carry_out(await self.completed(request))
        done = Done(furthest(results), self.summary(request.action, results, len(left_out)), results)
        if self.wants_json:
            self._answer(done)
        else:
            self._go(done, left_out)

    def _answer(self, done: Done) -> None:
        """Answer with JSON. If the only target was refused, this is an error. Otherwise each result says so."""
        if done.outcome == "refused" and len(done.results) == 1:
            self.set_status(STATUS_OF_CODE.get(done.results[0].code, 409))
            self.write_refusal(done.results[0].code, done.results[0].message)
        else:
            self.answer(done)

    def _left_out(self, request: ActionRequest) -> list[FlashResult]:
        """Those for whom there was nothing to do when the form was shown, and why. Raises NotFound."""
        tag = request.targets[0].tag
        targets = [
            ActionTarget(user_id=user_id_of(each), tag=tag)
            for each in self.get_body_arguments("unchanged")[: self.targets_limit]
        ]
        return [
            FlashResult(
                "unchanged",
                self.action_runner.username(each.user_id) or f"user {each.user_id}",
                self.confirmations.why_unchanged(request.action, each),
            )
            for each in targets
        ]

    def _go(self, done: Done, left_out: list[FlashResult]) -> None:
        """Go to the next page, which shows the result of each user if there are several."""
        several = len(done.results) + len(left_out) > 1
        results = each_result(done.results, left_out) if several else ()
        self.go(self.next_page(), done.message, is_refusal=done.outcome == "refused", results=results)

    def problem(self, request: ActionRequest) -> FieldProblem | None:
        """What is wrong with what the operator has typed."""
        return None if request.reason else FieldProblem("reason", problem_of(self._given_reason()))

    async def completed(self, request: ActionRequest) -> ActionRequest:
        """The request with what has to be computed first."""
        return request

    def summary(self, action: ActionName, results: list[ActionResult], left_out: int) -> str:
        """The outcome as a sentence."""
        return summary(action, results, left_out)

    def typed(self) -> dict[str, str]:
        """What the operator has typed, so that a form that is refused keeps it."""
        return {name: self.get_body_argument(name, "") for name in ("reason", "now")}

    def _ask_again(self, problem: FieldProblem) -> None:
        if self.wants_json:
            raise Invalid(problem.text)
        self.set_status(400)
        self._ask(self._preview(), problem)

    def _ask(self, preview: Confirmation, problem: FieldProblem | None = None) -> None:
        next_page = self.next_page() if self.get_argument("next", "") else self._page_of_target()
        self.show(
            "confirm.html",
            here="calls" if self.kind() == "call_id" else "users",
            url=self.url,
            action=self._action(),
            name=self.target_name(),
            preview=preview,
            verb=ACTION_LABELS[self._action()],
            problem=problem,
            typed=self.typed(),
            shortest=self.admin.settings.password_length_minimum,
            fields=self._fields(preview),
            next=next_page,
            back=self._back(next_page),
        )

    def _back(self, page: str) -> str:
        """Where “Cancel” leads to: those who were picked there still are."""
        if not self.get_argument("picked", ""):
            return page
        picked = [*(each.user_id for each in self._targets()), *self.get_body_arguments("unchanged")]
        return f"{page}{'&' if '?' in page else '?'}pick={PICKED_APART.join(map(str, picked))}"

    def _fields(self, preview: Confirmation) -> list[tuple[str, str]]:
        """The fields of the form. Of several targets, those are left out that would not change."""
        names: tuple[str, ...] = ("action", "user_id", "call_id", "session_id", "tag", "picked", "unchanged")
        if preview.ids:
            others = [
                (name, self.get_argument(name)) for name in ("action", "tag", "picked") if self.get_argument(name, "")
            ]
            ids = [*self.get_body_arguments("unchanged"), *(each.target for each in preview.unchanged)]
            left_out = [("unchanged", each) for each in ids]
            return [*others, *((self.kind(), each) for each in preview.ids), *left_out]
        return [(name, value) for name in names for value in self.get_arguments(name) if value]

    def kind(self) -> str:
        """The field that names the targets."""
        return "call_id" if self._action() == "end_call" else "user_id"

    def _preview(self) -> Confirmation:
        request_id = self.get_argument("request_id", "")
        request_id = request_id if _REQUEST_ID.fullmatch(request_id) else secrets.token_urlsafe(16)
        return self.confirmations.make(self._action(), self._targets(), request_id)

    def _action_request(self) -> ActionRequest:
        request_id = self.get_body_argument("request_id", "")
        if not _REQUEST_ID.fullmatch(request_id):
            raise Invalid(
                "The field request_id must have 8 to 64 letters, digits, hyphens or underscores, "
                "and be new for each form."
            )
        reason = self._given_reason()
        return ActionRequest(
            request_id=request_id,
            action=self._action(),
            targets=self._targets(),
            reason="" if problem_of(reason) else reason,
            now=self.get_body_argument("now", "") not in ("", "0", "false"),
            operator=self.operator,
            address=self.address,
        )

    def _given_reason(self) -> str:
        return self.get_body_argument("reason", "")

    def _action(self) -> ActionName:
        action = self.get_argument("action", "")
        if action not in self.names:
            raise Invalid(f"The field action must be one of {', '.join(self.names)}.")
        return action

    def _targets(self) -> tuple[ActionTarget, ...]:
        """The users, the socket of a user, or the calls, without duplicates. Raises Invalid."""
        kind = self.kind()
        given = [each for each in dict.fromkeys(self.get_arguments(kind)) if each]
        if not 1 <= len(given) <= self.targets_limit:
            raise Invalid(f"Give {kind} between 1 and {self.targets_limit} times.")
        if kind == "call_id":
            return tuple(ActionTarget(call_id=each[:64]) for each in given)
        session_id = self.get_argument("session_id", "")[:64]
        if session_id and (self._action() != "disconnect" or len(given) > 1):
            raise Invalid("The field session_id can only be given to disconnect a single user.")
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
        if not self.wants_json and self.get_argument("next", "") and not self.get_arguments(self.kind()):
            self.go(self.next_page(), NOBODY_PICKED, is_refusal=True)
            return
        problem = self._problem_of_tag()
        if problem is None:
            self.describe()
        else:
            names = ("action", "user_id", "picked", "next")
            self.show(
                "tag.html",
                here="users",
                label=ACTION_LABELS[self._action()],
                **self._whose_tags(),
                problem=problem,
                tag=self.get_argument("tag", ""),
                is_removal=self._action() == "remove_tag",
                fields=[(name, value) for name in names for value in self.get_arguments(name) if value],
                next=self.next_page() if self.get_argument("next", "") else "/admin/users",
            )

    def _whose_tags(self) -> dict[str, Any]:
        """The names of those whose tags are changed, the tags that they all have, and those to choose from."""
        user_ids = [user_id_of(each) for each in dict.fromkeys(self.get_arguments("user_id")) if each]
        known = [each for each in user_ids[: self.targets_limit] if self.action_runner.username(each)]
        tags = [set(self.confirmations.tags_of(each)) for each in known]
        any_of_them: set[str] = set().union(*tags)
        return {
            "names": [self.action_runner.username(each) for each in known],
            "have": sorted(set.intersection(*tags)) if tags else [],
            "tags": sorted(any_of_them) if self._action() == "remove_tag" else self.confirmations.tags(),
        }

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
