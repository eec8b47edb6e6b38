"""Accounts: register, log in, refresh, log out, and tickets for sockets."""

from __future__ import annotations

from typing import Annotated

import msgspec

from handlers.base import ApiHandler, HandlerContext
from handlers.callers import UserHandler, refuse_keys
from models.accounts import Accounts, Revoked
from models.field_types import ImageUrl, Password, SignInName, Username
from realtime.presence.membership import Membership
from realtime.presence.settlement import Settlement

NewPassword = Annotated[
    Password, msgspec.Meta(extra_json_schema={"x-settings": {"minLength": "password_length_minimum"}})
]


class Registration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /auth/register."""

    username: Username
    password: NewPassword
    profile_image_url: ImageUrl | None = None


class Credentials(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /auth/login."""

    username: SignInName
    password: Password


class RefreshBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /auth/refresh."""

    refresh_token: str


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A body that must be empty or `{}`."""


class Ticket(msgspec.Struct, frozen=True):
    """Response of POST /auth/ticket. `expires_in` is in seconds."""

    ticket: str
    expires_in: float


class AuthHandler(ApiHandler):
    """What the handlers of accounts have in common."""

    def initialize(
        self,
        context: HandlerContext,
        accounts: Accounts,
        membership: Membership,
        settlement: Settlement,
        ticket_seconds: float,
    ) -> None:
        """The route passes the collaborators."""
        self.set_up(context)
        self.accounts = accounts
        self.membership = membership
        self.settlement = settlement
        self.ticket_seconds = ticket_seconds


class TokenlessHandler(AuthHandler):
    """An endpoint that needs no token."""

    async def prepare(self) -> None:
        """Refuse service keys. Raises Forbidden, Unauthenticated, and what its base does."""
        super().prepare()
        await refuse_keys(self)


class RegisterHandler(TokenlessHandler):
    """POST /auth/register"""

    async def post(self) -> None:
        """Create an account and answer with its first tokens."""
        body = self.read_body(Registration)
        self.context.limits.registrations.take(self.address_key)
        account = await self.accounts.prepare(body.username, body.password, body.profile_image_url, self.address_key)
        user = await self.membership.create(account.user, account.user_id)
        self.answer(await self.accounts.sign_in(user), 201)


class LoginHandler(TokenlessHandler):
    """POST /auth/login"""

    async def post(self) -> None:
        """Answer with tokens for a username and password."""
        body = self.read_body(Credentials)
        self.context.limits.sign_ins.take(self.address_key)
        pair = await self.accounts.login(body.username, body.password, self.address_key)
        await self.settlement.ensure_known(pair.user_id)
        self.answer(pair)


class RefreshHandler(TokenlessHandler):
    """POST /auth/refresh"""

    async def post(self) -> None:
        """Answer with a new token pair. Using a refresh token again after the leeway revokes its login."""
        refresh_token = self.read_body(RefreshBody).refresh_token
        self.context.limits.requests.take(self.accounts.user_id_of(refresh_token))
        try:
            pair = await self.accounts.refresh(refresh_token)
        except Revoked as revoked:
            self.context.authenticator.revoke_login(revoked.login_id, revoked.seconds)
            raise
        await self.settlement.ensure_known(pair.user_id)
        self.answer(pair)


class LogoutHandler(UserHandler, AuthHandler):
    """POST /auth/logout"""

    async def post(self) -> None:
        """Revoke this login's tokens and close its sockets."""
        identity = self.identify()
        self.read_body(Nothing)
        seconds = await self.accounts.logout(identity)
        self.context.authenticator.revoke_login(identity.login_id, seconds)
        self.answer({})


class TicketHandler(UserHandler, AuthHandler):
    """POST /auth/ticket"""

    async def post(self) -> None:
        """Answer with a ticket that opens one socket."""
        identity = self.identify()
        self.read_body(Nothing)
        self.answer(Ticket(await self.context.authenticator.new_ticket(identity), self.ticket_seconds))
