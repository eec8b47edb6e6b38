"""Figures: how webhooks are doing, for the metrics and the System page."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from datetime import datetime

from models.webhook_batches import BatchSize


class WebhookFigures:
    """What this server knows of webhooks. Only the one that sends them has a backlog."""

    def __init__(self) -> None:
        self.is_sending = False
        """Whether this is the server that sends."""
        self.attempts: Counter[str] = Counter()
        """Attempts by result: `received`, `failed`."""
        self.events_sent = 0
        """Events that the receiver has."""
        self.set_aside = 0
        """Batches that were set aside since the start."""
        self.comparisons = 0
        """How often what is was compared with what was told."""
        self.backlog = 0
        """Events that wait in the store."""
        self._waiting: deque[BatchSize] = deque()

    @property
    def oldest_at(self) -> datetime | None:
        """When the oldest batch that waits was stored."""
        return self._waiting[0].at if self._waiting else None

    @property
    def newest_id(self) -> str:
        """The id of the newest batch that waits, or ""."""
        return self._waiting[-1].batch_id if self._waiting else ""

    def oldest_seconds(self, now: datetime) -> float:
        """For how long the oldest batch has been waiting."""
        return max(0.0, (now - self.oldest_at).total_seconds()) if self.oldest_at else 0.0

    def begin(self, waiting: Iterable[BatchSize]) -> None:
        """This server sends from now on. These batches wait."""
        self.is_sending = True
        self._waiting = deque(waiting)
        self.backlog = sum(each.count for each in self._waiting)

    def end(self) -> None:
        """Another server sends now."""
        self.is_sending = False
        self._waiting.clear()
        self.backlog = 0

    def stored(self, batch: BatchSize) -> None:
        """A batch waits from now on."""
        self._waiting.append(batch)
        self.backlog += batch.count

    def done(self, up_to: str) -> None:
        """The batches up to this id wait no more."""
        while self._waiting and self._waiting[0].batch_id <= up_to:
            self.backlog -= self._waiting.popleft().count
