"""The real Rollcall server, started from its command line, with real users, tokens and requests."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import time
from contextlib import ExitStack
from itertools import cycle, islice
from pathlib import Path

import msgspec

from benchmarks.child import Child
from benchmarks.cores import Cores
from benchmarks.failure import BenchmarkError
from benchmarks.sink import Sink, connect_sink
from benchmarks.wave import Wave
from chaos.ports import free_port

_SOCKETS_PER_USER = 8
"""Within the server's default limit of 10, so that the default settings are measured."""

_FIRST_FRAMES = 2
"""`connection_established` and the user's own status."""

_MOST_AT_ONCE = 16
_IDLE_SECONDS = 5.0
"""By default, the server closes a connection that has been idle for 10 s."""

_READY_SECONDS = 30.0
_REQUEST_SECONDS = 10.0


class Rollcall:
    """The server as a subject: users take turns to become busy or free over REST, each with their own token."""

    def __init__(self, server: Child, sink: Sink, port: int, tokens: list[str]) -> None:
        self._server = server
        self.sink = sink
        self._user_locks = cycle(tokens)
        self._busy = dict.fromkeys(tokens, False)
        self._links = [
            http.client.HTTPConnection("127.0.0.1", port, timeout=_REQUEST_SECONDS) for _ in range(_MOST_AT_ONCE)
        ]

        self._used = [time.monotonic()] * _MOST_AT_ONCE

    @property
    def pid(self) -> int:
        return self._server.pid

    def cause(self, wave: Wave) -> None:
        asked = self._links[: wave.ahead + wave.changes]
        now = time.monotonic()
        for place, link in enumerate(asked):
            if now - self._used[place] > _IDLE_SECONDS:
                link.close()  # the next request opens it again
            self._used[place] = now
        try:
            for link in asked:
                self._ask(link, next(self._user_locks))
            for link in asked:
                self._check(link.getresponse())
        except (OSError, http.client.HTTPException) as error:
            raise self._server.failure(f"PUT /users/me/status: {error!r}") from None

    def _ask(self, link: http.client.HTTPConnection, token: str) -> None:
        self._busy[token] = not self._busy[token]
        body = msgspec.json.encode({"is_busy": self._busy[token]})
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        link.request("PUT", "/users/me/status", body, headers)

    def _check(self, response: http.client.HTTPResponse) -> None:
        body = response.read()
        if response.status != 200:
            answer = body[:200].decode(errors="replace")
            raise self._server.failure(f"PUT /users/me/status: {response.status} {answer}")


def start_rollcall(
    stack: ExitStack, sink: Path, cores: Cores, *, server: Path, sockets: int, scratch: Path
) -> Rollcall:
    """Fill an embedded store, start `server` (a server.py) on it and connect `sink`; `stack` stops both."""
    port = free_port()
    environment = server_environment(port, scratch / "store")
    tokens = make_users(server, environment, -(-sockets // _SOCKETS_PER_USER), scratch)
    argv = [sys.executable, str(server)]
    child = Child(argv, core=cores.server, log=scratch / "server.log", environment=environment | _no_limits(server))
    stack.enter_context(child)
    await_ready(child, port)
    listeners = connect_sink(
        stack,
        sink,
        child,
        port=port,
        paths=[f"/ws/feed?token={token}" for token in islice(cycle(tokens), sockets)],
        first_frames=_FIRST_FRAMES,
        core=cores.clients,
        log=scratch / "sink.log",
    )
    listeners.settle()
    return Rollcall(child, listeners, port, tokens)


def server_environment(port: int, store: Path) -> dict[str, str]:
    """Return an environment that leaves all other settings at their defaults, whatever the calling shell has set."""
    ours = ("ROLLCALL_", "MONGODB_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return kept | {
        "ROLLCALL_HOST": "127.0.0.1",
        "ROLLCALL_PORT": str(port),
        "ROLLCALL_DATA_DIR": str(store),
    }


def _no_limits(server: Path) -> dict[str, str]:
    """Return settings that let few users send many requests. Older servers have no limits and reject these settings."""
    if "request_burst" not in (server.parent / "settings.py").read_text(encoding="utf-8"):
        return {}
    return {"ROLLCALL_REQUEST_BURST": "1000000", "ROLLCALL_REQUESTS_PER_SECOND": "1000000"}


def make_users(server: Path, environment: dict[str, str], count: int, scratch: Path) -> list[str]:
    """Import `count` users; return an access token for each."""
    file = scratch / "users.jsonl"
    file.write_bytes(b"".join(msgspec.json.encode({"username": f"user{i:06}"}) + b"\n" for i in range(count)))
    _command(server, environment, "user", "import", str(file))
    printed = _command(server, environment, "user", "tokens", "--limit", str(count))
    tokens = [line.split()[1] for line in printed.splitlines()]
    if len(tokens) != count:
        raise BenchmarkError(f"`user tokens --limit {count}` printed {len(tokens)} lines")
    return tokens


def _command(server: Path, environment: dict[str, str], *words: str) -> str:
    argv = [sys.executable, str(server), *words]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BenchmarkError(f"`{server.name} {' '.join(words)}` exited with code {done.returncode}\n{done.stderr}")
    return done.stdout


def await_ready(server: Child, port: int) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline and server.is_alive:
        link = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
        try:
            link.request("GET", "/readyz")
            if link.getresponse().status == 200:
                return
        except (OSError, http.client.HTTPException):
            pass
        finally:
            link.close()
        time.sleep(0.05)
    raise server.failure(f"GET /readyz did not return 200 within {_READY_SECONDS:.0f} s")
