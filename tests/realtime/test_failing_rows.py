"""In every loop over users, calls or sockets, an item that fails is skipped, and the loop continues."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from models.calls import Call
from models.status import Claims
from models.user_documents import StoredUser
from realtime.presence.user_entry import UserEntry
from tests.realtime.conftest import MakeWorld
from tests.realtime.operators import found, inspected, tell, watch
from tests.realtime.world import World

NAIVE = datetime(2026, 1, 1)  # noqa: DTZ001 - cannot be compared with aware times


class Skipped:
    """Records what is skipped, in place of the log."""

    def __init__(self, world: World) -> None:
        self.rows: list[tuple[str, Any]] = []
        world.core.environment.failures.note = self._note  # type: ignore[method-assign]

    def _note(self, kind: str, row: object, error: Exception) -> None:
        self.rows.append((kind, row))

    @property
    def kinds(self) -> set[str]:
        return {kind for kind, _ in self.rows}


def failing_for(user_id: int, work: Callable[..., Any]) -> Callable[..., Any]:
    """Return the same function, but failing for one user."""

    def instead(entry: UserEntry, *rest: Any) -> Any:
        if entry.profile.user_id == user_id:
            raise OverflowError("date value out of range")
        return work(entry, *rest)

    return instead


def stored(world: World, *user_ids: int) -> list[StoredUser]:
    for user_id in user_ids:
        world.users.add(user_id, world.time.wall())
    return [world.users.rows[user_id] for user_id in user_ids]


@pytest.mark.parametrize("loads", ["load_all", "add_all"])
def test_a_user_who_cannot_be_loaded_is_left_out(world: World, monkeypatch: pytest.MonkeyPatch, loads: str) -> None:
    deadlines, skipped = world.core.presence.deadlines, Skipped(world)
    monkeypatch.setattr(deadlines, "take_up", failing_for(11, deadlines.take_up))
    users = stored(world, 10, 11, 12)
    users[1] = msgspec.structs.replace(users[1], set_busy=True, busy_until=world.time.wall() - timedelta(hours=1))
    getattr(world.core.loader, loads)(users)
    assert [user_id in world.core.registry for user_id in (10, 11, 12)] == [True, False, True]
    assert [row for _, row in skipped.rows] == [11]
    world.flush()
    assert len(world.core.write_back) == 0


def test_a_call_that_cannot_be_restored_is_left_out(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    registry, skipped = world.core.registry, Skipped(world)
    monkeypatch.setattr(registry, "replace_record", failing_for(1, registry.replace_record))
    world.core.loader.restore_calls([Call("c1", 1, 2, "audio", "ongoing", world.time.wall())])
    assert world.core.registry.get(2).status.is_busy
    assert skipped.rows == [("restoring a call", "c1")]


def test_a_row_that_cannot_be_built_holds_up_no_other(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    page, skipped, builder = watch(world), Skipped(world), world.core.overview._row_builder
    monkeypatch.setattr(builder, "user", failing_for(1, builder.user))
    world.connect(1)
    world.connect(2)
    tell(world)
    assert page.fold()["users"][2]["state"] == "available"
    assert page.fold()["users"][1]["state"] == "offline"
    assert skipped.kinds == {"row of a user"}


def test_a_snapshot_leaves_out_a_row_that_cannot_be_built(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    skipped, builder = Skipped(world), world.core.overview._row_builder
    monkeypatch.setattr(builder, "user", failing_for(1, builder.user))
    page = watch(world)
    assert set(page.fold()["users"]) == set(range(2, len(world.core.registry) + 1))
    assert ("row of a user", 1) in skipped.rows


def test_a_change_that_cannot_be_reviewed_holds_up_no_other(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    page, skipped, rows = watch(world), Skipped(world), world.core.overview_feed._rows
    monkeypatch.setattr(rows, "_review", failing_for(1, rows._review))
    world.connect(1)
    world.connect(2)
    tell(world)
    assert page.fold()["users"][2]["state"] == "available"
    assert skipped.kinds == {"changed user"}


@pytest.fixture
def four(make_world: MakeWorld) -> World:
    """Users 1…4, all with a socket; user 4 is busy past the end time."""
    world = make_world(4)
    for user_id in range(1, 5):
        world.connect(user_id)
    world.users.change(4, set_busy=True, busy_until=world.time.wall() - timedelta(minutes=1))
    return world


def test_a_claim_that_cannot_be_checked_hides_no_other_issue(four: World) -> None:
    skipped = Skipped(four)
    four.edit(1, claims=Claims(set_busy=True, busy_until=NAIVE))
    four.core.registry.changed.add(1)
    assert [each.user_id for each in inspected(four)] == [4]
    assert ("issues: claim", 1) in skipped.rows


def test_a_status_at_the_end_of_time_hides_no_issue(four: World) -> None:
    four.edit(1, claims=Claims(set_busy=True, busy_until=datetime.max.replace(tzinfo=UTC)))
    four.core.registry.changed.add(1)
    assert [each.user_id for each in inspected(four)] == [4]


def test_a_call_that_cannot_be_checked_hides_no_other_issue(four: World) -> None:
    skipped = Skipped(four)
    call = four.call(1, 2)
    four.core.switchboard.ongoing._calls[call.call_id] = msgspec.structs.replace(call, started_at=NAIVE)
    assert [each.user_id for each in inspected(four)] == [4]
    assert "issues: call" in skipped.kinds


def test_a_stored_busy_status_of_another_kind_hides_no_other_issue(four: World) -> None:
    skipped = Skipped(four)
    four.users.change(3, set_busy=True, busy_until=NAIVE)
    assert [each.user_id for each in inspected(four)] == [4]
    assert skipped.kinds == {"issues: stored busy status"}


def test_claims_that_cannot_be_saved_hold_up_no_others(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    skipped, save = Skipped(world), world.users.save_claims

    async def save_claims(user_id: int, claims: Claims, at: datetime, *, rev: int) -> None:
        if user_id == 1:
            raise OverflowError("8 bytes")
        await save(user_id, claims, at, rev=rev)

    monkeypatch.setattr(world.users, "save_claims", save_claims)
    for user_id in (1, 2, 3):
        world.core.write_back.mark_unsure(user_id)
    world.run(world.core.write_back.flush())
    assert [world.core.write_back.is_unsure(user_id) for user_id in (1, 2, 3)] == [True, False, False]
    assert skipped.rows == [("saving claims", 1)]


def test_a_user_who_cannot_be_settled_holds_up_no_other(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    skipped, read_back = Skipped(world), world.users.read_back

    async def read_back_or_fail(user_id: int) -> StoredUser | None:
        if user_id == 1:
            raise OverflowError
        return await read_back(user_id)

    monkeypatch.setattr(world.users, "read_back", read_back_or_fail)
    for user_id in (1, 2, 3):
        world.core.settlement.mark(user_id)
    world.run(world.core.settlement.settle_all())
    assert len(world.core.settlement) == 1
    assert skipped.rows == [("settling a write", 1)]
    assert found(world) == []
