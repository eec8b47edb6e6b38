"""Fixtures: a running server with each store, or three that share a log; its users; its logs, without secrets."""

from __future__ import annotations

import contextlib
import gc
import os
import secrets
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlencode

import pytest
from coverage import Coverage
from tornado.httpclient import AsyncHTTPClient
from tornado.ioloop import IOLoop

from models.service_keys import Scope
from models.user_documents import NewUser
from settings import Settings
from tests.clients import Api, Backend, Person, Socket
from tests.mongo import MongoMeans, MongoServer, find_mongo
from tests.redis_server import RedisServer, missing_redis
from tests.running import RunningServer
from tests.running_cluster import RunningCluster
from tests.secrets_seen import SecretsSeen

ASYNC_TIMEOUT_SECONDS = 30.0
"""The time limit of one test; only a failing test takes this long."""

LONGEST = (
    "tests/cluster/test_differential", "tests/cluster/test_nodes", "tests/dashboard/test_layout",
    "tests/docs/test_any_request", "tests/docs/test_in_a_browser", "tests/faults/test_kill", "tests/network/",
)  # fmt: skip
"""Where tests are that take up to a minute."""

SECRETS = pytest.StashKey[SecretsSeen]()
LEAKS = pytest.StashKey[list[str]]()
"""Where secrets appear in the logs of this run, in all processes that share its tests."""

FAST: dict[str, Any] = {
    "port": 0,
    "argon2_memory_kib": 8,
    "argon2_passes": 1,
    "password_waiting_limit": 500,
    "flush_interval_seconds": 0.0,
    "flush_gather_seconds": 1e-6,
    "registration_burst": 100_000,
    "sign_in_burst": 100_000,
    "request_burst": 100_000,
    "connect_burst": 100_000,
    "command_burst": 100_000,
    "commands_per_second": 100_000.0,
    "announcements_per_second": 100_000,
    "error_interval_seconds": 1e-6,
    "invalid_strikes": 100_000,
    "store_deadline_seconds": 10.0,
    "inspect_interval_seconds": 11.0,
    "drain_seconds": 0.5,
}
"""Settings of all tests: cheap passwords, immediate updates, and limits too high to interfere."""


class MakePerson(Protocol):
    """Creates a user who has a token."""

    def __call__(self, username: str, **fields: Any) -> Awaitable[Person]: ...


class OpenSocket(Protocol):
    """Opens a socket for a person, and skips the first messages unless `first` is set."""

    def __call__(
        self, person: Person | Backend | None, path: str = "/ws/feed", *, first: bool = False, **query: Any
    ) -> Awaitable[Socket]: ...


class MakeBackend(Protocol):
    """Creates a backend that has a service key."""

    def __call__(self, scope: Scope = "admin", name: str = "backend") -> Awaitable[Backend]: ...


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that runs the tests of one server against three."""
    parser.addoption("--cluster", action="store_true", help="run the tests of a server against three that share a log")


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers, and capture the logs of the whole run."""
    config.addinivalue_line("markers", "settings(**changes): settings that the test's server has")
    config.addinivalue_line("markers", "any_store: the store makes no difference here, so the embedded one does")
    config.addinivalue_line(
        "markers", "embedded_store: it breaks what only the embedded store has, also with --cluster"
    )
    config.addinivalue_line("markers", "also_clustered: `make test` runs it against three servers, too")
    config.addinivalue_line("markers", "one_node: what it tests is per server, so that all goes to one of them")
    for said_by_pytest_tornado in ("make_current is deprecated", "clear_current is deprecated"):
        config.addinivalue_line("filterwarnings", f"ignore:{said_by_pytest_tornado}:DeprecationWarning")
    if hasattr(config, "workerinput"):
        _leave_programs_unmeasured()
    config.option.async_test_timeout = max(config.option.async_test_timeout, ASYNC_TIMEOUT_SECONDS)
    config.stash[SECRETS] = SecretsSeen()
    config.stash[LEAKS] = []


