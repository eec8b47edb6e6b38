"""The passwords of users, over both stores."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from models.accounts import is_revoked_by
from models.errors import Outdated
from models.stores import Stores
from models.tokens import Identity
from models.user_documents import NewUser
from models.user_passwords import StoredPassword

pytestmark = pytest.mark.gen_test

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


async def added(stores: Stores, password_hash: str | None = "old") -> StoredPassword:
    """Add a user. Returns the password."""
    user = await stores.users.create(NewUser("ada", password_hash, None), NOON)
    found = await stores.user_passwords.get(user.profile.user_id)
    assert found is not None
    return found


async def test_a_password_is_found_by_its_user(stores: Stores) -> None:
    found = await added(stores)
    assert found == StoredPassword(found.user_id, "ada", "old", disabled=False)
    assert await stores.user_passwords.get(found.user_id + 1) is None


async def test_replacing_it_revokes_all_tokens_except_those_of_one_login(stores: Stores) -> None:
    old = await added(stores)
    user = await stores.user_passwords.replace(old, "new", NOON, kept_login="phone")
    assert await stores.users.get(old.user_id) == user
    found = await stores.user_passwords.get(old.user_id)
    assert found == StoredPassword(
        old.user_id, "ada", "new", disabled=False, token_version=1, kept_login="phone", rev=1
    )
    tokens = [Identity(old.user_id, login_id, "token", 0, 2**31, 0) for login_id in ("phone", "laptop")]
    assert [is_revoked_by(user, token) for token in tokens] == [False, True]
    assert not is_revoked_by(user, Identity(old.user_id, "laptop", "token", 0, 2**31, 1))


async def test_it_is_replaced_only_if_nobody_has_written_the_document_since(stores: Stores) -> None:
    old = await added(stores)
    await stores.users.save_profile(old.user_id, {"profile_image_url": None}, rev=0)
    with pytest.raises(Outdated):
        await stores.user_passwords.replace(old, "new", NOON, kept_login="phone")
    newer = await stores.user_passwords.get(old.user_id)
    assert newer is not None
    results = await asyncio.gather(
        *(stores.user_passwords.replace(newer, f"new {n}", NOON, kept_login="phone") for n in range(5)),
        return_exceptions=True,
    )
    assert sum(isinstance(each, Outdated) for each in results) == 4


async def test_setting_it_revokes_all_tokens(stores: Stores) -> None:
    old = await added(stores, None)
    await stores.user_passwords.replace(old, "new", NOON, kept_login="phone")
    user = await stores.user_passwords.set(old.user_id, "newest", NOON)
    assert user is not None
    assert (user.token_version, user.kept_login, user.rev) == (2, "", 2)
    assert is_revoked_by(user, Identity(old.user_id, "phone", "token", 0, 2**31, 0))
    assert await stores.user_passwords.set(old.user_id + 1, "newest", NOON) is None


@pytest.mark.parametrize("revocation", ["revoke_tokens", "disable"])
async def test_a_later_revocation_keeps_no_login(stores: Stores, revocation: str) -> None:
    old = await added(stores)
    await stores.user_passwords.replace(old, "new", NOON, kept_login="phone")
    user = await getattr(stores.users, revocation)(old.user_id, NOON)
    assert (user.token_version, user.kept_login) == (2, "")


async def test_a_deleted_user_has_no_password(stores: Stores) -> None:
    old = await added(stores)
    await stores.users.delete(old.user_id, NOON)
    assert await stores.user_passwords.get(old.user_id) is None
    assert await stores.user_passwords.set(old.user_id, "new", NOON) is None
    with pytest.raises(Outdated):
        await stores.user_passwords.replace(old, "new", NOON, kept_login="phone")
