"""Two servers change the same users: neither loses a change of the other."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from models.errors import NotFound, StoreUnavailable
from models.status import Profile, StatusChange
from models.user_documents import StoredUser
from tests.realtime.world import World


class Pair:
    """Two cores over one store of users."""

    def __init__(self) -> None:
        self.one = World(users=3)
        self.other = World()
        self.other.users = self.one.users
        self.other.start()
        for world in (self.one, self.other):
            world.faults.calls.clear()

    @property
    def row(self) -> StoredUser:
        """Return the document of user 1."""
        return self.one.users.rows[1]

    def close(self) -> None:
        self.one.close()
        self.other.close()


@pytest.fixture
def pair() -> Iterator[Pair]:
    made = Pair()
    yield made
    made.close()


def rename(world: World, username: str) -> None:
    """PATCH /users/me as user 1."""
    entry = world.core.registry.get(1)

    async def save() -> StoredUser:
        def apply() -> bool:
            return world.users.change_read(1, entry.rev, profile=Profile(1, username, None))

        return await world.users.written("save_profile", 1, apply)

    world.run(world.core.settlement.write(1, save))


def disable(world: World) -> None:
    """`user disable 1`, in a process of its own."""
    row = world.users.rows[1]
    world.users.change(1, disabled=True, token_version=row.token_version + 1, rev=row.rev + 1)


def test_busy_set_by_one_survives_offline_set_by_the_other(pair: Pair) -> None:
    pair.one.put(1, is_busy=True)
    status = pair.other.put(1, is_online=False)
    assert (status.is_busy, status.is_online) == (True, False)
    assert pair.row.set_busy
    assert pair.row.offline_set_at is not None
    assert pair.row.rev == 2


def test_what_the_other_changed_is_announced_here_before_the_own_change(pair: Pair) -> None:
    client = pair.other.connect(2)
    until = pair.one.time.wall() + timedelta(hours=1)
    pair.other.connect(1)
    pair.one.put(1, busy_until=until)
    pair.other.put(1, is_online=False)
    pair.other.arrive()
    told = [each["status"] for each in client.messages("user_status_update") if each["status"]["user_id"] == 1]
    assert [(each["is_online"], each["is_busy"]) for each in told] == [(True, False), (True, True), (False, True)]
    assert pair.other.status(1).busy_until == until


def test_a_busy_end_that_the_other_set_is_kept_here(pair: Pair) -> None:
    pair.one.put(1, busy_until=pair.one.time.wall() + timedelta(seconds=30))
    pair.other.put(1, is_online=True)
    assert pair.other.status(1).is_busy
    pair.other.advance(31)
    assert not pair.other.status(1).is_busy


def test_a_rename_by_one_survives_a_disable_by_the_other(pair: Pair) -> None:
    disable(pair.other)
    rename(pair.one, "zoe")
    assert pair.row.disabled
    assert pair.row.profile.username == pair.one.status(1).username == "zoe"
    assert pair.one.core.registry.get(1).disabled
    assert pair.one.core.registry.get(1).record.token_version == 1


def test_a_disable_survives_a_rename_and_claims_that_were_decided_before(pair: Pair) -> None:
    rename(pair.one, "zoe")
    pair.one.put(1, is_busy=True)
    disable(pair.one)
    status = pair.other.put(1, is_busy=False)
    assert pair.row.disabled
    assert not pair.row.set_busy
    assert (status.username, status.is_online) == ("zoe", False)
    assert pair.other.core.registry.get(1).disabled


def test_a_sign_out_everywhere_by_one_survives_a_change_by_the_other(pair: Pair) -> None:
    identity = pair.other.identity(1)
    pair.one.run(pair.one.core.revocations.revoke(1))
    assert not pair.other.core.authenticator.is_revoked(identity)
    pair.other.put(1, is_busy=True)
    assert (pair.row.token_version, pair.row.set_busy) == (1, True)
    assert pair.other.core.authenticator.is_revoked(identity)


def test_many_changes_in_turn_are_all_kept(pair: Pair) -> None:
    for number in range(10):
        pair.one.put(1, is_busy=number % 2 == 0)
        pair.other.put(1, is_online=False)
        rename(pair.one, f"name {number}")
        assert pair.row.set_busy == (number % 2 == 0)
        assert pair.row.offline_set_at is not None
        assert pair.row.profile.username == f"name {number}"
    assert pair.row.rev == 30


def test_without_another_writer_a_change_is_one_write(pair: Pair) -> None:
    pair.one.put(1, is_busy=True)
    pair.one.put(1, is_busy=False)
    assert pair.one.faults.calls == ["save_claims", "save_claims"]


def test_evidence_neither_checks_nor_raises_the_rev(pair: Pair) -> None:
    pair.one.put(1, is_busy=True)
    pair.other.beat(1)
    pair.other.flush()
    assert (pair.row.online, pair.row.rev, pair.row.set_busy) == (True, 2, True)
    pair.other.beat(1)
    pair.other.flush()
    assert pair.row.rev == 2


def test_an_offline_that_a_heartbeat_ended_here_stays_ended_when_the_other_sets_busy(pair: Pair) -> None:
    pair.one.put(1, is_online=False)
    pair.other.put(1, is_busy=True)  # the other knows of both now
    pair.one.beat(1, over_socket=True)
    pair.one.flush()
    assert pair.row.offline_set_at is None
    assert (pair.row.set_busy, pair.one.status(1).is_busy) == (True, True)


def test_an_offline_that_the_other_set_after_a_heartbeat_here_is_kept(pair: Pair) -> None:
    pair.one.put(1, is_online=False)
    pair.one.beat(1, over_socket=True)
    pair.other.time.seconds += 5
    pair.other.put(1, is_busy=True)
    pair.other.put(1, is_online=False)
    pair.one.flush()
    assert pair.row.offline_set_at is not None
    assert not pair.one.status(1).is_online


def test_a_lost_write_of_this_server_is_taken_back_and_no_change_of_the_other_with_it(pair: Pair) -> None:
    pair.one.faults.script("save_claims", "reply_lost")
    with pytest.raises(StoreUnavailable):
        pair.one.put(1, is_busy=True)
    pair.one.flush()
    assert (pair.row.set_busy, pair.row.rev) == (False, 2)

    pair.one.faults.script("save_claims", "refused")
    with pytest.raises(StoreUnavailable):
        pair.one.put(1, is_busy=True)
    pair.other.put(1, is_online=False)
    pair.one.flush()
    assert pair.row.offline_set_at is not None
    assert not pair.one.status(1).is_online


def test_a_change_that_others_always_overtake_is_refused(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    read_back, numbers = pair.one.users.read_back, iter(range(100))

    async def overtaken(user_id: int) -> StoredUser | None:
        stored = await read_back(user_id)
        pair.one.users.change(user_id, rev=pair.row.rev + 1 + next(numbers))
        return stored

    pair.other.put(1, is_online=False)
    monkeypatch.setattr(pair.one.users, "read_back", overtaken)
    pair.one.faults.calls.clear()
    with pytest.raises(StoreUnavailable, match="other writers"):
        pair.one.put(1, is_busy=True)
    assert pair.one.faults.calls.count("save_claims") == pair.one.settings.write_attempts
    pair.one.faults.calls.clear()
    with pytest.raises(StoreUnavailable, match="other writers"):
        rename(pair.one, "zoe")
    assert not pair.row.set_busy
    assert pair.row.profile.username == "user1"
    monkeypatch.undo()
    pair.one.flush()


def test_a_document_that_is_gone_cannot_be_changed(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing(user_id: int) -> Any:
        return None

    pair.other.put(1, is_online=False)
    monkeypatch.setattr(pair.one.users, "read_back", nothing)
    with pytest.raises(NotFound):
        pair.one.run(pair.one.core.presence.change(1, StatusChange(is_busy=True)))
    with pytest.raises(NotFound):
        rename(pair.one, "zoe")
    assert len(pair.one.core.write_back) == len(pair.one.core.settlement) == 0


def test_a_rename_that_others_always_overtake_is_refused(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    read_back, numbers = pair.one.users.read_back, iter(range(100))

    async def overtaken(user_id: int) -> StoredUser | None:
        stored = await read_back(user_id)
        pair.one.users.change(user_id, rev=pair.row.rev + 1 + next(numbers))
        return stored

    pair.other.put(1, is_busy=True)
    monkeypatch.setattr(pair.one.users, "read_back", overtaken)
    with pytest.raises(StoreUnavailable, match="other writers"):
        rename(pair.one, "zoe")
    assert pair.row.profile.username == "user1"
    monkeypatch.undo()
    pair.one.flush()
