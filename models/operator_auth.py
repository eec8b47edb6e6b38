"""Operator authentication: operators sign in and out, and are identified, added and changed.

Combines operators, sign-ins, passwords and sign-in limits. A secret is 256 random bits. Only the operator's cookie
holds it. The store has its hash, which is enough to find the sign-in and useless to someone who reads the store.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec

from models.addresses import address_key
from models.direction import in_sentence
from models.errors import Conflict, Invalid, NotFound, Unauthenticated
from models.field_types import Password, SignInName
from models.operators import Operator, Role
from models.passwords import Passwords
from models.sign_ins import SignIn
from models.stores import Stores
from models.times import utc_milliseconds
from models.usernames import checked_username, username_key
from settings import Settings

SECRET_BYTES = 32

TOUCH = timedelta(seconds=60)
"""How often `seen_at` is written: not every request is a write, so idle time is only this precise."""

WRONG = "Wrong name or password."
SIGNED_OUT = "You are signed out."


class SignedInOperator(msgspec.Struct, frozen=True):
    """An operator at the dashboard, and the sign-in that identifies the operator."""

    operator: Operator
    sign_in: SignIn

    @property
    def visitor_id(self) -> str:
        """Identifies the sockets that end with the sign-in."""
        return self.sign_in.sign_in_id

    @property
    def owner(self) -> str:
        """Whose sockets count together."""
        return f"operator:{self.operator.operator_id}"

    @property
    def name(self) -> str:
        """The operator's name."""
        return self.operator.name

    @property
    def role(self) -> Role:
        """The operator's role."""
        return self.operator.role


class OperatorAuth:
    """Access to the dashboard. `now` returns aware UTC."""

    def __init__(
        self, stores: Stores, passwords: Passwords, settings: Settings, *, now: Callable[[], datetime]
    ) -> None:
        self._operators = stores.operators
        self._sign_ins = stores.sign_ins
        self._sign_in_limits = stores.sign_in_limits
        self.passwords = passwords
        self._password_length_minimum = settings.password_length_minimum
        self._longest = timedelta(seconds=settings.operator_session_seconds)
        self._longest_idle = timedelta(seconds=settings.operator_idle_seconds)
        self._now = now
        self._one_change_at_a_time = asyncio.Lock()

    async def sign_in(self, name: str, password: str, address: str, device: str) -> tuple[str, SignIn, Operator]:
        """(secret, sign-in, operator) for a name and password.

        Raises TooMany, or Unauthenticated, which does not say what was wrong and takes the same time in all cases.
        """
        key = address_key(address)
        async with self._sign_in_limits.attempt(_account(name), key, self._now) as attempt:
            operator, stored = await self._credentials(name)
            matches = await self.passwords.matches(password, stored, key)
            if operator is None or operator.disabled or not matches:
                attempt.failed()
                raise Unauthenticated(WRONG)
            secret = secrets.token_urlsafe(SECRET_BYTES)
            sign_in = await self._sign_ins.create(_hash(secret), operator.operator_id, self._now(), address, device)
            if await self._credentials(name) != (operator, stored):
                # The operator was changed during the comparison. The change ended all sign-ins of then, perhaps not
                # this one.
                await self._sign_ins.end(sign_in.sign_in_id)
                raise Unauthenticated(WRONG)
            attempt.succeeded()
        return secret, sign_in, operator

    async def identify(self, secret: str) -> SignedInOperator:
        """The operator who holds the secret. Raises Unauthenticated if its sign-in has ended."""
        return await self._signed_in(_hash(secret), self._now())

    async def keep(self, sign_in_id: str, at: datetime) -> bool:
        """Record that the operator is still present, through an open socket. False if the sign-in has ended."""
        try:
            await self._signed_in(sign_in_id, at)
        except Unauthenticated:
            return False
        return True

    async def sign_out(self, secret: str) -> SignIn:
        """End the sign-in of a secret. The caller closes its sockets. Raises Unauthenticated."""
        sign_in = await self._sign_ins.get(_hash(secret))
        if sign_in is None:
            raise Unauthenticated(SIGNED_OUT)
        await self._sign_ins.end(sign_in.sign_in_id)
        return sign_in

    async def sign_ins_of(self, operator_id: int) -> list[SignIn]:
        """An operator's sign-ins that have not ended, the latest first."""
        now = self._now()
        found = [each for each in await self._sign_ins.of_operator(operator_id) if not self._is_over(each, now)]
        return sorted(found, key=lambda each: each.started_at, reverse=True)

    async def end_sign_in(self, operator_id: int, sign_in_id: str) -> SignIn | None:
        """End one of an operator's sign-ins and return it, or None if the operator has no such one.

        The caller closes its sockets.
        """
        sign_in = await self._sign_ins.get(sign_in_id)
        if sign_in is None or sign_in.operator_id != operator_id:
            return None
        await self._sign_ins.end(sign_in_id)
        return sign_in

    async def add(self, name: str, password: str, role: Role) -> Operator:
        """Add an operator. Raises Invalid, Conflict."""
        name = checked_username(name)
        return await self._operators.add(name, await self._hash_new(password), role, utc_milliseconds(self._now()))

    async def change(
        self, operator_id: int, *, role: Role | None = None, disabled: bool | None = None, password: str | None = None
    ) -> Operator:
        """Change what is given and return the operator.

        Disabling an operator, or changing the role or the password, ends all of the operator's sign-ins. The caller
        closes the sockets. Raises NotFound, Invalid, and Conflict for the last admin.
        """
        password_hash = None if password is None else await self._hash_new(password)
        async with self._one_change_at_a_time:
            before = await self._operators.get(operator_id)
            if before is None:
                raise NotFound("There is no such operator.")
            if disabled or role not in (None, "admin"):
                await self._check_not_the_last_admin(before)
            after = await self._operators.change(operator_id, role=role, disabled=disabled, password_hash=password_hash)
            assert after is not None, "operators are never deleted"
            if disabled or password_hash or after.role != before.role:
                await self._sign_ins.end_all(operator_id)
        return after

    async def _credentials(self, name: str) -> tuple[Operator, str] | tuple[None, None]:
        """The operator and the password hash. An invalid name belongs to no operator."""
        found = await self._operators.credentials(name) if _fits(name, SignInName) else None
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
            raise Conflict(
                "LAST_ADMIN", f"{in_sentence(operator.name)} is the last admin. Make another operator an admin first."
            )

    def check_new_password(self, password: str) -> None:
        """Raises Invalid, which says what a password must have, if this one doesn't have it."""
        if len(password) < self._password_length_minimum:
            raise Invalid(f"A password must have at least {self._password_length_minimum} characters.")
        if not _fits(password, Password):
            raise Invalid("A password must have at most 1,024 characters and no NUL character.")

    async def _hash_new(self, password: str) -> str:
        self.check_new_password(password)
        return await self.passwords.hash(password)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def _account(name: str) -> str:
    """The key for counting failures. No username has a line break, so no user's success can reset this count."""
    return f"operator\n{username_key(name) if _fits(name, SignInName) else ''}"


def _fits(text: str, type: Any) -> bool:
    try:
        msgspec.convert(text, type)
    except msgspec.ValidationError:
        return False
    return True
