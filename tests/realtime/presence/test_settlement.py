"""Settlement: after a 503, the next request shows the true state, whether or not the write was applied."""

from __future__ import annotations

import msgspec
import pytest

from models.errors import Conflict, StoreUnavailable
from models.status import Profile
from models.user_documents import StoredUser
from tests.realtime.world import World


def rename_in_store(world: World, user_id: int, username: str) -> None:
    """Apply a rename in the store, as if its reply were lost."""
    world.users.change(user_id, profile=Profile(user_id, username, None))
    world.core.settlement.mark(user_id)


def test_a_rename_that_was_applied_shows_before_the_next_request_is_answered(world: World) -> None:
    rename_in_store(world, 1, "zoe")
    world.run(world.core.settlement.settle(1))
    assert world.status(1).username == "zoe"
    assert len(world.core.settlement) == 0


def test_a_rename_that_was_not_applied_changes_nothing(world: World) -> None:
    world.core.settlement.mark(1)
    world.run(world.core.settlement.settle(1))
    assert world.status(1).username == "user1"


def test_the_background_settles_what_nobody_asks_for(world: World) -> None:
    client = world.connect(2)
    rename_in_store(world, 1, "zoe")
    world.flush()
    world.arrive()
    assert client.messages("user_status_update")[-1]["status"]["username"] == "zoe"


def test_a_registration_that_was_applied_makes_the_user_known(world: World) -> None:
    world.users.add(9, world.time.wall(), "late")
    world.core.settlement.mark(9)
    world.flush()
    assert world.status(9).username == "late"


def test_a_registration_that_was_not_applied_leaves_nothing(world: World) -> None:
    world.core.settlement.mark(9)
    world.flush()
    assert 9 not in world.core.registry
    assert len(world.core.settlement) == 0


def test_a_user_who_signs_in_before_the_server_heard_of_the_account_is_known_at_once(world: World) -> None:
    world.users.add(9, world.time.wall(), "late")
    world.run(world.core.settlement.ensure_known(9))
    assert world.status(9).username == "late"


def test_a_user_who_was_disabled_without_a_reply_is_disabled(world: World) -> None:
    world.users.rows[1] = msgspec.structs.replace(world.users.rows[1], disabled=True)
    world.core.settlement.mark(1)
    world.run(world.core.settlement.settle(1))
    assert world.core.registry.get(1).disabled


def test_a_sign_out_whose_reply_was_lost_refuses_the_tokens_once_it_is_settled(world: World) -> None:
    identity = world.identity(1)
    world.faults.script("revoke_tokens", "reply_lost")
    with pytest.raises(StoreUnavailable):
        world.run(world.core.revocations.revoke(1))
    assert not world.core.authenticator.is_revoked(identity)
    world.flush()
    assert world.core.authenticator.is_revoked(identity)


def rename(world: World, user_id: int, username: str) -> None:
    """Write to the store as PATCH /users/me does."""

    async def save() -> StoredUser:
        return await world.faults.run("save_profile", lambda: renamed(world, user_id, username))

    world.run(world.core.settlement.write(user_id, save))


def renamed(world: World, user_id: int, username: str) -> StoredUser:
    world.users.change(user_id, profile=Profile(user_id, username, None))
    return world.users.rows[user_id]


def names(world: World) -> list[str]:
    return [entry.profile.username for entry in world.core.registry]


def test_a_name_that_became_free_without_a_reply_is_given_up_before_another_user_has_it(world: World) -> None:
    world.faults.script("save_profile", "reply_lost")
    with pytest.raises(StoreUnavailable):
        rename(world, 1, "zoe")
    rename(world, 2, "user1")
    assert names(world) == ["zoe", "user1", "user3"]
    assert len(world.core.settlement) == 0


def test_a_chain_of_renames_without_a_reply_is_settled_from_its_end(world: World) -> None:
    for user_id, username in ((1, "zoe"), (2, "user1"), (3, "user2")):
        world.faults.script("save_profile", "reply_lost")
        with pytest.raises(StoreUnavailable):
            rename(world, user_id, username)
    world.run(world.core.settlement.settle(3))
    assert names(world) == ["zoe", "user1", "user2"]
    assert len(world.core.settlement) == 0


