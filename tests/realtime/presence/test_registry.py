"""Registry: correct counts, and the feed's order."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import NotFound
from models.status import Claims, Profile, status_of
from realtime.presence.record import new_record
from realtime.presence.registry import Registry
from realtime.presence.user_entry import UserEntry
from tests.realtime.world import NOON, World
from tests.searches import NAMES, SEARCHES

State = tuple[bool, bool, int]
"""(alive, busy, seconds after noon when last seen)"""


def registry_of(*states: State) -> Registry:
    registry = Registry()
    for user_id, (alive, busy, seconds) in enumerate(states, start=1):
        seen = NOON + timedelta(seconds=seconds)
        entry = UserEntry(new_record(Profile(user_id, f"User{user_id}", None), NOON, seen))
        registry.add(entry)
        registry.replace_status(entry, status_of(entry.profile, Claims(set_busy=busy), alive=alive, last_seen=seen))
    return registry


def ids(registry: Registry, q: str = "", **options: Any) -> list[int]:
    chosen: dict[str, Any] = {"online_only": False, "available_only": False} | options
    return [each.user_id for each in registry.page(q, skip=0, limit=100, **chosen)[0]]


AVAILABLE, BUSY, OFFLINE = (True, False, 0), (True, True, 0), (False, False, 0)


def test_the_feed_shows_available_then_busy_then_offline() -> None:
    assert ids(registry_of(OFFLINE, BUSY, AVAILABLE)) == [3, 2, 1]


def test_within_a_state_the_newest_last_seen_comes_first() -> None:
    assert ids(registry_of((True, False, 1), (True, False, 3), (True, False, 2))) == [2, 3, 1]


def test_of_those_seen_at_once_the_lower_id_comes_first() -> None:
    assert ids(registry_of(AVAILABLE, AVAILABLE, AVAILABLE)) == [1, 2, 3]


def test_online_only_leaves_out_who_is_offline() -> None:
    assert ids(registry_of(OFFLINE, BUSY, AVAILABLE), online_only=True) == [3, 2]


def test_available_only_leaves_out_who_is_busy() -> None:
    assert ids(registry_of(OFFLINE, BUSY, AVAILABLE), available_only=True) == [3]


def test_an_offline_user_who_is_busy_stands_with_the_offline() -> None:
    assert ids(registry_of((False, True, 9), AVAILABLE), available_only=True) == [2]


@pytest.mark.parametrize("q", ["user2", "USER2", "ser2", "2"])
def test_search_finds_a_part_of_a_name_whatever_its_case_or_an_id(q: str) -> None:
    assert ids(registry_of(AVAILABLE, AVAILABLE), q) == [2]


@pytest.mark.parametrize("q", [".*", "user%", "user_", "^"])
def test_search_text_is_literal(q: str) -> None:
    assert ids(registry_of(AVAILABLE), q) == []


def test_everyone_is_found_as_the_shared_table_of_searches_says() -> None:
    registry = Registry()
    for user_id, name in NAMES.items():
        registry.add(UserEntry(new_record(Profile(user_id, name, None), NOON, NOON)))
    assert {q: ids(registry, q) for q, _ in SEARCHES} == dict(SEARCHES)


def test_a_page_says_how_many_match() -> None:
    statuses, total = registry_of(AVAILABLE, AVAILABLE, AVAILABLE).page(
        "", online_only=False, available_only=False, skip=1, limit=1
    )
    assert ([each.user_id for each in statuses], total) == ([2], 3)


def test_an_unknown_user_is_not_found() -> None:
    with pytest.raises(NotFound):
        registry_of().get(1)


def test_find_answers_with_nobody_for_an_unknown_user() -> None:
    assert registry_of().find(1) is None


def test_a_user_has_a_name_and_an_unknown_one_has_its_id() -> None:
    registry = registry_of((True, False, 0))
    assert (registry.name(1), registry.name(12)) == ("User1", "user 12")


def test_everyone_is_there_once() -> None:
    registry = registry_of(AVAILABLE, OFFLINE)
    assert len(registry) == 2
    assert 2 in registry
    assert [entry.profile.user_id for entry in registry] == [1, 2]


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 50)), max_size=12), st.data())
def test_order_and_counts_follow_every_change(states: list[State], data: st.DataObject) -> None:
    registry = registry_of(*states)
    for entry in registry:
        alive, busy, seconds = data.draw(st.tuples(st.booleans(), st.booleans(), st.integers(0, 50)))
        seen = NOON + timedelta(seconds=seconds)
        registry.replace_status(entry, status_of(entry.profile, Claims(set_busy=busy), alive=alive, last_seen=seen))
    everyone = registry.statuses()
    assert registry.online == sum(each.is_online for each in everyone)
    assert registry.available == sum(each.is_available for each in everyone)
    expected = sorted(everyone, key=lambda s: (-s.is_available, -s.is_online, -s.last_seen.timestamp(), s.user_id))
    assert ids(registry) == [each.user_id for each in expected]


def tagged(registry: Registry, **tags: str) -> None:
    for name, theirs in tags.items():
        entry = registry.get(int(name[1:]))
        registry.replace_record(entry, msgspec.structs.replace(entry.record, tags=tuple(theirs), status=entry.status))


def test_tags_select_users_who_have_any_of_them_in_the_feeds_order() -> None:
    registry = registry_of(OFFLINE, BUSY, AVAILABLE, AVAILABLE)
    tagged(registry, u1="a", u2="ab", u3="b")
    assert ids(registry, tags=["a"]) == [2, 1]
    assert ids(registry, tags=["a", "b"]) == [3, 2, 1]
    assert ids(registry, tags=["a", "b"], online_only=True) == [3, 2]
    assert ids(registry, tags=["a", "b"], available_only=True) == [3]
    assert ids(registry, "#2", tags=["a", "b"]) == [2]
    assert ids(registry, tags=["c"]) == []


def test_a_snapshot_has_the_users_with_the_ids_and_the_tags() -> None:
    registry = registry_of(AVAILABLE, AVAILABLE, AVAILABLE)
    tagged(registry, u1="a", u2="ab")
    found = [registry.statuses({2, 3, 9}, None), registry.statuses(None, {"a"}), registry.statuses({2, 3}, {"a", "b"})]
    assert [[each.user_id for each in statuses] for statuses in found] == [[2, 3], [1, 2], [2]]


@given(st.lists(st.tuples(st.integers(1, 3), st.sets(st.sampled_from("abc")))))
def test_the_tags_are_counted_as_users_come_and_change(changes: list[tuple[int, set[str]]]) -> None:
    registry = registry_of(AVAILABLE, BUSY, OFFLINE)
    held: dict[int, set[str]] = {}
    for user_id, tags in changes:
        held[user_id] = tags
        tagged(registry, **{f"u{user_id}": "".join(sorted(tags))})
    counts = {tag: sum(tag in tags for tags in held.values()) for tag in "abc"}
    assert registry.tag_counts() == {tag: count for tag, count in counts.items() if count}
    for tag in "abc":
        assert {each.profile.user_id for each in registry.tagged(tag)} == {key for key in held if tag in held[key]}


def test_everyone_is_listed_in_the_order_of_the_ids_also_those_who_were_added_later(world: World) -> None:
    registry = world.core.registry
    assert [entry.profile.user_id for entry in registry.by_id()] == [1, 2, 3]
    assert registry.by_id() is registry.by_id()
    world.core.loader.add(world.users.add(9, world.time.wall()))
    world.core.loader.add(world.users.add(7, world.time.wall()))
    assert [entry.profile.user_id for entry in registry.by_id()] == [1, 2, 3, 7, 9]
    tagged(registry, u9="a", u2="ab")
    assert [entry.profile.user_id for entry in registry.by_id("a")] == [2, 9]
    registry.remove(registry.get(2))
    assert [entry.profile.user_id for entry in registry.by_id()] == [1, 3, 7, 9]
    assert [entry.profile.user_id for entry in registry.by_id("a")] == [9]
