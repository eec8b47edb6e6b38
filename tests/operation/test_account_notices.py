"""Accounts that the command line changes: every running server follows, and so does every client."""

from __future__ import annotations

import secrets
from collections.abc import Callable

import pytest

from operation.cli import user_changes
from tests.clients import Api, Person, eventually
from tests.conftest import MakePerson, OpenSocket
from tests.running import RunningServer

pytestmark = [
    pytest.mark.gen_test,
    pytest.mark.also_clustered,
    pytest.mark.settings(notice_interval_seconds=0.05),
]

OLD = f"an old password {secrets.token_hex(8)}"
NEW = f"a new password {secrets.token_hex(8)}"


async def registered(api: Api) -> Person:
    """Register ada."""
    answer = await api.post("/auth/register", {"username": "ada", "password": OLD})
    return Person(api, answer.body["user_id"], "ada", answer.body["access_token"])


async def log_in(api: Api, password: str) -> int:
    """Log ada in on one of the servers. Returns the status."""
    return (await api.post("/auth/login", {"username": "ada", "password": password})).status


async def everywhere(server: RunningServer, condition: Callable[[RunningServer], bool]) -> None:
    """Wait until this holds on every server."""
    await eventually(lambda: all(condition(node) for node in server.nodes))


async def refused(server: RunningServer, person: Person) -> None:
    """Wait until every server refuses the person's token."""
    identity = server.tokens.verify(person.token, "access")
    await everywhere(server, lambda node: node.core.authenticator.is_revoked(identity))


async def test_a_new_password_ends_all_logins_on_every_server(
    server: RunningServer, api: Api, socket: OpenSocket
) -> None:
    ada = await registered(api)
    sockets = [await socket(ada) for _ in range(3)]
    await user_changes._set_password(server.settings, ada.user_id, NEW)
    assert [await each.closed() for each in sockets] == [4501] * 3
    await refused(server, ada)
    assert [(await ada.get("/users/me")).status for _ in range(3)] == [401] * 3
    assert [await log_in(api, OLD) for _ in range(3)] == [401] * 3
    assert [await log_in(api, NEW) for _ in range(3)] == [200] * 3
    await server.restart()
    assert (await ada.get("/users/me")).status == 401


async def test_a_user_who_is_enabled_again_is_let_in_by_every_server(
    server: RunningServer, api: Api, user: MakePerson, socket: OpenSocket
) -> None:
    ada, watching = await registered(api), await socket(await user("bob"))
    sockets = [await socket(ada) for _ in range(3)]
    await watching.update(ada.user_id)
    await user_changes._disable(server.settings, ada.user_id)
    assert [await each.closed() for each in sockets] == [4501] * 3
    assert (await watching.update(ada.user_id))["status"]["is_online"] is False
    assert [await log_in(api, OLD) for _ in range(3)] == [401] * 3

    await user_changes._enable(server.settings, ada.user_id)
    await everywhere(server, lambda node: not node.core.registry.get(ada.user_id).disabled)
    pair = (await api.post("/auth/login", {"username": "ada", "password": OLD})).body
    back = Person(api, ada.user_id, "ada", pair["access_token"])
    assert [(await back.get("/users/me")).status for _ in range(3)] == [200] * 3
    await socket(back)
    assert (await watching.update(ada.user_id))["status"]["is_online"] is True
    assert (await ada.get("/users/me")).status == 401


async def test_a_deleted_user_is_removed_from_every_server_and_client(
    server: RunningServer, api: Api, user: MakePerson, socket: OpenSocket
) -> None:
    ada, bob = await registered(api), await user("bob")
    sockets, watching = [await socket(ada) for _ in range(3)], [await socket(bob) for _ in range(3)]
    await user_changes._delete(server.settings, ada.user_id, is_confirmed=True)
    assert [await each.closed() for each in sockets] == [4501] * 3
    assert [(await each.next("user_removed"))["user_id"] for each in watching] == [ada.user_id] * 3
    await everywhere(server, lambda node: ada.user_id not in node.core.registry)
    assert [(await bob.get(f"/users/{ada.user_id}/presence")).status for _ in range(3)] == [404] * 3
    assert [await log_in(api, OLD) for _ in range(3)] == [401] * 3
    assert (await registered(api)).user_id > bob.user_id


async def test_all_of_them_find_a_user_by_the_id_of_another_program(
    server: RunningServer, capsys: pytest.CaptureFixture[str]
) -> None:
    stored = await server.core.membership.create_external("auth0|7,x", "ada", None)
    user_id = stored.profile.user_id
    for _ in range(2):
        await user_changes._disable(server.settings, "auth0|7,x")
    for _ in range(2):
        await user_changes._enable(server.settings, "auth0|7,x")
    await user_changes._set_password(server.settings, "auth0|7,x", NEW)
    await user_changes._delete(server.settings, "auth0|7,x", is_confirmed=True)
    assert capsys.readouterr().out.splitlines() == [
        f"disabled user {user_id}, ada",
        f"user {user_id}, ada, was already disabled",
        f"enabled user {user_id}, ada",
        f"user {user_id}, ada, was already enabled",
        f"changed the password of user {user_id}, ada",
        f"deleted user {user_id}, ada",
    ]
    await everywhere(server, lambda node: user_id not in node.core.registry)
