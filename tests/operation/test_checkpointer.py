"""Checkpointer: writes checkpoints in time, and claims no more than is saved."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import cast

import msgspec
import pytest

from models.checkpoints import Checkpoint, Checkpoints, PartRows
from models.errors import StoreUnavailable
from models.recorded_spans import RecordedSpans, Span, SpanEnd
from operation.checkpointer import Checkpointer
from realtime.dashboard import event_log
from tests.realtime.world import World


class FakeCheckpoints:
    """Keeps checkpoints in memory, unless the store is down."""

    def __init__(self) -> None:
        self.is_down = False
        self.added: list[tuple[Checkpoint, list[PartRows]]] = []

    async def add(self, checkpoint: Checkpoint, parts: Iterable[PartRows]) -> None:
        if self.is_down:
            raise StoreUnavailable("down")
        self.added.append((checkpoint, list(parts)))

    @property
    def times(self) -> list[datetime]:
        return [checkpoint.at for checkpoint, _ in self.added]

    def states(self) -> dict[int, str]:
        """Return the states in the last checkpoint."""
        return {user.user_id: user.state for kind, rows in self.added[-1][1] if kind == "users" for user in rows}


class FakeSpans:
    """Keeps spans in memory."""

    def __init__(self) -> None:
        self.spans: dict[str, Span] = {}

    async def begin(self, span: Span) -> None:
        self.spans[span.span_id] = span

    async def extend(self, span_id: str, until: datetime, ended: SpanEnd = "") -> None:
        self.spans[span_id] = msgspec.structs.replace(self.spans[span_id], until=until, ended=ended)

    async def end(self, span_id: str, ended: SpanEnd) -> None:
        self.spans[span_id] = msgspec.structs.replace(self.spans[span_id], ended=ended)


class Kept:
    """A server whose checkpoints are kept in memory."""

    def __init__(self) -> None:
        self.world = World(3)
        self.checkpoints = FakeCheckpoints()
        self.spans = FakeSpans()
        self.checkpointer = Checkpointer(
            self.world.settings,
            self.world.core,
            cast("Checkpoints", self.checkpoints),
            cast("RecordedSpans", self.spans),
            "server",
            "node-1",
        )

    @property
    def now(self) -> datetime:
        return self.world.core.environment.clock.utc()

    @property
    def span(self) -> Span:
        return list(self.spans.spans.values())[-1]

    def tick(self) -> None:
        self.world.run(self.checkpointer.tick())

    def saved(self) -> None:
        log = self.world.core.event_log
        log.saved(log.unsaved(1000))
        self.world.run(self.checkpointer.saved())

    def begin(self) -> None:
        self.checkpointer.start()
        self.tick()


@pytest.fixture
def kept() -> Iterator[Kept]:
    made = Kept()
    yield made
    made.world.close()


def test_the_first_checkpoint_is_of_the_start_and_begins_a_span(kept: Kept) -> None:
    began = kept.now
    kept.checkpointer.start()
    kept.world.connect(1)
    kept.world.advance(2)
    kept.tick()
    assert kept.checkpoints.times == [began]
    assert kept.checkpoints.states() == {1: "offline", 2: "offline", 3: "offline"}
    assert kept.span == Span("server-1", "server", "node-1", began, began)


def test_a_start_that_could_not_be_written_is_written_later(kept: Kept) -> None:
    began = kept.now
    kept.checkpointer.start()
    kept.checkpoints.is_down = True
    with pytest.raises(StoreUnavailable):
        kept.tick()
    kept.saved()
    assert kept.spans.spans == {}
    kept.checkpoints.is_down = False
    kept.world.advance(5)
    kept.tick()
    assert (kept.checkpoints.times, kept.span.began_at) == ([began], began)


def test_there_is_one_each_hour(kept: Kept) -> None:
    kept.begin()
    kept.world.time.jumped = timedelta(minutes=30)
    kept.tick()
    assert len(kept.checkpoints.added) == 1
    kept.world.time.jumped = timedelta(minutes=60)
    for _ in range(2):
        kept.tick()
    assert len(kept.checkpoints.added) == 2


def test_there_is_one_after_many_events(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept.checkpointer, "_most_events", 2)
    kept.begin()
    kept.world.connect(1)
    kept.tick()
    assert len(kept.checkpoints.added) == 1
    kept.world.connect(2)
    for _ in range(2):
        kept.tick()
    assert len(kept.checkpoints.added) == 2
    assert kept.checkpoints.states() == {1: "available", 2: "available", 3: "offline"}


def test_there_is_one_when_another_server_is_gone(kept: Kept) -> None:
    kept.begin()
    kept.checkpointer.want()
    for _ in range(2):
        kept.tick()
    assert len(kept.checkpoints.added) == 2


def test_the_span_is_extended_whenever_all_is_saved(kept: Kept) -> None:
    kept.begin()
    for _ in range(2):
        kept.world.advance(1)
        kept.saved()
        assert kept.span.until == kept.now


def test_lost_events_end_the_span_and_another_begins(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    kept.begin()
    kept.saved()
    known = kept.span.until
    kept.world.advance(1)
    monkeypatch.setattr(event_log, "UNSAVED_EVENTS", 0)
    kept.world.connect(1)
    kept.saved()
    assert (kept.span.until, kept.span.ended) == (known, "lost")
    kept.world.advance(1)
    kept.saved()
    kept.tick()
    assert list(kept.spans.spans) == ["server-1", "server-2"]
    assert (kept.span.began_at, kept.span.ended) == (kept.now, "")
    assert kept.checkpoints.states()[1] == "available"


def test_a_server_that_stops_says_so(kept: Kept) -> None:
    kept.begin()
    kept.world.connect(1)
    kept.world.advance(1)
    kept.world.run(kept.checkpointer.stop())
    assert (kept.span.until, kept.span.ended) == (kept.now, "stopped")
    assert kept.checkpoints.states()[1] == "available"


def test_a_server_that_stops_at_once_has_written_its_start(kept: Kept) -> None:
    began = kept.now
    kept.checkpointer.start()
    kept.world.advance(0.5)
    kept.world.run(kept.checkpointer.stop())
    assert kept.checkpoints.times == [began, kept.now]
    assert (kept.span.began_at, kept.span.ended) == (began, "stopped")


def test_a_server_that_stops_after_a_loss_claims_nothing(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    kept.begin()
    monkeypatch.setattr(event_log, "UNSAVED_EVENTS", 0)
    kept.world.connect(1)
    kept.world.run(kept.checkpointer.stop())
    assert kept.span.ended == ""
    assert len(kept.checkpoints.added) == 1
