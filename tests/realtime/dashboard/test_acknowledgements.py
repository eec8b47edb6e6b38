"""Acknowledgements: an operator says “I'm on it” of an issue, which others see, and which ends with the issue."""

from __future__ import annotations

import pytest

from models.acknowledgements import Acknowledgement
from models.errors import StoreUnavailable
from realtime.dashboard.acknowledgements import UNSEEN_SECONDS
from realtime.dashboard.rows import Issue, OnIt
from tests.realtime.conftest import MakeWorld
from tests.realtime.operators import found, tell, watch
from tests.realtime.world import World


@pytest.fixture
def long_call(make_world: MakeWorld) -> World:
    """Users 1 and 2 are on a call that is too long; user 3 is available."""
    world = make_world(3, long_call_seconds=60.0, heartbeat_life_seconds=1e4)
    for user_id in (1, 2, 3):
        world.connect(user_id)
    world.call(1, 2)
    world.advance(61)
    return world


def acknowledge(world: World, operator: str = "maya", minutes: float = 10) -> None:
    (issue,) = found(world)
    keys = world.core.open_issues.keys(issue)
    world.run(world.core.acknowledgements.add(keys, operator, 60 * minutes))


def take_back(world: World) -> None:
    (issue,) = found(world)
    world.run(world.core.acknowledgements.take_back(world.core.open_issues.keys(issue)))


def on_it(world: World) -> list[str]:
    """Return who is on each issue."""
    return [each.acknowledged.operator if each.acknowledged else "" for each in found(world)]


def test_operators_see_at_once_who_is_on_it_and_until_when(long_call: World) -> None:
    page = watch(long_call)
    acknowledge(long_call)
    tell(long_call)
    (issue,) = page.fold()["contradictions"]
    at = issue["acknowledged"].pop("at")
    assert issue["acknowledged"] == {"operator": "maya", "until": at + 600_000}
    assert page.fold()["figures"]["attention"] == 1, "it still needs attention, but somebody deals with it"


def test_issues_that_somebody_is_on_come_last(long_call: World) -> None:
    acknowledge(long_call)
    long_call.users.change(3, set_busy=True)
    for _ in range(2):
        long_call.run(long_call.core.check_store())
    assert on_it(long_call) == ["", "maya"]


def test_an_acknowledgement_ends_with_its_time(long_call: World) -> None:
    acknowledge(long_call, minutes=5)
    long_call.advance(299)
    assert on_it(long_call) == ["maya"]
    long_call.advance(2)
    assert on_it(long_call) == [""]
    long_call.settle()
    assert long_call.acknowledgements.rows == {}


def test_an_acknowledgement_ends_with_its_issue(make_world: MakeWorld) -> None:
    world = make_world(1, flapping_changes=2)
    world.connect(1)

    def flap() -> None:
        for is_busy in (True, False):
            world.put(1, is_busy=is_busy)

    flap()
    acknowledge(world)
    world.advance(61)
    assert found(world) == []
    flap()
    assert on_it(world) == [""], "the same again is a new issue"
    world.settle()
    assert world.acknowledgements.rows == {}


def test_another_operator_takes_over(long_call: World) -> None:
    acknowledge(long_call, minutes=30)
    acknowledge(long_call, "noor", minutes=5)
    assert on_it(long_call) == ["noor"]
    long_call.advance(301)
    assert on_it(long_call) == [""]


def test_an_acknowledgement_is_taken_back(long_call: World) -> None:
    acknowledge(long_call)
    take_back(long_call)
    assert on_it(long_call) == [""]
    assert long_call.acknowledgements.rows == {}
    take_back(long_call)


def test_who_takes_over_while_it_is_taken_back_stays_on_it(long_call: World) -> None:
    acknowledge(long_call)
    (issue,) = found(long_call)
    long_call.faults.holds = True
    taking_back = long_call.begin(long_call.core.acknowledgements.take_back([issue.key]))
    long_call.faults.holds = False
    acknowledge(long_call, "noor")
    for _ in range(2):
        long_call.faults.held[0].go()
        long_call.settle()
    assert taking_back.done()
    assert on_it(long_call) == ["noor"]
    assert long_call.acknowledgements.rows[issue.key].operator == "noor"


def test_an_acknowledgement_survives_a_restart(long_call: World) -> None:
    acknowledge(long_call)
    long_call.flush()
    long_call.crash()
    long_call.start()
    assert on_it(long_call) == ["maya"]


