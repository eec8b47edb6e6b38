"""Parts: builds what records changes for webhooks."""

from __future__ import annotations

from dataclasses import dataclass

from realtime.clock import Environment
from realtime.event_ids import EventIds
from realtime.parts import DashboardParts, Memory, PresenceParts
from realtime.webhooks.differences import Differences
from realtime.webhooks.figures import WebhookFigures
from realtime.webhooks.issue_news import IssueNews
from realtime.webhooks.recorder import Recorder
from settings import Settings


@dataclass(frozen=True)
class WebhookParts:
    """What the server needs to tell others of changes."""

    recorder: Recorder
    differences: Differences
    issue_news: IssueNews
    figures: WebhookFigures


def build_webhooks(
    settings: Settings, environment: Environment, memory: Memory, presence: PresenceParts, board: DashboardParts
) -> WebhookParts | None:
    """Build the parts, and let them hear of every change; None if webhooks are off."""
    if not settings.webhook_url:
        return None
    follower, cluster, clock = presence.follower, presence.cluster, environment.clock

    def entry_id() -> str:
        """The entry that was applied last, or the one up to which the records were read at the start."""
        return "" if cluster is None else follower.entry_id or cluster.position.last_id

    ids = EventIds(clock, environment.new_id()[:6], entry_id)
    recorder = Recorder(settings, memory.registry, memory.changes, clock, ids)
    differences = Differences(
        memory.registry, memory.ongoing, memory.changes, clock, ids, recorder, environment.new_id
    )  # fmt: skip
    follower.status_listeners.append(recorder.status_announced)
    follower.removal_listeners.append(recorder.user_removed)
    follower.call_listeners.append(recorder.call_changed)
    follower.action_listeners.append(recorder.acted)
    issue_news = IssueNews(
        memory.registry, clock, recorder, environment.new_id, lambda: board.issues.found, board.issues.about
    )  # fmt: skip
    board.issues.on_detected = issue_news.review
    return WebhookParts(recorder, differences, issue_news, WebhookFigures())
