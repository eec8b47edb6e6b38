"""Confirmations: what the dialog says about an action on one target or on many, before it is carried out."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import msgspec

from handlers.admin.formatting import MINUTE_MS
from models.direction import in_sentence
from models.errors import Conflict, NotFound
from realtime.dashboard.action_previews import ActionPreview, ActionTarget, counted
from realtime.dashboard.actions import Actions
from realtime.dashboard.event_text import duration_with_units
from realtime.dashboard.overview import Overview
from realtime.dashboard.rows import ACTION_LABELS, ActionName

EFFECTS: dict[ActionName, str] = {
    "force_offline": "They are shown as offline to everyone until their next heartbeat.",
    "disconnect": "Their connections are closed. Their apps stay disconnected until they are reopened.",
    "sign_out": "They are signed out everywhere, and have to sign in again on every device.",
    "clear_busy": "The busy status set by hand is cleared.",
    "end_call": "The calls end for both participants, and both are notified.",
    "add_tag": "They will have the tag “{tag}”.",
    "remove_tag": "They will no longer have the tag “{tag}”.",
}
"""The effect of an action on several targets."""

ON_A_CALL: dict[ActionName, tuple[str, str]] = {
    "force_offline": (
        "{who} on a call: for them, this waits until the call ends.",
        "{who} on a call: their calls are ended now.",
    ),
    "clear_busy": (
        "{who} on a call: for them, this waits until the call ends.",
        "{who} on a call: they stay busy until it ends.",
    ),
    "disconnect": ("{who} on a call, which is dropped if they are not back in time.", ""),
    "sign_out": ("{who} on a call, which is dropped if they are not back in time.", ""),
}
"""What is added about those who are on a call. If the action can wait for its end: if it waits, and if it does not."""


class Unchanged(msgspec.Struct, frozen=True):
    """One of several targets for which the action would change nothing, and why."""

    target: str
    """The id of the user or call."""
    name: str
    reason: str


class Confirmation(msgspec.Struct, frozen=True, omit_defaults=True):
    """The contents of the dialog."""

    title: str
    effect: str
    hits: list[str]
    waits: bool
    request_id: str
    count: int
    names: list[str] = []
    """The users or calls whom it affects, if there are several."""
    ids: list[str] = []
    """Their ids, so that nothing is asked for the others."""
    unchanged: list[Unchanged] = []
    """The others."""
    effect_now: str = ""
    """If `waits`: the effect if the operator does not want to wait."""
    hits_now: list[str] = []
    """Those of `hits` that it affects only in this case."""


class Confirmations:
    """Describes actions without carrying them out."""

    def __init__(self, actions: Actions, overview: Overview) -> None:
        self._actions = actions
        self._overview = overview

    def make(self, action: ActionName, targets: tuple[ActionTarget, ...], request_id: str) -> Confirmation:
        """Describe an action. Raises NotFound, and Conflict if the action would change nothing."""
        if len(targets) == 1:
            preview = self._actions.preview(action, targets[0])
            return Confirmation(
                preview.title,
                self._length_of(targets[0]) + preview.effect,
                preview.hits,
                preview.waits,
                request_id,
                1,
                effect_now=preview.effect_now,
                hits_now=list(preview.hits_now),
            )
        previews, unchanged = self._sort_out(action, targets)
        if not previews:
            raise Conflict("NOTHING_TO_DO", "This would change nothing for any of these users.")
        effect = EFFECTS[action].format(tag=in_sentence(targets[0].tag))
        later, now = (self._on_a_call(each, previews) for each in ON_A_CALL.get(action, ("", "")))
        waits = any(preview.waits for preview in previews.values())
        hits = self._hits(action, previews)
        return Confirmation(
            f"{ACTION_LABELS[action]}: {counted(len(previews), 'call' if action == 'end_call' else 'user')}",
            effect + later,
            hits,
            waits,
            request_id,
            len(previews),
            [self._name(target) for target in previews],
            [_id(target) for target in previews],
            unchanged,
            effect + now if waits else "",
            [each for each in hits if "call" in each] if waits else [],
        )

    def why_unchanged(self, action: ActionName, target: ActionTarget) -> str:
        """Why an action would change nothing. Empty if it would change something by now."""
        try:
            self._actions.preview(action, target)
        except (NotFound, Conflict) as error:
            return error.message
        return ""

    def tags(self) -> list[str]:
        """All tags that any user has."""
        return list(self._overview.tag_counts())

    def tags_of(self, user_id: int) -> tuple[str, ...]:
        """The tags of a user. Raises NotFound."""
        return self._overview.row(user_id).tags

    def _length_of(self, target: ActionTarget) -> str:
        """How long the call has lasted that is to be ended: in minutes, since the sentence does not change any more."""
        call = next((each for each in self._overview.calls() if each.call_id == target.call_id), None)
        if call is None:
            return ""
        lasted = self._overview.now - call.started_at
        if lasted < MINUTE_MS:
            return f"The {call.call_type} call began less than a minute ago. "
        return f"The {call.call_type} call has lasted {duration_with_units(lasted - lasted % MINUTE_MS)} so far. "

    def _on_a_call(self, words: str, targets: Collection[ActionTarget]) -> str:
        number = sum(bool(self._overview.row(target.user_id).call_id) for target in targets) if words else 0
        who = "All of them are" if number == len(targets) else f"{number} of them {'is' if number == 1 else 'are'}"
        return f" {words.format(who=who)}" if number else ""

    def _name(self, target: ActionTarget) -> str:
        if not target.call_id:
            return self._overview.name(target.user_id)
        call = next((each for each in self._overview.calls() if each.call_id == target.call_id), None)
        return f"{in_sentence(call.caller_name)} and {in_sentence(call.callee_name)}" if call else target.call_id

    def _sort_out(
        self, action: ActionName, targets: tuple[ActionTarget, ...]
    ) -> tuple[dict[ActionTarget, ActionPreview], list[Unchanged]]:
        """The previews for those whom the action would change, and the others, each with the reason."""
        previews: dict[ActionTarget, ActionPreview] = {}
        unchanged: list[Unchanged] = []
        for target in targets:
            try:
                previews[target] = self._actions.preview(action, target)
            except (NotFound, Conflict) as error:
                unchanged.append(Unchanged(_id(target), self._name(target), error.message))
        return previews, unchanged

    def _hits(self, action: ActionName, targets: Iterable[ActionTarget]) -> list[str]:
        """The connections and calls that an action on several users affects."""
        if action not in ("force_offline", "disconnect", "sign_out"):
            return []
        rows = [self._overview.row(target.user_id) for target in targets]
        connections = sum(row.sockets for row in rows)
        calls = len({row.call_id for row in rows if row.call_id})
        return [counted(connections, "connection")] * bool(connections) + [counted(calls, "call")] * bool(calls)


def _id(target: ActionTarget) -> str:
    return target.call_id or str(target.user_id)
