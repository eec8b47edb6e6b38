"""User query: operators find the users they look for, in the order they request."""

from __future__ import annotations

from typing import Any

import pytest

from models.status import Profile
from tests.realtime.conftest import MakeWorld
from tests.realtime.operators import inspected
from tests.realtime.world import World
from tests.searches import BY_NAME, NAMES, SEARCHES

FIVE = ("zoe", "Ann", "carl", "bob", "Dora")


@pytest.fixture
def five(make_world: MakeWorld) -> World:
    """zoe and bob are available, Ann and Dora are busy, carl is offline; bob needs attention."""
    world = make_world()
    for user_id, name in enumerate(FIVE, 1):
        world.core.loader.load(world.users.add(user_id, world.time.wall(), name))
        world.advance(1)
    for user_id in (1, 2, 4, 5):
        world.connect(user_id)
        world.advance(1)
    world.put(5, is_busy=True)
    world.advance(1)
    world.put(2, is_busy=True)
    world.users.change(4, set_busy=True)
    inspected(world)
    return world


def names(world: World, **wanted: Any) -> list[str]:
    asked = {"state": "all", "q": "", "sort": "name", "skip": 0, "limit": 50} | wanted
    rows, total = world.core.overview.page(**asked)
    assert total >= len(rows)
    return [row.username for row in rows]


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("name", ["Ann", "bob", "carl", "Dora", "zoe"]),
        ("attention", ["bob", "Ann", "Dora", "zoe", "carl"]),
        ("state", ["bob", "zoe", "Ann", "Dora", "carl"]),
        ("since", ["carl", "zoe", "bob", "Dora", "Ann"]),
        ("heard", ["Ann", "Dora", "bob", "zoe", "carl"]),
        ("-name", ["zoe", "Dora", "carl", "bob", "Ann"]),
        ("-state", ["carl", "Ann", "Dora", "bob", "zoe"]),
        ("-since", ["Ann", "Dora", "bob", "zoe", "carl"]),
        ("-heard", ["carl", "zoe", "bob", "Dora", "Ann"]),
    ],
)
def test_everyone_is_listed_in_the_order_asked_for(five: World, sort: str, order: list[str]) -> None:
    assert names(five, sort=sort) == order


@pytest.mark.parametrize(
    ("state", "listed"),
    [
        ("all", ["Ann", "bob", "carl", "Dora", "zoe"]),
        ("available", ["bob", "zoe"]),
        ("busy", ["Ann", "Dora"]),
        ("offline", ["carl"]),
        ("attention", ["bob"]),
    ],
)
def test_a_filter_keeps_a_state_or_who_needs_attention(five: World, state: str, listed: list[str]) -> None:
    assert names(five, state=state) == listed


@pytest.mark.parametrize(
    ("q", "listed"), [("a", ["Ann", "carl", "Dora"]), ("ANN", ["Ann"]), ("3", ["carl"]), (".", []), ("33", [])]
)
def test_a_search_is_part_of_a_name_or_an_id(five: World, q: str, listed: list[str]) -> None:
    assert names(five, q=q) == listed


def test_everyone_is_found_as_the_shared_table_of_searches_says(make_world: MakeWorld) -> None:
    world = make_world()
    for user_id, name in NAMES.items():
        world.core.loader.load(world.users.add(user_id, world.time.wall(), name))
        world.advance(1)
    asked = {"state": "all", "sort": "since", "skip": 0, "limit": 50}
    found = {q: [row.user_id for row in world.core.overview.page(q=q, **asked)[0]] for q, _ in SEARCHES}  # type: ignore[arg-type]
    assert found == dict(SEARCHES)


def test_users_are_sorted_by_name_without_case_accents_and_what_is_between_words(make_world: MakeWorld) -> None:
    world = make_world()
    for user_id in sorted(NAMES, reverse=True):
        world.core.loader.load(world.users.add(user_id, world.time.wall(), NAMES[user_id]))
    found, _ = world.core.overview.page(state="all", q="", sort="name", skip=0, limit=50)
    assert [row.user_id for row in found] == BY_NAME
    world.rename(Profile(19, "ZOE inigo", None))
    found, _ = world.core.overview.page(state="all", q="", sort="name", skip=0, limit=50)
    place = BY_NAME.index(3)
    assert [row.user_id for row in found][place - 1 : place + 1] == [3, 19]


def test_what_is_found_best_comes_first_in_every_order(five: World) -> None:
    assert names(five, q="an", sort="heard") == ["Ann"]
    assert names(five, q="a", sort="attention") == ["Ann", "Dora", "carl"]


def test_a_filter_keeps_who_is_on_a_call(five: World) -> None:
    five.call(1, 4)
    assert names(five, state="calls") == ["bob", "zoe"]


def test_a_search_stays_within_the_filter(five: World) -> None:
    assert names(five, q="a", state="busy") == ["Ann", "Dora"]


def test_a_page_is_a_part_and_the_total_is_of_all(five: World) -> None:
    rows, total = five.core.overview.page(state="all", q="", sort="name", skip=2, limit=2)
    assert ([row.username for row in rows], total) == (["carl", "Dora"], 5)
    assert names(five, skip=50) == []


def test_who_is_new_or_renamed_has_the_right_place_at_once(five: World) -> None:
    assert names(five)[0] == "Ann"
    five.core.loader.add(five.users.add(6, five.time.wall(), "Aaron"))
    assert names(five)[:2] == ["Aaron", "Ann"]
    five.rename(five.core.registry.get(6).profile.__class__(6, "zz", None))
    assert names(five)[-1] == "zz"


def test_a_tag_selects_the_users_who_have_it(five: World) -> None:
    five.tag(1, "sales", "support")
    five.tag(2, "sales")
    assert names(five, tag="sales") == ["Ann", "zoe"]
    assert names(five, tag="sales", state="busy") == ["Ann"]
    assert names(five, tag="sales", q="zo") == names(five, tag="support") == ["zoe"]
    assert names(five, tag="nobody") == []
    assert five.core.overview.tag_counts() == {"sales": 2, "support": 1}
    assert five.core.overview.row(1).tags == ("sales", "support")
