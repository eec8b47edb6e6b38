"""ServerProgram: the server as a separate process, which can be killed, paused and restarted."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import os
import resource
import secrets
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from tornado.httpclient import AsyncHTTPClient
from tornado.ioloop import IOLoop

from chaos.ports import free_port
from models.database import open_database
from models.service_keys import Scope
from models.stores import open_stores
from models.tokens import Tokens
from models.user_documents import NewUser
from settings import Settings, variable
from tests.clients import Api, Backend, Person
from tests.secrets_seen import SecretsSeen

ROOT = Path(__file__).resolve().parent.parent

START_SECONDS = 30.0
STOP_SECONDS = 5.0
"""The server exits by itself after exit_seconds; this is how much later it may be noticed."""

QUICK: dict[str, Any] = {
    "argon2_memory_kib": 8,
    "argon2_passes": 1,
    "password_waiting_limit": 1000,
    "registration_burst": 100_000,
    "sign_in_burst": 100_000,
    "request_burst": 100_000,
    "connect_burst": 100_000,
}
"""Cheap passwords, and limits too high to interfere."""


class ServerProgram:
    """A server that can restart with the same data, port and log file.

    `open_files` is the limit of open files that the operating system sets for it.
    """

    def __init__(
        self, folder: Path, seen: SecretsSeen, http: AsyncHTTPClient, *, open_files: int = 0, **settings: Any
    ) -> None:
        own = {"data_dir": folder / "data", "port": free_port(), "jwt_secret": f"key-{secrets.token_hex(24)}"}
        self._given: dict[str, Any] = {**QUICK, **own, **settings}
        self.settings = Settings(**self._given)
        self._open_files = open_files
        self._seen = seen
        self._http = http
        self.log = seen.folder / f"{secrets.token_hex(4)}.log"
        self.root = ROOT
        """The folder of the program's files; a test may use its own copy."""
        self._process: subprocess.Popen[bytes] | None = None
        seen.note(self.settings.jwt_secret)

    def another(self, folder: Path, **settings: Any) -> ServerProgram:
        """Return another server with the same settings, except for its port and those given."""
        return ServerProgram(folder, self._seen, self._http, **{**self._given, "port": free_port(), **settings})

    @property
    def port(self) -> int:
        return self.settings.port

    @property
    def api(self) -> Api:
        """The REST API, called without a token."""
        return Api(f"http://127.0.0.1:{self.port}", self._http, self._seen)

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    async def start(self) -> None:
        """Start the server and wait until it listens."""
        before = self._times_listening()
        self._launch()
        async with asyncio.timeout(START_SECONDS):
            while self._times_listening() == before:
                assert self.is_running, self.log.read_text()
                await asyncio.sleep(0.02)

    def kill(self) -> None:
        """Kill the server, as `kill -9` does."""
        self._signal(signal.SIGKILL)
        self._running.wait()

    def terminate(self) -> None:
        """Ask the server to drain and stop, as a hosting platform does."""
        self._signal(signal.SIGTERM)

    def pause(self) -> None:
        """Pause the server until `resume`."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Resume the paused process."""
        self._signal(signal.SIGCONT)

    async def ended(self) -> int:
        """Wait for the end. Returns the exit status."""
        return await asyncio.to_thread(self._running.wait, self.settings.exit_seconds + STOP_SECONDS)

    async def stop(self) -> int:
        """Terminate the server. Returns its exit status."""
        self.terminate()
        return await self.ended()

    def _patient_settings(self) -> Settings:
        """The settings for what a test prepares: a store that has just started may be slower than a server allows."""
        return dataclasses.replace(self.settings, store_deadline_seconds=30.0, inspect_interval_seconds=31.0)

    async def populate(self, count: int) -> list[Person]:
        """Add users with tokens to the store. Call it while the server is stopped, because it would not notice."""
        now = datetime.now(UTC)
        settings = self._patient_settings()
        database = await open_database(settings)
        try:
            stores = await open_stores(database, settings)
            label = secrets.token_hex(4)
            names = [f"{label}-{number}" for number in range(count)]
            ids = await stores.users.create_many([NewUser(name, None, None) for name in names], now)
        finally:
            await database.close()
        tokens = Tokens(
            self.settings.jwt_secret,
            self.settings.token_issuer,
            self.settings.token_audience,
            now=now.timestamp,
            new_id=lambda: secrets.token_hex(12),
        )
        minted = [tokens.mint(user_id, f"login-{user_id}", "access", 3600)[0] for user_id in ids]
        return [Person(self.api, *each) for each in zip(ids, names, minted, strict=True)]

    async def add_key(self, scope: Scope) -> Backend:
        """Add a service key to the store, as the command line does."""
        now = datetime.now(UTC)
        settings = self._patient_settings()
        database = await open_database(settings)
        try:
            stores = await open_stores(database, settings)
            key, text = await stores.service_keys.add(f"key-{secrets.token_hex(4)}", scope, now)
        finally:
            await database.close()
        return Backend(self.api, key, text)

    async def register(self, username: str) -> Person:
        """Register a new user at the running server."""
        answer = await self.api.post("/auth/register", {"username": username, "password": secrets.token_hex(16)})
        assert answer.status == 201, answer.body
        return Person(self.api, answer.body["user_id"], username, answer.body["access_token"])

    async def metric(self, name: str) -> float:
        """Return the sum of a metric over its labels."""
        text: str = (await self.api.get("/metrics")).body
        lines = [line for line in text.splitlines() if line.partition("{")[0].partition(" ")[0] == name]
        return sum(float(line.rpartition(" ")[2]) for line in lines)

    def resident_bytes(self) -> int:
        """Return its current memory use."""
        pages = int(Path(f"/proc/{self._running.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def events(self) -> list[dict[str, Any]]:
        """Return its log, one event for each line."""
        return [json.loads(line) for line in self.log.read_text(encoding="utf-8").splitlines()]

    def complaints(self) -> list[dict[str, Any]]:
        """Return logged events that no client may cause: errors, tracebacks, responses with 500."""
        return [
            each for each in self.events() if each["level"] in ("error", "critical") or "exception" in each
            or each.get("status") == 500
        ]  # fmt: skip

    async def command(self, *words: str, given: str = "") -> str:
        """Run a command of the command line on the same data, with `given` as standard input. Returns its output."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "server.py",
            *words,
            cwd=self.root,
            env=self._environment(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate(given.encode())
        assert process.returncode == 0, said.decode()
        return said.decode()

    def _environment(self) -> dict[str, str]:
        environment = {name: value for name, value in os.environ.items() if not _is_setting(name)}
        return environment | {variable(name): _as_text(value) for name, value in self._given.items()}

    def _launch(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "server.py"],
                cwd=self.root,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=self._limit_files if self._open_files else None,
            )

    def _times_listening(self) -> int:
        return self.log.read_text().count('"event": "listening"') if self.log.exists() else 0

    def _limit_files(self) -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (self._open_files, self._open_files))

    @property
    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "the server was not started"
        return self._process

    def _signal(self, number: signal.Signals) -> None:
        self._running.send_signal(number)


class MakeProgram(Protocol):
    """Makes a server with these settings, without starting it."""

    def __call__(self, *, open_files: int = 0, **settings: Any) -> ServerProgram: ...


def blameless_programs(
    io_loop: IOLoop, folder: Path, seen: SecretsSeen, http: AsyncHTTPClient
) -> Iterator[MakeProgram]:
    """For fixtures: makes servers and stops them. Whatever a test did to them, they must have logged no errors."""
    made: list[ServerProgram] = []

    def make(*, open_files: int = 0, **settings: Any) -> ServerProgram:
        made.append(ServerProgram(folder, seen, http, open_files=open_files, **settings))
        return made[-1]

    yield make
    for each in made:
        if each.is_running:
            each.resume()
            with contextlib.suppress(Exception):
                io_loop.run_sync(each.stop)
        if each.is_running:
            each.kill()
    complaints = [complaint for each in made for complaint in each.complaints()]
    assert complaints == [], complaints


async def until(condition: Callable[[], Awaitable[bool]], *, seconds: float = 20.0) -> None:
    """Wait until a condition is true. Only a failing test waits for all of `seconds`."""
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.05)


def _as_text(value: Any) -> str:
    """Return a setting's value as its environment variable has it."""
    return ",".join(value) if isinstance(value, tuple) else str(value)


def _is_setting(name: str) -> bool:
    return name.startswith(("ROLLCALL_", "MONGODB_URL"))
