"""Users in the store, as the dashboard queries them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from models.database import Database
from models.status import Claims
from models.stores import Stores
from models.user_documents import NewUser

pytestmark = pytest.mark.gen_test(timeout=60)

NOON = datetime(2026, 1, 31, 12, 0, 0, 123_000, tzinfo=UTC)
HOUR = timedelta(hours=1)


async def test_those_who_set_busy_are_found_with_its_end(stores: Stores) -> None:
    ids = await stores.users.create_many([NewUser(f"user{number}", None, None) for number in range(4)], NOON)
    await stores.users.save_claims(ids[0], Claims(set_busy=True), NOON)
    await stores.users.save_claims(ids[1], Claims(set_busy=True, busy_until=NOON + HOUR), NOON)
    await stores.users.save_claims(ids[2], Claims(set_busy=True), NOON)
    await stores.users.save_claims(ids[2], Claims(), NOON)
    assert sorted(await stores.users.busy()) == [(ids[0], None), (ids[1], NOON + HOUR)]


async def test_revoking_tokens_moves_forward_and_leaves_the_rest(stores: Stores) -> None:
    user = await stores.users.create(NewUser("ada", None, None), NOON)
    user_id = user.profile.user_id
    for _ in range(2):
        revoked = await stores.users.revoke_tokens(user_id)
    assert user.token_version == 0
    assert revoked == msgspec.structs.replace(user, token_version=2)
    assert await stores.users.get(user_id) == revoked
    assert await stores.users.revoke_tokens(user_id + 1) is None


async def test_disabling_revokes_all_tokens(stores: Stores) -> None:
    user = await stores.users.create(NewUser("ada", None, None), NOON)
    disabled = await stores.users.disable(user.profile.user_id)
    assert disabled == msgspec.structs.replace(user, disabled=True, token_version=1)
    found = await stores.users.credentials("ada")
    assert found is not None
    assert (found.disabled, found.token_version) == (True, 1)


async def test_reading_back_changes_nothing(stores: Stores, database: Database) -> None:
    user = await stores.users.create(NewUser("ada", None, None), NOON)
    user_id = user.profile.user_id
    assert await stores.users.read_back(user_id) == user
    await stores.users.revoke_tokens(user_id)
    assert await stores.users.read_back(user_id) == msgspec.structs.replace(user, token_version=1)
    assert await stores.users.read_back(user_id + 1) is None
    assert await database.collection("users").count_documents({}) == 1
