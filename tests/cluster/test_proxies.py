"""The documented nginx and Caddy refuse nobody while the three servers behind them restart one after another."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from chaos.crowd import Member, enter
from tests.certificate import make_certificate
from tests.clients import Api, Person
from tests.cluster.nodes import Nodes
from tests.cluster.proxies import RunningProxy, check_caddy, check_nginx, documented, nginx_site
from tests.program import ServerProgram

pytestmark = [pytest.mark.slow, pytest.mark.packages, pytest.mark.gen_test(timeout=120)]

OFFLINE = ("disconnected", "timed_out")
RESTART = 1012

MakeProxy = Callable[[str, Nodes], RunningProxy]


@pytest.fixture
def proxy_of(tmp_path: Path) -> Iterator[MakeProxy]:
    """Starts a proxy in front of servers."""
    started: list[RunningProxy] = []

    def start(kind: str, nodes: Nodes) -> RunningProxy:
        folder = tmp_path / kind
        folder.mkdir()
        started.append(RunningProxy(kind, folder, [server.port for server in nodes.servers]))
        started[-1].start()
        return started[-1]

    yield start
    for each in started:
        each.stop()


class Client:
    """Connects through the proxy, and again as soon as its server tells it to."""

    def __init__(self, port: int, person: Person) -> None:
        self._port = port
        self._person = person
        self.failures: list[str] = []
        self.connects = 0
        self.offlines: list[int] = []

    async def run(self) -> None:
        """Stay connected until cancelled."""
        while True:
            try:
                member = await enter(self._port, self._person, watches=True)
            except OSError as error:
                self.failures.append(repr(error))
                await asyncio.sleep(0.2)
                continue
            self.connects += 1
            await member.ended
            self._note_end(member)
            await asyncio.sleep(sum(each["reconnect_after_ms"] for each in member.told("server_draining")) / 1000)

    def _note_end(self, member: Member) -> None:
        updates = member.told("user_status_update")
        self.offlines += [each["user_id"] for each in updates if each["reason"] in OFFLINE]
        if member.close_code != RESTART:
            self.failures.append(f"closed with {member.close_code}")


class Requester:
    """Sends requests and opens sockets through the proxy all the time."""

    def __init__(self, port: int, person: Person, api: Api) -> None:
        self._port = port
        self._person = Person(api, person.user_id, person.username, person.token)
        self.refused: list[Any] = []
        self.sent = 0

    async def run(self) -> None:
        """Go on until cancelled."""
        while True:
            answers = {
                "GET": await self._person.get("/users/me"),
                "PUT": await self._person.put("/users/me/status", {"is_busy": self.sent % 2 == 0}),
                "POST": await self._person.post("/users/me/heartbeat", {}),
            }
            self.refused += [(method, each.status) for method, each in answers.items() if each.status != 200]
            try:
                (await enter(self._port, self._person)).drop()
            except OSError as error:
                self.refused.append(repr(error))
            self.sent += 1
            await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def in_background(*work: Any) -> AsyncIterator[None]:
    """Run something meanwhile. It must not end by itself."""
    tasks = [asyncio.ensure_future(each) for each in work]
    yield
    assert [task.exception() for task in tasks if task.done()] == []
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def restart(server: ServerProgram) -> None:
    """Restart one of the servers, as the documented loop does."""
    assert await server.stop() == 0
    await server.start()
    assert (await server.api.get("/readyz")).status == 200


@pytest.mark.parametrize("kind", ["nginx", "caddy"])
async def test_a_rolling_restart_refuses_nobody_and_announces_nobody_offline(
    kind: str, make: Callable[..., Nodes], proxy_of: MakeProxy, http: Any, secrets_seen: Any
) -> None:
    nodes = make(trusted_proxies=("127.0.0.1",), reconnect_spread_seconds=1)
    asking, *crowd = await nodes.people(61)
    await nodes.start()
    port = proxy_of(kind, nodes).port
    clients = [Client(port, person) for person in crowd]
    requester = Requester(port, asking, Api(f"http://127.0.0.1:{port}", http, secrets_seen))
    async with in_background(requester.run(), *(client.run() for client in clients)):
        await asyncio.sleep(1)
        for server in nodes.servers:
            await restart(server)
            await asyncio.sleep(1.5)
        answers = await nodes.statuses(asking, [person.user_id for person in crowd])
    assert [failure for client in clients for failure in client.failures] == []
    assert [user_id for client in clients for user_id in client.offlines] == []
    # Caddy's bug 7546: it does not repeat a request with a body, whether the server that stops is gone or refuses it.
    may_fail = {(verb, status) for verb in ("PUT", "POST") for status in (502, 503)} if kind == "caddy" else set()
    assert [each for each in requester.refused if each not in may_fail] == []
    assert requester.sent > 50
    assert sum(client.connects for client in clients) >= 2 * len(clients)
    assert all(status["is_online"] for answer in answers for status in answer)


async def test_nginx_passes_on_what_all_servers_refuse_and_reaches_them_as_soon_as_one_is_back(
    make: Callable[..., Nodes], proxy_of: MakeProxy, http: Any, secrets_seen: Any
) -> None:
    nodes = make()
    (ada,) = await nodes.people(1)
    await nodes.start()
    proxied = Api(f"http://127.0.0.1:{proxy_of('nginx', nodes).port}", http, secrets_seen)
    ada = Person(proxied, ada.user_id, ada.username, ada.token)
    for server in nodes.servers:
        server.kill()
    assert (await proxied.get("/users/me")).status == 502
    await nodes.servers[2].start()
    assert (await ada.get("/users/me")).status == 200
    for server in nodes.servers[:2]:
        await server.start()
    assert (await ada.get("/users/me")).status == 200


@pytest.mark.parametrize("page", ["cluster.md", "operating.md"])
def test_nginx_accepts_the_documented_configuration(page: str, tmp_path: Path) -> None:
    said = check_nginx(tmp_path, nginx_site(page, tmp_path, make_certificate(tmp_path)))
    assert "syntax is ok" in said
    assert "test is successful" in said
    assert "warn" not in said


@pytest.mark.parametrize("page", ["cluster.md", "operating.md"])
def test_caddy_accepts_the_documented_configuration(page: str, tmp_path: Path) -> None:
    said = check_caddy(tmp_path, documented(page, "caddyfile"))
    assert "Valid configuration" in said, said
