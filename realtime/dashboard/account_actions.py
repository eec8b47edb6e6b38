"""Account actions: what operators do to users' accounts rather than to their status."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from models.errors import NotFound
from models.user_documents import StoredUser
from models.user_passwords import UserPasswords
from realtime.clock import Clock
from realtime.dashboard.action_previews import ActionTarget
from realtime.dashboard.rows import ActionName
from realtime.presence.membership import Membership
from realtime.protocol import CloseCode
from realtime.sockets.hub import Hub
from realtime.sockets.revocation import Revocations


class AccountActions:
    """Carries them out, in the store first. Each raises NotFound if the user is gone, and StoreUnavailable."""

    def __init__(
        self, membership: Membership, revocations: Revocations, passwords: UserPasswords, hub: Hub, clock: Clock
    ) -> None:
        self._membership = membership
        self._revocations = revocations
        self._passwords = passwords
        self._hub = hub
        self._clock = clock
        self.table: dict[ActionName, Callable[[ActionTarget, str], Awaitable[None]]] = {
            "sign_out": self._sign_out,
            "enable_user": self._enable,
            "disable_user": self._disable,
            "delete_user": self._delete,
            "set_password": self._set_password,
            "add_tag": self._add_tag,
            "remove_tag": self._remove_tag,
        }

    async def _sign_out(self, target: ActionTarget, _operator: str) -> None:
        await self._revocations.revoke(target.user_id)
        self._hub.close_user(target.user_id, CloseCode.REVOKED, "signed out by an operator")

    async def _enable(self, target: ActionTarget, _operator: str) -> None:
        await self._membership.enable(target.user_id)

    async def _disable(self, target: ActionTarget, _operator: str) -> None:
        await self._membership.disable(target.user_id)

    async def _delete(self, target: ActionTarget, _operator: str) -> None:
        await self._membership.delete(target.user_id)

    async def _set_password(self, target: ActionTarget, _operator: str) -> None:
        async def write() -> StoredUser:
            stored = await self._passwords.set(target.user_id, target.password_hash, self._clock.utc())
            if stored is None:  # another server has deleted the user, which is not known here yet
                raise NotFound("No such user")
            return stored

        await self._revocations.change_password(target.user_id, write)

    async def _add_tag(self, target: ActionTarget, _operator: str) -> None:
        await self._membership.change_tags(target.user_id, lambda tags: {*tags, target.tag})

    async def _remove_tag(self, target: ActionTarget, _operator: str) -> None:
        await self._membership.change_tags(target.user_id, lambda tags: {*tags} - {target.tag})
