"""Outbox: stores events for sending, in batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec
import structlog

from models.stores import Stores
from models.webhook_batches import BatchSize, StoredBatch, batch_id
from models.webhook_told import ToldNews
from operation.webhooks.comparison import Comparison
from operation.webhooks.lease import WebhookLease
from realtime.clock import Environment
from realtime.webhooks.batch import batch_of, news_of
from realtime.webhooks.event import IssueData, WebhookEvent
from realtime.webhooks.parts import WebhookParts
from settings import Settings

_log = structlog.stdlib.get_logger("rollcall.webhooks")


BATCHES_AT_ONCE = 10
"""Batches that are stored together, so that a busy server waits less often for the disk."""


@dataclass(frozen=True)
class _Adding:
    """Batches on their way to the store."""

    batches: Sequence[StoredBatch]
    news: ToldNews
    recorded: Sequence[WebhookEvent]
    """The events in them that the recorder has."""


class Outbox:
    """Takes events from the recorder to the store.

    Some batches are stored first, then they are noted as told, and only then they may be sent. Each step can be
    repeated. So a server that is killed at any point leaves only its last few batches that may not be noted yet.
    """

    def __init__(
        self, settings: Settings, environment: Environment, parts: WebhookParts, stores: Stores, lease: WebhookLease
    ) -> None:
        self._batch_events = settings.webhook_batch_events
        self._backlog_limit = settings.webhook_backlog_events
        self._clock = environment.clock
        self._new_id = environment.new_id
        self._recorder = parts.recorder
        self._issue_news = parts.issue_news
        self._figures = parts.figures
        self._batches = stores.webhook_batches
        self._told = stores.webhook_told
        self._lease = lease
        self._comparison = Comparison(
            parts.differences, stores.webhook_told, stores.users, stores.calls, self._put_differences, self._keep
        )  # fmt: skip
        self._compare_at: float | None = None
        """When to compare again, in steady time."""
        self._is_behind = True
        """Whether a comparison has to begin, or to begin anew."""
        self._fence = 0
        """The fence with which this server has taken over."""
        self._number = 0
        self._adding: _Adding | None = None
        self.ready = ""
        """The last batch that may be sent."""
        self.is_cut_off: Callable[[], bool] = bool
        """Whether this server does not learn what happens, while others do."""
        self.on_ready: Callable[[], object] = _ignore
        """Called when there is another one."""

    def compare_in(self, seconds: float) -> None:
        """Compare after some time, unless that is due earlier anyway."""
        at = self._clock.now() + seconds
        self._compare_at = at if self._compare_at is None else min(at, self._compare_at)

    async def take(self) -> bool:
        """Take the lease unless another server has it. Returns whether this server has it. Raises StoreUnavailable."""
        if self.is_cut_off():
            await self._lease.release()
            self._give_up()
            return False
        if not self._lease.is_held:
            self._give_up()
            if not await self._lease.acquire(self._clock.utc()):
                return False
        if self._fence != self._lease.cursor.fence:
            return await self._take_over()
        return True

    async def step(self) -> None:
        """Store what has happened, if this server has the lease. Raises StoreUnavailable."""
        if not (await self.take() and await self._keep() and await self._finish()):
            return
        if self._must_compare and not await self._compare():
            return
        await self._store_recorded()

    async def flush(self) -> None:
        """Before the server stops: store what it has recorded. A comparison is left to the next start.

        Raises StoreUnavailable.
        """
        if self._lease.is_held and self._fence == self._lease.cursor.fence and await self._finish():
            await self._store_recorded()

    async def _store_recorded(self) -> None:
        while events := self._recorder.first(self._room):
            if not await self._put(events, events):
                return

    async def _take_over(self) -> bool:
        """Go on where the server before stopped: it may have died before it had noted its last batch as told.

        Returns whether this server still has the lease.
        """
        cursor, last_event_id = self._lease.cursor, self._lease.cursor.last_event_id
        await self._batches.forget(cursor.sent)
        for batch in await self._batches.newest(BATCHES_AT_ONCE):
            await self._told.note(batch.batch_id, msgspec.json.decode(batch.told, type=ToldNews))
            last_event_id = max(last_event_id, batch.last_event_id)
        self._figures.begin(await self._batches.sizes(cursor.sent))
        self._number, self.ready = 0, self._figures.newest_id
        self._recorder.begin_telling(last_event_id)
        self._is_behind = True
        if not cursor.has_baseline:
            utc = self._clock.utc()
            if not await self._comparison.begin_from_now(utc):
                return False
            await self._lease.renew(has_baseline=True, complete_at=utc)
        self._fence = cursor.fence
        _log.info("this server sends webhooks", waiting=self._figures.backlog)
        self.on_ready()
        return True

    def _give_up(self) -> None:
        """Another server has taken the cursor, or may do so."""
        self._adding, self.ready = None, ""
        self._recorder.stop_telling()
        self._issue_news.stop()
        self._figures.end()
        self._lease.lose()

    async def _keep(self) -> bool:
        """Renew the lease if it is time. False if it is lost."""
        if not self._lease.is_due:
            return self._lease.is_held
        return await self._lease.renew(complete_at=self._complete_at)

    @property
    def _complete_at(self) -> object:
        """The moment before which everything is stored."""
        if self._is_behind or self._recorder.must_compare or self._compare_at is not None:
            return self._lease.cursor.complete_at
        waiting = self._recorder.first(1)
        return waiting[0].timestamp if waiting else self._clock.utc()

    @property
    def _room(self) -> int:
        """How many events may be stored at once. A backlog that is nearly full waits for the room of a batch."""
        room = self._backlog_limit - self._figures.backlog
        return min(room, BATCHES_AT_ONCE * self._batch_events) if room >= self._batch_events else 0

    @property
    def _must_compare(self) -> bool:
        """Whether it is time to compare. After a full backlog, half of it must have been sent first."""
        is_due = self._compare_at is not None and self._clock.now() >= self._compare_at
        is_behind = self._is_behind or is_due or self._recorder.must_compare
        return is_behind and 2 * self._figures.backlog <= self._backlog_limit

    async def _compare(self) -> bool:
        if self._compare_at is not None and self._clock.now() >= self._compare_at:
            self._compare_at = None
        self._is_behind = True
        self._figures.comparisons += 1
        if not self._issue_news.is_telling:
            told = await self._told.issues()
            self._issue_news.begin(msgspec.json.decode(each, type=IssueData) for each in told)
        if not await self._comparison.run(self._lease.cursor.complete_at):
            return False
        self._is_behind = False
        return await self._lease.renew(complete_at=self._complete_at)

    async def _put_differences(self, events: Sequence[WebhookEvent]) -> bool:
        """Store what a comparison has found. False if there is no room, or the lease is lost."""
        while events:
            room = self._room
            if not room or not await self._put(events[:room], ()):
                return False
            events = events[room:]
        return await self._keep()

    async def _put(self, events: Sequence[WebhookEvent], recorded: Sequence[WebhookEvent]) -> bool:
        """Store some batches. False if the lease is lost. Raises StoreUnavailable; then `_finish` goes on."""
        size = self._batch_events
        batches = [
            self._batch(events[start : start + size], is_recorded=bool(recorded))
            for start in range(0, len(events), size)
        ]
        self._adding = _Adding(batches, news_of(events), recorded)
        return await self._finish()

    def _batch(self, events: Sequence[WebhookEvent], *, is_recorded: bool) -> StoredBatch:
        content = batch_of(events, self._clock.utc(), is_recorded=is_recorded)
        self._number += 1
        return StoredBatch(
            batch_id=batch_id(self._lease.cursor.fence, self._number),
            webhook_id=f"msg_{self._new_id()}",
            **msgspec.structs.asdict(content),
        )

    async def _finish(self) -> bool:
        """Carry out what is missing of storing some batches. False if the lease is lost."""
        adding = self._adding
        if adding is None:
            return True
        last = adding.batches[-1]
        await self._batches.add_many(adding.batches)
        # If another server has taken over, it may have read the batches before these were there.
        fields = {"last_event_id": last.last_event_id} if last.last_event_id else {}
        if not await self._lease.renew(**fields):
            return False
        await self._told.note(last.batch_id, adding.news)
        self._adding = None
        self._recorder.stored(adding.recorded)
        for batch in adding.batches:
            self._figures.stored(BatchSize(batch.batch_id, batch.count, batch.at))
        self.ready = last.batch_id
        self.on_ready()
        return True


def _ignore() -> None:
    """Nobody sends."""
