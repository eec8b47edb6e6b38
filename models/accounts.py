"""Accounts: register, log in, refresh and log out. Combines users, logins, passwords and tokens."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from models.errors import Forbidden, Invalid, Unauthenticated
from models.logins import NOBODY
from models.passwords import Passwords
from models.stores import Stores
from models.times import EPOCH
from models.token_families import TokenFamilies
from models.tokens import Identity, Tokens
from models.user_documents import NewUser, StoredUser
from models.usernames import LONGEST, checked_username, is_too_long, username_key
from settings import Settings


class TokenPair(msgspec.Struct, frozen=True):
    """The tokens of a login. `expires_in` is the lifetime of the access token in seconds."""

    access_token: str
    refresh_token: str
    expires_in: int
    user_id: int
    token_type: str = "bearer"  # noqa: S105  (the token type of RFC 6750, not a secret)


class IssuedTokens(msgspec.Struct, frozen=True):
    """Tokens for a user, made for the app's backend. `expires_in` is the lifetime of the access token in seconds."""

    access_token: str
    expires_in: int
    user_id: int
    token_type: str = "bearer"  # noqa: S105  (the token type of RFC 6750, not a secret)
    refresh_token: str | msgspec.UnsetType = msgspec.UNSET
    """Left out unless it was asked for."""


class NewAccount(msgspec.Struct, frozen=True):
    """A user who is about to be created. The id is known first, so that a lost reply can be followed up."""

    user_id: int
    user: NewUser


class Revoked(Unauthenticated):
    """A refresh token was used too late after its first use, or its login was revoked before.

    The login is revoked in the store. Its last access token expires in `seconds`.
    """

    def __init__(self, login_id: str, seconds: float) -> None:
        super().__init__("This refresh token has already been used. The login has been revoked.")
        self.login_id = login_id
        self.seconds = seconds


