"""Backends in FastAPI and Express with users of their own do with Rollcall what docs/your-own-users.md shows.

Only `make test-packages` runs these tests. Their keys are made by openssl, their libraries by others.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPRequest

from tests.clients import PATIENCE_SECONDS, Answer, Api, Socket
from tests.cluster.nodes import make_nodes
from tests.examples.backends import Backend, installed
from tests.program import MakeProgram, ServerProgram, until
from tests.secrets_seen import SecretsSeen

pytestmark = [pytest.mark.packages, pytest.mark.slow, pytest.mark.gen_test(timeout=120)]

PASSWORD = "correct hörse battery"
ALGORITHMS = {"fastapi": "ES256", "express": "EdDSA"}
NO_SUCH_USER = 404
PATIENT = {"key_request_burst": 100_000, "store_deadline_seconds": 10.0, "inspect_interval_seconds": 11.0}
"""Settings for a MongoDB on a busy machine."""

IMPORT_SECONDS = 60.0
"""MongoDB writes each of a thousand users."""


@dataclass
class App:
    """A backend that runs, and the servers that it works with."""

    backend: Backend
    api: Api
    servers: list[ServerProgram]

    @property
    def rollcall(self) -> Api:
        """The first server, called with the backend's service key."""
        return self.servers[0].api.with_token(self.backend.service_key)

    async def sign_up(self, *names: str) -> list[tuple[str, Api]]:
        """Sign people up in the app. Returns their ids in the app, and the app as each of them uses it."""
        found = []
        for name in names:
            account = {"name": name, "password": PASSWORD}
            signed_up = await self.api.post("/signup", account)
            assert signed_up.status == 201, signed_up.body
            found.append((signed_up.body["id"], await self.log_in(name)))
        return found

    async def log_in(self, name: str) -> Api:
        """Log somebody in to the app."""
        logged_in = await self.api.post("/login", {"name": name, "password": PASSWORD})
        assert logged_in.status == 200, logged_in.body
        return self.api.with_token(logged_in.body["session"])

    async def open(self, token: str, node: int = 0) -> Socket:
        """Open a socket on one of the servers."""
        self.backend.seen.note(token)
        port = self.servers[node % len(self.servers)].port
        return await Socket.open(f"ws://127.0.0.1:{port}/ws/feed?token={token}")

    async def token(self, person: Api) -> str:
        """The token for Rollcall that the app gives somebody."""
        answer = await person.get("/me/rollcall-token")
        token: str = answer.body["token"]
        self.backend.seen.note(token)
        return token

    async def connect(self, person: Api, node: int = 0) -> Socket:
        """Connect somebody to Rollcall, as the app in the browser does."""
        return await self.open(await self.token(person), node)

    async def come_back(self, person: Api, user_id: int, node: int) -> Socket:
        """Connect somebody who was suspended. The server may hear a moment later that they no longer are."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            socket = await self.connect(person, node)
            first = await socket.take()
            if first["type"] == "connection_established":
                assert first["user_id"] == user_id
                return socket
            assert time.monotonic() < deadline, first
            await socket.close()
            await asyncio.sleep(0.1)

    async def staff(self, id: str, action: str) -> Answer:
        """Do something to somebody, as the staff of the app can."""
        return await self.api.with_token(self.backend.staff).post(f"/staff/people/{id}/{action}", {})

    async def status(self, id: str) -> Answer:
        """What the first server says of somebody."""
        return await self.rollcall.get(f"/server/users/external:{id}/status")

    async def shows(self, person: Api, availability: dict[str, bool]) -> None:
        """Wait until the app's page of the team shows this. It knows it from webhooks alone."""

        async def is_shown() -> bool:
            team = (await person.get("/team")).body
            shown = {each["id"]: each["is_available"] for each in team}
            return all(shown.get(id) == available for id, available in availability.items())

        await until(is_shown)


StartApp = Callable[[], Awaitable[App]]


