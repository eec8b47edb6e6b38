"""Orders: an operator's action on one target or many, carried out once however often it is sent, and written down."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Literal

import msgspec

from models.audit import Audit, AuditEntry
from models.errors import RequestError, StoreUnavailable
from models.operators import Operator
from realtime.calls.switchboard import Switchboard
from realtime.clock import Clock
from realtime.dashboard.action_previews import ActionTarget
from realtime.dashboard.actions import ActionOutcome, Actions
from realtime.dashboard.rows import ActionName
from realtime.presence.registry import Registry

AT_ONCE = 16
"""Targets of one order that are seen to at the same time: the store answers them together."""

REMEMBERED = 5000
"""Results kept at hand, so that who sends an order twice gets the same answer."""

WAITS = "waits for the end of the call"


class ActionRequest(msgspec.Struct, frozen=True):
    """What an operator wants done. `request_id` is the form's, and the same when the form is sent again."""

    request_id: str
    action: ActionName
    targets: tuple[ActionTarget, ...]
    reason: str
    now: bool
    operator: Operator
    address: str


class ActionResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """What came of an order for one target. `code` says why it was refused."""

    target: str
    name: str
    outcome: Literal["done", "waiting", "refused"]
    message: str
    code: str = ""


class ActionProgress(msgspec.Struct):
    """How far an order is: targets done, of how many."""

    done: int
    count: int


class ActionRunner:
    """Each target of each order gets an entry in the audit before anything is done, and what came of it after."""

    def __init__(
        self, actions: Actions, audit: Audit, clock: Clock, registry: Registry, switchboard: Switchboard
    ) -> None:
        self._actions = actions
        self._audit = audit
        self._clock = clock
        self._registry = registry
        self._switchboard = switchboard
        self._results: OrderedDict[str, asyncio.Future[ActionResult]] = OrderedDict()
        """By the entry's id: under way, or done lately."""
        self._under_way: dict[tuple[int, str], ActionProgress] = {}

    async def carry_out(self, request: ActionRequest) -> list[ActionResult]:
        """What came of each target, in their order. Raises StoreUnavailable when it was not even begun."""
        room = asyncio.Semaphore(AT_ONCE)
        key = (request.operator.operator_id, request.request_id)
        progress = self._under_way[key] = ActionProgress(0, len(request.targets))

        async def one(target: ActionTarget) -> ActionResult:
            async with room:
                result = await self._once(request, target)
            progress.done += 1
            return result

        try:
            return list(await asyncio.gather(*(one(target) for target in request.targets)))
        finally:
            self._under_way.pop(key, None)

    def progress(self, operator: Operator, request_id: str) -> ActionProgress | None:
        """How far an operator's order is; None when it is not under way."""
        return self._under_way.get((operator.operator_id, request_id))

    async def refuse(self, request: ActionRequest, code: str) -> None:
        """Write down what an operator wanted and may not do. Raises StoreUnavailable."""
        for target in request.targets:
            await self._audit.begin(self._entry(request, target, f"refused: {code}"))

    async def _once(self, request: ActionRequest, target: ActionTarget) -> ActionResult:
        entry = self._entry(request, target, "started")
        known = self._results.get(entry.entry_id)
        if known is None:
            known = self._results[entry.entry_id] = asyncio.ensure_future(self._carry_out(request, target, entry))
            known.add_done_callback(lambda done: self._forget_failed(entry.entry_id, done))
            while len(self._results) > REMEMBERED:
                self._results.popitem(last=False)
        return await asyncio.shield(known)  # whoever asked may leave; the order is carried out all the same

    async def _carry_out(self, request: ActionRequest, target: ActionTarget, entry: AuditEntry) -> ActionResult:
        before = await self._audit.begin(entry)
        if before is not None:
            return _as_written(before)

        async def later(outcome: ActionOutcome) -> None:
            await self._audit.finish(entry.entry_id, outcome=outcome.outcome, after=outcome.after)

        try:
            outcome = await self._actions.carry_out(
                request.action, target, request.operator.name, now=request.now, later=later
            )
        except (RequestError, StoreUnavailable) as error:
            return await self._refused(entry, error)
        await self._audit.finish(entry.entry_id, outcome=outcome.outcome, after=outcome.after)
        message = WAITS if outcome.outcome == "waiting" else outcome.after
        return ActionResult(entry.target, entry.target_name, outcome.outcome, message)

    async def _refused(self, entry: AuditEntry, error: RequestError | StoreUnavailable) -> ActionResult:
        if isinstance(error, StoreUnavailable):
            code, message = "STORE_UNAVAILABLE", "The store cannot be reached, try again"
        else:
            code, message = error.code, error.message
        await self._audit.finish(entry.entry_id, outcome=f"refused: {code}", after=entry.before)
        return ActionResult(entry.target, entry.target_name, "refused", message, code)

    def _forget_failed(self, entry_id: str, done: asyncio.Future[ActionResult]) -> None:
        """What the store did not take may be tried again."""
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
            target_name=self._name(target),
            before=self._actions.describe(target),
            after="",
            reason=request.reason,
            address=request.address,
            outcome=outcome,
        )

    def _name(self, target: ActionTarget) -> str:
        if not target.call_id:
            name = self._name_of(target.user_id)
            return f"{name}, socket {target.session_id}" if target.session_id else name
        call = self._switchboard.ongoing.find(target.call_id)
        return " and ".join(map(self._name_of, call.participants)) if call else ""

    def _name_of(self, user_id: int) -> str:
        entry = self._registry.find(user_id)
        return entry.profile.username if entry else f"user {user_id}"


def _as_written(entry: AuditEntry) -> ActionResult:
    """What the audit says of an order that this process doesn't remember."""
    target, name, outcome = entry.target, entry.target_name, entry.outcome
    if outcome == "done":
        return ActionResult(target, name, "done", entry.after)
    if outcome == "waiting":
        return ActionResult(target, name, "waiting", WAITS)
    if outcome == "started":
        message = "It was begun before, and what came of it is not known: look how it is now, and ask anew"
        return ActionResult(target, name, "refused", message, "UNKNOWN_OUTCOME")
    return ActionResult(target, name, "refused", "It was refused before", outcome.removeprefix("refused: "))
