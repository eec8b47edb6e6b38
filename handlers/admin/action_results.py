"""Action results: what became of an action, as a whole and for each of its targets."""

from __future__ import annotations

from collections import Counter

import msgspec

from handlers.admin.action_runner import ActionResult
from handlers.admin.flash import FlashOutcome, FlashResult
from models.direction import in_sentence
from realtime.dashboard.rows import ACTION_LABELS, ActionName

STATUS_OF_CODE = {"NOT_FOUND": 404, "STORE_UNAVAILABLE": 503}
"""The HTTP status if the only target was refused, by code. For all other codes it is 409."""

DONE: dict[ActionName, str] = {
    "clear_busy": "Busy cleared. {name} is {state}.",
    "end_call": "Call between {name} ended.",
    "disconnect": "{name} was disconnected and is now {state}.",
    "sign_out": "{name} was signed out everywhere and is now {state}.",
}
"""What is said of an action that was carried out, where the state afterwards alone would not be clear."""

ORDER: tuple[FlashOutcome, ...] = ("refused", "waiting", "unchanged", "done")
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


def summary(action: ActionName, results: list[ActionResult], left_out: int = 0) -> str:
    """The outcome as a sentence, such as “Force offline: 3 done, 1 refused.”

    `left_out` is the number of those for whom there was nothing to do.
    """
    label = ACTION_LABELS[action]
    if len(results) == 1 and not left_out:
        result = results[0]
        name = result.name or "a call that was not ongoing"
        if result.outcome == "done" and action == "end_call" and not result.name:
            return "Removed what was left of a call."
        if result.outcome == "done" and action in DONE:
            state = result.message.partition(",")[0]
            return DONE[action].format(name=name if action == "end_call" else in_sentence(name), state=state)
        return f"{label}, {in_sentence(name)}: {result.message.removesuffix('.')}."
    counts = Counter(map(_outcome, results))
    counts["unchanged"] += left_out
    words = {"unchanged": "with nothing to do"}
    return (
        f"{label}: "
        + ", ".join(f"{counts[name]} {words.get(name, name)}" for name in ORDER[::-1] if counts[name])
        + "."
    )


def each_result(results: list[ActionResult], left_out: list[FlashResult]) -> tuple[FlashResult, ...]:
    """The result of each target, with those for whom there was nothing to do."""
    found = [FlashResult(_outcome(result), result.name, result.message) for result in results]
    return tuple(sorted([*found, *left_out], key=lambda each: ORDER.index(each.outcome)))


def _outcome(result: ActionResult) -> FlashOutcome:
    return "unchanged" if result.code == "NOTHING_TO_DO" else result.outcome
