"""Tags of users, as operators give and take them."""

from __future__ import annotations

import pytest

from models.errors import Conflict, Invalid
from realtime.dashboard.action_previews import ActionTarget
from realtime.dashboard.actions import ActionOutcome
from realtime.dashboard.rows import ActionName
from tests.realtime.world import World


def act(world: World, action: ActionName, tag: str, user_id: int = 1) -> ActionOutcome:
    """Carry out an action as the operator maya."""
    target = ActionTarget(user_id=user_id, tag=tag)
    return world.run(world.core.actions.carry_out(action, target, "maya", now=False, entry_id="entry"))


def test_a_tag_is_added_and_removed(world: World) -> None:
    assert act(world, "add_tag", "sales") == ActionOutcome("done", "no tags", "tags: sales")
    assert act(world, "add_tag", "north") == ActionOutcome("done", "tags: sales", "tags: north, sales")
    assert act(world, "remove_tag", "sales").after == "tags: north"
    assert (world.users.rows[1].tags, world.tags_of(1)) == (("north",), ("north",))


def test_whoever_watches_the_tag_is_told(world: World) -> None:
    client = world.connect(2, "presence")
    world.send(client, "subscribe", subscription="presence", tags=["sales"])
    act(world, "add_tag", "sales")
    world.arrive()
    assert client.updates()[-1]["user_id"] == 1
    act(world, "remove_tag", "sales")
    world.arrive()
    assert client.messages()[-1]["type"] == "user_removed"


def test_what_is_so_already_is_refused(world: World) -> None:
    with pytest.raises(Conflict, match="user1 does not have the tag “sales”"):
        act(world, "remove_tag", "sales")
    act(world, "add_tag", "sales")
    with pytest.raises(Conflict, match="user1 already has the tag “sales”"):
        act(world, "add_tag", "sales")


def test_a_user_has_at_most_twenty_tags(world: World) -> None:
    world.tag(1, *(f"t{number}" for number in range(20)))
    with pytest.raises(Conflict, match="user1 already has 20 tags"):
        act(world, "add_tag", "sales")


def test_a_tag_that_was_added_meanwhile_is_kept(world: World) -> None:
    world.users.change(1, tags=("north",), rev=world.users.rows[1].rev + 1)
    assert act(world, "add_tag", "sales").after == "tags: north, sales"
    assert world.users.rows[1].tags == ("north", "sales")


def test_the_twenty_first_tag_is_refused_although_others_were_added_meanwhile(world: World) -> None:
    full = tuple(f"t{number}" for number in range(20))
    world.users.change(1, tags=full, rev=world.users.rows[1].rev + 1)
    with pytest.raises(Invalid, match="at most 20 tags"):
        act(world, "add_tag", "sales")
    assert world.users.rows[1].tags == full
