"""Desk: operators sign in and out, and who is there. What ties operators, sign-ins, passwords and attempts together.

A secret is 256 random bits. It is in the operator's cookie alone: the store has its hash, which is enough to find the
sign-in and useless to whoever reads the store.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec

from models.errors import Conflict, Invalid, NotFound, Unauthenticated
from models.field_types import Password, Username
from models.operators import Operator, Operators, Role
from models.passwords import Passwords
from models.sign_in_limits import SignInLimits
from models.sign_ins import SignIn, SignIns
from models.status import utc_milliseconds
from models.stores import Stores
from models.users import username_key
from settings import Settings

SECRET_BYTES = 32

TOUCH = timedelta(seconds=60)
"""Not every request is a write: idle time is exact to this."""

WRONG = "Wrong name or password"
SIGNED_OUT = "Signed out"


class SignedInOperator(msgspec.Struct, frozen=True):
    """Who is at the dashboard, and by which sign-in."""

    operator: Operator
    sign_in: SignIn


class OperatorAuthRules(msgspec.Struct, frozen=True):
    """How long a sign-in lasts, unused and at most, in seconds; and the least length of a password."""

    idle_seconds: int
    session_seconds: int
    password_length_minimum: int


class OperatorAuth:
    """Who may be at the dashboard. `now` gives aware UTC."""

    def __init__(
        self,
        operators: Operators,
        sign_ins: SignIns,
        sign_in_limits: SignInLimits,
        passwords: Passwords,
        rules: OperatorAuthRules,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._operators = operators
        self._sign_ins = sign_ins
        self._sign_in_limits = sign_in_limits
        self.passwords = passwords
        self._rules = rules
        self._longest = timedelta(seconds=rules.session_seconds)
        self._longest_idle = timedelta(seconds=rules.idle_seconds)
        self._now = now
        self._one_change_at_a_time = asyncio.Lock()

    async def sign_in(self, name: str, password: str, address: str, device: str) -> tuple[str, SignIn, Operator]:
        """(secret, sign-in, operator) for a name and its password.

        Raises Unauthenticated, which doesn't say what was wrong and comes after the same time whatever it was; TooMany.
        """
        account = _account(name)
        await self._sign_in_limits.check(account, address, self._now())
        operator, stored = await self._credentials(name)
        matches = await self.passwords.matches(password, stored)
        if operator is None or operator.disabled or not matches:
            await self._sign_in_limits.failed(account, address, self._now())
            raise Unauthenticated(WRONG)
        secret = secrets.token_urlsafe(SECRET_BYTES)
        sign_in = await self._sign_ins.create(_hash(secret), operator.operator_id, self._now(), address, device)
        if await self._credentials(name) != (operator, stored):
            # Changed while the password was compared: the change ended all sign-ins there were, this one perhaps not.
            await self._sign_ins.end(sign_in.sign_in_id)
            raise Unauthenticated(WRONG)
        await self._sign_in_limits.succeeded(account)
        return secret, sign_in, operator

    async def identify(self, secret: str) -> SignedInOperator:
        """Who holds the secret. Raises Unauthenticated when nobody does any more."""
        return await self._signed_in(_hash(secret), self._now())

    async def keep(self, sign_in_id: str, at: datetime) -> bool:
        """Note that an operator is still there, by an open socket. False: the sign-in is over."""
        try:
            await self._signed_in(sign_in_id, at)
        except Unauthenticated:
            return False
        return True

    async def sign_out(self, secret: str) -> SignIn:
        """End the sign-in of a secret; closing its sockets is the watchers'. Raises Unauthenticated."""
        sign_in = await self._sign_ins.get(_hash(secret))
        if sign_in is None:
            raise Unauthenticated(SIGNED_OUT)
        await self._sign_ins.end(sign_in.sign_in_id)
        return sign_in

    async def add(self, name: str, password: str, role: Role) -> Operator:
        """A new operator. Raises Invalid, Conflict."""
        if not _fits(name, Username):
            raise Invalid("A name has 1 to 64 characters, no control character, and no space at either end")
        return await self._operators.add(name, await self._hash_new(password), role, utc_milliseconds(self._now()))

    async def change(
        self, operator_id: int, *, role: Role | None = None, disabled: bool | None = None, password: str | None = None
    ) -> Operator:
        """The operator after the change of what is given; one who lost something by it is signed out everywhere.

        Closing the sockets is the watchers'. Raises NotFound, Invalid, Conflict for the last admin.
        """
        password_hash = None if password is None else await self._hash_new(password)
        async with self._one_change_at_a_time:
            before = await self._operators.get(operator_id)
            if before is None:
                raise NotFound("There is no such operator")
            if disabled or role not in (None, "admin"):
                await self._check_not_the_last_admin(before)
            after = await self._operators.change(operator_id, role=role, disabled=disabled, password_hash=password_hash)
            assert after is not None, "operators are never deleted"
            if disabled or password_hash or after.role != before.role:
                await self._sign_ins.end_all(operator_id)
        return after

    async def _credentials(self, name: str) -> tuple[Operator, str] | tuple[None, None]:
        """The operator and the hash to compare with. Nobody has a name that is no name."""
        found = await self._operators.credentials(name) if _fits(name, Username) else None
        return found or (None, None)

    async def _signed_in(self, sign_in_id: str, now: datetime) -> SignedInOperator:
        sign_in = await self._sign_ins.get(sign_in_id)
        if sign_in is None or self._is_over(sign_in, now):
            raise Unauthenticated(SIGNED_OUT)
        operator = await self._operators.get(sign_in.operator_id)
        if operator is None or operator.disabled:
            raise Unauthenticated(SIGNED_OUT)
        if now - sign_in.seen_at >= TOUCH:
            await self._sign_ins.touch(sign_in_id, now)
        return SignedInOperator(operator, sign_in)

    def _is_over(self, sign_in: SignIn, now: datetime) -> bool:
        return now - sign_in.started_at > self._longest or now - sign_in.seen_at > self._longest_idle

    async def _check_not_the_last_admin(self, operator: Operator) -> None:
        admins = [each for each in await self._operators.all() if each.role == "admin" and not each.disabled]
        if [each.operator_id for each in admins] == [operator.operator_id]:
            raise Conflict("LAST_ADMIN", f"{operator.name} is the last admin: make another one first")

    async def _hash_new(self, password: str) -> str:
        if len(password) < self._rules.password_length_minimum:
            raise Invalid(f"A password has at least {self._rules.password_length_minimum} characters")
        if not _fits(password, Password):
            raise Invalid("A password has at most 1,024 characters, none of them NUL")
        return await self.passwords.hash(password)


def operator_auth_of(
    stores: Stores, passwords: Passwords, settings: Settings, now: Callable[[], datetime]
) -> OperatorAuth:
    """The desk over these stores, under these settings."""
    rules = OperatorAuthRules(
        settings.operator_idle_seconds, settings.operator_session_seconds, settings.password_length_minimum
    )
    return OperatorAuth(stores.operators, stores.sign_ins, stores.sign_in_limits, passwords, rules, now=now)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def _account(name: str) -> str:
    """Under which failures are counted. No user's name has a line break, so nobody clears them as a user so named."""
    return f"operator\n{username_key(name) if _fits(name, Username) else ''}"


def _fits(text: str, shape: Any) -> bool:
    try:
        msgspec.convert(text, shape)
    except msgspec.ValidationError:
        return False
    return True
