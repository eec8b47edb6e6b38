"""Previews: what an action would hit, on one target or on many, in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from models.errors import Conflict, NotFound
from realtime.dashboard.action_previews import ActionPreview, ActionTarget
from realtime.dashboard.actions import Actions
from realtime.dashboard.overview import Overview
from realtime.dashboard.rows import ActionName

VERBS: dict[ActionName, str] = {
    "force_offline": "Force offline",
    "disconnect": "Disconnect",
    "sign_out": "Sign out everywhere",
    "clear_busy": "Clear busy",
    "end_call": "End call",
}
"""As buttons and headings say it."""

EFFECTS: dict[ActionName, str] = {
    "force_offline": "They will be shown as offline to everybody until the next heartbeat. Their calls end first.",
    "disconnect": "Their sockets will be closed. Their apps stay away until they are opened anew.",
    "sign_out": "All their sockets are closed and all their tokens stop working: they have to sign in again.",
    "clear_busy": "Busy set by hand is forgotten; who is on a call stays busy until it ends.",
    "end_call": "The calls end for both parties, and all are told.",
}
"""What an action on several does."""


class Confirmation(msgspec.Struct, frozen=True):
    """What an action would hit, for the dialog."""

    title: str
    effect: str
    hits: list[str]
    waits: bool
    request_id: str
    count: int


class Confirmations:
    """Looks, and changes nothing."""

    def __init__(self, actions: Actions, overview: Overview) -> None:
        self._actions = actions
        self._overview = overview

    def make(self, action: ActionName, targets: tuple[ActionTarget, ...], request_id: str) -> Confirmation:
        """What the action would hit. Raises NotFound, and Conflict where there is nothing to do."""
        if len(targets) == 1:
            preview = self._actions.preview(action, targets[0])
            return Confirmation(preview.title, preview.effect, preview.hits, preview.waits, request_id, 1)
        action_previews = dict(self._action_previews(action, targets))
        if not action_previews:
            raise Conflict("NOTHING_TO_DO", "There is nothing to do for any of them")
        left_out = len(targets) - len(action_previews)
        return Confirmation(
            f"{VERBS[action]}: {_counted(len(action_previews), 'call' if action == 'end_call' else 'user')}",
            EFFECTS[action],
            self._hits(action, action_previews) + [f"nothing to do for {left_out} of them"] * bool(left_out),
            any(preview.waits for preview in action_previews.values()),
            request_id,
            len(action_previews),
        )

    def _action_previews(
        self, action: ActionName, targets: tuple[ActionTarget, ...]
    ) -> Iterator[tuple[ActionTarget, ActionPreview]]:
        for target in targets:
            try:
                yield target, self._actions.preview(action, target)
            except (NotFound, Conflict):
                continue  # of several, those that have changed meanwhile are left out

    def _hits(self, action: ActionName, targets: Iterable[ActionTarget]) -> list[str]:
        """What several come to."""
        if action not in ("force_offline", "disconnect", "sign_out"):
            return []
        rows = [self._overview.row(target.user_id) for target in targets]
        sockets = sum(row.sockets for row in rows)
        calls = len({row.call_id for row in rows if row.call_id}) if action == "force_offline" else 0
        return [_counted(sockets, "socket")] * bool(sockets) + [_counted(calls, "call")] * bool(calls)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