class Accounts:
    """Registration and logins.

    `now` returns aware UTC, `steady` returns seconds that no correction of the clock changes, and `new_id` returns a
    unique text.
    """

    def __init__(
        self,
        stores: Stores,
        passwords: Passwords,
        tokens: Tokens,
        settings: Settings,
        *,
        now: Callable[[], datetime],
        steady: Callable[[], float],
        new_id: Callable[[], str],
    ) -> None:
        self._users = stores.users
        self._logins = stores.logins
        self._sign_in_limits = stores.sign_in_limits
        self._passwords = passwords
        self._tokens = tokens
        self._settings = settings
        self._now = now
        self._new_id = new_id
        self._families = TokenFamilies(stores.logins, tokens, settings, now=now, steady=steady, process_id=new_id())

    async def prepare(self, username: str, password: str, profile_image_url: str | None, address: str) -> NewAccount:
        """The first step of a registration: check and hash the password and reserve an id.

        `address` is the client's, as `address_key` returns it. Raises Forbidden, Invalid, Overloaded.
        """
        check_passwords(self._settings)
        if not self._settings.registration_open:
            raise Forbidden("REGISTRATION_CLOSED", "Registration is closed.")
        if len(password) < self._settings.password_length_minimum:
            raise Invalid(f"A password must have at least {self._settings.password_length_minimum} characters.")
        new = NewUser(checked_username(username), await self._passwords.hash(password, address), profile_image_url)
        return NewAccount(await self._users.next_id(), new)

    async def sign_in(self, user: StoredUser) -> TokenPair:
        """The last step, after the user was created: the user's first tokens."""
        return await self._sign_in(user.profile.user_id, user.token_version)

    async def login(self, username: str, password: str, address: str) -> TokenPair:
        """Return tokens for a username and password.

        `address` is the client's, as `address_key` returns it. Raises Forbidden, Invalid if no name can be this long,
        TooMany, Overloaded, or Unauthenticated without saying why.
        """
        check_passwords(self._settings)
        if is_too_long(username):
            raise Invalid(f"A name has at most {LONGEST} characters.")
        async with self._sign_in_limits.attempt(username_key(username), address, self._now) as attempt:
            found = await self._users.credentials(username)
            matches = await self._passwords.matches(password, found.password_hash if found else None, address)
            if found is None or not matches or found.disabled:
                attempt.failed()
                raise Unauthenticated("Wrong username or password.")
            attempt.succeeded()
        return await self._sign_in(found.user_id, found.token_version)

    def user_id_of(self, refresh_token: str) -> int:
        """The user that a refresh token was issued to. Raises Unauthenticated."""
        return self._tokens.verify(refresh_token, "refresh").user_id

    async def refresh(self, refresh_token: str) -> TokenPair:
        """Exchange a refresh token for its successor and a new access token.

        Used again within the leeway, it gets the same successor. Raises Revoked if it is used later, or
        Unauthenticated.
        """
        used = self._tokens.verify(refresh_token, "refresh")
        user = await self._users.get(used.user_id)
        if user is None or user.disabled or is_revoked_by(user, used):
            raise Unauthenticated
        successor = await self._families.successor(used)
        if successor is None:
            raise Revoked(used.login_id, await self._revoke(used, 0))
        return self._pair(used.user_id, used.login_id, successor, user.token_version)

    async def logout(self, identity: Identity) -> float:
        """Revoke this login and return in how many seconds its last access token expires.

        The caller closes the login's sockets.
        """
        # A token made on the command line may live longer than any token that this server mints.
        return await self._revoke(identity, (_moment(identity.expires_at) - self._now()).total_seconds())

    async def _revoke(self, identity: Identity, seconds: float) -> float:
        now, seconds = self._now(), max(seconds, self._settings.access_token_seconds)
        # After the user was deleted, a token of another issuer could create the user again.
        user_id = NOBODY if identity.is_foreign else identity.user_id
        await self._logins.revoke(identity.login_id, user_id, now, now + timedelta(seconds=seconds))
        return seconds

    async def issue(self, user_id: int, version: int, seconds: int, *, with_refresh: bool) -> IssuedTokens:
        """Tokens for a user whom the app's backend has signed in. The access token lives for `seconds`."""
        if with_refresh:
            pair = await self._sign_in(user_id, version, seconds)
            return IssuedTokens(pair.access_token, seconds, user_id, refresh_token=pair.refresh_token)
        access_token, _ = self._tokens.mint(user_id, self._new_id(), "access", seconds, version)
        return IssuedTokens(access_token, seconds, user_id)

    async def _sign_in(self, user_id: int, version: int, seconds: int | None = None) -> TokenPair:
        login_id, life = self._new_id(), self._settings.refresh_token_seconds
        refresh_token, refresh = self._tokens.mint(user_id, login_id, "refresh", life, version)
        await self._logins.create(login_id, user_id, refresh.token_id, _moment(refresh.expires_at))
        return self._pair(user_id, login_id, refresh_token, version, seconds)

    def _pair(
        self, user_id: int, login_id: str, refresh_token: str, version: int, seconds: int | None = None
    ) -> TokenPair:
        life = self._settings.access_token_seconds if seconds is None else seconds
        access_token, _ = self._tokens.mint(user_id, login_id, "access", life, version)
        return TokenPair(access_token, refresh_token, life, user_id)


def check_passwords(settings: Settings) -> None:
    """Raise Forbidden if users may not have passwords."""
    if not settings.password_login_open:
        raise Forbidden("PASSWORDS_CLOSED", "Passwords are not used here.")


class Revoking(Protocol):
    """What says which tokens of a user are revoked."""

    @property
    def token_version(self) -> int: ...
    @property
    def tokens_after(self) -> datetime | None: ...
    @property
    def kept_login(self) -> str: ...


def is_revoked_by(user: Revoking, identity: Identity) -> bool:
    """Whether the user's tokens were revoked since this one was issued, except for those of the kept login.

    Older servers noted the moment in `tokens_after`. It only concerns tokens of that time, which have no version. Nor
    have tokens of another issuer, for which there is a cut-off (see `models.foreign_tokens`).
    """
    if identity.is_foreign or identity.login_id == user.kept_login:
        return False
    if identity.version is not None:
        return identity.version < user.token_version
    after = user.tokens_after
    return user.token_version > 0 or (after is not None and _moment(identity.issued_at) <= after)


def _moment(unix_seconds: int) -> datetime:
    return EPOCH + timedelta(seconds=unix_seconds)
