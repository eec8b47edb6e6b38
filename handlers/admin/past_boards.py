"""Past boards: reads the board as of a moment from the store, and says when there is none."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from models.checkpoints import Checkpoint
from models.errors import UnusableStore
from models.recorded_spans import Span
from models.stores import Stores
from realtime.core import Core
from realtime.dashboard.past_board import PastBoard

EVENTS_READ = 5000
"""Events that are read in one go. There are seldom more between two checkpoints, so that one query is enough."""

CLOCKS_DIFFER = timedelta(seconds=30)
"""By how much the clocks of servers may differ at most, so that the rest of the events is too late for certain."""

STILL_SAVING = timedelta(seconds=10)
"""A server that runs notes more often than this that all is saved."""

JUST_BEFORE = timedelta(milliseconds=1)
"""Dates in the store are precise to this."""

WhyNone = Literal["future", "too_early", "none_yet", "no_server", "lost", "unreadable"]


class NoBoard(msgspec.Struct, frozen=True):
    """Nobody knows how things were, and why."""

    why: WhyNone
    last_before: datetime | None = None
    """The last moment before that the board is known of."""
    first_after: datetime | None = None
    """The first one after."""
    was_stopped: bool = False
    """Whether the server stopped in good order."""
    damaged: datetime | None = None
    """When a checkpoint was written that can't be read."""


class Read(msgspec.Struct, frozen=True):
    """A board that was read."""

    board: PastBoard
    cut: list[Span]
    """Servers that may have known more: they were killed shortly before."""


class PastBoards:
    """Reads the last checkpoint before a moment, and the events after it."""

    def __init__(self, core: Core, stores: Stores) -> None:
        self._registry = core.registry
        self._overview = core.overview
        self._clock = core.environment.clock
        self._server = core.environment.incarnations.own
        self._stores = stores

    async def read(self, at: datetime) -> Read | NoBoard:
        """The board as of a moment that has passed. Raises StoreUnavailable."""
        gap = await self._gap(at)
        if gap is not None:
            return gap
        checkpoint = await self._stores.checkpoints.last_until(at)
        if checkpoint is None:
            return NoBoard("too_early", first_after=await self.kept_since())
        try:
            users, calls = await self._stores.checkpoints.rows(checkpoint)
        except UnusableStore:
            return await self._unreadable(checkpoint, at)
        board = PastBoard(at, users, calls)
        following = await self._stores.checkpoints.first_after(at)
        await self._apply_events(board, at, checkpoint.reached, None if following is None else following.reached)
        await self._add_users(board, at, following)
        return Read(board, await self._cut(checkpoint.at, at))

    async def kept_since(self) -> datetime | None:
        """The first moment that the board is known of, if there is one. Raises StoreUnavailable."""
        oldest = await self._stores.checkpoints.oldest()
        return None if oldest is None else oldest.at

    async def _gap(self, at: datetime) -> NoBoard | None:
        """Why nothing is known of a moment, or None if it was recorded."""
        spans = self._stores.recorded_spans
        own = await spans.current(self._server)
        if (own is not None and own.began_at <= at) or await spans.around(at) is not None:
            return None
        before, after = await spans.last_before(at), await spans.first_after(at)
        first_after = None if after is None else after.began_at
        if before is None:
            return NoBoard("none_yet" if after is None else "too_early", first_after=first_after)
        is_same = after is not None and before.server == after.server
        why: WhyNone = "lost" if is_same and before.ended == "lost" else "no_server"
        return NoBoard(why, before.until, first_after, before.ended == "stopped")

    async def _unreadable(self, damaged: Checkpoint, at: datetime) -> NoBoard:
        """The nearest moments whose boards begin with other checkpoints."""
        before, after = damaged.at - JUST_BEFORE, await self._stores.checkpoints.first_after(at)
        has_before = await self._gap(before) is None and await self._stores.checkpoints.last_until(before) is not None
        first_after = None if after is None else after.at
        return NoBoard("unreadable", before if has_before else None, first_after, damaged=damaged.at)

    async def _apply_events(self, board: PastBoard, at: datetime, after: str, up_to: str | None) -> None:
        """Apply the events between two ids in order: those in the store, and those that this server has yet to save."""
        unsaved = deque(
            event
            for event in sorted(self._overview.unsaved_events(), key=lambda each: each.event_id)
            if event.event_id > after and (up_to is None or event.event_id <= up_to)
        )
        going_on_after: str | None = after
        while going_on_after is not None:
            events, going_on_after = await self._stores.events.between(going_on_after, up_to, EVENTS_READ)
            for event in events:
                while unsaved and unsaved[0].event_id < event.event_id:
                    board.apply(unsaved.popleft())
                if unsaved and unsaved[0].event_id == event.event_id:
                    unsaved.popleft()
                board.apply(event)
            if events and events[0].at - at > CLOCKS_DIFFER:
                break
        for event in unsaved:
            board.apply(event)

    async def _add_users(self, board: PastBoard, at: datetime, following: Checkpoint | None) -> None:
        """Add the users who were created after the checkpoint, and remove those who were deleted."""
        board.add_created((each.profile.user_id, each.record.created_at) for each in self._registry)
        deleted = self._registry.deleted
        # Users who were created and deleted since: only the store knows when they were created.
        unknown = [
            user_id
            for user_id, deleted_at in deleted.items()
            if deleted_at > at
            and user_id not in board.users
            and (following is None or user_id <= following.newest_user)
        ]
        board.add_created((await self._stores.users.created(unknown)).items())
        board.remove_deleted(deleted)

    async def _cut(self, after: datetime, at: datetime) -> list[Span]:
        """The servers that ended after the checkpoint without stopping: what they had not saved is missing."""
        saving_since = self._clock.utc() - STILL_SAVING
        spans = await self._stores.recorded_spans.cut_between(after, at)
        return [span for span in spans if span.ended or span.until < saving_since]
