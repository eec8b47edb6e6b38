"""Users in the store, as the dashboard queries them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from models.database import Database
from models.errors import Outdated
from models.status import Claims, Profile
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
        revoked = await stores.users.revoke_tokens(user_id, NOON)
    assert user.token_version == 0
    assert revoked == msgspec.structs.replace(user, token_version=2, rev=2, foreign_tokens_after=NOON)
    assert await stores.users.get(user_id) == revoked
    assert await stores.users.revoke_tokens(user_id + 1, NOON) is None


async def test_disabling_revokes_all_tokens(stores: Stores) -> None:
    user = await stores.users.create(NewUser("ada", None, None), NOON)
    disabled = await stores.users.disable(user.profile.user_id, NOON)
    assert disabled == msgspec.structs.replace(user, disabled=True, token_version=1, rev=1, foreign_tokens_after=NOON)
    found = await stores.users.credentials("ada")
    assert found is not None
    assert (found.disabled, found.token_version) == (True, 1)


async def test_reading_back_changes_nothing(stores: Stores, database: Database) -> None:
    user = await stores.users.create(NewUser("ada", None, None), NOON)
    user_id = user.profile.user_id
    assert await stores.users.read_back(user_id) == user
    await stores.users.revoke_tokens(user_id, NOON)
    assert await stores.users.read_back(user_id) == msgspec.structs.replace(
        user, token_version=1, rev=1, foreign_tokens_after=NOON
    )
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
    await stores.users.revoke_tokens(user_id, NOON)
    await stores.users.save_evidence([Evidence(user_id, online=True, last_seen=NOON, heartbeat_at=NOON)])
    disabled = await stores.users.disable(user_id, NOON)
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

    await asyncio.gather(*(writer(number) for number in range(12)), stores.users.revoke_tokens(user_id, NOON))
    stored = await stores.users.get(user_id)
    assert stored is not None
    assert stored.profile.profile_image_url is not None
    assert sorted(map(int, stored.profile.profile_image_url.split("+")[1:])) == list(range(12))
    assert (stored.rev, stored.token_version) == (13, 1)
    assert tries >= 12


async def test_a_user_has_an_external_id_and_tags_in_order_each_once(stores: Stores) -> None:
    user = await stores.users.create(NewUser("ada", None, None, "auth0|ada", ("b", "a", "b")), NOON)
    assert (user.profile.external_id, user.tags) == ("auth0|ada", ("a", "b"))
    assert await stores.users.get(user.profile.user_id) == user
    changed = await stores.users.save_profile(user.profile.user_id, {"tags": ["z", "c", "z"]}, rev=0)
    assert changed == msgspec.structs.replace(user, tags=("c", "z"), rev=1)
    assert (await stores.users.save_profile(user.profile.user_id, {"tags": []}, rev=1)).tags == ()


async def test_a_user_without_external_id_and_tags_is_stored_as_before(stores: Stores, database: Database) -> None:
    user = await stores.users.create(NewUser("ada", None, None), NOON)
    document = await database.collection("users").find_one({"_id": user.profile.user_id})
    assert document is not None
    assert not {"external_id", "tags", "foreign_tokens_after", "deleted_at"} & document.keys()


async def test_enabling_leaves_the_tokens_revoked(stores: Stores) -> None:
    user = await stores.users.create(NewUser("ada", None, None), NOON)
    disabled = await stores.users.disable(user.profile.user_id, NOON)
    assert disabled is not None
    assert await stores.users.enable(user.profile.user_id) == msgspec.structs.replace(disabled, disabled=False, rev=2)
    assert await stores.users.enable(user.profile.user_id + 1) is None


async def test_the_moment_from_which_foreign_tokens_count_never_moves_back(stores: Stores) -> None:
    user = await stores.users.create(NewUser("ada", None, None), NOON)
    await stores.users.revoke_tokens(user.profile.user_id, NOON + HOUR)
    revoked = await stores.users.revoke_tokens(user.profile.user_id, NOON)
    assert revoked is not None
    assert revoked.foreign_tokens_after == NOON + HOUR


async def test_a_deleted_user_keeps_the_id_and_nothing_personal(stores: Stores, database: Database) -> None:
    new = NewUser("ada", "hash", "https://example.com/ada.png", "auth0|ada", ("team",))
    user_id = (await stores.users.create(new, NOON)).profile.user_id
    await stores.users.save_claims(user_id, Claims(set_busy=True, busy_until=NOON + HOUR), NOON, rev=0)
    deleted = await stores.users.delete(user_id, NOON + HOUR)
    assert deleted is not None
    assert (deleted.deleted_at, deleted.disabled, deleted.token_version, deleted.rev) == (NOON + HOUR, True, 1, 2)
    assert deleted.profile == Profile(user_id, f"deleted user #{user_id}", None, "auth0|ada")
    await stores.deletions.finish(user_id)
    document = await database.collection("users").find_one({"_id": user_id})
    assert "ada" not in str(document)
    assert "team" not in str(document)
    assert "hash'" not in str(document).replace("password_hash'", "")
    assert await stores.users.get(user_id) is None
    assert await stores.users.credentials("ada") is None
    assert await stores.users.busy() == []
    assert await stores.users.read_back(user_id) == msgspec.structs.replace(
        deleted, profile=Profile(user_id, f"deleted user #{user_id}", None), deletion_unfinished=False
    )


async def test_no_late_write_reaches_a_deleted_user(stores: Stores, database: Database) -> None:
    user_id = (await stores.users.create(NewUser("ada", None, None), NOON)).profile.user_id
    deleted = await stores.users.delete(user_id, NOON)
    assert deleted is not None
    before = await database.collection("users").find_one({"_id": user_id})
    for rev in (0, 1):
        with pytest.raises(Outdated):
            await stores.users.save_claims(user_id, Claims(set_busy=True), NOON, rev=rev)
        with pytest.raises(Outdated):
            await stores.users.save_profile(user_id, {"username": "ada"}, rev=rev)
    await stores.users.save_evidence([Evidence(user_id, online=True, last_seen=NOON + HOUR, heartbeat_at=NOON)])
    assert await stores.users.disable(user_id, NOON) is None
    assert await stores.users.enable(user_id) is None
    assert await stores.users.revoke_tokens(user_id, NOON) is None
    assert await stores.users.delete(user_id, NOON) is None
    assert await database.collection("users").find_one({"_id": user_id}) == before


async def test_the_name_of_a_deleted_user_is_free_and_that_of_its_remains_can_be_taken(stores: Stores) -> None:
    first = await stores.users.create(NewUser("ada", None, None), NOON)
    second = await stores.users.create(NewUser("bob", None, None), NOON)
    for user in (first, second):
        await stores.users.delete(user.profile.user_id, NOON)
    again = await stores.users.create(NewUser("ada", None, None), NOON)
    assert again.profile.user_id == second.profile.user_id + 1
    named = await stores.users.create(NewUser(f"deleted user #{first.profile.user_id}", None, None), NOON)
    assert named.profile.user_id == again.profile.user_id + 1


async def test_lists_leave_deleted_users_out_unless_they_are_asked_for(stores: Stores) -> None:
    ids = await stores.users.create_many([NewUser(f"user{number}", None, None) for number in range(4)], NOON)
    await stores.users.delete(ids[1], NOON)
    assert [each.profile.user_id for each in await stores.users.page(0, 3)] == [ids[0], ids[2], ids[3]]
    everyone = await stores.users.page(0, 3, with_deleted=True)
    assert [each.profile.user_id for each in everyone] == list(ids[:3])
    assert [each.profile.user_id for each in await stores.users.page(ids[0], 9, ids[2])] == [ids[2]]


async def test_it_is_known_when_users_were_created_even_deleted_ones(stores: Stores) -> None:
    ids = await stores.users.create_many([NewUser(f"user{number}", None, None) for number in range(3)], NOON)
    await stores.users.delete(ids[0], NOON + timedelta(days=1))
    assert await stores.users.created([ids[0], ids[2], 99]) == {ids[0]: NOON, ids[2]: NOON}
    assert await stores.users.created([]) == {}
