"""Accounts: the demo's users and its operator, created in the store where they are missing."""

from __future__ import annotations

import base64
import hmac
from datetime import UTC, datetime

from models.stores import Stores
from models.times import utc_milliseconds
from models.user_documents import NewUser
from operation.demo.demo_users import NAMES, OPERATOR, VISITOR
from operation.operator_accounts import ensure_operator
from settings import Settings

PASSWORD_LENGTH = 16


async def ensure_users(stores: Stores) -> tuple[list[int], bool]:
    """(the ids of the visitor and of the made-up users, whether some are new). Raises StoreUnavailable.

    As after `user import`, nobody can log in with a password, and a running server finds a notice.
    """
    names = (VISITOR, *NAMES)
    missing = [name for name in names if await stores.users.credentials(name) is None]
    if missing:
        users = [NewUser(name, None, None) for name in missing]
        ids = await stores.users.create_many(users, utc_milliseconds(datetime.now(UTC)))
        await stores.notices.post("users_added", ids[0], ids[-1])
    return [await _id_of(stores, name) for name in names], bool(missing)


async def ensure_demo_operator(stores: Stores, settings: Settings) -> str:
    """The password of the demo's operator, who may do everything. Raises StoreUnavailable."""
    password = _password_of_operator(settings)
    await ensure_operator(stores, settings, OPERATOR, password, "admin")
    return password


def _password_of_operator(settings: Settings) -> str:
    """Derived from the signing key: the same at each start, so that dashboards stay signed in, and one per folder."""
    digest = hmac.digest(settings.jwt_secret.encode(), f"password of {OPERATOR}".encode(), "sha256")
    return base64.b32encode(digest).decode().lower()[:PASSWORD_LENGTH]


async def _id_of(stores: Stores, name: str) -> int:
    found = await stores.users.credentials(name)
    assert found is not None, "it was just created"
    return found.user_id
