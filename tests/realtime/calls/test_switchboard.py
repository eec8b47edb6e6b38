"""Switchboard: at most one call per user; both parties are busy while it lasts, and both are told."""

from __future__ import annotations

import asyncio

import pytest

from models.calls import Call
from models.errors import Conflict, Forbidden, Invalid, NotFound
from tests.realtime.calling import busy, four_users, let_go, refused, start, step, told_calls
from tests.realtime.conftest import MakeWorld
from tests.realtime.world import World


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    """Four users on sockets."""
    return four_users(make_world(4))


def test_both_are_busy_before_the_reply(world: World) -> None:
    call = world.call(1, 2)
    assert busy(world) == [1, 2]
    assert (call.status, call.started_at) == ("ongoing", world.core.environment.clock.utc())


def test_both_are_told_of_the_call_behind_the_statuses_it_caused(world: World) -> None:
    before = len(world.clients[0].messages())
    world.call(1, 2)
    world.arrive()
    told = [(each["type"], each.get("user_id")) for each in world.clients[0].messages()[before:]]
    assert told == [("user_status_update", 1), ("user_status_update", 2), ("call_status_update", None)]


def test_a_call_is_told_to_nobody_else(world: World) -> None:
    world.call(1, 2)
    assert [told_calls(world, user_id) for user_id in (1, 2, 3)] == [["ongoing"], ["ongoing"], []]


def test_nobody_calls_themselves(world: World) -> None:
    with pytest.raises(Invalid):
        world.call(1, 1)


def test_an_unknown_callee_is_not_found(world: World) -> None:
    with pytest.raises(NotFound):
        world.call(1, 99)


def test_an_offline_callee_is_refused(world: World) -> None:
    world.put(2, is_online=False)
    assert refused(world, 1, 2) == "USER_OFFLINE"


def test_a_callee_busy_by_hand_is_refused(world: World) -> None:
    world.put(2, is_busy=True)
    assert refused(world, 1, 2) == "USER_BUSY"


def test_a_callee_in_a_call_is_busy(world: World) -> None:
    world.call(1, 2)
    assert refused(world, 3, 2) == "USER_BUSY"


def test_a_caller_in_a_call_may_start_no_other(world: World) -> None:
    world.call(1, 2)
    assert refused(world, 1, 3) == "ALREADY_IN_CALL"


def test_of_two_callers_for_one_callee_the_second_is_refused_and_untouched(world: World) -> None:
    world.faults.holds = True
    winner = start(world, 1, 2)
    assert refused(world, 3, 2) == "USER_BUSY"
    let_go(world)
    assert winner.result().status == "ongoing"
    assert busy(world) == [1, 2]


def test_of_two_calls_at_the_same_moment_the_second_never_reaches_the_store(world: World) -> None:
    switchboard = world.core.switchboard

    async def both() -> list[Call | BaseException]:
        calls = (switchboard.start(caller_id, 2, "audio", None) for caller_id in (1, 3))
        return await asyncio.gather(*calls, return_exceptions=True)

    first, second = world.run(both())
    assert isinstance(second, Conflict)
    assert second.code == "USER_BUSY"
    assert world.faults.calls.count("lock") == 1
    assert (switchboard.ongoing.of_user(2), switchboard.ongoing.of_user(3)) == (first, None)


def test_two_who_call_each_other_have_one_call(world: World) -> None:
    world.faults.holds = True
    winner = start(world, 1, 2)
    assert refused(world, 2, 1) == "ALREADY_IN_CALL"
    let_go(world)
    assert winner.done()
    assert len(world.core.switchboard.ongoing) == 1


@pytest.mark.parametrize(("claimed", "code"), [(1, "ALREADY_IN_CALL"), (2, "USER_BUSY")])
def test_a_claim_of_another_process_is_respected(world: World, claimed: int, code: str) -> None:
    other = Call("other", claimed, 9, "audio", "ongoing", world.time.wall())
    world.calls.calls["other"], world.calls.locks[claimed] = other, "other"
    assert refused(world, 1, 2) == code
    assert busy(world) == []
    assert world.call(3, 4).status == "ongoing"


def test_a_claim_whose_call_is_over_is_given_up(world: World) -> None:
    world.calls.locks[2] = "gone"
    assert world.call(1, 2).status == "ongoing"


def test_a_claim_that_vanishes_meanwhile_stands_in_nobodys_way(world: World) -> None:
    world.calls.locks[2] = "gone"
    world.faults.holds = True
    task = start(world, 1, 2)
    step(world, "lock")
    del world.calls.locks[2]
    let_go(world)
    assert task.result().status == "ongoing"


def test_either_participant_ends_a_call(world: World) -> None:
    ended = world.hang_up(2, world.call(1, 2))
    assert (ended.status, ended.end_reason, ended.ended_by) == ("completed", "completed", 2)
    assert busy(world) == []


