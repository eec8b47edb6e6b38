"""Users in the store, as the dashboard queries them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from models.database import Database
from models.errors import Outdated
from models.status import Claims
from models.stores import Stores
from models.user_documents import Evidence, NewUser

pytestmark = pytest.mark.gen_test(timeout=60)

NOON = datetime(2026, 1, 31, 12, 0, 0, 123_000, tzinfo=UTC)
HOUR = timedelta(hours=1)


async def test_those_who_set_busy_are_found_with_its_end(stores: Stores) -> None:
    ids = await stores.users.create_many([NewUser(f"user{number}", None, None) for number in range(4)], NOON)
    await stores.users.save_claims(ids[0], Claims(set_busy=True), NOON, rev=0)
    await stores.users.save_claims(ids[1], Claims(set_busy=True, busy_until=NOON + HOUR), NOON, rev=0)
    await stores.users.save_claims(ids[2], Claims(set_busy=True), NOON, rev=0)
    await stores.users.save_claims(ids[2], Claims(), NOON, rev=1)
    assert sorted(await stores.users.busy()) == [(ids[0], None), (ids[1], NOON + HOUR)]


async def test_revoking_tokens_moves_forward_and_leaves_the_rest(stores: Stores) -> None:
    user = await stores.users.create(NewUser("ada", None, None), NOON)
    user_id = user.profile.user_id
    for _ in range(2):
        revoked = await stores.users.revoke_tokens(user_id)
    assert user.token_version == 0
    assert revoked == msgspec.structs.replace(user, token_version=2, rev=2)
    assert await stores.users.get(user_id) == revoked
    assert await stores.users.revoke_tokens(user_id + 1) is None


async def test_disabling_revokes_all_tokens(stores: Stores) -> None:
    user = await stores.users.create(NewUser("ada", None, None), NOON)
    disabled = await stores.users.disable(user.profile.user_id)
    assert disabled == msgspec.structs.replace(user, disabled=True, token_version=1, rev=1)
    found = await stores.users.credentials("ada")
    assert found is not None
    assert (found.disabled, found.token_version) == (True, 1)


async def test_reading_back_changes_nothing(stores: Stores, database: Database) -> None:
    user = await stores.users.create(NewUser("ada", None, None), NOON)
    user_id = user.profile.user_id
    assert await stores.users.read_back(user_id) == user
    await stores.users.revoke_tokens(user_id)
    assert await stores.users.read_back(user_id) == msgspec.structs.replace(user, token_version=1, rev=1)
    assert await stores.users.read_back(user_id + 1) is None
    assert await database.collection("users").count_documents({}) == 1


async def test_a_write_that_names_an_old_rev_changes_nothing(stores: Stores, database: Database) -> None:
    user = await stores.users.create(NewUser("ada", None, None), NOON)
    user_id = user.profile.user_id
    await stores.users.save_claims(user_id, Claims(set_busy=True), NOON, rev=0)
    before = await database.collection("users").find_one({"_id": user_id})
    for rev in (0, 2):
        with pytest.raises(Outdated):
            await stores.users.save_claims(user_id, Claims(set_offline=True), NOON, rev=rev)
        with pytest.raises(Outdated):
            await stores.users.save_profile(user_id, {"username": "zoe"}, rev=rev)
    assert await database.collection("users").find_one({"_id": user_id}) == before
    with pytest.raises(Outdated):
        await stores.users.save_claims(user_id + 1, Claims(), NOON, rev=0)


async def test_the_revs_of_all_users_are_read_in_parts(stores: Stores) -> None:
    ids = await stores.users.create_many([NewUser(f"user{number}", None, None) for number in range(3)], NOON)
    await stores.users.save_claims(ids[1], Claims(set_busy=True), NOON, rev=0)
    first = await stores.users.revisions(0, 2)
    assert first == [(ids[0], 0), (ids[1], 1)]
    assert await stores.users.revisions(ids[1], 2) == [(ids[2], 0)]
    assert await stores.users.revisions(ids[2], 2) == []


async def test_every_write_but_that_of_evidence_raises_the_rev(stores: Stores, database: Database) -> None:
    user = await stores.users.create(NewUser("ada", None, None), NOON)
    user_id = user.profile.user_id
    document = await database.collection("users").find_one({"_id": user_id})
    assert document is not None
    assert "rev" not in document
    await stores.users.save_claims(user_id, Claims(set_busy=True), NOON, rev=0)
    assert (await stores.users.save_profile(user_id, {"username": "zoe"}, rev=1)).rev == 2
    await stores.users.revoke_tokens(user_id)
    await stores.users.save_evidence([Evidence(user_id, online=True, last_seen=NOON, heartbeat_at=NOON)])
    disabled = await stores.users.disable(user_id)
    assert disabled is not None
    assert (disabled.rev, disabled.token_version, disabled.set_busy) == (4, 2, True)
    assert await stores.users.read_back(user_id) == disabled


@pytest.mark.parametrize("later", [None, NOON - timedelta(seconds=1)])
async def test_a_heartbeat_is_not_replaced_by_an_earlier_one_or_none(stores: Stores, later: datetime | None) -> None:
    user_id = (await stores.users.create(NewUser("ada", None, None), NOON)).profile.user_id
    for heartbeat_at in (NOON, later):
        await stores.users.save_evidence([Evidence(user_id, online=True, last_seen=NOON, heartbeat_at=heartbeat_at)])
    user = await stores.users.get(user_id)
    assert user is not None
    assert user.heartbeat_at == NOON


async def test_of_writers_at_the_same_moment_one_is_first_and_none_is_lost(stores: Stores) -> None:
    user = await stores.users.create(NewUser("ada", None, None), NOON)
    user_id = user.profile.user_id
    tries = 0

    async def writer(number: int) -> None:
        nonlocal tries
        while True:
            known = await stores.users.get(user_id)
            assert known is not None
            tries += 1
            try:
                await stores.users.save_profile(
                    user_id, {"profile_image_url": f"{known.profile.profile_image_url}+{number}"}, rev=known.rev
                )
            except Outdated:
                continue
            return

    await asyncio.gather(*(writer(number) for number in range(12)), stores.users.revoke_tokens(user_id))
    stored = await stores.users.get(user_id)
    assert stored is not None
    assert stored.profile.profile_image_url is not None
    assert sorted(map(int, stored.profile.profile_image_url.split("+")[1:])) == list(range(12))
    assert (stored.rev, stored.token_version) == (13, 1)
    assert tries >= 12
