"""Deleted users, over HTTP and sockets: gone at once, for everyone, on whichever server, and after a restart."""

from __future__ import annotations

import pytest

from models.errors import NotFound
from tests.conftest import MakePerson, OpenSocket
from tests.running import RunningServer

pytestmark = pytest.mark.gen_test


@pytest.mark.also_clustered
async def test_a_deleted_user_is_gone_and_refused_everywhere(
    server: RunningServer, user: MakePerson, socket: OpenSocket
) -> None:
    ada, bob = await user("ada"), await user("bob")
    theirs, watching = await socket(ada), await socket(bob)
    narrowed = await socket(bob, "/ws/presence")
    await narrowed.send({"type": "subscribe", "subscription": "presence", "user_ids": [ada.user_id]})
    await narrowed.next("subscription_confirmed")
    call = (await bob.post("/calls/start", {"callee_id": ada.user_id, "call_type": "audio"})).body
    await server.core.membership.delete(ada.user_id)
    assert await theirs.closed() == 4501
    removed = [await each.next("user_removed") for each in (watching, narrowed)]
    assert {each["user_id"] for each in removed} == {ada.user_id}
    assert removed[0] == removed[1]
    assert (await watching.next("call_status_update"))["call"]["status"] == "dropped"
    await server.caught_up()
    assert (await ada.get("/users/me")).status == 401
    assert (await bob.get(f"/users/{ada.user_id}/presence")).status == 404
    assert [each["username"] for each in (await bob.get("/feed/users")).body["items"]] == ["bob"]
    assert (await bob.get("/feed/stats")).body["total_users"] == 1
    history = (await bob.get("/calls/history")).body["items"]
    assert [(each["call_id"], each["callee_id"], each["status"]) for each in history] == [
        (call["call_id"], ada.user_id, "dropped")
    ]


@pytest.mark.also_clustered
async def test_a_client_that_was_away_is_told_by_a_resume(
    server: RunningServer, user: MakePerson, socket: OpenSocket
) -> None:
    ada, bob = await user("ada"), await user("bob")
    opened = await socket(bob, first=True)
    hello = await opened.next("connection_established")
    await opened.close()
    await server.core.membership.delete(ada.user_id)
    await server.caught_up()
    back = await socket(bob, first=True, epoch=hello["epoch"], since=hello["seq"])
    assert (await back.next("connection_established"))["resumed"]
    assert (await back.next("user_removed"))["user_id"] == ada.user_id
    await back.next("resume_complete")


async def test_nothing_is_left_after_a_restart_and_the_id_is_not_given_again(
    server: RunningServer, user: MakePerson
) -> None:
    ada, bob = await user("ada"), await user("bob")
    await ada.post("/users/me/heartbeat")
    await server.core.membership.delete(ada.user_id)
    await server.restart()
    assert (await ada.get("/users/me")).status == 401
    assert [each["username"] for each in (await bob.get("/feed/users")).body["items"]] == ["bob"]
    again = await user("ada")
    assert again.user_id > bob.user_id


async def test_a_deletion_that_was_interrupted_is_finished_by_the_next_start(
    server: RunningServer, user: MakePerson
) -> None:
    ada = await user("ada")
    user_id = (await server.core.membership.create_external("auth0|zoe", "zoe", None)).profile.user_id
    await server.stores.users.delete(user_id, server.core.environment.clock.utc())
    await server.restart()
    assert (await ada.get("/users/external:auth0%7Czoe/presence")).status == 404
    again = await server.core.membership.create_external("auth0|zoe", "zoe", None)
    assert again.profile.user_id > user_id
    with pytest.raises(NotFound):
        await server.core.membership.delete(user_id)


async def test_a_password_of_a_deleted_user_signs_nobody_in(server: RunningServer, user: MakePerson) -> None:
    ada, bob = await user("ada"), await user("bob")
    registered = await bob.with_token(None).post(
        "/auth/register", {"username": "zoe", "password": "long enough a password"}
    )
    await server.core.membership.delete(registered.body["user_id"])
    login = await bob.with_token(None).post("/auth/login", {"username": "zoe", "password": "long enough a password"})
    assert login.status == 401
    refresh = await bob.with_token(None).post("/auth/refresh", {"refresh_token": registered.body["refresh_token"]})
    assert refresh.status == 401
    assert (await ada.get("/users/me")).status == 200


async def test_a_user_who_is_enabled_again_signs_in(server: RunningServer, user: MakePerson) -> None:
    bob = (await user("bob")).with_token(None)
    registered = await bob.post("/auth/register", {"username": "zoe", "password": "long enough a password"})
    user_id, credentials = registered.body["user_id"], {"username": "zoe", "password": "long enough a password"}
    await server.core.membership.disable(user_id)
    assert (await bob.post("/auth/login", credentials)).status == 401
    await server.core.membership.enable(user_id)
    login = await bob.post("/auth/login", credentials)
    assert login.status == 200
    assert (await bob.with_token(registered.body["access_token"]).get("/users/me")).status == 401
    assert (await bob.with_token(login.body["access_token"]).get("/users/me")).status == 200
