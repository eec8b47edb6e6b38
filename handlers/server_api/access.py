"""Access: gives a user tokens and takes them away, and disables and enables users."""

from __future__ import annotations

from typing import Annotated

import msgspec

from handlers.api.auth import Nothing
from handlers.server_api.base import ServerHandler, demand_enabled, needs
from handlers.server_api.users import server_user
from models.accounts import IssuedTokens
from models.errors import Invalid

Lifetime = Annotated[
    int, msgspec.Meta(extra_json_schema={"minimum": 1, "x-settings": {"maximum": "access_token_seconds"}})
]


class TokenRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /server/users/{id}/token. `expires_in` is the lifetime of the access token in seconds."""

    expires_in: Lifetime | msgspec.UnsetType = msgspec.UNSET
    pair: bool = False
    """Whether a refresh token is wanted, too."""


class UserTokenHandler(ServerHandler):
    """POST /server/users/{id}/token"""

    @needs("write", "issue_tokens")
    async def post(self, user: str) -> None:
        """Answer with an access token for the user, and with a refresh token if that is wanted."""
        self.check_key()
        body = self.read_body(TokenRequest)
        longest = self.context.settings.access_token_seconds
        seconds = longest if body.expires_in is msgspec.UNSET else body.expires_in
        if not 1 <= seconds <= longest:
            raise Invalid(f"expires_in must be between 1 and {longest}.")
        entry = await self.user(user)

        async def issue() -> IssuedTokens:
            user_id, version = demand_enabled(entry), entry.token_version
            return await self.server.accounts.issue(user_id, version, seconds, with_refresh=body.pair)

        self.answer(await self.change_user(entry, issue, lambda _: f"for {seconds} s"))


class DisableHandler(ServerHandler):
    """POST /server/users/{id}/disable"""

    @needs("admin", "disable_user")
    async def post(self, user: str) -> None:
        """Refuse a user everywhere, and end the user's sockets and call."""
        self.answer(server_user(await self.act("disable_user", user)))


class EnableHandler(ServerHandler):
    """POST /server/users/{id}/enable"""

    @needs("admin", "enable_user")
    async def post(self, user: str) -> None:
        """Let a disabled user in again, with new tokens."""
        self.answer(server_user(await self.act("enable_user", user)))


class RevokeTokensHandler(ServerHandler):
    """POST /server/users/{id}/revoke_tokens"""

    @needs("admin", "sign_out")
    async def post(self, user: str) -> None:
        """Refuse all tokens that the user has now, and close the user's sockets."""
        await self.act("sign_out", user)
        self.answer(Nothing())


class DisconnectHandler(ServerHandler):
    """POST /server/users/{id}/disconnect"""

    @needs("admin", "disconnect")
    async def post(self, user: str) -> None:
        """Close all of the user's sockets, on every server."""
        await self.act("disconnect", user)
        self.answer(Nothing())