def test_a_call_has_lasted_from_its_start_to_its_end(world: World) -> None:
    call = world.call(1, 2)
    world.advance(61.5)
    assert world.hang_up(1, call).duration_seconds == 61


def test_a_stranger_ends_no_call(world: World) -> None:
    call = world.call(1, 2)
    with pytest.raises(Forbidden):
        world.hang_up(3, call)
    assert busy(world) == [1, 2]


def test_a_call_nobody_knows_is_not_found(world: World) -> None:
    with pytest.raises(NotFound):
        world.run(world.core.switchboard.end(1, "nothing", "completed"))


def test_ending_twice_answers_the_same_and_tells_once(world: World) -> None:
    call = world.call(1, 2)
    first = world.hang_up(1, call)
    world.advance(5)
    assert world.hang_up(2, call) == first
    assert told_calls(world, 1) == ["ongoing", "completed"]


def test_two_who_end_at_once_get_the_same_answer_and_are_told_once(world: World) -> None:
    call = world.call(1, 2)
    world.faults.holds = True
    ends = [world.begin(world.core.switchboard.end(user_id, call.call_id, "completed")) for user_id in (1, 2)]
    let_go(world)
    assert ends[0].result() == ends[1].result()
    assert told_calls(world, 1) == ["ongoing", "completed"]


def test_a_late_second_end_does_not_touch_the_next_call(world: World) -> None:
    call = world.call(1, 2)
    world.faults.holds = True
    late = world.begin(world.core.switchboard.end(2, call.call_id, "dropped"))
    world.faults.holds = False
    world.hang_up(1, call)
    following = world.call(1, 2)
    let_go(world)
    assert late.result().status == "completed"
    assert busy(world) == [1, 2]
    assert world.core.switchboard.ongoing.of_user(1) == following


def test_busy_by_hand_shows_again_after_the_call(world: World) -> None:
    world.put(1, is_busy=True)
    world.hang_up(1, world.call(1, 2))
    assert busy(world) == [1]


def test_a_lost_socket_is_no_hang_up(world: World) -> None:
    call = world.call(1, 2)
    world.lose(world.clients[0])
    world.advance(89)
    assert world.core.switchboard.ongoing.of_user(1) == call


def test_a_participant_gone_for_the_lease_drops_the_call_once(world: World) -> None:
    call = world.call(1, 2)
    world.lose(world.clients[0])
    world.advance(91)
    assert world.calls.calls[call.call_id].end_reason == "dropped"
    assert world.calls.calls[call.call_id].ended_by is None
    assert busy(world) == []
    assert told_calls(world, 2) == ["ongoing", "dropped"]


def test_two_who_are_both_gone_for_the_lease_drop_the_call_once(world: World) -> None:
    world.call(1, 2)
    world.lose(world.clients[0])
    world.lose(world.clients[1])
    world.advance(91)
    assert busy(world) == []
    assert world.faults.calls.count("end") <= 2


def test_a_heartbeat_keeps_a_call(world: World) -> None:
    world.call(1, 2)
    world.lose(world.clients[0])
    for _ in range(4):
        world.advance(60)
        world.beat(1)
    assert busy(world) == [1, 2]


def test_the_lease_of_an_ended_call_does_not_drop_the_next(world: World) -> None:
    world.hang_up(1, world.call(1, 2))
    world.advance(60)
    world.call(1, 2)
    world.advance(60)
    assert busy(world) == [1, 2]


def test_a_lease_that_comes_due_after_its_call_is_nothing(world: World) -> None:
    call = world.call(1, 2)
    world.hang_up(1, call)
    world.core.switchboard._check_lease(call, 1)
    world.settle()
    assert world.faults.calls.count("end") == 1


def test_a_user_who_may_not_be_here_any_more_is_taken_out_of_the_call(world: World) -> None:
    world.call(1, 2)
    world.core.switchboard.drop(1)
    world.settle()
    assert busy(world) == []
    assert told_calls(world, 2) == ["ongoing", "dropped"]


def test_dropping_who_is_in_no_call_is_nothing(world: World) -> None:
    world.core.switchboard.drop(1)
    assert "end" not in world.faults.calls


def test_a_backend_ends_a_call_that_it_is_not_in_once(world: World) -> None:
    world.beat(2)
    call = world.call(1, 2)
    ended = world.run(world.core.switchboard.end_for_app(call.call_id, "cancelled"))
    assert (ended.end_reason, ended.ended_by) == ("cancelled", None)
    assert world.run(world.core.switchboard.end_for_app(call.call_id, "completed")) == ended
    with pytest.raises(NotFound):
        world.run(world.core.switchboard.end_for_app("nothing", "completed"))
