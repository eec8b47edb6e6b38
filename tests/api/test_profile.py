"""GET and PATCH /users/me."""

from __future__ import annotations

import pytest

from tests.conftest import MakePerson, OpenSocket
from tests.running import RunningServer

pytestmark = pytest.mark.gen_test


async def test_the_own_profile_has_four_fields(user: MakePerson) -> None:
    ada = await user("ada")
    answer = await ada.get("/users/me")
    assert answer.status == 200
    created_at = answer.body.pop("created_at")
    assert answer.body == {"user_id": ada.user_id, "username": "ada", "profile_image_url": None}
    assert created_at.endswith("Z")


async def test_a_new_name_is_answered_announced_and_kept(
    server: RunningServer, user: MakePerson, socket: OpenSocket
) -> None:
    ada, bob = await user("ada"), await user("bob")
    feed = await socket(bob)
    answer = await ada.patch("/users/me", {"username": "Ada L."})
    assert (answer.status, answer.body["username"]) == (200, "Ada L.")
    update = await feed.update(ada.user_id)
    assert (update["status"]["username"], update["reason"]) == ("Ada L.", "set")
    await server.restart()
    assert (await ada.get("/users/me")).body["username"] == "Ada L."


async def test_a_profile_image_is_set_and_taken_away(user: MakePerson, socket: OpenSocket) -> None:
    ada, bob = await user("ada"), await user("bob")
    feed = await socket(bob)
    url = "https://example.com/ada.jpg"
    assert (await ada.patch("/users/me", {"profile_image_url": url})).body["profile_image_url"] == url
    assert (await feed.update(ada.user_id))["status"]["profile_image_url"] == url
    assert (await ada.patch("/users/me", {"profile_image_url": None})).body["profile_image_url"] is None
    assert (await feed.update(ada.user_id))["status"]["profile_image_url"] is None


async def test_a_profile_that_stays_the_same_is_not_announced(user: MakePerson, socket: OpenSocket) -> None:
    ada, bob = await user("ada"), await user("bob")
    feed = await socket(bob)
    assert (await ada.patch("/users/me", {"username": "ada"})).status == 200
    await feed.quiet()


async def test_a_name_that_is_taken_is_refused_and_nothing_changes(user: MakePerson, socket: OpenSocket) -> None:
    ada, bob = await user("ada"), await user("bob")
    feed = await socket(bob)
    answer = await ada.patch("/users/me", {"username": "BOB"})
    assert (answer.status, answer.code) == (409, "USERNAME_TAKEN")
    assert (await ada.get("/users/me")).body["username"] == "ada"
    await feed.quiet()


async def test_the_own_name_may_change_its_case(user: MakePerson) -> None:
    ada = await user("ada")
    assert (await ada.patch("/users/me", {"username": "ADA"})).body["username"] == "ADA"


async def test_a_change_names_at_least_one_field(user: MakePerson) -> None:
    ada = await user("ada")
    assert (await ada.patch("/users/me", {})).code == "INVALID_REQUEST"