@pytest.fixture(scope="module", params=["fastapi", "express"])
def example(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """Install each example once."""
    return request.param, installed(request.param, tmp_path_factory.mktemp(request.param))


@pytest.fixture
def backend(example: tuple[str, Path], secrets_seen: SecretsSeen) -> Iterator[Backend]:
    """Return a backend that is not started yet."""
    kind, folder = example
    made = Backend(kind, folder, secrets_seen)
    yield made
    made.stop()


@pytest.fixture(params=["embedded", "mongodb", "three servers"])
def servers(request: pytest.FixtureRequest, backend: Backend, program: MakeProgram) -> list[ServerProgram]:
    """Return servers on each store, and three that behave as one, which are not started yet."""
    settings = {**backend.settings(), **PATIENT}
    if request.param == "embedded":
        return [program(**settings)]
    mongo = request.getfixturevalue("mongo_server")
    store = {"mongodb_url": mongo.url, "mongodb_database": mongo.fresh_database("own")}
    if request.param == "mongodb":
        return [program(**settings, **store)]
    return make_nodes(program, store, request.getfixturevalue("redis_server"), **settings).servers


@pytest.fixture
def start(backend: Backend, servers: list[ServerProgram], http: Any) -> StartApp:
    """Starts everything."""

    async def start_app() -> App:
        api = await backend.start(servers[0], http)
        for server in servers:
            await server.start()
        return App(backend, api, servers)

    return start_app


async def test_people_of_the_app_connect_with_its_tokens_and_its_team_page_follows_the_webhooks(
    start: StartApp,
) -> None:
    app = await start()
    (ada, ada_api), (ben, ben_api) = await app.sign_up("ada", "ben")
    async with await app.connect(ada_api) as socket, await app.connect(ben_api, 1):
        own = await socket.next("connection_established")
        assert (await socket.update(own["user_id"]))["status"]["external_id"] == ada
        await app.shows(ada_api, {ada: True, ben: True})
        assert (await app.status(ben)).body["external_id"] == ben
    await app.shows(ada_api, {ada: False, ben: False})


async def test_somebody_whom_only_a_token_names_is_created_with_the_name_in_it(start: StartApp) -> None:
    app = await start()
    now = int(time.time())
    claims = {"iss": app.backend.url, "aud": "rollcall", "sub": "new/1, 2", "iat": now, "exp": now + 60, "name": "Eve"}
    key, algorithm = app.backend.key_file.read_text(), ALGORITHMS[app.backend.kind]
    async with await app.open(jwt.encode(claims, key, algorithm, {"kid": "2026-11"})) as socket:
        own = await socket.next("connection_established")
        assert (await socket.update(own["user_id"]))["status"]["username"] == "Eve"
        found = await app.status("new%2F1%2C%202")
        assert (found.status, found.body["user_id"]) == (200, own["user_id"])


async def test_the_app_sets_a_status_and_lets_people_call_each_other(start: StartApp) -> None:
    app = await start()
    (ada, ada_api), (ben, ben_api), (_, cyd_api) = await app.sign_up("ada", "ben", "cyd")
    async with (
        await app.connect(ada_api) as at_ada,
        await app.connect(ben_api, 1),
        await app.connect(cyd_api, 2),
    ):
        user_id = (await app.status(ben)).body["user_id"]
        assert (await ben_api.put("/me/status", {"is_busy": True})).body["is_available"] is False
        assert (await at_ada.next("user_status_update", user_id=user_id, reason="set"))["status"]["is_busy"]
        refused = await ada_api.post("/calls", {"callee": ben})
        assert (refused.status, refused.code) == (409, "USER_BUSY")
        assert (await ben_api.put("/me/status", {"is_busy": False})).body["is_available"] is True
        call = await ada_api.post("/calls", {"callee": ben})
        assert call.status == 201
        ongoing = await ben_api.get("/me/calls/ongoing")
        assert [each["call_id"] for each in ongoing.body["items"]] == [call.body["call_id"]]
        await app.shows(ada_api, {ada: False, ben: False})
        assert (await cyd_api.post("/me/calls/end", {})).body == []
        (ended,) = (await ben_api.post("/me/calls/end", {})).body
        assert ended["status"] == "completed"
        history = await ada_api.get("/me/calls/history")
        assert [each["call_id"] for each in history.body["items"]] == [call.body["call_id"]]
        await app.shows(ada_api, {ada: True, ben: True})


async def test_a_new_name_reaches_everyone(start: StartApp) -> None:
    app = await start()
    (_, ada_api), (ben, ben_api) = await app.sign_up("ada", "ben")
    user_id = (await app.status(ben)).body["user_id"]
    async with await app.connect(ada_api) as socket:
        await socket.next("connection_established")
        assert (await ben_api.put("/me/name", {"name": "benjamin", "password": ""})).status == 200
        while (await socket.update(user_id))["status"]["username"] != "benjamin":
            pass


async def test_the_app_watches_with_its_key_and_is_nobody(start: StartApp) -> None:
    app = await start()
    ((ada, ada_api),) = await app.sign_up("ada")
    async with await app.open(app.backend.service_key, 2) as watcher:
        assert (await watcher.next("connection_established"))["user_id"] is None
        user_id = (await app.status(ada)).body["user_id"]
        async with await app.connect(ada_api):
            assert (await watcher.next("user_status_update", user_id=user_id))["status"]["is_available"]
        figures = (await app.rollcall.get("/feed/stats")).body
        assert figures["total_users"] == 1


async def test_the_staff_suspend_somebody_and_take_them_back(start: StartApp) -> None:
    app = await start()
    (_, ada_api), (ben, ben_api) = await app.sign_up("ada", "ben")
    user_id = (await app.status(ben)).body["user_id"]
    token = await app.token(ben_api)
    async with await app.connect(ada_api) as watcher, await app.open(token, 1) as socket:
        await watcher.next("user_status_update", user_id=user_id, reason="connected")
        assert (await app.staff(ben, "disable")).status == 200
        assert 4400 < await socket.closed() < 4600
        offline = await watcher.next("user_status_update", user_id=user_id, reason="operator")
        assert offline["status"]["is_online"] is False
        async with await app.open(token) as refused:
            assert 4400 < await refused.closed() < 4600
        assert (await ben_api.get("/me/rollcall-token")).status == 401
        assert (await app.staff(ben, "enable")).status == 200
        async with await app.come_back(ben_api, user_id, 2):
            assert (await watcher.next("user_status_update", user_id=user_id))["status"]["external_id"] == ben


async def test_the_staff_disconnect_somebody_revoke_their_tokens_and_mint_one(start: StartApp) -> None:
    app = await start()
    ((ada, ada_api),) = await app.sign_up("ada")
    async with await app.connect(ada_api) as socket:
        await socket.next("connection_established")
        assert (await app.staff(ada, "disconnect")).status == 200
        assert await socket.closed() != 1000
    minted = await app.staff(ada, "token")
    assert minted.status == 200
    async with await app.open(minted.body["access_token"]) as socket:
        assert (await socket.update((await app.status(ada)).body["user_id"]))["status"]["external_id"] == ada
        assert (await app.staff(ada, "revoke_tokens")).status == 200
        assert 4400 < await socket.closed() < 4600
    async with await app.open(minted.body["access_token"], 1) as refused:
        assert 4400 < await refused.closed() < 4600


async def test_somebody_who_leaves_the_app_leaves_rollcall(start: StartApp) -> None:
    app = await start()
    (_, ada_api), (ben, ben_api) = await app.sign_up("ada", "ben")
    user_id = (await app.status(ben)).body["user_id"]
    async with await app.connect(ada_api) as watcher, await app.connect(ben_api, 1) as socket:
        await watcher.next("connection_established")
        assert (await ben_api.delete("/me")).status == 204
        await watcher.next("user_removed", user_id=user_id)
        assert 4400 < await socket.closed() < 4600
        assert (await app.status(ben)).status == NO_SUCH_USER
        team = (await ada_api.get("/team")).body
        assert [each["name"] for each in team] == ["ada"]


async def test_a_thousand_people_are_imported_at_once_and_can_connect(start: StartApp, http: AsyncHTTPClient) -> None:
    app = await start()
    people = [{"name": f"person-{number}", "password": PASSWORD} for number in range(1000)]
    headers = {"Authorization": f"Bearer {app.backend.staff}", "Content-Type": "application/json"}
    body = json.dumps({"people": people})
    imported = await http.fetch(
        HTTPRequest(f"{app.api.base_url}/staff/import", "POST", headers, body, request_timeout=IMPORT_SECONDS)
    )
    assert {each["outcome"] for each in json.loads(imported.body)["results"]} == {"created"}
    assert (await app.rollcall.get("/feed/stats")).body["total_users"] == 1000
    async with await app.connect(await app.log_in("person-999"), 1) as socket:
        own = await socket.next("connection_established")
        assert (await socket.update(own["user_id"]))["status"]["username"] == "person-999"


async def test_only_rollcall_can_send_webhooks_and_only_the_staff_act_on_others(start: StartApp) -> None:
    app = await start()
    ((ada, ada_api),) = await app.sign_up("ada")
    forged = {"webhook-id": "1", "webhook-timestamp": str(int(time.time())), "webhook-signature": "v1,AAAA"}
    body = '{"events": []}'
    assert (await app.api.request("POST", "/rollcall-webhooks", body, forged)).status == 401
    assert (await app.api.request("POST", "/rollcall-webhooks", body)).status == 401
    guessed = app.api.with_token(secrets.token_urlsafe())
    for caller in (ada_api, guessed):
        assert (await caller.post(f"/staff/people/{ada}/disable", {})).status == 403
    assert (await guessed.get("/team")).status == 401
