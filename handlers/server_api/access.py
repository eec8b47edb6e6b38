"""Access: gives a user tokens and takes them away, and disables and enables users."""

from __future__ import annotations

from typing import Annotated

import msgspec

from handlers.api.auth import Nothing
from handlers.server_api.base import ServerHandler, needs
from handlers.server_api.users import server_user
from models.accounts import IssuedTokens
from models.errors import Invalid
from realtime.dashboard.action_previews import ActionTarget

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

    @needs("write", "token_issue")
    async def post(self, user: str) -> None:
        """Answer with an access token for the user, and with a refresh token if that is wanted."""
        self.check_key()
        body = self.read_body(TokenRequest)
        longest = self.context.settings.access_token_seconds
        seconds = longest if body.expires_in is msgspec.UNSET else body.expires_in
        if not 1 <= seconds <= longest:
            raise Invalid(f"expires_in must be between 1 and {longest}.")
        entry = await self.user(user, is_enabled=True)
        user_id, version = entry.profile.user_id, entry.token_version

        async def issue() -> IssuedTokens:
            return await self.server.accounts.issue(user_id, version, seconds, with_refresh=body.pair)

        self.answer(await self.change_user(entry, issue, lambda _: f"for {seconds} s"), 201)


class DisableHandler(ServerHandler):
    """POST /server/users/{id}/disable"""

    @needs("admin", "user_disable")
    async def post(self, user: str) -> None:
        """Refuse a user everywhere, and end the user's sockets and call."""
        self.check_key()
        self.read_body(Nothing)
        entry = await self.user(user)
        await self.change_user(entry, lambda: self.core.membership.disable(entry.profile.user_id))
        self.answer(server_user(entry))


class EnableHandler(ServerHandler):
    """POST /server/users/{id}/enable"""

    @needs("admin", "user_enable")
    async def post(self, user: str) -> None:
        """Let a disabled user in again, with new tokens."""
        self.check_key()
        self.read_body(Nothing)
        entry = await self.user(user)
        await self.change_user(entry, lambda: self.core.membership.enable(entry.profile.user_id))
        self.answer(server_user(entry))


class RevokeTokensHandler(ServerHandler):
    """POST /server/users/{id}/revoke_tokens"""

    @needs("admin", "sign_out")
    async def post(self, user: str) -> None:
        """Refuse all tokens that the user has now, and close the user's sockets."""
        actor = self.check_key().actor
        self.read_body(Nothing)
        entry = await self.user(user)
        target = ActionTarget(user_id=entry.profile.user_id)
        await self.change_user(entry, lambda: self.core.actions.carry_out_at_once("sign_out", target, actor))
        self.answer(Nothing())


class DisconnectHandler(ServerHandler):
    """POST /server/users/{id}/disconnect"""

    @needs("admin", "disconnect")
    async def post(self, user: str) -> None:
        """Close all of the user's sockets, on every server."""
        actor = self.check_key().actor
        self.read_body(Nothing)
        entry = await self.user(user)
        target = ActionTarget(user_id=entry.profile.user_id)
        await self.change_user(entry, lambda: self.core.actions.carry_out_at_once("disconnect", target, actor))
        self.answer(Nothing())
