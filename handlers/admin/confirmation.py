"""Confirmations: what the dialog says about an action on one target or on many, before it is carried out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from models.errors import Conflict, NotFound
from realtime.dashboard.action_previews import ActionPreview, ActionTarget, counted
from realtime.dashboard.actions import Actions
from realtime.dashboard.overview import Overview
from realtime.dashboard.rows import ACTION_LABELS, ActionName

EFFECTS: dict[ActionName, str] = {
    "force_offline": "They are shown as offline to everyone until their next heartbeat. Their calls end first.",
    "disconnect": "Their sockets are closed. Their apps stay away until they are opened again.",
    "sign_out": "All their sockets are closed and all their tokens become invalid. They have to sign in again.",
    "clear_busy": "The busy status that they set is removed. Users who are on a call stay busy until it ends.",
    "end_call": "The calls end for both participants, and both are notified.",
}
"""The effect of an action on several targets."""


class Confirmation(msgspec.Struct, frozen=True):
    """The contents of the dialog."""

    title: str
    effect: str
    hits: list[str]
    waits: bool
    request_id: str
    count: int


class Confirmations:
    """Describes actions without carrying them out."""

    def __init__(self, actions: Actions, overview: Overview) -> None:
        self._actions = actions
        self._overview = overview

    def make(self, action: ActionName, targets: tuple[ActionTarget, ...], request_id: str) -> Confirmation:
        """Describe an action. Raises NotFound, and Conflict if the action would change nothing."""
        if len(targets) == 1:
            preview = self._actions.preview(action, targets[0])
            return Confirmation(preview.title, preview.effect, preview.hits, preview.waits, request_id, 1)
        previews = dict(self._previews(action, targets))
        if not previews:
            raise Conflict("NOTHING_TO_DO", "The action would change nothing for any of them.")
        unchanged = len(targets) - len(previews)
        return Confirmation(
            f"{ACTION_LABELS[action]}: {counted(len(previews), 'call' if action == 'end_call' else 'user')}",
            EFFECTS[action],
            self._hits(action, previews) + [f"no change for {unchanged} of them"] * bool(unchanged),
            any(preview.waits for preview in previews.values()),
            request_id,
            len(previews),
        )

    def _previews(
        self, action: ActionName, targets: tuple[ActionTarget, ...]
    ) -> Iterator[tuple[ActionTarget, ActionPreview]]:
        for target in targets:
            try:
                yield target, self._actions.preview(action, target)
            except (NotFound, Conflict):
                continue  # a target that has changed in the meantime is left out

    def _hits(self, action: ActionName, targets: Iterable[ActionTarget]) -> list[str]:
        """The sockets and calls that an action on several users affects."""
        if action not in ("force_offline", "disconnect", "sign_out"):
            return []
        rows = [self._overview.row(target.user_id) for target in targets]
        sockets = sum(row.sockets for row in rows)
        calls = len({row.call_id for row in rows if row.call_id}) if action == "force_offline" else 0
        return [counted(sockets, "socket")] * bool(sockets) + [counted(calls, "call")] * bool(calls)
