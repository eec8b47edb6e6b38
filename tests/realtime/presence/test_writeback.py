"""Write-back: all evidence is saved in the background, whatever the store does."""

from __future__ import annotations

import pytest

from models.errors import StoreUnavailable
from models.status import StatusChange
from tests.realtime.world import World


def test_evidence_of_many_is_saved_in_one_write(world: World) -> None:
    for user_id in (1, 2, 3):
        world.connect(user_id)
    world.flush()
    (rows,) = world.users.evidence_writes
    assert {row.user_id for row in rows} == {1, 2, 3}


def test_what_is_saved_says_who_is_online_and_when_seen(world: World) -> None:
    status = world.beat(1)
    world.flush()
    row = world.users.rows[1]
    assert (row.online, row.last_seen, row.heartbeat_at) == (True, status.last_seen, status.last_seen)


def test_an_offline_for_lack_of_evidence_is_saved(world: World) -> None:
    world.lose(world.connect(1))
    world.flush()
    world.advance(16)
    world.flush()
    assert not world.users.rows[1].online


def test_nothing_is_behind_after_a_save(world: World) -> None:
    world.beat(1)
    assert len(world.core.write_back) == 1
    world.flush()
    assert len(world.core.write_back) == 0


def test_a_user_is_behind_once_for_whatever_reasons(world: World) -> None:
    world.beat(1)
    world.core.write_back.mark_unsure(1)
    assert len(world.core.write_back) == 1


def test_evidence_of_a_user_nobody_knows_is_left_out(world: World) -> None:
    world.core.write_back.mark(99)
    world.flush()
    assert world.users.evidence_writes == [[]]


def test_evidence_that_could_not_be_saved_is_kept(world: World) -> None:
    world.beat(1)
    world.faults.script("save_evidence", "refused")
    with pytest.raises(StoreUnavailable):
        world.flush()
    world.flush()
    assert world.users.rows[1].online


def test_evidence_of_a_save_that_was_cancelled_is_kept(world: World) -> None:
    world.beat(1)
    world.faults.holds = True
    world.begin(world.core.write_back.flush()).cancel()
    world.settle()
    world.faults.holds = False
    world.flush()
    assert world.users.rows[1].online


def test_evidence_is_behind_until_its_save_has_succeeded(world: World) -> None:
    world.beat(1)
    world.faults.holds = True
    task = world.begin(world.core.write_back.flush())
    assert len(world.core.write_back) == 1
    for _ in range(2):
        world.faults.held[0].go()
        world.settle()
    assert task.done()
    assert len(world.core.write_back) == 0


def test_what_is_seen_during_a_save_is_saved_by_the_next(world: World) -> None:
    world.beat(1)
    world.faults.holds = True
    task = world.begin(world.core.write_back.flush())
    world.connect(2)
    for _ in range(2):
        world.faults.held[0].go()
        world.settle()
    assert task.done()
    world.faults.holds = False
    world.flush()
    assert world.users.rows[2].online


@pytest.mark.parametrize("fault", ["refused", "reply_lost"])
def test_after_a_claim_of_unknown_fate_the_store_gets_what_everyone_was_shown(world: World, fault: str) -> None:
    world.faults.script("save_claims", fault)  # type: ignore[arg-type]
    with pytest.raises(StoreUnavailable):
        world.put(1, is_busy=True)
    world.flush()
    assert world.users.rows[1].set_busy is world.status(1).is_busy is False


def test_an_explicit_offline_of_unknown_fate_keeps_its_moment(world: World) -> None:
    world.put(1, is_online=False)
    at = world.users.rows[1].offline_set_at
    world.advance(5)
    world.faults.script("save_claims", "reply_lost")
    with pytest.raises(StoreUnavailable):
        world.put(1, is_online=True)
    world.flush()
    assert world.users.rows[1].offline_set_at == at


def test_claims_are_tried_again_until_the_store_has_them(world: World) -> None:
    world.faults.script("save_claims", "reply_lost", "refused")
    with pytest.raises(StoreUnavailable):
        world.put(1, is_busy=True)
    with pytest.raises(StoreUnavailable):
        world.flush()
    world.flush()
    assert not world.users.rows[1].set_busy
    assert len(world.core.write_back) == 0


def test_a_flush_between_a_save_and_its_announcement_writes_no_older_state(world: World) -> None:
    world.connect(1)
    world.faults.holds = True
    task = world.begin(world.core.presence.change(1, StatusChange(is_online=True)))
    for _ in range(2):  # the evidence is saved, but not the claims yet
        world.faults.held[0].go()
        world.settle()
    at = world.users.rows[1].heartbeat_at
    assert at is not None
    flush = world.begin(world.core.write_back.flush())
    while world.faults.held:
        world.faults.held[-1].go()
        world.settle()
    assert task.done()
    assert flush.done()
    assert world.users.rows[1].heartbeat_at == at
