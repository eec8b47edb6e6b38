"""Tokens of another issuer: they open sockets, are refreshed and revoked, and name users here."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tornado.ioloop import IOLoop

from models.user_documents import NewUser
from settings import Settings
from tests.bad_foreign_tokens import BAD, EXPIRED, Forger
from tests.clients import Api, Message, Person, Socket, eventually
from tests.conftest import OpenSocket
from tests.issuer import KINDS, Issuer, IssuerKey
from tests.jwks_server import JwksServer
from tests.running import RunningServer
from tests.secrets_seen import SecretsSeen

pytestmark = pytest.mark.gen_test

NAMED = {"name": "Ada", "picture": "https://example.com/ada.png"}


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    """An issuer with keys of each kind."""
    return Issuer()


@pytest.fixture
def settings(
    request: pytest.FixtureRequest, settings: Settings, issuer: Issuer, tmp_path: Path, secrets_seen: SecretsSeen
) -> Settings:
    """The settings of the other tests, plus the issuer, which may create users."""
    for key in issuer.keys.values():
        secrets_seen.note(str(key.jwk.get("k", "")))
    changes = {"provision_users": True, **issuer.settings(tmp_path)}
    for marker in request.node.iter_markers("settings"):
        changes.update(marker.kwargs)
    return dataclasses.replace(settings, **changes)


class Visitor:
    """Somebody with a token of the issuer."""

    def __init__(self, api: Api, issuer: Issuer, secrets_seen: SecretsSeen) -> None:
        self._api = api
        self._issuer = issuer
        self._seen = secrets_seen

    def token(self, sub: str = "auth0|ada", kind: str = "ES256", **claims: Any) -> str:
        """Return a new token."""
        token = self._issuer.token(sub, kind, **claims)
        self._seen.note(token)
        return token

    async def person(self, token: str) -> Person:
        """Return whoever has this token, who is created if need be."""
        profile = (await self._api.with_token(token).get("/users/me")).body
        return Person(self._api, profile["user_id"], profile["username"], token)


@pytest.fixture
def visitor(api: Api, issuer: Issuer, secrets_seen: SecretsSeen) -> Visitor:
    """Makes tokens and the people who have them."""
    return Visitor(api, issuer, secrets_seen)


async def refused(opened: Socket) -> tuple[Message, int]:
    """Return the error and the close code of a socket that was refused."""
    return await opened.take(), await opened.closed()


@pytest.mark.also_clustered
@pytest.mark.parametrize("kind", KINDS)
async def test_a_token_opens_a_socket_and_creates_its_user(
    server: RunningServer, socket: OpenSocket, visitor: Visitor, kind: str
) -> None:
    token = visitor.token(kind=kind, **NAMED)
    feed = await socket(None, token=token, first=True)
    hello, own = await feed.take(), await feed.take()
    assert hello["type"] == "connection_established"
    assert own["status"]["username"] == "Ada"
    assert own["status"]["external_id"] == "auth0|ada"
    assert own["status"]["profile_image_url"] == "https://example.com/ada.png"
    assert own["status"]["is_online"] is True
    ada = await visitor.person(token)
    assert ada.user_id == hello["user_id"]
    assert (await ada.put("/users/me/status", {"is_busy": True})).body["external_id"] == "auth0|ada"
    assert (await ada.get("/users/me")).body["external_id"] == "auth0|ada"


async def test_a_token_may_stand_wherever_ours_may(server: RunningServer, visitor: Visitor, socket: OpenSocket) -> None:
    token = visitor.token(extra="x" * 5000)
    url = f"ws://{server.address}/ws/presence"
    for opened in (
        await Socket.open(f"{url}?token={token}"),
        await Socket.open(url, headers={"Authorization": f"Bearer {token}"}),
        await Socket.open(url, subprotocols=["rollcall", f"bearer.{token}"]),
    ):
        async with opened:
            assert (await opened.take())["type"] == "connection_established"
    assert len({entry.profile.user_id for entry in server.core.registry}) == 1


@pytest.mark.any_store
@pytest.mark.parametrize("kind", KINDS)
async def test_bad_tokens_open_nothing(
    server: RunningServer, api: Api, socket: OpenSocket, issuer: Issuer, secrets_seen: SecretsSeen, kind: str
) -> None:
    """One test for the whole table, because a server takes longer to start than a token to be refused."""
    for name, forge in {**BAD, **EXPIRED}.items():
        bad = forge(Forger(issuer, kind))
        secrets_seen.note(bad)
        error, code = await refused(await socket(None, token=bad, first=True))
        assert (error["type"], error["code"]) == ("error", "AUTH_ERROR"), name
        assert code == (4401 if name in EXPIRED else 4500), name
        if bad.isascii() and bad.isprintable() and bad == bad.strip():  # a header can carry it
            answer = await api.with_token(bad).get("/users/me")
            assert (answer.status, answer.code) == (401, "AUTH_ERROR"), name
    assert len(server.core.registry) == 0
    assert len(server.sessions) == 0


@pytest.mark.also_clustered
@pytest.mark.settings(sockets_per_user=100)
async def test_fifty_sockets_with_a_new_sub_are_one_user(
    server: RunningServer, socket: OpenSocket, visitor: Visitor
) -> None:
    tokens = [visitor.token("new", jti=str(number), **NAMED) for number in range(50)]
    opened = await asyncio.gather(*(socket(None, token=each, first=True) for each in tokens))
    hellos = [await each.take() for each in opened]
    assert {each["type"] for each in hellos} == {"connection_established"}
    assert len({each["user_id"] for each in hellos}) == 1
    await server.caught_up()
    for node in server.nodes:
        assert [entry.profile.username for entry in node.core.registry] == ["Ada"]
    assert len(await server.stores.users.page(0, 10)) == 1


async def test_many_new_users_of_one_name_get_names_of_their_own(server: RunningServer, visitor: Visitor) -> None:
    people = await asyncio.gather(*(visitor.person(visitor.token(f"user-{each}", **NAMED)) for each in range(30)))
    names = {each.username for each in people}
    assert len(names) == 30
    assert {"Ada", "Ada #2"} <= names


@pytest.mark.also_clustered
@pytest.mark.settings(provision_users=False)
async def test_without_provisioning_only_known_users_are_admitted(
    server: RunningServer, api: Api, socket: OpenSocket, visitor: Visitor
) -> None:
    error, code = await refused(await socket(None, token=visitor.token("unknown"), first=True))
    assert (error["code"], error["message"], code) == ("AUTH_ERROR", "There is no user for this token", 4500)
    answer = await api.with_token(visitor.token("unknown")).get("/users/me")
    assert (answer.status, answer.code) == (401, "AUTH_ERROR")
    now = server.core.environment.clock.utc()
    user_id = await server.stores.external_ids.reserve("known")
    await server.stores.users.create(NewUser("known", None, None, "known"), now, user_id)
    feed = await socket(None, token=visitor.token("known"), first=True)
    assert (await feed.take())["user_id"] == user_id


@pytest.mark.also_clustered
async def test_a_profile_follows_newer_tokens(server: RunningServer, socket: OpenSocket, visitor: Visitor) -> None:
    now = int(time.time())
    old = visitor.token(iat=now - 20, **NAMED)
    ada = await visitor.person(old)
    bob = await socket(None, token=visitor.token("bob"))
    newer = visitor.token(iat=now - 10, name="Countess", picture="https://example.com/c.png")
    await ada.with_token(newer).get("/users/me")
    status = (await bob.update(ada.user_id))["status"]
    assert (status["username"], status["profile_image_url"]) == ("Countess", "https://example.com/c.png")
    for token in (old, newer, old, newer):
        await ada.with_token(token).get("/users/me")
    await bob.quiet()
    stored = await server.stores.users.get(ada.user_id)
    assert stored is not None
    assert stored.profile.username == "Countess"


@pytest.mark.also_clustered
async def test_a_profile_follows_a_refresh(server: RunningServer, socket: OpenSocket, visitor: Visitor) -> None:
    feed = await socket(None, token=visitor.token(**NAMED))
    longest = visitor.token(iat=int(time.time()) + 1, name="Countess", extra="x" * 5000)
    assert len(longest) > 4096
    refreshed = await feed.ask({"type": "refresh", "token": longest}, "token_refreshed")
    assert refreshed["expires_at"]
    assert (await feed.next("user_status_update"))["status"]["username"] == "Countess"


@pytest.mark.any_store
async def test_only_a_refresh_may_be_long(server: RunningServer, socket: OpenSocket, visitor: Visitor) -> None:
    feed = await socket(None, token=visitor.token())
    await feed.send(json.dumps({"type": "ping", "timestamp": "x" * 5000}))
    assert await feed.closed() == 1009
    feed = await socket(None, token=visitor.token())
    await feed.send(json.dumps({"type": "refresh", "token": "x" * 9000}))
    assert await feed.closed() == 1009


@pytest.mark.also_clustered
async def test_a_logout_ends_this_login_until_its_token_expires(
    server: RunningServer, socket: OpenSocket, visitor: Visitor
) -> None:
    one, two = visitor.token(jti="one"), visitor.token(jti="two", exp=int(time.time()) + 86400)
    ada = await visitor.person(one)
    feed, other = await socket(None, token=two), await socket(None, token=one)
    assert (await ada.with_token(two).post("/auth/logout")).status == 200
    assert await feed.closed() == 4501
    await server.caught_up()
    assert (await ada.with_token(two).get("/users/me")).status == 401
    assert (await ada.get("/users/me")).status == 200
    await other.ask({"type": "ping"}, "pong")
    await server.restart_without_log()
    assert (await ada.with_token(two).get("/users/me")).status == 401


@pytest.mark.also_clustered
async def test_a_ticket_opens_a_socket(server: RunningServer, socket: OpenSocket, visitor: Visitor) -> None:
    ada = await visitor.person(visitor.token())
    ticket = (await ada.post("/auth/ticket")).body["ticket"]
    feed = await socket(None, ticket=ticket, first=True)
    assert (await feed.take())["user_id"] == ada.user_id


@pytest.mark.any_store
async def test_refresh_tokens_are_ours_alone(server: RunningServer, api: Api, visitor: Visitor) -> None:
    answer = await api.post("/auth/refresh", {"refresh_token": visitor.token()})
    assert (answer.status, answer.code) == (401, "AUTH_ERROR")


@pytest.mark.also_clustered
async def test_signing_a_user_out_everywhere_ends_what_was_in_use(
    server: RunningServer, socket: OpenSocket, visitor: Visitor
) -> None:
    now = int(time.time())
    fresh, old = visitor.token(iat=now, jti="fresh"), visitor.token(iat=now - 120, jti="old")
    ada = await visitor.person(fresh)
    feed, other = await socket(None, token=fresh), await socket(None, token=fresh)
    await server.core.revocations.revoke(ada.user_id)
    assert {await feed.closed(), await other.closed()} == {4501}
    await server.caught_up()
    for _ in range(3):  # on each of three servers
        assert (await ada.get("/users/me")).status == 401
        assert (await ada.with_token(old).get("/users/me")).status == 401
    assert (await refused(await socket(None, token=fresh, first=True)))[1] == 4500
    assert (await ada.with_token(visitor.token(iat=now, jti="new")).get("/users/me")).status == 200
    await server.restart_without_log()
    assert (await ada.get("/users/me")).status == 401
    assert (await ada.with_token(old).get("/users/me")).status == 401
    assert (await ada.with_token(visitor.token(jti="newer")).get("/users/me")).status == 200


@pytest.mark.also_clustered
async def test_a_disabled_user_is_refused_even_with_new_tokens_until_enabled(
    server: RunningServer, socket: OpenSocket, visitor: Visitor
) -> None:
    now = int(time.time())
    ada = await visitor.person(visitor.token(iat=now, jti="used"))
    feed = await socket(None, token=ada.token)
    await server.core.membership.disable(ada.user_id)
    assert await feed.closed() == 4501
    await server.caught_up()
    newer = visitor.token(iat=now + 3600, exp=now + 7200)
    for _ in range(3):  # on each of three servers
        assert (await ada.with_token(newer).get("/users/me")).status == 401
    assert (await refused(await socket(None, token=visitor.token(), first=True)))[1] == 4500
    await server.core.membership.enable(ada.user_id)
    await server.caught_up()
    for _ in range(3):
        assert (await ada.with_token(newer).get("/users/me")).status == 200
        assert (await ada.get("/users/me")).status == 401, "it was in use before"


@pytest.mark.also_clustered
async def test_the_tokens_of_a_deleted_user_do_not_create_the_user_again(
    server: RunningServer, socket: OpenSocket, visitor: Visitor
) -> None:
    ada = await visitor.person(visitor.token(jti="used"))
    feed, left = await socket(None, token=ada.token), ada.with_token(visitor.token(jti="left"))
    assert (await left.post("/auth/logout")).status == 200
    await server.core.membership.delete(ada.user_id)
    assert await feed.closed() == 4501
    await server.caught_up()
    for _ in range(3):
        assert (await ada.get("/users/me")).status == 401
    await server.restart_without_log()
    assert (await refused(await socket(None, token=ada.token, first=True)))[1] == 4500
    assert (await left.get("/users/me")).status == 401
    again = await visitor.person(visitor.token(jti="later"))
    assert again.user_id > ada.user_id


@pytest.mark.any_store
async def test_our_own_users_sign_in_as_before(server: RunningServer, api: Api, visitor: Visitor) -> None:
    await visitor.person(visitor.token(**NAMED))
    taken = await api.post("/auth/register", {"username": "ada", "password": "a good long password"})
    assert (taken.status, taken.code) == (409, "USERNAME_TAKEN")
    pair = (await api.post("/auth/register", {"username": "bob", "password": "a good long password"})).body
    assert (await api.with_token(pair["access_token"]).get("/users/me")).body["username"] == "bob"
    assert (await api.post("/auth/refresh", {"refresh_token": pair["refresh_token"]})).status == 200
    answer = await api.post("/auth/login", {"username": "Ada", "password": "a good long password"})
    assert (answer.status, answer.code) == (401, "AUTH_ERROR")


@pytest.mark.any_store
@pytest.mark.settings(password_login_open=False)
async def test_passwords_can_be_closed(server: RunningServer, api: Api, visitor: Visitor) -> None:
    for path in ("/auth/register", "/auth/login"):
        answer = await api.post(path, {"username": "bob", "password": "a good long password"})
        assert (answer.status, answer.code) == (403, "PASSWORDS_CLOSED")
    ada = await visitor.person(visitor.token(**NAMED))
    passwords = {"old_password": "a good long password", "new_password": "another good long password"}
    answer = await ada.put("/users/me/password", passwords)
    assert (answer.status, answer.code) == (403, "PASSWORDS_CLOSED")


class TestKeysAtAUrl:
    """The keys come from a URL, which may be unreachable and may change."""

    @pytest.fixture
    def issuer(self) -> Issuer:
        return Issuer("ES256", "EdDSA")

    @pytest.fixture
    def jwks(self, issuer: Issuer, io_loop: IOLoop) -> Iterator[JwksServer]:
        """Serves the keys as soon as it is started."""
        server = JwksServer(issuer.jwks)
        yield server
        io_loop.run_sync(server.stop)

    @pytest.fixture
    def settings(self, settings: Settings, issuer: Issuer, jwks: JwksServer, tmp_path: Path) -> Settings:
        changes = {**issuer.settings(tmp_path), "foreign_token_keys": jwks.url, "provision_users": True}
        return dataclasses.replace(settings, foreign_token_retry_seconds=0.05, **changes)

    @pytest.mark.one_node
    @pytest.mark.any_store
    async def test_until_they_are_read_tokens_are_refused_for_now(
        self, server: RunningServer, socket: OpenSocket, api: Api, visitor: Visitor, jwks: JwksServer
    ) -> None:
        token = visitor.token()
        error, code = await refused(await socket(None, token=token, first=True))
        assert (error["code"], code) == ("AUTH_ERROR", 1013)
        assert error["message"] == "The keys of this token's issuer could not be read yet. Try again."
        assert (await api.with_token(token).get("/users/me")).code == "AUTH_ERROR"
        jwks.start()
        foreign = server.core.authenticator.foreign
        assert foreign is not None
        await eventually(lambda: not foreign._tokens.is_behind)
        assert (await (await socket(None, token=token, first=True)).take())["type"] == "connection_established"

    @pytest.mark.one_node
    @pytest.mark.any_store
    async def test_a_token_with_a_new_key_is_accepted_at_once_and_delays_nobody(
        self, server: RunningServer, socket: OpenSocket, visitor: Visitor, issuer: Issuer, jwks: JwksServer
    ) -> None:
        jwks.start()
        await eventually(lambda: len(jwks.asked) >= len(server.nodes))
        ada = await visitor.person(visitor.token(kind="EdDSA"))
        gone, feed = visitor.token(), await socket(None, token=visitor.token())
        asked = len(jwks.asked)
        issuer.keys["ES256"] = IssuerKey("ES256", "new")
        jwks.document = issuer.jwks
        jwks.hold = asyncio.Event()
        waiting = [asyncio.create_task(socket(None, token=visitor.token(), first=True)) for _ in range(5)]
        await feed.send({"type": "refresh", "token": visitor.token()})
        await eventually(lambda: len(jwks.asked) > asked)
        assert (await ada.get("/users/me")).status == 200
        await feed.ask({"type": "ping"}, "pong")
        assert not any(each.done() for each in waiting)
        jwks.hold.set()
        for each in await asyncio.gather(*waiting):
            assert (await each.take())["type"] == "connection_established"
        await feed.next("token_refreshed")
        assert len(jwks.asked) == asked + 1
        assert (await refused(await socket(None, token=gone, first=True)))[1] == 4500
        assert len(jwks.asked) == asked + 1