def test_a_name_whose_last_owner_cannot_be_settled_is_not_given_to_another_user_in_memory(world: World) -> None:
    world.faults.script("save_profile", "reply_lost")
    with pytest.raises(StoreUnavailable):
        rename(world, 1, "zoe")
    world.faults.script("get_user", "refused")
    with pytest.raises(StoreUnavailable):
        rename(world, 2, "user1")
    assert names(world) == ["user1", "user2", "user3"]
    world.flush()
    assert names(world) == ["zoe", "user1", "user3"]


def test_a_name_that_is_taken_leaves_the_user_settled(world: World) -> None:
    async def refuse() -> StoredUser:
        raise Conflict("USERNAME_TAKEN", "taken")

    with pytest.raises(Conflict):
        world.run(world.core.settlement.write(1, refuse))
    assert len(world.core.settlement) == 0


def test_two_renames_of_one_user_happen_one_after_the_other(world: World) -> None:
    world.faults.holds = True

    async def save(username: str) -> StoredUser:
        return await world.faults.run("save_profile", lambda: renamed(world, 1, username))

    for username in ("first", "second"):
        world.begin(world.core.settlement.write(1, lambda username=username: save(username)))
    assert [held.operation for held in world.faults.held] == ["save_profile"]
    while world.faults.held:
        world.faults.held[0].go()
        world.settle()
    assert world.status(1).username == "second"


def test_while_the_store_is_down_nothing_is_settled(world: World) -> None:
    rename_in_store(world, 1, "zoe")
    world.faults.is_down = True
    with pytest.raises(StoreUnavailable):
        world.run(world.core.settlement.settle(1))
    assert world.status(1).username == "user1"
    world.faults.is_down = False
    world.flush()
    assert world.status(1).username == "zoe"


def test_the_background_reports_that_the_store_is_down_and_keeps_the_rest(world: World) -> None:
    rename_in_store(world, 1, "zoe")
    rename_in_store(world, 2, "yan")
    world.faults.is_down = True
    with pytest.raises(StoreUnavailable):
        world.run(world.core.settlement.settle_all())
    assert len(world.core.settlement) == 2


def test_a_write_that_waited_for_one_of_unknown_fate_settles_the_user_first(world: World) -> None:
    world.faults.holds = True

    async def work() -> None:
        async with world.core.write_back.locks.of(1):
            await world.faults.run("work", lambda: None)

    async def save(username: str) -> StoredUser:
        return await world.faults.run("save_profile", lambda: renamed(world, 1, username))

    world.begin(work())
    first = world.begin(world.core.settlement.write(1, lambda: save("first")))
    world.begin(world.core.settlement.write(1, lambda: save("second")))
    release(world, "work")
    world.faults.held[0].go("reply_lost")
    world.settle()
    release(world, "save_profile")
    assert isinstance(first.exception(), StoreUnavailable)
    release(world, "get_user")
    assert world.status(1).username == "first"
    release(world, "save_profile")
    assert world.status(1).username == "second"


def release(world: World, operation: str) -> None:
    """Let the operation that is on hold go on to its end."""
    (held,) = world.faults.held
    assert held.operation == operation
    while held in world.faults.held:
        held.go()
        world.settle()


def test_claims_of_a_user_who_is_not_known_need_no_settling(world: World) -> None:
    world.core.write_back.mark_unsure(9)
    world.run(world.core.write_back.make_sure(9))
    assert not world.core.write_back.is_unsure(9)


def test_claims_of_unknown_fate_are_written_before_the_next_request_is_answered(world: World) -> None:
    world.faults.script("save_claims", "reply_lost")
    with pytest.raises(StoreUnavailable):
        world.put(1, is_busy=True)
    assert world.users.rows[1].set_busy
    world.run(world.core.settlement.settle(1))
    assert world.users.rows[1].set_busy is world.status(1).is_busy is False


def test_settling_a_settled_user_asks_the_store_nothing(world: World) -> None:
    world.faults.calls.clear()
    world.run(world.core.settlement.settle(1))
    assert world.faults.calls == []


def test_a_user_who_is_known_is_not_asked_for(world: World) -> None:
    world.faults.calls.clear()
    world.run(world.core.settlement.ensure_known(1))
    assert world.faults.calls == []