def _leave_programs_unmeasured() -> None:
    """Measure the coverage of the test processes alone. A program that a test starts would take twice as long."""
    for name in [each for each in os.environ if each.startswith("COVERAGE_")]:
        del os.environ[name]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run tests of the server with the embedded store and, if there is one and it matters, with MongoDB.

    With `--cluster`, run them against three servers instead.
    """
    if "store" not in metafunc.fixturenames:
        return
    marked = metafunc.definition.get_closest_marker
    cluster = pytest.param("cluster", marks=pytest.mark.slow)
    if metafunc.config.option.cluster and not marked("embedded_store"):
        metafunc.parametrize("store", [cluster], indirect=True)
        return
    kinds = [pytest.param("embedded")]
    if not marked("any_store") and _has_mongo():
        kinds.append(pytest.param("mongodb", marks=pytest.mark.slow))
    if marked("also_clustered") and _has_mongo() and not missing_redis():
        kinds.append(cluster)
    metafunc.parametrize("store", kinds, indirect=True)


@cache
def _has_mongo() -> bool:
    """Whether there is a MongoDB. The PATH is searched once for all tests."""
    return find_mongo().is_there


@pytest.hookimpl(optionalhook=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest tests, so that no process has one of them left when the others have finished."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))


def pytest_collection_finish() -> None:
    """Let the garbage collector leave the thousands of collected tests alone."""
    gc.freeze()


def pytest_testnodedown(node: Any) -> None:
    """Take over the leaks that one of several test processes found in its logs."""
    node.config.stash[LEAKS] += getattr(node, "workeroutput", {}).get("leaks", [])


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the run if one of its secrets appears in a log."""
    leaks = session.config.stash[LEAKS]
    leaks += session.config.stash[SECRETS].leaks()
    if leaks:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["leaks"] = leaks


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Report which logs contain a secret, and which tests were skipped because a program is missing."""
    if leaks := config.stash[LEAKS]:
        terminalreporter.write_line(f"Secrets of this run stand in its logs: {', '.join(leaks[:20])}", red=True)
    for reason in filter(None, (find_mongo().reason, missing_redis())):
        terminalreporter.write_line(reason, yellow=True)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Delete the logs."""
    config.stash[SECRETS].close()


def _started(means: MongoMeans, folder: Path, *, in_memory: bool = False) -> Iterator[MongoServer]:
    """Start a MongoDB and stop it at the end. If there is none, the run's last line says what is missing."""
    if not means.is_there:
        pytest.skip(means.reason)
    server = MongoServer(means, folder, in_memory=in_memory)
    server.start()
    yield server
    with contextlib.suppress(AssertionError):  # a test may have killed it
        server.resume()
    server.stop()


@pytest.fixture(scope="session")
def mongo_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MongoServer]:
    """A shared MongoDB that no test kills."""
    yield from _started(find_mongo(), tmp_path_factory.mktemp("mongo"), in_memory=True)


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """A Redis that no test stops. Each test has its own prefix."""
    if reason := missing_redis():
        pytest.skip(reason)
    folder = Path(tempfile.mkdtemp(prefix="rc-"))  # a name that is short enough for a Unix socket
    server = RedisServer(folder)
    server.start()
    yield server
    server.stop()
    shutil.rmtree(folder)


@pytest.fixture
def killable_mongo_server(tmp_path: Path) -> Iterator[MongoServer]:
    """A MongoDB for this test only."""
    yield from _started(find_mongo(to_kill=True), tmp_path)


@pytest.fixture
def secrets_seen(request: pytest.FixtureRequest) -> SecretsSeen:
    """The secrets of this run, and its logs."""
    seen = request.config.stash[SECRETS]
    seen.listen()
    return seen


