"""Settlement: finds out what became of writes to a user's document that the store did not answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Protocol, TypeVar

from models.errors import NotFound, Outdated, RequestError, StoreUnavailable, Unauthenticated
from models.row_failures import RowFailures
from models.user_documents import StoredUser
from models.usernames import username_key
from realtime.presence.engine import Presence
from realtime.presence.loader import Loader
from realtime.presence.writeback import WriteBack
from settings import Settings

Stored = TypeVar("Stored", bound=StoredUser | None)


class UserDocuments(Protocol):
    """The part of the users' store that is needed here."""

    async def read_back(self, user_id: int) -> StoredUser | None: ...


class Settlement:
    """A write that ends in StoreUnavailable may have been applied or not, so its user is *unsettled*.

    The server asks the store about unsettled users in the background, and before it answers the next request of such a
    user. Profiles and accounts in memory then follow the store. Claims in the store follow memory, because everyone was
    shown those.
    """

    def __init__(
        self,
        settings: Settings,
        users: UserDocuments,
        presence: Presence,
        loader: Loader,
        write_back: WriteBack,
        failures: RowFailures,
    ) -> None:
        self._attempts = settings.write_attempts
        self._users = users
        self._failures = failures
        self._presence = presence
        self._registry = presence.registry
        self._loader = loader
        self._write_back = write_back
        self._unsettled: set[int] = set()

    def __len__(self) -> int:
        return len(self._unsettled)

    def is_settled(self, user_id: int) -> bool:
        """Whether the outcome of every write to this user's document is known."""
        return user_id not in self._unsettled and not self._write_back.is_unsure(user_id)

    def mark(self, user_id: int) -> None:
        """The outcome of a write to this user's document is unknown."""
        self._unsettled.add(user_id)

    async def write(self, user_id: int, work: Callable[[], Awaitable[Stored]], *, revokes: bool = False) -> Stored:
        """Write to the user's document, one request at a time, and let memory follow what the store answers.

        `work` returns the document, and is done again after it raised Outdated, a limited number of times. Raises its
        other errors; StoreUnavailable leaves the user unsettled.
        """
        if not revokes:  # which works while the log is closed, too
            self._presence.check()
        stored = await self._write(user_id, work)
        await self.settle(user_id)
        return stored

    async def settle(self, user_id: int) -> None:
        """Find out what the store has of one user, if that is unknown. Raises StoreUnavailable."""
        await self._settle(user_id, frozenset())

    async def settle_all(self) -> None:
        """Find out about all unsettled users. Raises StoreUnavailable, and then keeps the rest for the next time."""
        for user_id in list(self._unsettled):
            try:
                await self.settle(user_id)
            except StoreUnavailable:
                raise
            except Exception as error:
                self._failures.note("settling a write", user_id, error)

    async def ensure_known(self, user_id: int) -> None:
        """Take a user into memory who is in the store but not known here yet.

        Raises StoreUnavailable, or Unauthenticated if the user was deleted meanwhile.
        """
        if user_id not in self._registry:
            self.mark(user_id)
            await self.settle(user_id)
        if user_id not in self._registry:
            raise Unauthenticated

    async def _write(self, user_id: int, work: Callable[[], Awaitable[Stored]]) -> Stored:
        attempts = 0
        while attempts < self._attempts:
            await self.settle(user_id)
            async with self._write_back.locks.of(user_id):
                if user_id in self._unsettled:
                    continue  # a write that this one waited for has failed
                self._unsettled.add(user_id)
                try:
                    stored = await work()
                except RequestError:
                    self._unsettled.discard(user_id)
                    raise
                except Outdated:
                    attempts += 1
                    await self._follow_other_writer(user_id)
                    continue
                await self._take_over(user_id, stored, frozenset())
                return stored
        raise StoreUnavailable("other writers keep changing this user")

    async def _follow_other_writer(self, user_id: int) -> None:
        """Let memory follow a document that another writer has changed. Raises NotFound if there is none."""
        stored = await self._users.read_back(user_id)
        await self._take_over(user_id, stored, frozenset())
        if stored is None or stored.deleted_at is not None:
            raise NotFound("No such user")

    async def _settle(self, user_id: int, waiting: frozenset[int]) -> None:
        """Settle a user, and before that whoever has the new name in memory. The users in `waiting` wait for this."""
        if self._write_back.is_unsure(user_id):
            await self._write_back.make_sure(user_id)
        while user_id in self._unsettled:
            async with self._write_back.locks.of(user_id):
                if user_id not in self._unsettled:
                    return
                holder = await self._take_over(user_id, await self._users.read_back(user_id), waiting)
            if holder is not None:
                await self._settle(holder, waiting | {user_id})

    async def _take_over(self, user_id: int, stored: StoredUser | None, waiting: frozenset[int]) -> int | None:
        """Let memory follow the store, unless another user still holds the name there. Returns that user's id."""
        holder = None
        if stored is not None and stored.deleted_at is None:
            holder = self._holder(stored, waiting)
        if holder is None:
            await self._follow(stored)
            self._unsettled.discard(user_id)
        return holder

    def _holder(self, stored: StoredUser, waiting: frozenset[int]) -> int | None:
        """The unsettled user who has this user's name in memory: in the store it is free, so that user lost it."""
        user_id, key = stored.profile.user_id, username_key(stored.profile.username)
        for each in self._unsettled - waiting - {user_id}:
            entry = self._registry.find(each)
            if entry is not None and username_key(entry.profile.username) == key:
                return each
        return None

    async def _follow(self, stored: StoredUser | None) -> None:
        """Make memory agree with the store. There is no document if a registration was not applied."""
        if stored is None:
            return
        if stored.profile.user_id in self._registry:
            with suppress(StoreUnavailable):  # the store has it, and the log will
                await self._presence.follow(stored)
        else:
            self._loader.add(stored)
