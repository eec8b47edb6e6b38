"""Checkpointer: writes checkpoints, and notes up to when everything that happened is in the store."""

from __future__ import annotations

from datetime import datetime

from models.checkpoints import Checkpoint, Checkpoints, checkpoint_id
from models.recorded_spans import RecordedSpans, Span
from realtime.core import Core
from realtime.dashboard.capture import Capture, capture
from settings import Settings

EVENTS_BETWEEN = 5_000
"""After so many events, or more if there are many users, another checkpoint keeps it quick to show the past."""

CHECK_SECONDS = 1.0
"""How often the server looks whether a checkpoint is due."""


class Checkpointer:
    """What one server writes: a checkpoint at its start and its stop, and each hour if it is the first of several.

    Its first checkpoint begins a span. While every event is saved, the span goes on.
    """

    def __init__(
        self, settings: Settings, core: Core, checkpoints: Checkpoints, spans: RecordedSpans, server: str, name: str
    ) -> None:
        self._core = core
        self._checkpoints = checkpoints
        self._spans = spans
        self._server = server
        self._name = name
        self._most_events = min(EVENTS_BETWEEN, max(1, settings.events_limit // 10))
        self._start: tuple[Capture, int] | None = None
        """What a span is to begin with, and how many events had been lost by then."""
        self._span: Span | None = None
        self._spans_begun = 0
        self._wants_another = False
        self._hour: datetime | None = None
        """The hour of the last checkpoint."""
        self._noted = 0
        """How many events there had been at the last checkpoint."""
        self._given_up = 0
        """How many events had been lost before the span began."""

    def start(self) -> None:
        """Capture everything before anybody can connect. It is written soon after."""
        self._start = self._capture(), self._core.event_log.given_up

    def want(self) -> None:
        """Another server has gone, perhaps with events that it had not saved. What is in memory counts from here."""
        self._wants_another = True

    async def tick(self) -> None:
        """Write a checkpoint if one is due. Raises StoreUnavailable, and then it is tried again."""
        if self._span is None:
            await self._begin()
        elif self._core.is_first and self._is_due():
            await self._write(self._capture())

    async def saved(self) -> None:
        """All events so far are saved. Raises StoreUnavailable."""
        span, now = self._span, self._core.environment.clock.utc()
        if span is None:
            return
        if self._core.event_log.given_up == self._given_up:
            await self._spans.extend(span.span_id, now)
        else:
            self._span = None  # the next tick begins another
            await self._spans.end(span.span_id, "lost")

    async def stop(self) -> None:
        """The server stops, and all events are saved. Raises StoreUnavailable."""
        if self._span is None:
            await self._begin()
        captured = self._capture()
        if self._span is not None and self._core.event_log.given_up == self._given_up:
            await self._spans.extend(self._span.span_id, captured.at, "stopped")
            await self._write(captured)

    def _capture(self) -> Capture:
        core = self._core
        return capture(core.registry, core.switchboard.ongoing, core.event_log, core.environment.clock)

    def _is_due(self) -> bool:
        events = self._core.event_log.noted - self._noted
        # With many users, a checkpoint costs more than some thousand events.
        is_many = events >= max(self._most_events, len(self._core.registry) // 2)
        return self._wants_another or is_many or _hour(self._core.environment.clock.utc()) != self._hour

    async def _begin(self) -> None:
        given_up = self._core.event_log.given_up
        if self._start is None or self._start[1] != given_up:
            self._start = self._capture(), given_up
        captured, _ = self._start
        await self._write(captured)
        self._spans_begun += 1
        span_id = f"{self._server}-{self._spans_begun}"
        span = Span(span_id, self._server, self._name, captured.at, captured.at)
        await self._spans.begin(span)
        self._start, self._span, self._given_up = None, span, given_up

    async def _write(self, captured: Capture) -> None:
        noted, self._wants_another = self._core.event_log.noted, False
        checkpoint = Checkpoint(
            checkpoint_id(captured.at, self._server), captured.at, captured.reached, captured.newest_user
        )
        await self._checkpoints.add(checkpoint, captured.parts())
        self._hour, self._noted = _hour(captured.at), noted


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)
