"""Key ring: whose a key is, how new and revoked keys become known, and when their use is noted."""

from __future__ import annotations

import pytest

from models.errors import StoreUnavailable, Unauthenticated
from models.service_keys import ServiceKey, new_key
from realtime.sockets.key_ring import LOOKUP_BURST, KeyRing
from tests.realtime.world import World


@pytest.fixture
def ring(world: World) -> KeyRing:
    return world.core.authenticator.key_ring


def add(world: World, key_id: str = "backend") -> str:
    """Add a key that the server knows. Returns its text."""
    text = world.service_keys.add(key_id, world.time.wall())
    world.run(world.core.authenticator.key_ring.load())
    return text


def reads(world: World) -> int:
    return world.faults.calls.count("all_keys")


def test_a_key_that_was_loaded_is_found_in_memory(world: World, ring: KeyRing) -> None:
    text = add(world)
    before = reads(world)
    assert ring.find(text).key_id == "backend"
    assert reads(world) == before


@pytest.mark.parametrize(
    "text", ["", "rk_", "rk_nonsense", new_key()[:-1] + "!"], ids=["empty", "prefix", "nonsense", "bad checksum"]
)
def test_what_is_no_key_is_refused_without_asking_the_store(world: World, ring: KeyRing, text: str) -> None:
    with pytest.raises(Unauthenticated):
        world.run(ring.find_anywhere(text))
    assert reads(world) == 0


def test_a_key_that_was_added_a_moment_ago_is_looked_up(world: World, ring: KeyRing) -> None:
    text = world.service_keys.add("new", world.time.wall())
    with pytest.raises(Unauthenticated):
        ring.find(text)
    assert world.run(ring.find_anywhere(text)).key_id == "new"


def test_a_flood_of_made_up_keys_asks_the_store_a_few_times_a_second(world: World, ring: KeyRing) -> None:
    for _ in range(100):
        with pytest.raises(Unauthenticated):
            world.run(ring.find_anywhere(new_key()))
    assert reads(world) == LOOKUP_BURST
    world.advance(1)
    text = world.service_keys.add("new", world.time.wall())
    assert world.run(ring.find_anywhere(text)).key_id == "new"


def test_two_requests_with_the_same_new_key_are_both_accepted(world: World, ring: KeyRing) -> None:
    text = world.service_keys.add("new", world.time.wall())
    world.faults.holds = True
    first, second = world.begin(ring.find_anywhere(text)), world.begin(ring.find_anywhere(text))
    for _ in range(2):
        world.faults.held[0].go()
        world.settle()
    assert [first.result().key_id, second.result().key_id] == ["new", "new"]
    assert reads(world) == 1


def test_a_new_key_is_not_refused_because_the_store_is_down(world: World, ring: KeyRing) -> None:
    text = world.service_keys.add("new", world.time.wall())
    world.faults.is_down = True
    with pytest.raises(StoreUnavailable):
        world.run(ring.find_anywhere(text))


def test_a_key_that_was_revoked_is_refused_and_says_so(world: World, ring: KeyRing) -> None:
    text = add(world)
    key = ring.find(text)
    world.service_keys.change("backend", revoked_at=world.time.wall())
    world.run(ring.load())
    assert ring.is_revoked(key)
    with pytest.raises(Unauthenticated, match="revoked"):
        ring.find(text)


def test_a_key_that_is_gone_from_the_store_is_refused(world: World, ring: KeyRing) -> None:
    text = add(world)
    key = ring.find(text)
    del world.service_keys.rows["backend"]
    world.run(ring.load())
    assert ring.is_revoked(key)


def test_only_those_that_were_revoked_meanwhile_are_told_of(world: World, ring: KeyRing) -> None:
    told: list[str] = []
    ring.on_revoked = told.append
    add(world, "one")
    add(world, "two")
    world.service_keys.change("one", revoked_at=world.time.wall())
    world.run(ring.load())
    world.run(ring.load())
    assert told == ["one"]


def noted(world: World, key_id: str = "backend") -> float | None:
    """Return how many seconds ago a key was noted as used, or None."""
    used = world.service_keys.rows[key_id].last_used_at
    return None if used is None else (world.time.wall() - used).total_seconds()


def test_a_use_is_noted_once_a_minute(world: World, ring: KeyRing) -> None:
    text = add(world)
    assert noted(world) is None
    ring.find(text)
    world.advance(50)
    ring.find(text)
    world.settle()
    assert noted(world) == 50
    world.advance(10)
    ring.find(text)
    world.settle()
    assert noted(world) == 0


def test_a_use_does_not_fail_because_it_cannot_be_noted(world: World, ring: KeyRing) -> None:
    text = add(world)
    world.faults.is_down = True
    assert isinstance(ring.find(text), ServiceKey)
    world.settle()
    world.faults.is_down = False
    assert noted(world) is None
    world.advance(60)
    ring.find(text)
    world.settle()
    assert noted(world) == 0