def test_an_issue_that_is_not_found_again_after_a_restart_is_given_up(make_world: MakeWorld) -> None:
    world = make_world(1)
    now = world.time.wall()
    for key in ("flapping:1", "silent_socket:gone"):
        world.acknowledgements.rows[key] = Acknowledgement(key, "maya", now, now.replace(year=2031))
    world.crash()
    world.start()
    world.advance(UNSEEN_SECONDS - 1)
    assert found(world) == []
    assert len(world.acknowledgements.rows) == 2
    world.advance(2)
    assert found(world) == []
    world.settle()
    assert world.acknowledgements.rows == {}


def test_one_acknowledgement_covers_all_faults_of_a_call(long_call: World) -> None:
    long_call.put(2, is_online=False)
    (issue,) = found(long_call)
    assert (issue.kind, issue.also_kinds) == ("call_with_offline", ("long_call",))
    acknowledge(long_call)
    long_call.put(2, is_online=True)
    (issue,) = found(long_call)
    assert issue.kind == "long_call"
    assert on_it(long_call) == ["maya"]


def test_what_gets_worse_needs_attention_again(long_call: World) -> None:
    acknowledge(long_call)
    long_call.put(2, is_online=False)
    assert on_it(long_call) == [""]


def test_other_servers_are_told_and_read_the_store_again(long_call: World) -> None:
    told: list[str] = []
    long_call.core.acknowledgements.tell_others = lambda: told.append("told")
    acknowledge(long_call)
    take_back(long_call)
    assert told == ["told", "told"]

    (issue,) = found(long_call)
    now = long_call.time.wall()
    theirs = Acknowledgement(issue.key, "noor", now, now.replace(year=2031))
    long_call.acknowledgements.rows[issue.key] = theirs
    long_call.run(long_call.core.acknowledgements.load())
    assert on_it(long_call) == ["noor"]
    del long_call.acknowledgements.rows[issue.key]
    long_call.run(long_call.core.acknowledgements.load())
    assert on_it(long_call) == [""]


def test_what_is_added_while_the_store_is_read_is_not_forgotten(long_call: World) -> None:
    (issue,) = found(long_call)
    acknowledgements, faults = long_call.core.acknowledgements, long_call.faults

    faults.holds = True
    reading = long_call.begin(acknowledgements.load())
    faults.held[0].go()
    long_call.turn()
    faults.holds = False
    long_call.run(acknowledgements.add([issue.key], "maya", 600))
    faults.held[0].go()
    long_call.settle()
    assert reading.done()
    assert on_it(long_call) == ["maya"]


def test_the_end_of_an_acknowledgement_waits_for_a_store_that_is_down(long_call: World) -> None:
    acknowledge(long_call, minutes=5)
    long_call.advance(301)
    long_call.faults.is_down = True
    assert on_it(long_call) == [""]
    long_call.settle()
    assert len(long_call.acknowledgements.rows) == 1
    long_call.faults.is_down = False
    long_call.run(long_call.core.acknowledgements.load())
    assert on_it(long_call) == [""], "what the store still has counts no more"
    long_call.settle()
    assert long_call.acknowledgements.rows == {}


def test_what_the_store_did_not_take_has_not_happened(long_call: World) -> None:
    long_call.faults.is_down = True
    with pytest.raises(StoreUnavailable):
        acknowledge(long_call)
    long_call.faults.is_down = False
    assert on_it(long_call) == [""]


@pytest.mark.parametrize("seconds", [0.0, 20.0])
def test_a_fault_needs_attention_after_the_time_of_its_kind(make_world: MakeWorld, seconds: float) -> None:
    world = make_world(2, busy_without_cause_seconds=seconds)
    world.users.change(1, set_busy=True)
    for _ in range(2):
        world.run(world.core.check_store())
    assert len(found(world)) == (0 if seconds else 1)
    world.advance(21)
    (issue,) = found(world)
    assert issue.kind == "busy_without_cause"
    assert world.core.open_issues.find(issue.key) == issue


def test_an_issue_says_what_a_browser_needs_to_compare(make_world: MakeWorld) -> None:
    world = make_world(1, flapping_changes=2)
    world.connect(1)
    for is_busy in (True, False, True):
        world.put(1, is_busy=is_busy)
    (issue,) = found(world)
    assert isinstance(issue, Issue)
    assert issue.changes == int(issue.because.text.split()[2])
    assert OnIt("maya", 1, 2).operator == "maya"
