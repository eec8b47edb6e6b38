"""Saved changes: finds the changes of users that the store has and the log lacks, and appends them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from models.shared_log import MOST_ROWS
from realtime.cluster.position import Position
from realtime.presence.log import Log, Proposal
from realtime.presence.registry import Registry
from realtime.presence.settlement import Settlement

USERS_AT_ONCE = 1000
"""Users in one request to the store. The loop does nothing else while the reply is decoded."""


class Revisions(Protocol):
    """The part of the users' store that is needed here."""

    async def revisions(self, after_id: int, limit: int) -> list[tuple[int, int]]: ...


class SavedChanges:
    """A change is saved first and then appended. If its server dies in between, nobody else hears of it.

    So one of the servers compares the `rev` of every user, after a server has gone and after the log has lost entries.
    """

    def __init__(
        self, users: Revisions, registry: Registry, settlement: Settlement, log: Log, position: Position
    ) -> None:
        self._users = users
        self._registry = registry
        self._settlement = settlement
        self._log = log
        self._position = position

    async def append(self) -> None:
        """Append what is missing in the log. Raises StoreUnavailable."""
        after_id = 0
        while found := await self._users.revisions(after_id, USERS_AT_ONCE):
            deleted: list[int] = []
            for user_id, rev in found:
                entry = self._registry.find(user_id)
                if entry is None and user_id in self._registry.deleted:
                    deleted += [] if self._position.of_user(user_id) else [user_id]
                elif entry is None or rev > entry.record.rev:
                    self._settlement.mark(user_id)
            self._write_deletions(deleted)
            await self._settlement.settle_all()
            after_id = found[-1][0]

    def _write_deletions(self, user_ids: Sequence[int]) -> None:
        """Write that these users were deleted. A server that does not know it yet tells its clients then."""
        for start in range(0, len(user_ids), MOST_ROWS):
            self._log.append(Proposal(tuple(user_ids[start : start + MOST_ROWS]), "set", is_written=True))
