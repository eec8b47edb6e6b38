"""Revocation: how all tokens of a user are revoked."""

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


def revocation(
    users: Users, logins: Logins, settlement: Settlement, authenticator: Authenticator, clock: Clock
) -> Callable[[int], Awaitable[None]]:
    """How all tokens of a user are revoked: in the store first, so that a restart does not make them valid again."""

    async def revoke(user_id: int) -> None:
        async def revoke_tokens() -> StoredUser | None:
            stored = await users.revoke_tokens(user_id, clock.utc())
            if stored is not None:  # told before the log is waited for, which may be closed
                authenticator.tell_others(Revocation(user_id=user_id, token_version=stored.token_version))
            return stored

        with contextlib.suppress(NotApplied):  # the store has it, and this server refuses the tokens already
            await settlement.write(user_id, revoke_tokens, revokes=True)
        await logins.revoke_user(user_id, clock.utc())

    return revoke
