"""Settlement: finds out what became of writes to a user's document that the store did not answer."""

from __future__ import annotations

from typing import Protocol

from models.users import StoredUser
from realtime.presence.engine import Presence
from realtime.presence.loader import Loader
from realtime.presence.writeback import WriteBack


class UserDocuments(Protocol):
    """The part of the users' store that is needed here."""

    async def get(self, user_id: int) -> StoredUser | None: ...


class Settlement:
    """A write that ends in StoreUnavailable may have been applied or not, so its user is *unsettled*.

    The server asks the store about unsettled users in the background, and before it answers the next request of such a
    user. Profiles and accounts in memory then follow the store. Claims in the store follow memory, because everyone was
    shown those.
    """

    def __init__(self, users: UserDocuments, presence: Presence, loader: Loader, write_back: WriteBack) -> None:
        self._users = users
        self._presence = presence
        self._registry = presence.registry
        self._loader = loader
        self._write_back = write_back
        self._unsettled: set[int] = set()

    def __len__(self) -> int:
        return len(self._unsettled)

    def mark(self, user_id: int) -> None:
        """The outcome of a write to this user's document is unknown."""
        self._unsettled.add(user_id)

    async def settle(self, user_id: int) -> None:
        """Find out what the store has of one user, if that is unknown. Raises StoreUnavailable."""
        if self._write_back.is_unsure(user_id):
            await self._write_back.make_sure(user_id)
        if user_id in self._unsettled:
            async with self._write_back.locks.of(user_id):
                self._follow(await self._users.get(user_id))
                self._unsettled.discard(user_id)

    async def settle_all(self) -> None:
        """Find out about all unsettled users. Raises StoreUnavailable, and then keeps the rest for the next time."""
        for user_id in list(self._unsettled):
            await self.settle(user_id)

    async def ensure_known(self, user_id: int) -> None:
        """Take a user into memory who is in the store but not known here yet. Raises StoreUnavailable."""
        if user_id not in self._registry:
            self.mark(user_id)
            await self.settle(user_id)

    def _follow(self, stored: StoredUser | None) -> None:
        """Make memory agree with the store. There is no document if a registration was not applied."""
        if stored is None:
            return
        entry = self._registry.find(stored.profile.user_id)
        if entry is None:
            self._loader.add(stored)
            return
        if entry.profile != stored.profile:
            self._presence.rename(stored.profile)
        if stored.disabled and not entry.disabled:
            self._presence.disable(stored.profile.user_id)
