"""Foreign identities: whose the tokens of another issuer are, and which of them a cut-off spares."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Protocol, TypeGuard

from models.errors import Unauthenticated
from models.foreign_tokens import ForeignToken, ForeignTokens, UnknownKey, is_cut_off
from models.logins import NOBODY
from models.status import Profile
from models.tokens import Identity
from realtime.clock import Environment
from realtime.presence.log import Revocation
from realtime.presence.provisioning import Provisioning, UnknownUser
from realtime.presence.registry import Registry
from realtime.presence.user_entry import UserEntry
from realtime.sockets.hub import Hub
from realtime.sockets.session import Caller
from settings import Settings


class Logins(Protocol):
    """The part of the logins' store that is needed here."""

    async def revoke(self, login_id: str, user_id: int, at: datetime, tokens_until: datetime) -> None: ...


class Checks(Protocol):
    """Raise Unauthenticated for what was revoked."""

    def check(self, identity: Identity) -> None: ...
    def check_login(self, login_id: str) -> None: ...


class ForeignIdentities:
    """From tokens of another issuer to users here."""

    def __init__(
        self,
        settings: Settings,
        environment: Environment,
        tokens: ForeignTokens,
        provisioning: Provisioning,
        registry: Registry,
        hub: Hub,
        logins: Logins,
    ) -> None:
        self._leeway_seconds = settings.foreign_token_leeway_seconds
        self._clock = environment.clock
        self._unix_now = environment.unix_now
        self._spawn = environment.spawn
        self._tokens = tokens
        self._provisioning = provisioning
        self._registry = registry
        self._hub = hub
        self._logins = logins
        self._started_at = environment.clock.utc()
        self._cut_off: dict[int, datetime] = {}
        """The latest cut-off of each user for which the spared tokens were revoked here."""

    def is_theirs(self, token: str) -> bool:
        """Whether the token names the other issuer, which has yet to be verified."""
        return self._tokens.is_theirs(token)

    def identify(self, token: str, checks: Checks) -> Identity:
        """The identity in a token.

        Raises UnknownKey, UnknownUser, TokenExpired, Unauthenticated.
        """
        known = self._tokens.find(token)
        stated = known or self._tokens.verify(token)
        entry = self._registry.find_external(stated.external_id)
        if entry is None:
            checks.check_login(stated.login_id)
            self._tokens.forget(token)  # what it says of the profile will be new for the user
            raise UnknownUser(stated)
        identity = _identity(entry.profile.user_id, stated)
        checks.check(identity)
        if known is None:
            self._provisioning.follow(entry, stated, lambda: self._tokens.forget(token))
        return identity

    async def identify_later(self, token: str, checks: Checks) -> Identity:
        """The same after reading the keys again if theirs is unknown, and finding or creating the user.

        Raises TokenExpired, Unauthenticated, StoreUnavailable.
        """
        try:
            return await self._identify_by_new_keys(token, checks)
        except UnknownUser as unknown:
            await self._provisioning.user_of(unknown.token)
            return self.identify(token, checks)

    def when_identified(
        self,
        token: str,
        checks: Checks,
        then: Callable[[Identity], None],
        otherwise: Callable[[Unauthenticated], None],
    ) -> None:
        """Read the keys again, and then call one of two functions. This creates no user."""
        self._spawn(self._when_identified(token, checks, then, otherwise))

    def is_cut_off(self, entry: UserEntry, identity: Identity) -> bool:
        """Whether the user's tokens were revoked since this one was issued, except for those of the kept login."""
        return identity.login_id != entry.kept_login and is_cut_off(
            entry.foreign_tokens_after, identity.issued_at, self._leeway_seconds
        )

    def revoke_spared(self, entry: UserEntry) -> Iterator[Revocation]:
        """The logins that are still to be revoked, as all of the user's tokens were.

        The cut-off spares tokens that were issued a moment before it, because the issuer's clock may be behind, and all
        that a clock far ahead has issued. Those that were in use are known, so they are revoked one by one. The store
        has that as soon as it can.
        """
        user_id, after = entry.profile.user_id, entry.foreign_tokens_after
        if after is None or self._cut_off.get(user_id) == after or not self._is_new(after):
            return
        self._cut_off[user_id] = after
        for identity in self._in_use(entry.profile):
            if identity.login_id != entry.kept_login and not self.is_cut_off(entry, identity):
                yield self._revocation(identity)

    def revoke_deleted(self, profile: Profile) -> Iterator[Revocation]:
        """The logins of a user who was deleted. Their tokens must not create the user again."""
        self._cut_off.pop(profile.user_id, None)
        for identity in self._in_use(profile):
            yield self._revocation(identity)

    def _is_new(self, after: datetime) -> bool:
        """Whether what is in use now was in use at the cut-off, rather than issued after it."""
        return after >= self._started_at and (self._clock.utc() - after).total_seconds() < self._leeway_seconds

    def _in_use(self, profile: Profile) -> Iterable[Identity]:
        """The user's tokens that were seen here, one of each login."""
        user_id = profile.user_id
        found = [_identity(user_id, token) for token in self._tokens.verified_of(profile.external_id or "")]
        found += [each.identity for each in self._hub.of_user(user_id) if _is_foreign(each.identity)]
        return {each.login_id: each for each in found}.values()

    def _revocation(self, identity: Identity) -> Revocation:
        """The revocation of a login, which is stored as nobody's, because all logins of a deleted user are removed."""
        utc, seconds = self._clock.utc(), max(1.0, identity.expires_at - self._unix_now())
        self._spawn(self._logins.revoke(identity.login_id, NOBODY, utc, utc + timedelta(seconds=seconds)))
        return Revocation(identity.login_id, seconds)

    async def _identify_by_new_keys(self, token: str, checks: Checks) -> Identity:
        try:
            return self.identify(token, checks)
        except UnknownKey:
            await self._tokens.read_keys()
            return self.identify(token, checks)

    async def _when_identified(
        self,
        token: str,
        checks: Checks,
        then: Callable[[Identity], None],
        otherwise: Callable[[Unauthenticated], None],
    ) -> None:
        try:
            identity = await self._identify_by_new_keys(token, checks)
        except Unauthenticated as error:
            otherwise(error)
        else:
            then(identity)


def _is_foreign(caller: Caller) -> TypeGuard[Identity]:
    return isinstance(caller, Identity) and caller.is_foreign


def _identity(user_id: int, token: ForeignToken) -> Identity:
    return Identity(user_id, token.login_id, token.login_id, token.issued_at, token.expires_at, is_foreign=True)
