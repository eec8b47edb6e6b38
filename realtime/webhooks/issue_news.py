"""Issue news: notes for webhooks which issues began, were acknowledged, and ended."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from models.direction import plain
from models.times import from_milliseconds
from realtime.clock import Clock
from realtime.dashboard.event_text import explanation_in_words
from realtime.dashboard.rows import Issue
from realtime.presence.registry import Registry
from realtime.webhooks.event import AcknowledgedData, IssueData, user_ref
from realtime.webhooks.recorder import Recorder

UNSEEN_SECONDS = 60.0
"""How long an issue that was told of may take to be found again after a start."""


class IssueNews:
    """Compares the issues that there are with those that were told of.

    Only the server that tells does so. It takes over what the one before it has told.
    """

    def __init__(
        self,
        registry: Registry,
        clock: Clock,
        recorder: Recorder,
        new_id: Callable[[], str],
        issues: Callable[[], list[Issue]],
        about: Callable[[Issue], tuple[int, ...]],
    ) -> None:
        self._registry = registry
        self._clock = clock
        self._recorder = recorder
        self._new_id = new_id
        self._issues = issues
        self._about = about
        self._told: dict[str, IssueData] | None = None
        """What was told of each issue that has not ended; None if this server does not tell."""
        self._seen: set[str] = set()
        """The issues that were found since this server tells."""
        self._begun_at = 0.0

    @property
    def is_telling(self) -> bool:
        """Whether what was told is known."""
        return self._told is not None

    def begin(self, told: Iterable[IssueData]) -> None:
        """This server tells from now on. `told` is what was told of issues that have not ended since."""
        self._told = {each.key: each for each in told}
        self._seen.clear()
        self._begun_at = self._clock.now()

    def stop(self) -> None:
        """Another server tells now, or events were dropped."""
        self._told = None

    def review(self) -> None:
        """Note what has changed since the last call. Called whenever the issues were found anew."""
        if not self._recorder.is_telling or self._recorder.has_lost:
            self.stop()
        if self._told is None:
            return
        found = {issue.key: issue for issue in self._issues()}
        self._seen |= found.keys()
        for issue in found.values():
            self._compare(issue, self._told)
        is_patient = self._clock.now() - self._begun_at < UNSEEN_SECONDS
        for key in [each for each in self._told if each not in found]:
            if key in self._seen or not is_patient:
                self._recorder.issue_changed("attention.ended", self._told.pop(key), self._new_id()[:8])
                self._seen.discard(key)

    def _compare(self, issue: Issue, told: dict[str, IssueData]) -> None:
        known, acknowledged = told.get(issue.key), _acknowledged(issue)
        if known is None:
            told[issue.key] = self._data(issue)
            self._recorder.issue_changed("attention.started", told[issue.key], self._new_id()[:8])
        elif known.acknowledged != acknowledged:
            told[issue.key] = msgspec.structs.replace(known, acknowledged=acknowledged)
            self._recorder.issue_changed("attention.acknowledged", told[issue.key], self._new_id()[:8])

    def _data(self, issue: Issue) -> IssueData:
        now = self._clock.utc()
        return IssueData(
            key=issue.key,
            kind=issue.kind,
            text=plain("; ".join(explanation_in_words(each, now) for each in (issue.because, *issue.also))),
            since=from_milliseconds(issue.since),
            users=[user_ref(self._registry, user_id) for user_id in self._about(issue)],
            call_id=issue.call_id or msgspec.UNSET,
            acknowledged=_acknowledged(issue),
        )


def _acknowledged(issue: Issue) -> AcknowledgedData | msgspec.UnsetType:
    found = issue.acknowledged
    return AcknowledgedData(found.operator, from_milliseconds(found.until)) if found else msgspec.UNSET
