"""The lab of a run: its cores, programs, temporary folder, settings and subjects."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from benchmarks.child import Child, TalkingChild
from benchmarks.cores import Cores, age_seconds, cpu_seconds
from benchmarks.native import compile_program
from benchmarks.rollcall import await_ready, make_users, server_environment
from benchmarks.sink import Sink, connect_sink
from chaos.ports import free_port
from handlers.page_templates import COMPILE_AFTER_SECONDS

SERVER = Path(__file__).parents[1] / "server.py"

UNLIMITED = {
    "ROLLCALL_REQUEST_BURST": "1000000",
    "ROLLCALL_REQUESTS_PER_SECOND": "1000000",
    "ROLLCALL_COMMAND_BURST": "1000000",
    "ROLLCALL_COMMANDS_PER_SECOND": "1000000",
    "ROLLCALL_CONNECT_BURST": "1000000",
    "ROLLCALL_CONNECTS_PER_SECOND": "1000000",
}
"""Settings that let a few users do the work of many. All other settings keep their defaults."""

_YOUNG_SECONDS = COMPILE_AFTER_SECONDS + 1
_QUIET_SHARE = 0.05
_QUIET_SECONDS = 0.3
_QUIET_LIMIT_SECONDS = 15.0


@dataclass(frozen=True)
class Served:
    """A server that listens, and its users' tokens."""

    child: Child
    port: int
    tokens: list[str] = field(default_factory=list)
    store: Path = Path()
    ready_seconds: float = 0.0
    """The time from starting the process until GET /readyz returned 200."""

    @property
    def pid(self) -> int:
        return self.child.pid


class Lab:
    """Starts what rows need. Everything runs on 127.0.0.1: servers on one core, clients on the other."""

    def __init__(
        self, cores: Cores, scratch: Path, peers: Path, *, against: Sequence[str], server: Path = SERVER
    ) -> None:
        self.cores = cores
        self.scratch = scratch
        self.peers = peers
        """Where the other servers are installed."""
        self.server = server
        self._against = against
        self.accepts_disturbed = False
        """Whether figures count although other processes used the cores, to try a benchmark out."""
        self._numbers = count()
        self._programs: dict[str, Path] = {}
        self.say: Callable[[str], None] = lambda _words: None
        """Tells the person at the terminal what is going on."""

    def wants(self, subject: str) -> bool:
        """Return whether a subject other than Rollcall was selected."""
        return not self._against or subject.casefold() in self._against

    def program(self, name: str) -> Path:
        """Return one of the programs in C, which is compiled at its first use."""
        if name not in self._programs:
            self._programs[name] = compile_program(name, self.scratch)
        return self._programs[name]

    def folder(self, name: str) -> Path:
        """Create an empty folder."""
        folder = self.scratch / f"{name}-{next(self._numbers)}"
        folder.mkdir()
        return folder

    def rollcall(self, stack: ExitStack, users: int, **settings: str) -> Served:
        """Start a server with so many users; `stack` stops it. The settings are those of its environment."""
        folder = self.folder("rollcall")
        port = free_port()
        environment = server_environment(port, folder / "store") | UNLIMITED | settings
        tokens = make_users(self.server, environment, users, folder) if users else []
        return self.start(stack, folder, port, environment, tokens)

    def start(
        self, stack: ExitStack, folder: Path, port: int, environment: Mapping[str, str], tokens: list[str]
    ) -> Served:
        """Start a server whose users exist already; `stack` stops it."""
        began = time.monotonic()
        child = Child(
            [sys.executable, str(self.server)],
            core=self.cores.server,
            log=folder / "server.log",
            environment=environment,
        )
        stack.enter_context(child)
        await_ready(child, port)
        return Served(child, port, tokens, folder / "store", time.monotonic() - began)

    def sink(
        self,
        stack: ExitStack,
        served: Served,
        paths: Sequence[str],
        *,
        first_frames: int,
        at_once: int | None = None,
        update: str | None = None,
    ) -> Sink:
        """Connect a socket for each path; `stack` closes them."""
        number = next(self._numbers)
        return connect_sink(
            stack,
            self.program("sink"),
            served.child,
            port=served.port,
            paths=paths,
            first_frames=first_frames,
            core=self.cores.clients,
            log=self.scratch / f"sink-{number}.log",
            options=[str(at_once or 128), *([update] if update else [])],
        )

    def ask(self, served: Served, lines: Sequence[str], *, seconds: float, every_us: int = 0) -> dict[str, Any]:
        """Send requests for so long over one connection per line (see ask.c); return what it counted."""
        number = next(self._numbers)
        argv = [str(self.program("ask")), "127.0.0.1", str(served.port)]
        with TalkingChild(argv, core=self.cores.clients, log=self.scratch / f"ask-{number}.log") as asker:
            asker.say("\n".join(lines) + "\n")
            asker.hear("connected")
            asker.say(f"go {round(seconds * 1000)} {every_us}")
            return asker.hear("done")


def heartbeat_lines(tokens: Sequence[str], path: str = "/users/me/heartbeat") -> list[str]:
    """Return the lines for `Lab.ask` that send heartbeats."""
    return [f"POST\t{path}\t{token}" for token in tokens]


def status_lines(tokens: Sequence[str]) -> list[str]:
    """Return the lines for `Lab.ask` that make users busy and free in turns."""
    return [f'PUT\t/users/me/status\t{token}\t{{"is_busy":true}}\t{{"is_busy":false}}' for token in tokens]


def await_quiet(pid: int) -> None:
    """Wait until a process hardly uses its core any more, or for a quarter of a minute.

    A young one is about to compile the pages of the dashboard, which is not what is measured.
    """
    time.sleep(max(0.0, _YOUNG_SECONDS - age_seconds(pid)))
    deadline = time.monotonic() + _QUIET_LIMIT_SECONDS
    while time.monotonic() < deadline:
        before = cpu_seconds(pid)
        time.sleep(_QUIET_SECONDS)
        if cpu_seconds(pid) - before < _QUIET_SHARE * _QUIET_SECONDS:
            return


def resident_bytes(pid: int) -> int:
    """Return the memory of a process that is in RAM."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
