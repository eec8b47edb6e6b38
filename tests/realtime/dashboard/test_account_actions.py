"""Account actions: what admins do to users' accounts."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from models.errors import Conflict, NotFound
from realtime.dashboard.action_previews import ActionPreview, ActionTarget
from realtime.dashboard.actions import ActionOutcome
from realtime.dashboard.rows import ACCOUNT_ACTIONS, ActionName
from tests.realtime.calling import four_users
from tests.realtime.conftest import MakeWorld
from tests.realtime.world import World


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    """Four users on sockets."""
    return four_users(make_world(4))


def act(world: World, action: ActionName, user_id: int = 1, **target: Any) -> ActionOutcome:
    """Carry out an action as the operator maya."""
    asked = ActionTarget(user_id=user_id, **target)
    return world.run(world.core.actions.carry_out(action, asked, "maya", now=False, entry_id="entry"))


def plan(world: World, action: ActionName, user_id: int = 1) -> ActionPreview:
    """Return the preview of an action."""
    return world.core.actions.preview(action, ActionTarget(user_id=user_id))


def test_a_disabled_user_is_refused_until_enabled_again(world: World) -> None:
    identity = world.clients[0].session.identity
    assert act(world, "disable_user") == ActionOutcome("done", "available, 1 connection", "disabled")
    assert world.clients[0].session.close_code == 4501
    assert world.core.authenticator.is_revoked(identity)
    assert (world.users.rows[1].disabled, world.status(1).is_online) == (True, False)
    assert act(world, "enable_user") == ActionOutcome("done", "offline, disabled", "enabled")
    assert world.users.rows[1].disabled is False
    assert world.core.authenticator.is_revoked(identity)
    renewed = msgspec.structs.replace(identity, version=world.users.rows[1].token_version)
    assert not world.core.authenticator.is_revoked(renewed)


def test_what_is_so_already_is_refused(world: World) -> None:
    with pytest.raises(Conflict, match="user1 is not disabled"):
        act(world, "enable_user")
    act(world, "disable_user")
    with pytest.raises(Conflict, match="user1 is already disabled"):
        act(world, "disable_user")


def test_a_deleted_user_is_gone(world: World) -> None:
    assert act(world, "delete_user") == ActionOutcome("done", "available, 1 connection", "deleted")
    assert world.clients[0].session.close_code == 4501
    assert 1 not in world.core.registry
    with pytest.raises(NotFound):
        plan(world, "delete_user")


@pytest.mark.parametrize("action", ["disable_user", "delete_user"])
def test_the_call_of_a_user_who_is_turned_out_ends(world: World, action: ActionName) -> None:
    world.call(1, 2)
    assert plan(world, action).effect.endswith("The call with user2 ends.")
    assert plan(world, action).waits is False
    act(world, action)
    assert world.status(2).is_busy is False


def test_a_new_password_revokes_all_tokens_and_closes_all_sockets(world: World) -> None:
    identity = world.clients[0].session.identity
    outcome = act(world, "set_password", password_hash="new")
    assert outcome == ActionOutcome("done", "available, 1 connection", "new password")
    assert world.user_passwords.hashes == {1: "new"}
    assert world.clients[0].session.close_code == 4501
    assert world.core.authenticator.is_revoked(identity)
    assert world.clients[1].is_open


def test_a_password_for_a_user_whom_another_server_has_deleted_is_refused(world: World) -> None:
    del world.users.rows[1]
    with pytest.raises(NotFound):
        act(world, "set_password", password_hash="new")


def test_each_is_an_event_that_names_the_operator(world: World) -> None:
    for action in ("disable_user", "enable_user", "set_password"):
        act(world, action)
    events = [event for event in world.core.event_log.latest() if event.kind == "action"]
    assert [(event.cause, event.operator) for event in events[::-1]] == [
        ("disable_user", "maya"), ("enable_user", "maya"), ("set_password", "maya"),
    ]  # fmt: skip


def test_a_user_nobody_knows_is_not_found(world: World) -> None:
    for action in ACCOUNT_ACTIONS:
        with pytest.raises(NotFound):
            act(world, action, 99)
