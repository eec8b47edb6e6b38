"""Write-back: evidence is announced first and saved later, in one bulk write a second."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Protocol

from models.errors import NotFound, Outdated, StoreUnavailable
from models.row_failures import RowFailures
from models.status import Claims
from models.user_documents import Evidence, StoredClaims, StoredUser, claims_to_store
from realtime.presence.registry import Registry
from realtime.presence.user_entry import UserEntry
from realtime.presence.user_locks import UserLocks
from settings import Settings


class PresenceStore(Protocol):
    """The part of the users' store that presence needs."""

    async def save_claims(self, user_id: int, claims: Claims, at: datetime, *, rev: int) -> None:
        """Save the claims of one user. Raises Outdated if the user's document has another `rev`."""

    async def read_back(self, user_id: int) -> StoredUser | None:
        """The user after every write that was sent before."""

    async def save_evidence(self, rows: list[Evidence]) -> None:
        """Save the evidence of many users."""


class WriteBack:
    """Knows the users whose entry is ahead of the store, and saves them.

    A failed write of claims may have reached the store all the same. Such a user is *unsure*: the claims in memory,
    which everyone was shown, are written again until the store has them.

    If another writer has changed the user's document, memory first follows the document.
    """

    def __init__(self, settings: Settings, registry: Registry, store: PresenceStore, failures: RowFailures) -> None:
        self._attempts = settings.write_attempts
        self._registry = registry
        self._store = store
        self._failures = failures
        self.follow: Callable[[StoredUser], Awaitable[None]] = _nobody_follows
        """Lets memory follow a document that another writer has changed. Presence sets it."""
        self.locks = UserLocks()
        self._marked: set[int] = set()
        self._saving: set[int] = set()
        """Users in the write that is running. Until it has succeeded they count as unsaved."""
        self._unsure: set[int] = set()
        self._unanswered: dict[int, list[StoredClaims]] = {}
        """The claims that were sent since the store last answered. At most one of them was saved."""

    def __len__(self) -> int:
        return len(self._marked | self._saving | self._unsure)

    def mark(self, user_id: int) -> None:
        """There is new evidence of the user."""
        self._marked.add(user_id)

    def mark_unsure(self, user_id: int) -> None:
        """It is unknown which claims of the user the store has, and which evidence was saved with them."""
        self._unsure.add(user_id)
        self._marked.add(user_id)

    def forget(self, user_id: int) -> None:
        """The user was deleted: there is nothing to save any more."""
        self._marked.discard(user_id)
        self._unsure.discard(user_id)
        self._unanswered.pop(user_id, None)

    def is_unsure(self, user_id: int) -> bool:
        """Whether it is unknown which claims of the user the store has."""
        return user_id in self._unsure

    async def save_claims(
        self, entry: UserEntry, decide: Callable[[], Claims], at: datetime, *, is_heartbeat: bool
    ) -> int:
        """Save claims now, before they are announced. They are decided again if another writer was faster.

        Returns the new `rev` of the document. Raises StoreUnavailable, also if others are faster again and again.

        A user who asks to be online gives evidence by asking. What is acknowledged must survive a crash, so this
        evidence cannot be saved later.
        """
        if is_heartbeat:
            await self._store.save_evidence(
                [Evidence(entry.profile.user_id, online=True, last_seen=at, heartbeat_at=at)]
            )
            entry.saved_online = True
        for _ in range(self._attempts):
            if rev := await self._save(entry, decide(), at):
                return rev
        raise StoreUnavailable("other writers keep changing this user")

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
            except NotFound:  # the user was deleted
                continue
            except Exception as error:
                self._failures.note("saving claims", user_id, error)

    async def _save_evidence(self, entries: list[UserEntry]) -> None:
        rows = [
            Evidence(each.profile.user_id, each.alive, each.last_seen, each.heartbeat_at, each.state)
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
            for _ in range(self._attempts):
                if await self._save(entry, entry.claims, entry.record.offline_set_at or entry.last_seen):
                    self._unsure.discard(user_id)
                    return
            raise StoreUnavailable("other writers keep changing this user")

    async def _save(self, entry: UserEntry, claims: Claims, at: datetime) -> int:
        """Save claims, or let memory follow the document if it has changed.

        Returns the new `rev` of the document, or 0 if they were not saved.
        """
        user_id, rev = entry.profile.user_id, entry.rev
        try:
            await self._store.save_claims(user_id, claims, at, rev=rev)
        except StoreUnavailable:
            self._unanswered.setdefault(user_id, []).append(claims_to_store(claims, at))
            raise
        except Outdated:
            await self._catch_up(entry)
            return 0
        entry.rev = max(entry.rev, rev + 1)  # an entry of the log may have brought a newer one meanwhile
        self._unanswered.pop(user_id, None)
        return rev + 1

    async def _catch_up(self, entry: UserEntry) -> None:
        user_id = entry.profile.user_id
        stored = await self._store.read_back(user_id)
        unanswered = self._unanswered.pop(user_id, [])
        if stored is None or stored.deleted_at is not None:
            if stored is not None and user_id in self._registry:
                await self.follow(stored)
            self._unsure.discard(user_id)
            raise NotFound("No such user")
        if stored.rev == entry.rev + 1 and stored.stored_claims in unanswered:
            entry.rev = stored.rev  # it was this server's own write, which was refused because no answer came
        else:
            await self.follow(stored)


async def _nobody_follows(stored: StoredUser) -> None:
    """Nothing has been shown to anyone yet."""
