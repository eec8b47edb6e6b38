"""Password changes: compares a user's password with the stored one, and replaces it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import msgspec

from models.accounts import check_passwords, is_revoked_by
from models.errors import Forbidden, Invalid, Unauthenticated
from models.field_types import Password
from models.passwords import Passwords
from models.sign_in_limits import SignInLimits
from models.stores import Stores
from models.tokens import Identity
from models.user_documents import StoredUser
from models.user_passwords import StoredPassword, UserPasswords
from models.usernames import username_key
from settings import Settings


class PasswordChange(msgspec.Struct, frozen=True):
    """A change whose old password was right: by whom, and the hashes of both passwords."""

    identity: Identity
    old_hash: str | None
    new_hash: str


class PasswordChanges:
    """Comparisons count as sign-ins to the same account do, so that a stolen token allows no more guesses.

    `now` returns aware UTC.
    """

    def __init__(
        self, stores: Stores, passwords: Passwords, settings: Settings, *, now: Callable[[], datetime]
    ) -> None:
        self._stored: UserPasswords = stores.user_passwords
        self._sign_in_limits: SignInLimits = stores.sign_in_limits
        self._passwords = passwords
        self._settings = settings
        self._length_minimum = settings.password_length_minimum
        self._now = now

    async def prepare(self, identity: Identity, old: str, new: str, address: str) -> PasswordChange:
        """The first step: compare the old password, and hash the new one.

        `address` is the client's, as `address_key` returns it. Raises Invalid, Forbidden, Unauthenticated, TooMany,
        Overloaded.
        """
        check_passwords(self._settings)
        self._check_new(new)
        stored = await self._get(identity)
        if stored.password_hash is None:
            raise Forbidden("PASSWORD_NOT_SET", "This account has no password.")
        await self._compare(stored, old, address)
        return PasswordChange(identity, stored.password_hash, await self._passwords.hash(new, address))

    async def carry_out(self, change: PasswordChange) -> StoredUser:
        """The second step: replace the password. All tokens are revoked, except those of the caller's login.

        Raises Forbidden if the old password was replaced meanwhile, Unauthenticated, and Outdated.
        """
        stored = await self._get(change.identity)
        if stored.password_hash != change.old_hash:
            raise _wrong_password()
        kept_login = change.identity.login_id
        return await self._stored.replace(stored, change.new_hash, self._now(), kept_login=kept_login)

    async def check(self, identity: Identity, password: str | None, address: str) -> None:
        """Raise Forbidden unless this is the user's password, or the user has none.

        Raises Unauthenticated, TooMany, Overloaded, too.
        """
        stored = await self._get(identity)
        if stored.password_hash is None:
            return
        check_passwords(self._settings)
        if password is None:
            raise Forbidden("WRONG_PASSWORD", "This account has a password. Send it as `password`.")
        await self._compare(stored, password, address)

    async def hash_new(self, password: str, address: str = "") -> str:
        """The hash of a password that an operator gives a user. Raises Invalid, Overloaded."""
        self._check_new(password)
        return await self._passwords.hash(password, address)

    def problem(self, password: str) -> str:
        """Why this can be nobody's new password, or an empty text."""
        if not self._settings.password_login_open:
            return "Passwords are turned off by a setting."
        if len(password) < self._length_minimum:
            return f"A password must have at least {self._length_minimum} characters."
        try:
            msgspec.convert(password, Password)
        except msgspec.ValidationError:
            return "A password must have at most 1,024 characters and no NUL character."
        return ""

    async def _get(self, identity: Identity) -> StoredPassword:
        stored = await self._stored.get(identity.user_id)
        if stored is None or stored.disabled or is_revoked_by(stored, identity):
            raise Unauthenticated
        return stored

    async def _compare(self, stored: StoredPassword, password: str, address: str) -> None:
        async with self._sign_in_limits.attempt(username_key(stored.username), address, self._now) as attempt:
            if not await self._passwords.matches(password, stored.password_hash, address):
                attempt.failed()
                raise _wrong_password()
            attempt.succeeded()

    def _check_new(self, password: str) -> None:
        problem = self.problem(password)
        if problem:
            raise Invalid(problem)


def _wrong_password() -> Forbidden:
    return Forbidden("WRONG_PASSWORD", "Wrong password.")
