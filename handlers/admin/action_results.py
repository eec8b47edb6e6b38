"""Action results: what became of an action, as a whole and for each of its targets."""

from __future__ import annotations

import msgspec

from handlers.admin.action_runner import ActionResult
from handlers.admin.flash import FlashResult
from models.direction import in_sentence
from realtime.dashboard.rows import ACTION_LABELS, ActionName

STATUS_OF_CODE = {"NOT_FOUND": 404, "STORE_UNAVAILABLE": 503}
"""The HTTP status if the only target was refused, by code. For all other codes it is 409."""

DONE: dict[ActionName, str] = {
    "clear_busy": "Busy cleared. {name} is {state}.",
    "end_call": "Call between {name} ended.",
    "disconnect": "{name} disconnected, and now {state}.",
    "sign_out": "{name} signed out everywhere, and now {state}.",
}
"""What is said of an action that was carried out, where the state afterwards alone would not be clear."""

ORDER = ("refused", "waiting", "unchanged", "done")
"""What needs the operator's attention comes first."""


class Done(msgspec.Struct, frozen=True):
    """The outcome of an action."""

    outcome: str
    message: str
    results: list[ActionResult]


def furthest(results: list[ActionResult]) -> str:
    """The outcome of the target that got furthest."""
    outcomes = {result.outcome for result in results}
    return next(each for each in ("waiting", "done", "refused") if each in outcomes)


def summary(action: ActionName, results: list[ActionResult]) -> str:
    """The outcome as a sentence, such as “Force offline: 3 done, 1 refused.”"""
    label = ACTION_LABELS[action]
    if len(results) == 1:
        result = results[0]
        name = result.name or "a call that was not ongoing"
        if result.outcome == "done" and action == "end_call" and not result.name:
            return "Removed what was left of a call."
        if result.outcome == "done" and action in DONE:
            state = result.message.partition(",")[0]
            return DONE[action].format(name=name if action == "end_call" else in_sentence(name), state=state)
        return f"{label}, {in_sentence(name)}: {result.message.removesuffix('.')}."
    counts = [(name, sum(result.outcome == name for result in results)) for name in ("done", "waiting", "refused")]
    return f"{label}: " + ", ".join(f"{count} {name}" for name, count in counts if count) + "."


def each_result(results: list[ActionResult], left_out: list[str]) -> tuple[FlashResult, ...]:
    """The result of each target. `left_out` are the names of those for whom there was nothing to do."""
    found = [
        FlashResult("unchanged" if result.code == "NOTHING_TO_DO" else result.outcome, result.name, result.message)
        for result in results
    ]
    found += [FlashResult("unchanged", name) for name in left_out]
    return tuple(sorted(found, key=lambda each: ORDER.index(each.outcome)))
