"""Previews: what an action would hit, on one target or on many, in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from models.refusals import Conflict, NotFound
from realtime.actions import Actions
from realtime.overview import Overview
from realtime.plans import Plan, Target
from realtime.rows import ActionName

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


class Preview(msgspec.Struct, frozen=True):
    """What an action would hit, for the dialog."""

    title: str
    effect: str
    hits: list[str]
    waits: bool
    request_id: str
    count: int


class Previews:
    """Looks, and changes nothing."""

    def __init__(self, actions: Actions, overview: Overview) -> None:
        self._actions = actions
        self._overview = overview

    def make(self, action: ActionName, targets: tuple[Target, ...], request_id: str) -> Preview:
        """What the action would hit. Raises NotFound, and Conflict where there is nothing to do."""
        if len(targets) == 1:
            plan = self._actions.plan(action, targets[0])
            return Preview(plan.title, plan.effect, plan.hits, plan.waits, request_id, 1)
        plans = dict(self._plans(action, targets))
        if not plans:
            raise Conflict("NOTHING_TO_DO", "There is nothing to do for any of them")
        left_out = len(targets) - len(plans)
        return Preview(
            f"{VERBS[action]}: {_counted(len(plans), 'call' if action == 'end_call' else 'user')}",
            EFFECTS[action],
            self._hits(action, plans) + [f"nothing to do for {left_out} of them"] * bool(left_out),
            any(plan.waits for plan in plans.values()),
            request_id,
            len(plans),
        )

    def _plans(self, action: ActionName, targets: tuple[Target, ...]) -> Iterator[tuple[Target, Plan]]:
        for target in targets:
            try:
                yield target, self._actions.plan(action, target)
            except (NotFound, Conflict):
                continue  # of several, those that have changed meanwhile are left out

    def _hits(self, action: ActionName, targets: Iterable[Target]) -> list[str]:
        """What several come to."""
        if action not in ("force_offline", "disconnect", "sign_out"):
            return []
        rows = [self._overview.row(target.user_id) for target in targets]
        sockets = sum(row.sockets for row in rows)
        calls = len({row.call_id for row in rows if row.call_id}) if action == "force_offline" else 0
        return [_counted(sockets, "socket")] * bool(sockets) + [_counted(calls, "call")] * bool(calls)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
