"""Open issues: what is wrong now, as operators see it: each fault once, with the operator who deals with it."""

from __future__ import annotations

from collections import defaultdict

import msgspec

from models.times import milliseconds
from realtime.clock import Clock
from realtime.dashboard.acknowledgements import Acknowledgements
from realtime.dashboard.rows import Explanation, Issue, IssueKind, OnIt
from settings import Settings

FAULTS_OF_CALL: tuple[IssueKind, ...] = ("two_calls", "call_with_offline", "long_call")
"""What can be wrong with one call at the same time, the worst first."""


class OpenIssues:
    """Makes issues of the faults that were found. An issue that is still there keeps its beginning."""

    def __init__(self, settings: Settings, clock: Clock, acknowledgements: Acknowledgements) -> None:
        self._due_seconds = due_seconds(settings)
        self._clock = clock
        self._acknowledgements = acknowledgements
        self._known: dict[str, Issue] = {}
        self._not_due: dict[str, Issue] = {}
        """What has been wrong for less time than it needs to be an issue."""
        self._keys: dict[str, tuple[str, ...]] = {}
        """The keys of the faults that an issue covers, by its own key, if there are several."""
        self.issues: list[Issue] = []
        """Those that nobody has acknowledged first, and the oldest of them first.

        A new list whenever something in it has changed.
        """

    def find(self, key: str) -> Issue | None:
        """The issue with this key, if there is one."""
        return self._known.get(key)

    def keys(self, issue: Issue) -> tuple[str, ...]:
        """The keys under which an issue is acknowledged: one for each fault that it covers."""
        return self._keys.get(issue.key, (issue.key,))

    def as_known(self, fault: Issue) -> Issue:
        """A fault that is already known keeps its beginning, even if it would be computed differently now."""
        known = self._known.get(fault.key) or self._not_due.get(fault.key)
        return msgspec.structs.replace(fault, since=known.since) if known else fault

    def take(self, faults: dict[str, Issue]) -> bool:
        """Replace the issues by those that follow from these faults, by their keys. Returns whether any changed."""
        due = self._due(faults)
        self._acknowledgements.review(due)
        known = {key: self._with_acknowledgement(each) for key, each in self._merged(due).items()}
        is_changed = known != self._known
        if is_changed:
            self._known = known
            self.issues = sorted(known.values(), key=lambda each: (each.acknowledged is not None, each.since, each.key))
        return is_changed

    def _due(self, faults: dict[str, Issue]) -> dict[str, Issue]:
        """What has been wrong for long enough."""
        now = milliseconds(self._clock.utc())
        due = {key: each for key, each in faults.items() if now - each.since >= 1000 * self._due_seconds[each.kind]}
        self._not_due = {key: each for key, each in faults.items() if key not in due}
        return due

    def _merged(self, faults: dict[str, Issue]) -> dict[str, Issue]:
        """Several faults of one call are one issue, called after the worst: one repair ends them all."""
        of_call: defaultdict[str, list[Issue]] = defaultdict(list)
        for each in faults.values():
            if each.kind in FAULTS_OF_CALL:
                of_call[each.call_id].append(each)
        merged, self._keys = dict(faults), {}
        for together in of_call.values():
            first, *others = sorted(together, key=lambda each: FAULTS_OF_CALL.index(each.kind))
            others = [each for each in others if each.kind != first.kind]
            for each in others:
                del merged[each.key]
            if others:
                merged[first.key] = _with(first, others)
                self._keys[first.key] = (first.key, *(each.key for each in others))
        return merged

    def _with_acknowledgement(self, issue: Issue) -> Issue:
        found = self._acknowledgements.of(issue.key)
        on_it = OnIt(found.operator, milliseconds(found.at), milliseconds(found.until)) if found else None
        return msgspec.structs.replace(issue, acknowledged=on_it)


def due_seconds(settings: Settings) -> dict[IssueKind, float]:
    """How long something must be wrong, by its kind. What is long or frequent by its nature is measured by itself."""
    return {
        "busy_without_cause": settings.busy_without_cause_seconds,
        "busy_until_past": settings.busy_until_past_seconds,
        "call_with_offline": settings.offline_in_call_seconds,
        "two_calls": settings.two_calls_seconds,
        "long_call": 0.0,
        "silent_socket": 0.0,
        "flapping": 0.0,
    }


def _with(issue: Issue, others: list[Issue]) -> Issue:
    """An issue that covers other faults of the same call."""
    return msgspec.structs.replace(
        issue,
        since=min(each.since for each in (issue, *others)),
        also=tuple(_within_sentence(each) for each in others),
        also_kinds=tuple(each.kind for each in others),
    )


def _within_sentence(fault: Issue) -> Explanation:
    """What is wrong, where it follows another fault. The others that can follow one begin with a name."""
    because = fault.because
    if fault.kind != "long_call":
        return because
    return msgspec.structs.replace(because, text=because.text[0].lower() + because.text[1:])
