"""Current state: how long and why a user has been in it, even after a restart."""

from __future__ import annotations

from datetime import timedelta

from tests.realtime.calling import four_users
from tests.realtime.conftest import MakeWorld
from tests.realtime.world import World


def standing(world: World, user_id: int = 1) -> tuple[str, float, str]:
    """Return (state, seconds it has lasted, cause)."""
    entry = world.core.registry.get(user_id)
    lasted = (world.core.environment.clock.utc() - entry.state.since).total_seconds()
    return entry.state.state, lasted, entry.state.reason


def restart(world: World) -> None:
    world.flush()
    world.crash()
    world.start()


def test_it_begins_with_the_change_of_state(make_world: MakeWorld) -> None:
    world = make_world(1)
    world.connect(1)
    world.advance(10)
    assert standing(world) == ("available", 10, "connected")


def test_another_end_of_busy_does_not_begin_it_anew(make_world: MakeWorld) -> None:
    world = make_world(1)
    world.connect(1)
    world.put(1, is_busy=True)
    world.advance(10)
    world.put(1, busy_until=world.core.environment.clock.utc() + timedelta(minutes=5))
    assert standing(world) == ("busy", 10, "set")


def test_it_outlives_a_restart(make_world: MakeWorld) -> None:
    world = make_world(1)
    world.connect(1)
    world.put(1, is_busy=True)
    world.advance(10)
    restart(world)
    assert standing(world) == ("busy", 10, "set")


def test_a_state_that_ended_meanwhile_is_followed_by_one_that_begins_at_the_start(make_world: MakeWorld) -> None:
    world = make_world(1)
    world.beat(1)
    world.put(1, busy_until=world.core.environment.clock.utc() + timedelta(seconds=20))
    world.flush()
    world.crash()
    world.time.seconds += 30
    world.start()
    assert standing(world) == ("available", 0, "set")


def test_a_busy_that_ended_meanwhile_is_written_down(make_world: MakeWorld) -> None:
    world = make_world(1)
    world.beat(1)
    world.put(1, busy_until=world.core.environment.clock.utc() + timedelta(seconds=20))
    world.flush()
    world.crash()
    world.time.seconds += 30
    world.start()
    world.flush()
    assert not world.users.rows[1].set_busy


def test_a_busy_that_ends_by_itself_is_written_down(make_world: MakeWorld) -> None:
    world = make_world(1)
    world.beat(1)
    world.put(1, busy_until=world.core.environment.clock.utc() + timedelta(seconds=20))
    world.advance(21)
    world.flush()
    assert not world.users.rows[1].set_busy
    assert standing(world)[2] == "busy_expired"


def test_who_was_in_a_call_still_is(make_world: MakeWorld) -> None:
    world = four_users(make_world(4))
    world.call(1, 2)
    world.advance(10)
    restart(world)
    assert standing(world) == ("busy", 10, "call_started")
