"""Membership: who is a user, and who may use the server. Creates, changes, disables, enables and deletes users."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from models.errors import NotFound, StoreUnavailable
from models.tags import checked_tags
from models.token_profile import TokenProfile
from models.user_documents import NewUser, StoredUser
from realtime.calls.switchboard import Switchboard
from realtime.clock import Environment, Timers
from realtime.presence.free_names import free_name, until_name_is_free
from realtime.presence.log import Revocation
from realtime.presence.registry import Registry
from realtime.presence.settlement import Settlement
from realtime.presence.user_entry import UserEntry
from realtime.sockets.authenticator import Authenticator
from realtime.stores import CoreStores

FINISH_SECONDS = 10.0
"""How long after a deletion the last traces are removed. By then, what was being saved meanwhile is saved."""

ATTEMPTS = 10
"""How often the creation of a user is tried while others take the name, or delete the user."""


class Membership:
    """What users, operators, backends and the command line do to accounts.

    The store is written first. What follows from that happens with the entry of the log, on every server.
    """

    def __init__(
        self,
        stores: CoreStores,
        environment: Environment,
        timers: Timers,
        registry: Registry,
        settlement: Settlement,
        switchboard: Switchboard,
        authenticator: Authenticator,
    ) -> None:
        self._users = stores.users
        self._external_ids = stores.external_ids
        self._deletions = stores.deletions
        self._logins = stores.logins
        self._clock = environment.clock
        self._spawn = environment.spawn
        self._timers = timers
        self._registry = registry
        self._settlement = settlement
        self._switchboard = switchboard
        self._authenticator = authenticator

    async def create(
        self, new: NewUser, user_id: int | None = None, on_found: Callable[[StoredUser], object] | None = None
    ) -> StoredUser:
        """Add a user, with an id that was reserved before or a new one. Raises Conflict, StoreUnavailable.

        If another request has added the user for whom the id was reserved, returns that user, and passes it to
        `on_found`.
        """
        number = await self._users.next_id() if user_id is None else user_id
        return await self._settlement.write(
            number, lambda: self._users.create(new, self._clock.utc(), number, on_found)
        )

    async def find_external(self, external_id: str) -> UserEntry | None:
        """The user with an external id, also one whom this server does not know yet. Raises StoreUnavailable."""
        entry = self._registry.find_external(external_id)
        if entry is not None:
            return entry
        stored = await self._external_ids.find(external_id)
        if stored is not None:
            await self._know(stored.profile.user_id)
        return self._registry.find_external(external_id)

    async def create_external(
        self,
        external_id: str,
        username: str | None,
        profile_image_url: str | None,
        tags: Sequence[str] = (),
        *,
        may_differ: bool = False,
        reserved: int | None = None,
        token_profile: TokenProfile | None = None,
        on_found: Callable[[StoredUser], object] | None = None,
    ) -> StoredUser:
        """Add a user with an external id, or return the one who has it already, and pass it to `on_found`.

        Without a name, or if the name may differ from the one given, the user gets a similar one that is free.
        `reserved` is the id that was reserved for the external id, if one was. Raises Conflict if the name is taken,
        and StoreUnavailable.
        """
        is_binding = username is not None and not may_differ

        async def create(attempt: int) -> StoredUser:
            user_id = reserved
            for _ in range(ATTEMPTS):
                user_id = await self._external_ids.reserve(external_id) if user_id is None else user_id
                name = username or external_id
                if not is_binding:
                    name = await free_name(self._users, name, user_id, attempt=attempt)
                new = NewUser(name, None, profile_image_url, external_id, tuple(tags), token_profile)
                stored = await self.create(new, user_id, on_found)
                if stored.deleted_at is None:
                    return stored
                user_id = None  # it was reserved for a user who was deleted since
            raise StoreUnavailable("others keep deleting this user")

        return await (create(1) if is_binding else until_name_is_free(create, ATTEMPTS))

    async def update(self, user_id: int, changes: dict[str, Any]) -> StoredUser:
        """Change `username`, `profile_image_url` or `tags`. Raises NotFound, Conflict, StoreUnavailable."""
        entry = self._registry.get(user_id)
        return await self._settlement.write(user_id, lambda: self._users.save_profile(user_id, changes, rev=entry.rev))

    async def change_tags(self, user_id: int, change: Callable[[tuple[str, ...]], Iterable[str]]) -> StoredUser:
        """Give a user the tags that `change` makes of the stored ones. Raises Invalid, NotFound, StoreUnavailable."""
        entry = self._registry.get(user_id)

        async def write() -> StoredUser:  # again, if another writer was faster
            return await self._users.save_profile(
                user_id, {"tags": checked_tags(change(entry.record.tags))}, rev=entry.rev
            )

        return await self._settlement.write(user_id, write)

    async def disable(self, user_id: int) -> StoredUser:
        """Refuse a user everywhere, and end the user's sockets and call. Raises NotFound, StoreUnavailable."""
        stored = await self._refusing(user_id, self._users.disable)
        self._authenticator.close_disabled(user_id)
        await self._switchboard.release(user_id)
        await self._logins.revoke_user(user_id, self._clock.utc())
        return stored

    async def enable(self, user_id: int) -> StoredUser:
        """Let a user in again, with new tokens. Raises NotFound, StoreUnavailable."""
        self._registry.get(user_id)
        stored = await self._settlement.write(user_id, lambda: self._users.enable(user_id))
        if stored is None:
            raise NotFound("No such user")
        return stored

    async def delete(self, user_id: int) -> StoredUser:
        """Delete a user for good, and return what is left. Raises NotFound, StoreUnavailable.

        Once the store says that the user is deleted, the rest follows, if need be after a restart.
        """
        stored = await self._refusing(user_id, self._users.delete)
        await self._switchboard.release(user_id)
        await self._clean_up(stored)
        return stored

    async def resume_deletions(self) -> None:
        """Finish the deletions that were interrupted, or begun by another program. Raises StoreUnavailable."""
        for stored in await self._deletions.unfinished():
            user_id = stored.profile.user_id
            if _key(user_id) not in self._timers:
                await self._know(user_id)
                await self._switchboard.release(user_id)
                await self._clean_up(stored)

    async def _know(self, user_id: int) -> None:
        self._settlement.mark(user_id)
        await self._settlement.settle(user_id)

    async def _refusing(
        self, user_id: int, write: Callable[[int, datetime], Awaitable[StoredUser | None]]
    ) -> StoredUser:
        """Write that a user is refused. The other servers hear of it at once, even if the log is closed."""
        self._registry.get(user_id)

        async def work() -> StoredUser | None:
            stored = await write(user_id, self._clock.utc())
            if stored is not None:
                self._authenticator.tell_others(Revocation(user_id=user_id, token_version=stored.token_version))
            return stored

        stored = await self._settlement.write(user_id, work, revokes=True)
        if stored is None:  # another server has deleted the user, which is not known here yet
            await self._know(user_id)
            raise NotFound("No such user")
        return stored

    async def _clean_up(self, stored: StoredUser) -> None:
        """Remove what is left of a deleted user now, and once more later."""
        self._finish_later(stored)
        with contextlib.suppress(StoreUnavailable):
            await self._deletions.clean_up(stored)

    def _finish_later(self, stored: StoredUser) -> None:
        when = self._clock.now() + FINISH_SECONDS
        self._timers.at(when, _key(stored.profile.user_id), lambda: self._spawn(self._finish(stored)))

    async def _finish(self, stored: StoredUser) -> None:
        try:
            await self._deletions.clean_up(stored)
            await self._deletions.finish(stored.profile.user_id)
        except StoreUnavailable:
            self._finish_later(stored)


def _key(user_id: int) -> tuple[str, int]:
    return "deletion", user_id
