"""Action runner: carries out an operator's action on one or many targets, once per request id, and records it."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Literal

import msgspec

from handlers.errors import STORE_UNREACHABLE
from models.audit import Audit, AuditEntry
from models.direction import in_sentence, plain
from models.errors import RequestError, StoreUnavailable
from models.operators import Operator
from realtime.calls.switchboard import Switchboard
from realtime.clock import Clock
from realtime.dashboard.action_previews import ActionTarget
from realtime.dashboard.actions import Actions
from realtime.dashboard.rows import ActionName
from realtime.limits import Limit
from realtime.presence.registry import Registry

AT_ONCE = 16
"""Targets of one action that are handled at the same time, so that the store can answer them together."""

REMEMBERED = 5000
"""Results kept in memory, so that a request that is sent twice gets the same answer."""

OUTCOME_UNKNOWN = (
    "The server stopped during this action, so its outcome is unknown. "
    "Check the current state, then start a new action."
)
WAITS = "waiting until the call ends"
NOT_TRIED = "Not tried, because too many of your actions were refused. Refresh the page and try again."
SUPERSEDED = "Another operator carried out the same action before the call ended."
FAILURES = {"refused": "been refused", "failed": "failed"}
"""How an action can have ended that was not carried out, as its audit entry says and as a sentence says."""


class ActionRequest(msgspec.Struct, frozen=True):
    """An action that an operator requests. `request_id` comes from the form and stays the same if it is sent again."""

    request_id: str
    action: ActionName
    targets: tuple[ActionTarget, ...]
    reason: str
    now: bool
    operator: Operator
    address: str


class ActionResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """The result of an action for one target. `code` is set if it was refused."""

    target: str
    name: str
    outcome: Literal["done", "waiting", "refused"]
    message: str
    code: str = ""


class Refusals:
    """The refused targets of one action, as they count for the operator's limit.

    One refusal is counted before anything is carried out, so that no number of requests at once gets past the limit.
    """

    def __init__(self, limit: Limit, operator_id: int) -> None:
        """Raises TooMany."""
        self._limit = limit
        self._operator_id = operator_id
        self._noted = 0
        limit.take(operator_id)

    @property
    def has_room(self) -> bool:
        """Whether one more target may be tried."""
        return not self._noted or self._limit.has_room(self._operator_id)

    def note(self, result: ActionResult) -> None:
        """A target was tried, and has a result."""
        if result.outcome == "refused":
            if self._noted:
                self._limit.count(self._operator_id)
            self._noted += 1

    def end(self) -> None:
        """The action is over. What was counted at its beginning counts no longer if nothing was refused."""
        if not self._noted:
            self._limit.give_back(self._operator_id)


class ActionProgress(msgspec.Struct):
    """The progress of an action: how many of its targets are done."""

    done: int
    count: int


class ActionRunner:
    """Carries out actions. Each target gets an audit entry before the action; it is completed afterwards.

    One operator could fill the audit with refused actions. So they are limited: a request for an action is refused, and
    of an action on many targets the rest is not tried.
    """

    def __init__(
        self,
        actions: Actions,
        audit: Audit,
        clock: Clock,
        registry: Registry,
        switchboard: Switchboard,
        refused_actions: Limit,
    ) -> None:
        self._actions = actions
        self._audit = audit
        self._clock = clock
        self._registry = registry
        self._switchboard = switchboard
        self._refused_actions = refused_actions
        """The limit on refused actions, by operator."""
        self._results: OrderedDict[str, asyncio.Future[ActionResult]] = OrderedDict()
        """Actions in progress and recent results, by the id of the audit entry."""
        self._in_progress: dict[tuple[int, str], ActionProgress] = {}

    async def carry_out(self, request: ActionRequest) -> list[ActionResult]:
        """Carry out an action and return the results in the order of the targets.

        Raises StoreUnavailable if the audit entry of a target could not be written. That target is left unchanged.
        Raises TooMany if too many of the operator's actions were refused.
        """
        slots = asyncio.Semaphore(AT_ONCE)
        key = (request.operator.operator_id, request.request_id)
        refusals = Refusals(self._refused_actions, request.operator.operator_id)
        progress = self._in_progress[key] = ActionProgress(0, len(request.targets))

        async def one(target: ActionTarget) -> ActionResult:
            entry = self._entry(request, target, "started")
            async with slots:
                if entry.entry_id in self._results:
                    result = await self._once(request, target, entry)
                elif not refusals.has_room:
                    result = ActionResult(entry.target, entry.target_name, "refused", NOT_TRIED, "TOO_MANY_REQUESTS")
                else:
                    result = await self._once(request, target, entry)
                    refusals.note(result)
            progress.done += 1
            return result

        try:
            return list(await asyncio.gather(*(one(target) for target in request.targets)))
        finally:
            refusals.end()
            self._in_progress.pop(key, None)

    def progress(self, operator: Operator, request_id: str) -> ActionProgress | None:
        """The progress of an operator's action, or None if it is not in progress."""
        return self._in_progress.get((operator.operator_id, request_id))

    def username(self, user_id: int) -> str:
        """The name of a user, or an empty text if there is no such user."""
        entry = self._registry.find(user_id)
        return entry.profile.username if entry else ""

    async def refuse(self, request: ActionRequest, code: str) -> None:
        """Record an action that the operator may not carry out, for as many targets as the limit has room for.

        Raises StoreUnavailable, TooMany.
        """
        operator_id = request.operator.operator_id
        self._refused_actions.take(operator_id)
        for number, target in enumerate(request.targets):
            if number and not self._refused_actions.has_taken(operator_id):
                return
            await self._audit.begin(self._entry(request, target, f"refused: {code}"))

    async def _once(self, request: ActionRequest, target: ActionTarget, entry: AuditEntry) -> ActionResult:
        known = self._results.get(entry.entry_id)
        if known is None:
            known = self._results[entry.entry_id] = asyncio.ensure_future(self._carry_out(request, target, entry))
            known.add_done_callback(lambda done: self._forget_failed(entry.entry_id, done))
            while len(self._results) > REMEMBERED:
                self._results.popitem(last=False)
        return await asyncio.shield(known)  # if the client leaves, the action still completes

    async def _carry_out(self, request: ActionRequest, target: ActionTarget, entry: AuditEntry) -> ActionResult:
        name = self._name(target)  # a call's participants are known only before it ends
        existing = await self._audit.begin(entry)
        if existing is not None:
            return _as_written(existing)

        try:
            outcome = await self._actions.carry_out(
                request.action, target, request.operator.name, now=request.now, entry_id=entry.entry_id
            )
        except (RequestError, StoreUnavailable) as error:
            return await self._refused(entry, error)
        if outcome.outcome == "waiting":
            return ActionResult(entry.target, entry.target_name, "waiting", WAITS)
        await self._audit.finish(entry.entry_id, outcome="done", after=outcome.after)
        return ActionResult(entry.target, name, "done", outcome.after)

    async def _refused(self, entry: AuditEntry, error: RequestError | StoreUnavailable) -> ActionResult:
        if isinstance(error, StoreUnavailable):
            code, message = "STORE_UNAVAILABLE", STORE_UNREACHABLE
        else:
            code, message = error.code, error.message
        await self._audit.finish(entry.entry_id, outcome=f"refused: {code}", after=entry.before)
        return ActionResult(entry.target, entry.target_name, "refused", message, code)

    def _forget_failed(self, entry_id: str, done: asyncio.Future[ActionResult]) -> None:
        """Allow an action to be repeated if its audit entry could not be written."""
        if done.cancelled() or done.exception() is not None:
            self._results.pop(entry_id, None)

    def _entry(self, request: ActionRequest, target: ActionTarget, outcome: str) -> AuditEntry:
        about = f"call:{target.call_id}" if target.call_id else f"user:{target.user_id}"
        part = f":{target.session_id}" if target.session_id else ""
        return AuditEntry(
            entry_id=f"{request.operator.operator_id}.{request.request_id}.{about}{part}",
            at=self._clock.utc(),
            operator=request.operator.name,
            action=request.action,
            target=about,
            target_name=plain(self._name(target)),
            before=self._actions.describe(target),
            after="",
            reason=request.reason,
            address=request.address,
            outcome=outcome,
        )

    def _name(self, target: ActionTarget) -> str:
        if not target.call_id:
            name = self._registry.name(target.user_id)
            return f"{name}, connection {target.session_id}" if target.session_id else name
        call = self._switchboard.ongoing.find(target.call_id)
        return " and ".join(in_sentence(self._registry.name(each)) for each in call.participants) if call else ""


def _as_written(entry: AuditEntry) -> ActionResult:
    """The result of an action that only the audit knows."""
    target, name, outcome = entry.target, entry.target_name, entry.outcome
    if outcome == "done":
        return ActionResult(target, name, "done", entry.after)
    if outcome == "waiting":
        return ActionResult(target, name, "waiting", WAITS)
    if outcome == "started":
        return ActionResult(target, name, "refused", OUTCOME_UNKNOWN, "UNKNOWN_OUTCOME")
    if outcome == "superseded":
        return ActionResult(target, name, "refused", SUPERSEDED, "SUPERSEDED")
    kind, _, code = outcome.partition(": ")
    return ActionResult(target, name, "refused", f"This action has already {FAILURES[kind]}.", code)
