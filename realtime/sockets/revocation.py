"""Revocation: revokes the tokens of a user, in the store and then on all servers."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable

from models.logins import Logins
from models.user_documents import StoredUser
from models.users import Users
from realtime.clock import Clock
from realtime.cluster.outcome import NotApplied
from realtime.presence.log import Revocation
from realtime.presence.settlement import Settlement
from realtime.sockets.authenticator import Authenticator

Write = Callable[[], Awaitable[StoredUser | None]]
"""Writes to a user's document so that tokens are revoked, and returns it, or None if there is no such user."""


class Revocations:
    """Tokens are revoked in the store first, so that a restart does not make them valid again."""

    def __init__(
        self, users: Users, logins: Logins, settlement: Settlement, authenticator: Authenticator, clock: Clock
    ) -> None:
        self._users = users
        self._logins = logins
        self._settlement = settlement
        self._authenticator = authenticator
        self._clock = clock

    async def revoke(self, user_id: int) -> None:
        """Revoke all of the user's tokens. The caller closes the sockets. Raises StoreUnavailable."""
        await self._write(user_id, lambda: self._users.revoke_tokens(user_id, self._clock.utc()))
        await self._logins.revoke_user(user_id, self._clock.utc())

    async def change_password(self, user_id: int, write: Write) -> None:
        """Give the user a new password, and close the sockets whose tokens that revokes. Raises what `write` raises.

        The logins are not written: a second write would leave the caller in doubt about the first one if it failed.
        """
        await self._write(user_id, write)
        self._authenticator.close_refused_now(user_id, "password changed")

    async def _write(self, user_id: int, write: Write) -> None:
        async def told() -> StoredUser | None:
            stored = await write()
            if stored is not None:  # told before the log is waited for, which may be closed
                self._authenticator.tell_others(
                    Revocation(user_id=user_id, token_version=stored.token_version, kept_login=stored.kept_login)
                )
            return stored

        with contextlib.suppress(NotApplied):  # the store has it, and this server refuses the tokens already
            await self._settlement.write(user_id, told, revokes=True)
