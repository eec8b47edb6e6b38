"""Operator accounts: added and changed by other programs than the running server, such as the command line."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from models.operator_auth import OperatorAuth
from models.operators import Role
from models.stores import Stores
from models.times import utc_milliseconds
from operation.password_hashing import opened_passwords
from settings import Settings


@asynccontextmanager
async def opened_operator_auth(stores: Stores, settings: Settings) -> AsyncIterator[OperatorAuth]:
    """The operators' accounts in these stores, with a thread of its own for hashing passwords."""
    with opened_passwords(settings) as passwords:
        yield OperatorAuth(stores, passwords, settings, now=lambda: utc_milliseconds(datetime.now(UTC)))


async def ensure_operator(stores: Stores, settings: Settings, name: str, password: str, role: Role) -> None:
    """Add an operator, or give the one of that name this password. Raises StoreUnavailable."""
    async with opened_operator_auth(stores, settings) as operator_auth:
        found = await stores.operators.credentials(name)
        if found is None:
            await operator_auth.add(name, password, role)
        elif not await operator_auth.passwords.matches(password, found[1]):
            await operator_auth.change(found[0].operator_id, password=password)
