"""Words: what operators read of an issue and its repair, sentence by sentence."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from handlers.admin.moments import Moments
from models.times import milliseconds
from realtime.dashboard.action_previews import ActionTarget
from realtime.dashboard.rows import Issue
from tests.realtime.conftest import MakeWorld
from tests.realtime.operators import found, inspected
from tests.realtime.world import World


def sentence(world: World, issue: Issue) -> str:
    """Return what is wrong, with its time."""
    now = milliseconds(world.core.environment.clock.utc())
    return Moments(now, "UTC").because(issue.because, now)


def test_a_leftover_busy_mark_is_removed_and_the_user_stays_on_the_other_call(make_world: MakeWorld) -> None:
    world = make_world(2)
    record = world.core.registry.get(1).record
    world.edit(1, profile=msgspec.structs.replace(record.profile, username="Greta"))
    for user_id in (1, 2):
        world.connect(user_id)
    world.call(1, 2)
    world.calls.locks[1] = "gone"
    world.advance(5)
    effect = "Removes the leftover busy mark. Greta stays busy: on a call"
    issues = {each.effect for each in inspected(world)}
    assert effect in issues
    preview = world.core.actions.preview("end_call", ActionTarget(call_id="gone"))
    assert (preview.effect, preview.hits) == (f"{effect}.", [])


def test_a_flapping_user_changed_state_so_many_times_in_the_last_minute(make_world: MakeWorld) -> None:
    world = make_world(1)
    world.connect(1)
    for number in range(5):
        world.put(1, is_busy=number % 2 == 0)
        world.advance(1)
    (issue,) = found(world)
    assert sentence(world, issue) == "Changed state 6 times in the last minute"


def test_a_long_call_is_named_with_its_length_and_the_limit(make_world: MakeWorld) -> None:
    world = make_world(2, long_call_seconds=4500.0)
    for user_id in (1, 2):
        world.connect(user_id)
    world.call(1, 2)
    world.time.jumped = timedelta(minutes=78)
    (issue,) = [each for each in found(world) if each.kind == "long_call"]
    assert sentence(world, issue) == "On a call for 1:18 (limit 1:15)"
