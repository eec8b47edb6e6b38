"""Actions: what an operator can do to users, sockets and calls."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal

import msgspec

from models.calls import Call
from models.status import StatusChange
from realtime.calls.switchboard import Switchboard
from realtime.dashboard.account_actions import AccountActions
from realtime.dashboard.action_previews import ActionPreview, ActionPreviews, ActionTarget
from realtime.dashboard.event_log import EventLog
from realtime.dashboard.rows import ActionName
from realtime.dashboard.session_list import SessionList
from realtime.dashboard.store_check import StoreCheck
from realtime.dashboard.waiting_actions import WaitingAction, WaitingActions
from realtime.presence.engine import Presence
from realtime.presence.log import Kick, Log, OperatorAction, Proposal

AFTER: dict[ActionName, str] = {
    "enable_user": "enabled",
    "disable_user": "disabled",
    "delete_user": "deleted",
    "set_password": "new password",
}
"""The state after an action on an account. After other actions, it is the user's state."""


class ActionOutcome(msgspec.Struct, frozen=True):
    """The result of an action. One that waits for the end of a call has changed nothing yet."""

    outcome: Literal["done", "waiting"]
    before: str
    after: str


class Actions:
    """Carries out actions. Clients see the changes in the ordinary feed, with the reason `operator`."""

    def __init__(
        self,
        log: Log,
        presence: Presence,
        switchboard: Switchboard,
        sessions: SessionList,
        event_log: EventLog,
        account_actions: AccountActions,
        waiting: WaitingActions,
        store_check: StoreCheck,
    ) -> None:
        self._log = log
        self._presence = presence
        self._switchboard = switchboard
        self._event_log = event_log
        self._previews = ActionPreviews(
            presence.registry, switchboard.ongoing, sessions, store_check, switchboard.lease_seconds
        )
        self._waiting = waiting
        self._store_check = store_check
        self._table: dict[ActionName, Callable[[ActionTarget, str], Awaitable[None]]] = {
            "force_offline": self._force_offline,
            "disconnect": self._disconnect,
            "clear_busy": self._clear_busy,
            "end_call": self._end_call,
            **account_actions.table,
        }

    def preview(self, action: ActionName, target: ActionTarget) -> ActionPreview:
        """What the action would do. Raises NotFound, and Conflict if there is nothing to do."""
        return self._previews.make(action, target)

    def describe(self, target: ActionTarget) -> str:
        """The target as it is now, for the audit."""
        return self._previews.describe(target)

    def waiting(self, user_id: int) -> str:
        """A description of the action that waits for the end of the user's call, or an empty text."""
        return self._waiting.describe(user_id)

    async def restore(self) -> None:
        """At start, after the calls: take over the actions that wait in the store. Raises StoreUnavailable."""
        await self._waiting.restore(self._carry_out_waiting)

    async def follow(self) -> None:
        """Keep to what other servers have done with waiting actions. Raises StoreUnavailable."""
        await self._waiting.follow(self._carry_out_waiting)

    async def carry_out(
        self, action: ActionName, target: ActionTarget, operator: str, *, now: bool, entry_id: str
    ) -> ActionOutcome:
        """Carry it out, or let it wait for the end of the user's call. `entry_id` is its entry in the audit log.

        Raises NotFound, Conflict, StoreUnavailable.
        """
        preview = self._previews.make(action, target)
        if preview.waits and not now:
            await self._waiting.add(
                WaitingAction(entry_id, action, target.user_id, self._call_id(target), operator, preview.before),
                self._carry_out_waiting,
            )
            return ActionOutcome("waiting", preview.before, preview.before)
        superseded = await self._waiting.take(target.user_id, action)
        try:
            outcome = await self._act(action, target, operator, preview)
        except BaseException:
            if superseded is not None:
                self._waiting.put_back(superseded, self._carry_out_waiting)
            raise
        if superseded is not None:
            await self._waiting.end(superseded, "superseded", outcome.after)
        return outcome

    async def carry_out_at_once(self, action: ActionName, target: ActionTarget, actor: str) -> None:
        """Carry out an action on a user for a backend, also if it changes nothing. Raises StoreUnavailable."""
        await self._table[action](target, actor)
        self._log.append(Proposal((), "operator", action=OperatorAction((target.user_id,), action, actor)))

    def call_changed(self, call: Call, _is_own: bool) -> None:
        """Carry out what waited for the end of this call."""
        if call.status != "ongoing":
            self._waiting.call_ended(call, self._carry_out_waiting)

    async def _carry_out_waiting(self, waiting: WaitingAction) -> str:
        target = ActionTarget(user_id=waiting.user_id)
        preview = self._previews.make(waiting.action, target)
        return (await self._act(waiting.action, target, waiting.operator, preview)).after

    def _call_id(self, target: ActionTarget) -> str:
        call = self._switchboard.ongoing.of_user(target.user_id)
        return call.call_id if call else ""

    async def _act(
        self, action: ActionName, target: ActionTarget, operator: str, preview: ActionPreview
    ) -> ActionOutcome:
        await self._table[action](target, operator)
        self._log.append(Proposal((), "operator", action=OperatorAction(preview.about, action, operator)))
        return ActionOutcome("done", preview.before, AFTER.get(action) or self._previews.describe(target))

    async def _clear_busy(self, target: ActionTarget, operator: str) -> None:
        await self._presence.change(target.user_id, StatusChange(is_busy=False), by=operator)
        self._store_check.repaired_busy(target.user_id)

    async def _force_offline(self, target: ActionTarget, operator: str) -> None:
        """An offline user is in no call, so an ongoing call ends first."""
        call = self._switchboard.ongoing.of_user(target.user_id)
        if call is not None:
            await self._end_call(ActionTarget(call_id=call.call_id), operator)
        await self._presence.change(target.user_id, StatusChange(is_online=False), by=operator)

    async def _end_call(self, target: ActionTarget, operator: str) -> None:
        self._event_log.ended_by_operator(target.call_id, operator)
        try:
            await self._switchboard.force_end(target.call_id)
        finally:
            self._event_log.not_ended(target.call_id)
        self._store_check.repaired_call(target.call_id)

    async def _disconnect(self, target: ActionTarget, _operator: str) -> None:
        self._log.check()
        await self._log.append(Proposal((), "operator", kick=Kick(target.user_id, target.session_id)))
