"""Accounts: register, sign in, refresh, sign out. What ties users, logins, passwords and tokens together."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec

from models.errors import Forbidden, Invalid, Unauthenticated
from models.logins import Logins
from models.passwords import Passwords
from models.sign_in_limits import SignInLimits
from models.tokens import Identity, Tokens
from models.users import NewUser, StoredUser, Users, username_key


class TokenPair(msgspec.Struct, frozen=True):
    """What a sign-in answers. `expires_in` is the access token's life in seconds."""

    access_token: str
    refresh_token: str
    expires_in: int
    user_id: int
    token_type: str = "bearer"  # noqa: S105  (RFC 6750's word, no secret)


class Revoked(Unauthenticated):
    """A refresh token was used twice: its whole login was just revoked. `until` is when its last token expires."""

    def __init__(self, login_id: str, until: float) -> None:
        super().__init__("This refresh token was used before; the login is revoked")
        self.login_id = login_id
        self.until = until


class AccountRules(msgspec.Struct, frozen=True):
    """Lives in seconds, and what a new account must keep to."""

    access_token_seconds: int
    refresh_token_seconds: int
    password_length_minimum: int
    registration_open: bool


class Accounts:
    """Who may come in. `now` gives aware UTC, `new_id` a text that never comes twice."""

    def __init__(
        self,
        users: Users,
        logins: Logins,
        sign_in_limits: SignInLimits,
        passwords: Passwords,
        tokens: Tokens,
        rules: AccountRules,
        *,
        now: Callable[[], datetime],
        new_id: Callable[[], str],
    ) -> None:
        self._users = users
        self._logins = logins
        self._sign_in_limits = sign_in_limits
        self._passwords = passwords
        self._tokens = tokens
        self._rules = rules
        self._now = now
        self._new_id = new_id

    async def register(
        self, username: str, password: str, profile_image_url: str | None
    ) -> tuple[StoredUser, TokenPair]:
        """A new user and the first tokens. Raises Forbidden, Invalid, Conflict."""
        if not self._rules.registration_open:
            raise Forbidden("REGISTRATION_CLOSED", "Registration is closed")
        if len(password) < self._rules.password_length_minimum:
            raise Invalid(f"A password has at least {self._rules.password_length_minimum} characters")
        new = NewUser(username, await self._passwords.hash(password), profile_image_url)
        user = await self._users.create(new, self._now())
        return user, await self._sign_in(user.profile.user_id)

    async def login(self, username: str, password: str, address: str) -> TokenPair:
        """Tokens for a name and its password. Raises Unauthenticated, which doesn't say what was wrong, or TooMany."""
        key = username_key(username)
        await self._sign_in_limits.check(key, address, self._now())
        found = await self._users.credentials(username)
        user_id, stored, disabled = found or (0, None, False)
        if not await self._passwords.matches(password, stored) or disabled:
            await self._sign_in_limits.failed(key, address, self._now())
            raise Unauthenticated("Wrong username or password")
        await self._sign_in_limits.succeeded(key)
        return await self._sign_in(user_id)

    async def refresh(self, refresh_token: str) -> TokenPair:
        """A new pair for a refresh token, which works once. Raises Revoked at its second use, Unauthenticated."""
        used = self._tokens.verify(refresh_token, "refresh")
        user = await self._users.get(used.user_id)
        if user is None or user.disabled or is_revoked_by(user.tokens_after, used):
            raise Unauthenticated
        new_token, new = self._mint_refresh(used.user_id, used.login_id)
        if not await self._logins.rotate(used.login_id, used.token_id, new.token_id, _moment(new.expires_at)):
            raise Revoked(used.login_id, await self._revoke(used))
        return self._pair(used.user_id, used.login_id, new_token)

    async def logout(self, identity: Identity) -> float:
        """End this login; closing its sockets is the gate's. Returns when its last token expires, in Unix seconds."""
        return await self._revoke(identity)

    async def _revoke(self, identity: Identity) -> float:
        """A token of the command line may outlive all that this server mints now."""
        now = self._now()
        life = timedelta(seconds=self._rules.access_token_seconds)
        until = max(now + life, _moment(identity.expires_at))
        await self._logins.revoke(identity.login_id, identity.user_id, now, until)
        return until.timestamp()

    async def _sign_in(self, user_id: int) -> TokenPair:
        login_id = self._new_id()
        refresh_token, refresh = self._mint_refresh(user_id, login_id)
        await self._logins.create(login_id, user_id, refresh.token_id, _moment(refresh.expires_at))
        return self._pair(user_id, login_id, refresh_token)

    def _mint_refresh(self, user_id: int, login_id: str) -> tuple[str, Identity]:
        return self._tokens.mint(user_id, login_id, "refresh", self._rules.refresh_token_seconds)

    def _pair(self, user_id: int, login_id: str, refresh_token: str) -> TokenPair:
        life = self._rules.access_token_seconds
        access_token, _ = self._tokens.mint(user_id, login_id, "access", life)
        return TokenPair(access_token, refresh_token, life, user_id)


def is_revoked_by(tokens_after: datetime | None, identity: Identity) -> bool:
    """Whether all of the user's tokens up to a moment were revoked, and this is one of them."""
    return tokens_after is not None and _moment(identity.issued_at) <= tokens_after


def _moment(unix_seconds: int) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(seconds=unix_seconds)
