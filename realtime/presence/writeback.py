"""Write-back: evidence is announced first and saved later, in one bulk write a second."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Protocol

from models.errors import StoreUnavailable
from models.row_failures import RowFailures
from models.status import Claims
from models.user_documents import Evidence
from realtime.presence.registry import Registry, UserEntry


class PresenceStore(Protocol):
    """The part of the users' store that presence needs."""

    async def save_claims(self, user_id: int, claims: Claims, at: datetime) -> None:
        """Save the claims of one user."""

    async def save_evidence(self, rows: list[Evidence]) -> None:
        """Save the evidence of many users."""


class UserLocks:
    """A lock for each user who is being written, so that changes to one user happen in the order of the requests."""

    def __init__(self) -> None:
        self._locks: dict[int, tuple[asyncio.Lock, int]] = {}

    def __len__(self) -> int:
        return len(self._locks)

    def is_held(self, user_id: int) -> bool:
        """Whether the user is being written."""
        return user_id in self._locks

    @asynccontextmanager
    async def of(self, user_id: int) -> AsyncGenerator[None]:
        """Hold the user's lock."""
        lock, waiting = self._locks.get(user_id, (asyncio.Lock(), 0))
        self._locks[user_id] = lock, waiting + 1
        try:
            async with lock:
                yield
        finally:
            lock, waiting = self._locks[user_id]
            if waiting == 1:
                del self._locks[user_id]
            else:
                self._locks[user_id] = lock, waiting - 1


class WriteBack:
    """Knows the users whose entry is ahead of the store, and saves them.

    A failed write of claims may have reached the store all the same. Such a user is *unsure*: the claims in memory,
    which everyone was shown, are written again until the store has them.
    """

    def __init__(self, registry: Registry, store: PresenceStore, failures: RowFailures) -> None:
        self._registry = registry
        self._store = store
        self._failures = failures
        self.locks = UserLocks()
        self._marked: set[int] = set()
        self._saving: set[int] = set()
        """Users in the write that is running. Until it has succeeded they count as unsaved."""
        self._unsure: set[int] = set()

    def __len__(self) -> int:
        return len(self._marked) + len(self._saving) + len(self._unsure)

    def mark(self, user_id: int) -> None:
        """There is new evidence of the user."""
        self._marked.add(user_id)

    def mark_unsure(self, user_id: int) -> None:
        """It is unknown which claims of the user the store has, and which evidence was saved with them."""
        self._unsure.add(user_id)
        self._marked.add(user_id)

    def is_unsure(self, user_id: int) -> bool:
        """Whether it is unknown which claims of the user the store has."""
        return user_id in self._unsure

    async def save_claims(self, user_id: int, claims: Claims, at: datetime, *, is_heartbeat: bool) -> None:
        """Save claims now, before they are announced. Raises StoreUnavailable.

        A user who asks to be online gives evidence by asking. What is acknowledged must survive a crash, so this
        evidence cannot be saved later.
        """
        if is_heartbeat:
            await self._store.save_evidence([Evidence(user_id, online=True, last_seen=at, heartbeat_at=at)])
            self._registry.get(user_id).saved_online = True
        await self._store.save_claims(user_id, claims, at)

    async def flush(self) -> None:
        """Save everything that is behind. Raises StoreUnavailable, and then keeps it for the next time.

        Users who are being written are left for the next time: what memory holds of them is older than that write.
        """
        held = {user_id for user_id in self._marked if self.locks.is_held(user_id)}
        self._saving, self._marked = self._marked - held, held
        entries = [entry for user_id in self._saving if (entry := self._registry.find(user_id))]
        try:
            await self._save_evidence(entries)
        except BaseException:  # a cancelled write may not have reached the store either
            self._marked |= self._saving
            raise
        finally:
            self._saving = set()
        for user_id in list(self._unsure):
            try:
                await self.make_sure(user_id)
            except StoreUnavailable:
                raise
            except Exception as error:
                self._failures.note("saving claims", user_id, error)

    async def _save_evidence(self, entries: list[UserEntry]) -> None:
        rows = [
            Evidence(each.profile.user_id, each.alive, each.last_seen, each.heartbeat_at, each.current_state)
            for each in entries
        ]
        for entry in entries:
            entry.saved_online &= entry.alive  # a write that fails may have been applied all the same
        await self._store.save_evidence(rows)
        for entry, row in zip(entries, rows, strict=True):
            entry.saved_online = row.online

    async def make_sure(self, user_id: int) -> None:
        """Write the claims that everyone was shown, whatever the store has. Raises StoreUnavailable."""
        async with self.locks.of(user_id):
            entry = self._registry.find(user_id)
            if entry is None:  # nobody was shown anything
                self._unsure.discard(user_id)
                return
            at = entry.offline_set_at or entry.last_seen
            await self._store.save_claims(user_id, entry.claims, at)
            self._unsure.discard(user_id)
