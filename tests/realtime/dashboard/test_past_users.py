"""Past users: filtered, searched and sorted like the users of today, each with the reason for the state."""

from __future__ import annotations

import pytest

from models.checkpoints import PastCall, PastUser
from models.status import Profile, State
from models.times import milliseconds
from realtime.dashboard.past_board import PastBoard
from realtime.dashboard.past_users import PastFilter, PastRow, PastSort, past_page
from realtime.dashboard.rows import Explanation
from tests.realtime.conftest import MakeWorld
from tests.realtime.world import World


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    """Five users."""
    return make_world(5)


def board(world: World, *users: PastUser, calls: tuple[PastCall, ...] = ()) -> PastBoard:
    return PastBoard(world.core.environment.clock.utc(), users, calls)


def page(
    world: World,
    shown: PastBoard,
    *,
    state: PastFilter = "all",
    q: str = "",
    sort: PastSort = "state",
    skip: int = 0,
    limit: int = 50,
    tag: str = "",
) -> list[PastRow]:
    rows, _ = past_page(shown, world.core.registry, state=state, q=q, sort=sort, skip=skip, limit=limit, tag=tag)
    return rows


def ids(rows: list[PastRow]) -> list[int]:
    return [row.user_id for row in rows]


FOUR = (
    PastUser(1, "offline", 40), PastUser(2, "available", 30), PastUser(3, "busy", 20), PastUser(4, "busy", 10),
)  # fmt: skip
CALL = PastCall("call", 3, 1, "audio", 15)


def test_users_are_filtered_by_state_and_by_calls(world: World) -> None:
    shown = board(world, *FOUR, calls=(CALL,))
    assert ids(page(world, shown)) == [3, 4, 2, 1]
    assert ids(page(world, shown, state="busy")) == [3, 4]
    assert ids(page(world, shown, state="calls")) == [3, 1]
    assert ids(page(world, shown, state="offline")) == [1]


def test_users_are_sorted_and_come_in_pages(world: World) -> None:
    world.rename(Profile(4, "Aaron", None))
    shown = board(world, *FOUR)
    assert ids(page(world, shown, sort="since")) == [4, 3, 2, 1]
    assert ids(page(world, shown, sort="name")) == [4, 1, 2, 3]
    assert past_page(shown, world.core.registry, state="all", q="", sort="name", skip=1, limit=2)[1] == 4
    assert ids(page(world, shown, sort="name", skip=1, limit=2)) == [1, 2]


def test_users_are_found_by_name_id_and_tag(world: World) -> None:
    world.tag(2, "sales")
    shown = board(world, *FOUR)
    assert ids(page(world, shown, q="user3")) == [3]
    assert ids(page(world, shown, q="#4,#1")) == [4, 1]
    assert ids(page(world, shown, tag="sales")) == [2]


def test_a_deleted_user_is_found_without_a_name(world: World) -> None:
    shown = board(world, *FOUR)
    world.run(world.core.membership.delete(2))
    (row,) = page(world, shown, q="deleted")
    assert (row.user_id, row.username, row.is_deleted, row.image) == (2, "deleted user #2", True, "")
    assert not page(world, shown, q="#1")[0].is_deleted


@pytest.mark.parametrize(("image", "shown"), [("https://example.org/a.png", True), ("http://example.org/a.png", False)])
def test_a_picture_is_shown_only_from_https(world: World, image: str, shown: bool) -> None:
    world.rename(Profile(1, "ada", image))
    assert page(world, board(world, *FOUR), q="#1")[0].image == (image if shown else "")


@pytest.mark.parametrize(
    ("state", "cause", "by", "text"),
    [
        ("available", "connected", "", "came online"),
        ("available", "operator", "maya", "made available by maya"),
        ("available", "unknown", "", ""),
        ("busy", "set", "", "set busy"),
        ("busy", "operator", "maya", "made busy by maya"),
        ("offline", "timed_out", "", "timed out"),
        ("offline", "operator", "maya", "taken offline by maya"),
        ("offline", "never", "", "never came online"),
    ],
)
def test_each_state_has_a_reason(world: World, state: State, cause: str, by: str, text: str) -> None:
    assert page(world, board(world, PastUser(1, state, 5, cause, by)))[0].because == Explanation(text)


def test_both_participants_of_a_call_are_named(world: World) -> None:
    at = milliseconds(world.core.environment.clock.utc())
    shown = board(world, *FOUR, calls=(PastCall("call", 3, 4, "audio", at - 5000),))
    rows = {row.user_id: row for row in page(world, shown)}
    assert rows[3].because == Explanation("on a call with user4,", at - 5000)
    assert rows[4].because == Explanation("on a call with user3,", at - 5000)
    assert (rows[3].call_id, rows[4].call_id, rows[2].call_id) == ("call", "call", "")
