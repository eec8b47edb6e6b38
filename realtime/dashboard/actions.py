"""Actions: what an operator may do to users, sockets and calls; said beforehand, carried out, described."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal

import msgspec

from models.calls import Call
from realtime.calls.switchboard import Spawn, Switchboard
from realtime.dashboard.action_previews import ActionPreview, ActionPreviews, ActionTarget
from realtime.dashboard.event_log import EventLog
from realtime.dashboard.rows import ActionName
from realtime.presence.claims import StatusChange
from realtime.presence.engine import Presence, Touch
from realtime.protocol import CloseCode
from realtime.sockets.hub import Hub

Revoke = Callable[[int], Awaitable[None]]
"""Make all tokens of a user useless, in the store and in memory."""


class ActionOutcome(msgspec.Struct, frozen=True):
    """What came of an action. One that waits for the end of a call has changed nothing yet."""

    outcome: Literal["done", "waiting"]
    before: str
    after: str


Later = Callable[[ActionOutcome], Awaitable[None]]
"""Told when an action that waited has been carried out."""


class Waiting(msgspec.Struct, frozen=True):
    """An action that waits for the end of its user's call."""

    action: ActionName
    operator: str
    later: Later


class Actions:
    """Repairs by hand. Everybody hears of the changes through the ordinary feed, with the reason `operator`."""

    def __init__(
        self,
        presence: Presence,
        switchboard: Switchboard,
        hub: Hub,
        event_log: EventLog,
        action_previews: ActionPreviews,
        revoke: Revoke,
        spawn: Spawn,
        touch: Touch,
    ) -> None:
        self._presence = presence
        self._switchboard = switchboard
        self._hub = hub
        self._event_log = event_log
        self._action_previews = action_previews
        self._revoke = revoke
        self._spawn = spawn
        self._touch = touch
        self._waiting: dict[int, Waiting] = {}
        self._table: dict[ActionName, Callable[[ActionTarget, str], Awaitable[None]]] = {
            "force_offline": self._force_offline,
            "disconnect": self._disconnect,
            "sign_out": self._sign_out,
            "clear_busy": self._clear_busy,
            "end_call": self._end_call,
        }

    def preview(self, action: ActionName, target: ActionTarget) -> ActionPreview:
        """What the action would do, to be shown before. Raises NotFound, Conflict."""
        return self._action_previews.make(action, target)

    def describe(self, target: ActionTarget) -> str:
        """The target as it is now, for the audit."""
        return self._action_previews.describe(target)

    def waiting(self, user_id: int) -> str:
        """The action that waits for the end of the user's call, in words; empty when there is none."""
        waiting = self._waiting.get(user_id)
        return f"{waiting.action.replace('_', ' ')}, by {waiting.operator}" if waiting else ""

    async def carry_out(
        self, action: ActionName, target: ActionTarget, operator: str, *, now: bool, later: Later
    ) -> ActionOutcome:
        """Do it, or have it wait for the end of the user's call. Raises NotFound, Conflict, StoreUnavailable."""
        preview = self._action_previews.make(action, target)
        if preview.waits and not now:
            self._waiting[target.user_id] = Waiting(action, operator, later)
            self._touch(target.user_id)
            return ActionOutcome("waiting", preview.before, preview.before)
        return await self._act(action, target, operator, preview)

    def call_changed(self, call: Call) -> None:
        """What waited for the end of this call is due."""
        if call.status == "ongoing":
            return
        for user_id in call.participants:
            waiting = self._waiting.pop(user_id, None)
            if waiting is not None:
                self._touch(user_id)
                self._spawn(self._carry_out_waiting(user_id, waiting))

    async def _carry_out_waiting(self, user_id: int, waiting: Waiting) -> None:
        target = ActionTarget(user_id=user_id)
        preview = self._action_previews.make(waiting.action, target)
        await waiting.later(await self._act(waiting.action, target, waiting.operator, preview))

    async def _act(
        self, action: ActionName, target: ActionTarget, operator: str, preview: ActionPreview
    ) -> ActionOutcome:
        await self._table[action](target, operator)
        self._event_log.acted(preview.about, action, operator)
        return ActionOutcome("done", preview.before, self._action_previews.describe(target))

    async def _clear_busy(self, target: ActionTarget, operator: str) -> None:
        await self._presence.change(target.user_id, StatusChange(is_busy=False), by=operator)

    async def _force_offline(self, target: ActionTarget, operator: str) -> None:
        """Who is offline has no call: one that goes on ends first."""
        call = self._switchboard.ongoing_of(target.user_id)
        if call is not None:
            await self._end_call(ActionTarget(call_id=call.call_id), operator)
        await self._presence.change(target.user_id, StatusChange(is_online=False), by=operator)

    async def _end_call(self, target: ActionTarget, operator: str) -> None:
        self._event_log.ended_by_operator(target.call_id, operator)
        try:
            await self._switchboard.force_end(target.call_id)
        finally:
            self._event_log.not_ended(target.call_id)

    async def _sign_out(self, target: ActionTarget, _operator: str) -> None:
        await self._revoke(target.user_id)
        self._hub.close_user(target.user_id, CloseCode.REVOKED, "signed out by an operator")

    async def _disconnect(self, target: ActionTarget, _operator: str) -> None:
        for session in self._hub.of_user(target.user_id):
            if target.session_id in ("", session.session_id):
                session.close(CloseCode.REVOKED, "disconnected by an operator", why="operator", clean=True)
