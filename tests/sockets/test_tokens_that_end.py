"""Tokens that expire while a socket is open: the warning, the refresh in place, the close, the revocation."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from models.times import utc_milliseconds
from tests.clients import Api
from tests.conftest import MakePerson, OpenSocket
from tests.running import RunningServer

pytestmark = [pytest.mark.gen_test, pytest.mark.any_store]


def of_another_login(server: RunningServer, user_id: int, life_seconds: int = 900) -> str:
    return server.tokens.mint(user_id, server.core.environment.new_id(), "access", life_seconds)[0]


@pytest.mark.settings(token_warning_seconds=58.0)
async def test_a_client_is_warned_before_its_token_ends(
    server: RunningServer, user: MakePerson, socket: OpenSocket
) -> None:
    ada = await user("ada", life_seconds=59)  # exp has whole seconds, so the warning comes within a second
    warning = await (await socket(ada)).next("token_expiring")
    assert warning.keys() == {"type", "expires_at"}
    expires_at = server.tokens.verify(ada.token, "access").expires_at
    assert datetime.fromisoformat(warning["expires_at"]).timestamp() == expires_at


@pytest.mark.settings(token_grace_seconds=0.1, token_warning_seconds=1.0)
async def test_an_idle_socket_is_closed_with_4401_when_its_token_has_ended(
    user: MakePerson, socket: OpenSocket
) -> None:
    opened = await socket(await user("ada", life_seconds=1), first=True)
    error = await opened.next("error")
    assert (error["code"], error["message"]) == ("AUTH_ERROR", "Token expired")
    assert await opened.closed() == 4401


@pytest.mark.settings(token_grace_seconds=30.0, token_warning_seconds=1.0)
async def test_within_the_grace_commands_are_served_and_a_refresh_keeps_the_socket(
    server: RunningServer, user: MakePerson, socket: OpenSocket
) -> None:
    ada = await user("ada", life_seconds=1)
    opened = await socket(ada)
    while (await ada.get("/users/me")).status != 401:  # until the token has expired
        await opened.ask({"type": "ping"}, "pong")
    await opened.ask({"type": "ping"}, "pong")
    reply = await opened.ask({"type": "refresh", "token": of_another_login(server, ada.user_id)}, "token_refreshed")
    assert reply.keys() == {"type", "expires_at"}
    assert reply["expires_at"].endswith("Z")
    (session,) = server.core.hub
    assert session.expires_at > server.core.environment.clock.now() + 800


@pytest.mark.settings(token_grace_seconds=0.0, token_warning_seconds=1.0)
async def test_a_refreshed_socket_outlives_its_first_token(
    server: RunningServer, user: MakePerson, socket: OpenSocket
) -> None:
    ada, bob = await user("ada", life_seconds=2), await user("bob", life_seconds=2)
    refreshed, left = await socket(ada), await socket(bob)
    await refreshed.ask({"type": "refresh", "token": of_another_login(server, ada.user_id)}, "token_refreshed")
    assert await left.closed() == 4401
    await refreshed.ask({"type": "ping"}, "pong")


@pytest.mark.settings(token_grace_seconds=0.0, token_warning_seconds=1.0)
async def test_a_refresh_may_also_shorten(server: RunningServer, user: MakePerson, socket: OpenSocket) -> None:
    ada = await user("ada")
    opened = await socket(ada)
    short = of_another_login(server, ada.user_id, life_seconds=1)
    await opened.ask({"type": "refresh", "token": short}, "token_refreshed")
    assert await opened.closed() == 4401


async def test_a_refresh_by_a_token_of_someone_else_is_forbidden_and_changes_nothing(
    server: RunningServer, user: MakePerson, socket: OpenSocket
) -> None:
    ada, bob = await user("ada"), await user("bob")
    opened = await socket(ada)
    (session,) = server.core.hub
    before = session.identity
    await opened.send({"type": "refresh", "token": bob.token})
    assert (await opened.next("error"))["code"] == "FORBIDDEN_ERROR"
    assert session.identity == before


async def test_a_refresh_by_a_token_that_is_no_good_is_refused_and_the_socket_stays(
    server: RunningServer, user: MakePerson, socket: OpenSocket
) -> None:
    ada = await user("ada")
    opened = await socket(ada)
    refresh, _ = server.tokens.mint(ada.user_id, "login", "refresh", 900)
    for bad in ("", "nonsense", refresh, of_another_login(server, ada.user_id, -1)):
        await opened.send({"type": "refresh", "token": bad})
        assert (await opened.next("error"))["code"] == "AUTH_ERROR"
    await opened.ask({"type": "ping"}, "pong")


async def test_after_a_refresh_the_socket_belongs_to_the_new_login(
    api: Api, registered: MakePerson, socket: OpenSocket, server: RunningServer
) -> None:
    ada = await registered("ada")
    other: Any = ada.with_token(of_another_login(server, ada.user_id))
    opened, left = await socket(ada), await socket(ada)
    await opened.ask({"type": "refresh", "token": other.token}, "token_refreshed")
    await ada.post("/auth/logout")
    assert await left.closed() == 4501
    await opened.ask({"type": "ping"}, "pong")
    await other.post("/auth/logout")
    assert await opened.closed() == 4501


@pytest.mark.settings(notice_interval_seconds=0.05)
async def test_a_user_who_is_disabled_beside_the_server_is_turned_out_of_all_sockets_with_4501(
    server: RunningServer, user: MakePerson, socket: OpenSocket
) -> None:
    ada, bob = await user("ada"), await user("bob")
    sockets, watching = [await socket(ada) for _ in range(2)], await socket(bob)
    await server.stores.users.disable(ada.user_id, utc_milliseconds(datetime.now(UTC)))
    await server.stores.notices.post("user_disabled", ada.user_id, ada.user_id)
    assert [await each.closed() for each in sockets] == [4501, 4501]
    assert (await watching.next("user_status_update", user_id=ada.user_id, reason="operator"))["status"][
        "is_online"
    ] is False
    assert (await ada.get("/users/me")).status == 401
