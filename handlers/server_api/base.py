"""Base of the API for backends: the service key, its scope, the user in the URL, and the audit."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from handlers.api.auth import Nothing
from handlers.base import HandlerContext
from handlers.callers import CallerHandler
from handlers.parsing import bearer_token
from handlers.server_api.key_audit import AuditedWrite, KeyAudit
from handlers.user_ids import UserName, found_user
from models.accounts import Accounts
from models.errors import Conflict, Forbidden, Unauthenticated
from models.service_keys import PREFIX, Scope, ServiceKey
from models.status import state_of
from models.stores import Stores
from realtime.core import Core
from realtime.dashboard.action_previews import ActionTarget
from realtime.dashboard.rows import ActionName
from realtime.presence.user_entry import UserEntry

T = TypeVar("T")
Verb = TypeVar("Verb", bound=Callable[..., Any])

NO_KEY = "Send a service key in the header Authorization: Bearer rk_…"


@dataclass(frozen=True)
class ServerContext:
    """What every handler of this API needs."""

    context: HandlerContext
    core: Core
    stores: Stores
    accounts: Accounts
    audit: KeyAudit


def needs(scope: Scope, action: str = "") -> Callable[[Verb], Verb]:
    """The scope that an HTTP method needs, and what the audit calls it unless it only reads."""

    def mark(verb: Verb) -> Verb:
        verb.needed = scope, action  # type: ignore[attr-defined]
        return verb

    return mark


class ServerHandler(CallerHandler):
    """A JSON endpoint for backends."""

    def initialize(self, server: ServerContext) -> None:
        """The route passes the collaborators."""
        self.set_up(server.context)
        self.server = server
        self.core = server.core
        self.registry = server.core.registry

    def prepare(self) -> Awaitable[None] | None:
        """Identify the key, wait for a turn, and check the scope.

        Raises Unauthenticated, Forbidden, TooMany, StoreUnavailable.
        """
        super().prepare()
        return self._admit() if self.verb else None

    async def _admit(self) -> None:
        try:
            credential = bearer_token(self.request)
        except Unauthenticated:
            raise Unauthenticated(NO_KEY) from None
        if not credential.startswith(PREFIX):
            waiting = self.admit_user(credential)
            if waiting is not None:
                await waiting
            raise Forbidden("FORBIDDEN", "This needs a service key. A user's token does not do.")
        self.key = await self.admit_key(credential)
        scope, action = getattr(self, self.verb).needed
        if self.key.may(scope):
            return
        if action:
            await self.server.audit.refuse(self._write("", ""), "FORBIDDEN")
        raise Forbidden("FORBIDDEN", f"This needs a key with the scope {scope}. Yours has the scope {self.key.scope}.")

    def check_key(self) -> ServiceKey:
        """The key. Raises Unauthenticated if it was revoked meanwhile."""
        self.check_caller()
        return self.key

    async def user(self, name: UserName) -> UserEntry:
        """The user whom a URL or a body names, once the outcome of earlier writes to the user is known.

        Raises Invalid, NotFound, StoreUnavailable.
        """
        entry = await found_user(name, self.registry, self.core.membership.find_external)
        await self.core.settlement.settle(entry.profile.user_id)
        return self.registry.get(entry.profile.user_id)

    async def act(self, action: ActionName, name: UserName) -> UserEntry:
        """Do what operators can do to a user, too. Raises what `user` raises."""
        actor = self.check_key().actor
        if self.verb != "delete":
            self.read_body(Nothing)
        entry = await self.user(name)
        target = ActionTarget(user_id=entry.profile.user_id)
        await self.change_user(entry, lambda: self.core.actions.carry_out_at_once(action, target, actor))
        return entry

    async def change_user(
        self, entry: UserEntry, work: Callable[[], Awaitable[T]], after: Callable[[T], str] | None = None
    ) -> T:
        """Do something to a user, and record it."""
        user_id, name = entry.profile.user_id, entry.profile.username
        return await self.change(
            f"user:{user_id}", name, work, after or (lambda _: self._described(entry)), before=self._described(entry)
        )

    async def change(
        self,
        target: str,
        target_name: str,
        work: Callable[[], Awaitable[T]],
        after: Callable[[T], str],
        before: str = "",
    ) -> T:
        """Do something, and record it. Only `target_name` may name a user: deleted users are renamed there."""
        return await self.server.audit.record(self._write(target, target_name, before), work, after)

    async def note_users(self, changed: Sequence[tuple[UserEntry, str]]) -> None:
        """Record what was done to many users, each with the name of the action."""
        await self.server.audit.note_all(
            [
                msgspec.structs.replace(
                    self._write(f"user:{entry.profile.user_id}", entry.profile.username), action=action
                )
                for entry, action in changed
            ]
        )

    def _described(self, entry: UserEntry) -> str:
        if entry.profile.user_id not in self.registry:
            return "deleted"
        return "disabled" if entry.disabled else state_of(entry.status)

    def _write(self, target: str, target_name: str, before: str = "") -> AuditedWrite:
        action = getattr(self, self.verb).needed[1]
        address = self.context.origins.address(self.request)
        return AuditedWrite(self.key, action, address, target, target_name, before)


def demand_enabled(entry: UserEntry) -> int:
    """The id of a user who may be acted for. Raises Conflict."""
    if entry.disabled:
        raise Conflict("USER_DISABLED", "This user is disabled")
    return entry.profile.user_id
