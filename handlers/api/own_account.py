"""Own account: replaces the caller's password, and deletes the caller's account."""

from __future__ import annotations

from typing import Any

import msgspec

from handlers.api.auth import NewPassword, Nothing
from handlers.api.users import MeHandler
from handlers.base import HandlerContext
from handlers.callers import UserHandler
from models.field_types import Password
from models.password_changes import PasswordChanges
from realtime.sockets.revocation import Revocations


class PasswordReplacement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of PUT /users/me/password."""

    old_password: Password
    new_password: NewPassword


class AccountDeletion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of DELETE /users/me. An account that has a password is deleted only with it."""

    password: Password | None = None


class MyPasswordHandler(UserHandler):
    """PUT /users/me/password"""

    def initialize(self, context: HandlerContext, password_changes: PasswordChanges, revocations: Revocations) -> None:
        """The route passes the collaborators."""
        self.set_up(context)
        self.password_changes = password_changes
        self.revocations = revocations

    async def put(self) -> None:
        """Replace the caller's password. All of the caller's other logins end."""
        identity = self.identify()
        body = self.read_body(PasswordReplacement)
        self.context.limits.sign_ins.take(self.address_key)
        changes = self.password_changes
        change = await changes.prepare(identity, body.old_password, body.new_password, self.address_key)
        await self.revocations.change_password(identity.user_id, lambda: changes.carry_out(change))
        self.answer(Nothing())


class MyAccountHandler(MeHandler):
    """GET, PATCH and DELETE /users/me"""

    def initialize(self, password_changes: PasswordChanges, **others: Any) -> None:  # type: ignore[override]
        """The route passes the collaborators."""
        super().initialize(**others)
        self.password_changes = password_changes

    async def delete(self) -> None:
        """Delete the caller's account for good."""
        user_id = await self.identify_settled()
        body = self.read_body(AccountDeletion)
        self.context.limits.sign_ins.take(self.address_key)
        await self.password_changes.check(self.identify(), body.password, self.address_key)
        await self.membership.delete(user_id)
        self.set_status(204)
