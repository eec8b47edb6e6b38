"""Write-back: evidence is announced first and saved behind, in one bulk write a second."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from models.status import Claims
from models.users import Evidence
from realtime.presence.locks import UserLocks
from realtime.presence.registry import Registry


class PresenceStore(Protocol):
    """What of the store of users is needed here."""

    async def save_claims(self, user_id: int, claims: Claims, at: datetime) -> None:
        """Save what one user claims."""

    async def save_evidence(self, rows: list[Evidence]) -> None:
        """Save what was seen of many."""


class WriteBack:
    """Users whose entry is ahead of the store.

    A claim's write that failed may have reached the store all the same; such a user is *unsure*, and the claims in
    memory, which everyone was shown, are written again until the store has them.
    """

    def __init__(self, registry: Registry, store: PresenceStore, user_locks: UserLocks) -> None:
        self._registry = registry
        self._store = store
        self._user_locks = user_locks
        self._marked: set[int] = set()
        self._saving: set[int] = set()
        """Those of the write under way: as little on disk as the marked ones, until it has succeeded."""
        self._unsure: set[int] = set()

    def __len__(self) -> int:
        return len(self._marked) + len(self._saving) + len(self._unsure)

    def mark(self, user_id: int) -> None:
        """There is new evidence of the user."""
        self._marked.add(user_id)

    def mark_unsure(self, user_id: int) -> None:
        """Nobody knows which claims of the user the store has, nor which evidence that came with them."""
        self._unsure.add(user_id)
        self._marked.add(user_id)

    async def save_claims(self, user_id: int, claims: Claims, at: datetime, *, is_heartbeat: bool) -> None:
        """Save now, before anyone is told. Raises StoreUnavailable.

        Who says to be online gave evidence by it, and what is acknowledged must outlive a crash: this evidence cannot
        be saved behind.
        """
        if is_heartbeat:
            await self._store.save_evidence([Evidence(user_id, online=True, last_seen=at, heartbeat_at=at)])
        await self._store.save_claims(user_id, claims, at)

    async def flush(self) -> None:
        """Save all that is behind. Raises StoreUnavailable, and then keeps it for the next time."""
        self._saving, self._marked = self._marked, set()
        entries = [entry for user_id in self._saving if (entry := self._registry.find(user_id))]
        try:
            await self._store.save_evidence(
                [
                    Evidence(each.profile.user_id, each.alive, each.last_seen, each.heartbeat_at, each.current_state)
                    for each in entries
                ]
            )
        except BaseException:  # a cancelled write, too, may not have reached the store
            self._marked |= self._saving
            raise
        finally:
            self._saving = set()
        for user_id in list(self._unsure):
            await self._make_sure(user_id)

    async def _make_sure(self, user_id: int) -> None:
        async with self._user_locks.of(user_id):
            entry = self._registry.get(user_id)
            at = entry.offline_set_at or entry.last_seen
            await self._store.save_claims(user_id, entry.claims, at)
            self._unsure.discard(user_id)
