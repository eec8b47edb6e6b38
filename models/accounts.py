"""Accounts: register, log in, refresh and log out. Combines users, logins, passwords and tokens."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

from models.errors import Forbidden, Invalid, Unauthenticated
from models.passwords import Passwords
from models.stores import Stores
from models.times import EPOCH
from models.tokens import Identity, Tokens
from models.users import NewUser, StoredUser, username_key
from settings import Settings


class TokenPair(msgspec.Struct, frozen=True):
    """The tokens of a login. `expires_in` is the lifetime of the access token in seconds."""

    access_token: str
    refresh_token: str
    expires_in: int
    user_id: int
    token_type: str = "bearer"  # noqa: S105  (the token type of RFC 6750, not a secret)


class Revoked(Unauthenticated):
    """A refresh token was used twice, so its login was revoked. `until` is when the last access token expires."""

    def __init__(self, login_id: str, until: float) -> None:
        super().__init__("This refresh token has already been used. The login has been revoked.")
        self.login_id = login_id
        self.until = until


class Accounts:
    """Registration and logins. `now` returns aware UTC, `new_id` returns a unique text."""

    def __init__(
        self,
        stores: Stores,
        passwords: Passwords,
        tokens: Tokens,
        settings: Settings,
        *,
        now: Callable[[], datetime],
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

    async def register(
        self, username: str, password: str, profile_image_url: str | None, address: str
    ) -> tuple[StoredUser, TokenPair]:
        """Create a user and return it with its first tokens. Raises Forbidden, Invalid, Conflict, Overloaded.

        `address` is the client's, as `address_key` returns it.
        """
        if not self._settings.registration_open:
            raise Forbidden("REGISTRATION_CLOSED", "Registration is closed.")
        if len(password) < self._settings.password_length_minimum:
            raise Invalid(f"A password must have at least {self._settings.password_length_minimum} characters.")
        new = NewUser(username, await self._passwords.hash(password, address), profile_image_url)
        user = await self._users.create(new, self._now())
        return user, await self._sign_in(user.profile.user_id)

    async def login(self, username: str, password: str, address: str) -> TokenPair:
        """Return tokens for a username and password. Raises TooMany, Overloaded, or Unauthenticated without saying why.

        `address` is the client's, as `address_key` returns it.
        """
        async with self._sign_in_limits.attempt(username_key(username), address, self._now) as attempt:
            found = await self._users.credentials(username)
            user_id, stored, disabled = found or (0, None, False)
            if not await self._passwords.matches(password, stored, address) or disabled:
                attempt.failed()
                raise Unauthenticated("Wrong username or password.")
            attempt.succeeded()
        return await self._sign_in(user_id)

    def user_id_of(self, refresh_token: str) -> int:
        """The user that a refresh token was issued to. Raises Unauthenticated."""
        return self._tokens.verify(refresh_token, "refresh").user_id

    async def refresh(self, refresh_token: str) -> TokenPair:
        """Exchange a refresh token for a new pair. Raises Revoked if it was used before, or Unauthenticated."""
        used = self._tokens.verify(refresh_token, "refresh")
        user = await self._users.get(used.user_id)
        if user is None or user.disabled or is_revoked_by(user.tokens_after, used):
            raise Unauthenticated
        new_token, new = self._mint_refresh(used.user_id, used.login_id)
        if not await self._logins.rotate(used.login_id, used.token_id, new.token_id, _moment(new.expires_at)):
            raise Revoked(used.login_id, await self._revoke(used))
        return self._pair(used.user_id, used.login_id, new_token)

    async def logout(self, identity: Identity) -> float:
        """Revoke this login and return when its last access token expires, in Unix seconds.

        The caller closes the login's sockets.
        """
        return await self._revoke(identity)

    async def _revoke(self, identity: Identity) -> float:
        now = self._now()
        life = timedelta(seconds=self._settings.access_token_seconds)
        # A token made on the command line may live longer than any token that this server mints.
        until = max(now + life, _moment(identity.expires_at))
        await self._logins.revoke(identity.login_id, identity.user_id, now, until)
        return until.timestamp()

    async def _sign_in(self, user_id: int) -> TokenPair:
        login_id = self._new_id()
        refresh_token, refresh = self._mint_refresh(user_id, login_id)
        await self._logins.create(login_id, user_id, refresh.token_id, _moment(refresh.expires_at))
        return self._pair(user_id, login_id, refresh_token)

    def _mint_refresh(self, user_id: int, login_id: str) -> tuple[str, Identity]:
        return self._tokens.mint(user_id, login_id, "refresh", self._settings.refresh_token_seconds)

    def _pair(self, user_id: int, login_id: str, refresh_token: str) -> TokenPair:
        life = self._settings.access_token_seconds
        access_token, _ = self._tokens.mint(user_id, login_id, "access", life)
        return TokenPair(access_token, refresh_token, life, user_id)


def is_revoked_by(tokens_after: datetime | None, identity: Identity) -> bool:
    """Whether the token was issued no later than `tokens_after`, when all of the user's tokens were revoked."""
    return tokens_after is not None and _moment(identity.issued_at) <= tokens_after


def _moment(unix_seconds: int) -> datetime:
    return EPOCH + timedelta(seconds=unix_seconds)
