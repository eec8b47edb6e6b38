"""Provisioning: creates the users of another issuer at first sight, and keeps their profiles up to date."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

import msgspec

from models.errors import RequestError, StoreUnavailable, Undecided
from models.foreign_tokens import ForeignToken
from models.token_profile import TokenProfile
from models.user_documents import StoredUser
from realtime.clock import Environment
from realtime.presence.free_names import TakenNames, free_name, until_name_is_free
from realtime.presence.registry import Registry
from realtime.presence.settlement import Settlement
from realtime.presence.user_entry import UserEntry
from settings import Settings

UNKNOWN_SECONDS = 1.0
"""How long an external id that nobody has is not looked up again."""

UNKNOWN_LIMIT = 10_000
"""External ids that are remembered for this."""


class UnknownUser(Undecided):
    """Nobody has this external id, as far as is known."""

    def __init__(self, token: ForeignToken) -> None:
        super().__init__("There is no user for this token")
        self.token = token


class UserDocuments(TakenNames, Protocol):
    """The part of the users' store that is needed here."""

    async def read_back(self, user_id: int) -> StoredUser | None: ...
    async def save_profile(self, user_id: int, changes: dict[str, Any], *, rev: int) -> StoredUser: ...


class Accounts(Protocol):
    """The part of the membership that is needed here."""

    async def find_external(self, external_id: str) -> UserEntry | None: ...
    async def create_external(
        self,
        external_id: str,
        username: str | None,
        profile_image_url: str | None,
        *,
        may_differ: bool = False,
        token_profile: TokenProfile | None = None,
    ) -> StoredUser: ...


class Provisioning:
    """Users whose names and pictures come from tokens."""

    def __init__(
        self,
        settings: Settings,
        environment: Environment,
        accounts: Accounts,
        users: UserDocuments,
        settlement: Settlement,
        registry: Registry,
    ) -> None:
        self._creates = settings.provision_users
        self._attempts = settings.write_attempts
        self._clock = environment.clock
        self._spawn = environment.spawn
        self._accounts = accounts
        self._users = users
        self._settlement = settlement
        self._registry = registry
        self._unknown: dict[str, float] = {}
        """External ids that nobody has, with the steady time until which that is believed."""
        self._following: set[int] = set()
        """Users whose profiles are being saved."""

    async def user_of(self, token: ForeignToken) -> int:
        """The user whom a token states, who is created if that is set. Raises UnknownUser, StoreUnavailable."""
        entry = self._registry.find_external(token.external_id)
        if entry is not None:
            return entry.profile.user_id
        if self._creates:
            return await self._create(token)
        if self._unknown.get(token.external_id, 0.0) > self._clock.now():
            raise UnknownUser(token)
        entry = await self._accounts.find_external(token.external_id)
        if entry is None:
            self._note_unknown(token.external_id)
            raise UnknownUser(token)
        return entry.profile.user_id

    def follow(self, entry: UserEntry, token: ForeignToken, on_failure: Callable[[], None]) -> None:
        """Bring the user's profile into line with a token, in the background, if the token says something new."""
        user_id = entry.profile.user_id
        if _following(entry, token) is not entry.record.token_profile and user_id not in self._following:
            self._following.add(user_id)
            self._spawn(self._follow(user_id, token, on_failure))

    async def _create(self, token: ForeignToken) -> int:
        """Create the user, unless another request or server does."""
        profile = TokenProfile().following(token.name, token.picture, token.issued_at)
        stored = await self._accounts.create_external(
            token.external_id, token.name, token.picture, may_differ=True, token_profile=profile
        )
        return stored.profile.user_id

    async def _follow(self, user_id: int, token: ForeignToken, on_failure: Callable[[], None]) -> None:
        async def save(attempt: int) -> StoredUser | None:
            entry = self._registry.get(user_id)
            known, profile = entry.record.token_profile, _following(entry, token)
            if profile is known:  # another token or another server was faster
                return await self._users.read_back(user_id)
            changes: dict[str, Any] = {"token_profile": msgspec.structs.asdict(profile)}
            if profile.name != known.name and token.name is not None:
                changes["username"] = await free_name(
                    self._users, token.name, user_id, entry.profile.username, attempt=attempt
                )
            if profile.picture != known.picture:
                changes["profile_image_url"] = token.picture
            return await self._users.save_profile(user_id, changes, rev=entry.rev)

        try:
            await until_name_is_free(
                lambda attempt: self._settlement.write(user_id, partial(save, attempt)), self._attempts
            )
        except (RequestError, StoreUnavailable):  # the next use of the token tries again
            on_failure()
        finally:
            self._following.discard(user_id)

    def _note_unknown(self, external_id: str) -> None:
        if len(self._unknown) >= UNKNOWN_LIMIT:
            self._unknown.clear()
        self._unknown[external_id] = self._clock.now() + UNKNOWN_SECONDS


def _following(entry: UserEntry, token: ForeignToken) -> TokenProfile:
    return entry.record.token_profile.following(token.name, token.picture, token.issued_at)
