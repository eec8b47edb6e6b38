"""Provisioning: a token's user is created once, under an acceptable name, and follows newer tokens."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from models.errors import StoreUnavailable
from realtime.presence.provisioning import UNKNOWN_LIMIT, UnknownUser
from tests.realtime.conftest import MakeWorld
from tests.realtime.foreign import SETTINGS, Foreign
from tests.realtime.world import World


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    return make_world(0, **SETTINGS)


@pytest.fixture
def foreign(world: World) -> Foreign:
    return Foreign(world)


def see(foreign: Foreign, sub: str = "auth0|7", **claims: Any) -> int:
    """Use a token as a request does. Returns its user."""
    authenticator, token = foreign.world.core.authenticator, foreign.issuer.token(sub, **claims)
    try:
        return authenticator.identify(token).user_id
    except UnknownUser:
        return foreign.world.run(authenticator.identify_later(token)).user_id


def name(foreign: Foreign, user_id: int) -> str:
    return foreign.world.core.registry.get(user_id).profile.username


def test_a_user_is_created_at_first_sight(world: World, foreign: Foreign) -> None:
    user_id = see(foreign, name="Ada", picture="https://example.com/ada.png")
    profile = world.core.registry.get(user_id).profile
    assert (profile.username, profile.profile_image_url) == ("Ada", "https://example.com/ada.png")
    assert profile.external_id == "auth0|7"
    assert see(foreign, name="Ada") == user_id
    assert world.faults.calls.count("create") == 1


def test_the_user_is_announced(world: World, foreign: Foreign) -> None:
    bob = world.connect(see(foreign, "bob"))
    ada = see(foreign, "ada", name="Ada")
    world.arrive()
    bob.fold()
    assert bob.picture[ada]["username"] == "Ada"
    assert bob.picture[ada]["external_id"] == "ada"


def test_fifty_at_once_are_one_user(world: World, foreign: Foreign) -> None:
    world.faults.holds = True
    token = foreign.issuer.token("new")
    tasks = [world.begin(world.core.authenticator.identify_later(token)) for _ in range(50)]
    while world.faults.held:
        for held in list(world.faults.held):
            held.go()
        world.settle()
    assert {task.result().user_id for task in tasks} == {1}
    assert len(world.users.rows) == 1


def test_a_user_that_another_program_has_created_is_taken_over(make_world: MakeWorld) -> None:
    world = make_world(0, **SETTINGS | {"provision_users": False})
    foreign = Foreign(world)
    foreign.add(7, "known")
    assert see(foreign, "known", name="Ada") == 7
    world.settle()
    assert name(foreign, 7) == "Ada"


def test_without_provisioning_nobody_is_created(make_world: MakeWorld) -> None:
    world = make_world(0, **SETTINGS | {"provision_users": False})
    foreign = Foreign(world)
    for _ in range(3):
        with pytest.raises(UnknownUser, match="There is no user for this token"):
            see(foreign, "unknown")
    assert world.faults.calls.count("find_external") == 1
    foreign.add(7, "unknown")
    world.advance(2)
    assert see(foreign, "unknown") == 7
    assert "reserve" not in world.faults.calls


def test_who_is_unknown_is_not_remembered_without_end(make_world: MakeWorld) -> None:
    world = make_world(0, **SETTINGS | {"provision_users": False})
    foreign = Foreign(world)
    foreign.provisioning._unknown = {str(number): 9e9 for number in range(UNKNOWN_LIMIT)}
    with pytest.raises(UnknownUser):
        see(foreign, "unknown")
    assert list(foreign.provisioning._unknown) == ["unknown"]


NAMES: dict[str, tuple[dict[str, Any], str]] = {
    "a name": ({"name": "Ada"}, "Ada"),
    "no name": ({}, "auth0|7"),
    "a name that is no text": ({"name": ["Ada"]}, "auth0|7"),
    "an empty name": ({"name": ""}, "auth0|7"),
    "a name with what no name may have": ({"name": " A\u202ed\na "}, "Ad a"),
    "a name of nothing visible": ({"name": "\u200b"}, "User 1"),
    "a name that is too long": ({"name": "x" * 2000}, "x" * 64),
}


@pytest.mark.parametrize(("claims", "expected"), NAMES.values(), ids=NAMES.keys())
def test_the_name_is_the_nearest_that_is_accepted(foreign: Foreign, claims: dict[str, Any], expected: str) -> None:
    assert name(foreign, see(foreign, **claims)) == expected


def test_a_name_that_is_taken_gets_a_number(foreign: Foreign) -> None:
    users = [see(foreign, f"user-{number}", name="Ada") for number in range(21)]
    assert [name(foreign, each) for each in users[:3]] == ["Ada", "Ada #2", "Ada #3"]
    assert name(foreign, users[19]) == "Ada #20"
    assert name(foreign, users[20]) == f"Ada #{users[20]}"


def test_a_name_that_is_taken_in_another_spelling_gets_a_number(foreign: Foreign) -> None:
    see(foreign, "one", name="ADA")
    assert name(foreign, see(foreign, "two", name="ada")) == "ada #2"


def test_a_name_that_is_taken_meanwhile_is_replaced(foreign: Foreign) -> None:
    foreign.world.users.stolen = ["Ada"]
    assert name(foreign, see(foreign, name="Ada")) == "Ada"


def test_a_name_that_many_want_at_once_gets_the_id(world: World, foreign: Foreign) -> None:
    see(foreign, "one", name="Ada")
    world.users.stolen = ["Ada #2"] * 2
    two = see(foreign, "two", name="Ada")
    assert name(foreign, two) == f"Ada #{two}"
    world.advance(10)
    world.users.stolen = ["Bea"] * 2
    see(foreign, "two", name="Bea")
    world.settle()
    assert name(foreign, two) == f"Bea #{two}"


def test_while_the_store_is_down_nobody_is_created(world: World, foreign: Foreign) -> None:
    world.faults.is_down = True
    with pytest.raises(StoreUnavailable):
        see(foreign)
    world.faults.is_down = False
    assert see(foreign) == 1


def test_a_user_whose_creation_was_not_answered_is_found(world: World, foreign: Foreign) -> None:
    world.faults.script("create", "reply_lost")
    with pytest.raises(StoreUnavailable):
        see(foreign)
    assert see(foreign) == 1
    assert len(world.users.rows) == 1


def test_a_newer_token_changes_the_profile(world: World, foreign: Foreign) -> None:
    user_id = see(foreign, name="Ada", picture="https://example.com/a.png")
    watching = world.connect(user_id)
    world.advance(10)
    see(foreign, name="Countess", picture="https://example.com/b.png")
    world.settle()
    watching.fold()
    assert watching.picture[user_id]["username"] == "Countess"
    assert watching.picture[user_id]["profile_image_url"] == "https://example.com/b.png"


def test_a_token_that_says_the_same_writes_nothing(world: World, foreign: Foreign) -> None:
    for _ in range(5):
        see(foreign, name="Ada")
        world.advance(10)
    assert "save_profile" not in world.faults.calls


def test_an_older_token_changes_nothing(world: World, foreign: Foreign) -> None:
    old = foreign.issuer.token("auth0|7", name="Ada")
    world.advance(10)
    user_id = see(foreign, name="Countess")
    world.core.authenticator.identify(old)
    world.settle()
    assert name(foreign, user_id) == "Countess"


def test_two_tokens_of_one_second_do_not_change_the_name_back_and_forth(world: World, foreign: Foreign) -> None:
    one, two = foreign.issuer.token("auth0|7", name="Ada"), foreign.issuer.token("auth0|7", name="Bea")
    user_id = see(foreign)
    for token in (one, two, one, two, one):
        world.core.authenticator.identify(token)
        world.settle()
    assert name(foreign, user_id) == "Bea"
    assert world.faults.calls.count("save_profile") == 2


def test_a_name_that_the_user_has_chosen_stays_while_the_token_says_the_same(world: World, foreign: Foreign) -> None:
    user_id = see(foreign, name="Ada", picture="https://example.com/a.png")
    world.advance(10)
    stored = world.users.rows[user_id]
    world.users.change(user_id, profile=msgspec.structs.replace(stored.profile, username="Countess"), rev=1)
    world.core.settlement.mark(user_id)
    world.run(world.core.settlement.settle_all())
    see(foreign, name="Ada", picture="https://example.com/b.png")
    world.settle()
    profile = world.core.registry.get(user_id).profile
    assert (profile.username, profile.profile_image_url) == ("Countess", "https://example.com/b.png")


def test_a_new_spelling_of_the_own_name_gets_no_number(world: World, foreign: Foreign) -> None:
    user_id = see(foreign, name="ada")
    world.advance(10)
    see(foreign, name="Ada")
    world.settle()
    assert name(foreign, user_id) == "Ada"


def test_a_picture_that_is_no_url_changes_nothing(world: World, foreign: Foreign) -> None:
    user_id = see(foreign, picture="https://example.com/a.png")
    world.advance(10)
    see(foreign, picture="javascript:alert(1)")
    see(foreign, picture=None)
    see(foreign, picture="https://example.com/\ud800")
    world.settle()
    assert world.core.registry.get(user_id).profile.profile_image_url == "https://example.com/a.png"


def test_a_change_that_cannot_be_saved_is_tried_again_with_the_next_request(world: World, foreign: Foreign) -> None:
    user_id = see(foreign, name="Ada")
    world.advance(10)
    token = foreign.issuer.token("auth0|7", name="Bea")
    world.faults.script("save_profile", "refused")
    world.core.authenticator.identify(token)
    world.settle()
    assert name(foreign, user_id) == "Ada"
    world.flush()
    world.core.authenticator.identify(token)
    world.settle()
    assert name(foreign, user_id) == "Bea"


def test_a_profile_that_is_being_saved_is_not_saved_twice(world: World, foreign: Foreign) -> None:
    user_id = see(foreign, name="Ada")
    world.advance(10)
    world.faults.holds = True
    see(foreign, name="Bea")
    see(foreign, name="Cy", iat=int(world.time.unix()))
    world.faults.holds = False
    while world.faults.held:
        world.faults.held[0].go()
        world.settle()
    assert name(foreign, user_id) == "Bea"
    assert world.faults.calls.count("save_profile") == 1


def test_a_change_that_another_server_was_faster_with_is_not_written(world: World, foreign: Foreign) -> None:
    user_id = see(foreign, name="Ada")
    world.advance(10)
    token = foreign.issuer.token("auth0|7", name="Bea")
    known = foreign.tokens.verify(token)
    profile = world.users.rows[user_id].token_profile.following("Bea", None, known.issued_at)
    foreign.tokens.forget(token)
    world.users.change(user_id, token_profile=profile, rev=1)
    world.core.authenticator.identify(token)
    world.settle()
    assert world.faults.calls.count("save_profile") == 1
    assert world.users.rows[user_id].rev == 1


def test_who_was_created_meanwhile_is_not_looked_up(world: World, foreign: Foreign) -> None:
    user_id = see(foreign)
    calls = list(world.faults.calls)
    assert world.run(foreign.provisioning.user_of(foreign.tokens.verify(foreign.issuer.token("auth0|7")))) == user_id
    assert world.faults.calls == calls


def test_a_new_name_that_is_taken_meanwhile_is_replaced(world: World, foreign: Foreign) -> None:
    user_id = see(foreign, name="Ada")
    world.advance(10)
    world.users.stolen = ["Bea"]
    see(foreign, name="Bea")
    world.settle()
    assert name(foreign, user_id) == "Bea"


def test_a_new_name_that_is_always_taken_meanwhile_is_given_up(world: World, foreign: Foreign) -> None:
    user_id = see(foreign, name="Ada")
    world.advance(10)
    world.users.stolen = ["Bea", f"Bea #{user_id}"] * 1000
    see(foreign, name="Bea")
    world.settle()
    assert name(foreign, user_id) == "Ada"