@pytest.fixture
def store(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Settings for an empty store of one kind, or for the one that several servers share."""
    if request.param == "embedded":
        return {}
    server: MongoServer = request.getfixturevalue("mongo_server")
    on_mongodb = {"mongodb_url": server.url, "mongodb_database": server.fresh_database("rollcall")}
    if request.param == "mongodb":
        return on_mongodb
    redis: RedisServer = request.getfixturevalue("redis_server")
    leases = {"lease_seconds": 2.5, "lease_renew_seconds": 0.5}
    return {**on_mongodb, **leases, "redis_url": redis.url, "redis_prefix": f"test-{secrets.token_hex(4)}"}


@pytest.fixture
def settings(
    request: pytest.FixtureRequest, tmp_path: Path, secrets_seen: SecretsSeen, store: dict[str, Any]
) -> Settings:
    """The settings of the test's server: the common ones, then those of each marker `settings`, the nearest last."""
    changes = {**FAST, **store, "data_dir": tmp_path / "store", "jwt_secret": f"key-{secrets.token_hex(24)}"}
    for marker in reversed(list(request.node.iter_markers("settings"))):
        changes.update(marker.kwargs)
    secrets_seen.note(changes["jwt_secret"])
    return Settings(**changes)


@pytest.fixture(scope="class")
def without_coverage() -> Iterator[None]:
    """Measure no coverage meanwhile: what goes through the same lines thousands of times would take minutes."""
    measuring = Coverage.current()
    if measuring is None:
        yield
        return
    measuring.stop()
    yield
    measuring.start()


@pytest.fixture
def server(request: pytest.FixtureRequest, io_loop: IOLoop, settings: Settings) -> Iterator[RunningServer]:
    """The real server, on a free port, or three of them."""
    is_spread = request.node.get_closest_marker("one_node") is None
    running = RunningCluster(settings, is_spread=is_spread) if settings.redis_url else RunningServer(settings)
    io_loop.run_sync(running.start)
    yield running
    io_loop.run_sync(running.stop)


@pytest.fixture
def http(io_loop: IOLoop) -> Iterator[AsyncHTTPClient]:
    """An HTTP client with room for many requests at once."""
    client = AsyncHTTPClient(force_instance=True, max_clients=500)
    yield client
    client.close()


@pytest.fixture
def balancer(server: RunningServer) -> RunningCluster | None:
    """What distributes requests and sockets, if there are several servers."""
    return server if isinstance(server, RunningCluster) else None


@pytest.fixture
def api(
    server: RunningServer, balancer: RunningCluster | None, http: AsyncHTTPClient, secrets_seen: SecretsSeen
) -> Api:
    """The REST API, called without a token."""
    return Api(f"http://{server.address}", http, secrets_seen, balancer=balancer)


@pytest.fixture
def user(server: RunningServer, api: Api) -> MakePerson:
    """Creates a user with a token, as a registration does, without the cost of hashing a password."""

    async def make(username: str, **fields: Any) -> Person:
        new = NewUser(username, None, fields.get("profile_image_url"))
        stored = await server.stores.users.create(new, server.core.environment.clock.utc())
        server.core.loader.add(stored)
        login_id = server.core.environment.new_id()
        life = fields.get("life_seconds", server.settings.access_token_seconds)
        token, _ = server.tokens.mint(stored.profile.user_id, login_id, "access", life)
        return Person(api, stored.profile.user_id, username, token)

    return make


@pytest.fixture
def registered(api: Api) -> Callable[[str], Awaitable[Person]]:
    """Creates a user by registration, and thus with a login in the store."""

    async def register(username: str) -> Person:
        answer = await api.post(
            "/auth/register", {"username": username, "password": f"pass of {username} {secrets.token_hex(8)}"}
        )
        assert answer.status == 201, answer.body
        return Person(api, answer.body["user_id"], username, answer.body["access_token"])

    return register


@pytest.fixture
def backend(server: RunningServer, api: Api) -> MakeBackend:
    """Creates a service key, as the command line does, and calls the API with it."""

    async def make(scope: Scope = "admin", name: str = "backend") -> Backend:
        key, text = await server.stores.service_keys.add(name, scope, server.core.environment.clock.utc())
        return Backend(api, key, text)

    return make


@pytest.fixture
def socket(io_loop: IOLoop, server: RunningServer, balancer: RunningCluster | None) -> Iterator[OpenSocket]:
    """Opens sockets, and closes those that are still open at the end."""
    sockets: list[Socket] = []

    async def open_socket(
        person: Person | Backend | None, path: str = "/ws/feed", *, first: bool = False, **query: Any
    ) -> Socket:
        headers = {}
        if person is not None:
            query = {"token": person.token, **query}
        port = server.port if balancer is None else await balancer.next_port()
        url = f"ws://127.0.0.1:{port}{path}?{urlencode(query)}"
        opened = await Socket.open(url, headers=headers, balancer=balancer)
        sockets.append(opened)
        return opened if first else await opened.settle()

    yield open_socket

    async def close_all() -> None:
        for each in sockets:
            with contextlib.suppress(OSError):
                await each.close()

    io_loop.run_sync(close_all)
