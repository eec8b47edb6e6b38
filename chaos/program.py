"""ServerProgram: the server in its own process, which can be killed, paused and restarted."""

from __future__ import annotations

import asyncio
import os
import resource
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from chaos.check import CannotRun
from chaos.machine import processor_seconds
from chaos.ports import free_port
from chaos.rest import Answer, Api
from settings import Settings, variable

ROOT = Path(__file__).resolve().parent.parent

START_SECONDS = 30.0
STOP_SECONDS = 15.0
"""The server gives up by itself after exit_seconds, 10."""

COMPLAINTS = (b'"level": "error"', b'"level": "critical"', b'"exception"', b'"status": 500')
"""Text that no client or fault may cause the server to log."""


class ServerProgram:
    """One server after another over the same data, on one port. All of them log to one file.

    `arguments` are those of the command line. `open_files` is the limit of open files that the operating system sets
    it. With `is_log_unread`, standard error is a pipe that nobody reads. `preload` is a library that is loaded before
    all others.
    """

    def __init__(
        self,
        folder: Path,
        given: Mapping[str, Any],
        *,
        arguments: Sequence[str] = (),
        open_files: int = 0,
        is_log_unread: bool = False,
        preload: Mapping[str, str] | None = None,
    ) -> None:
        self._given: dict[str, Any] = {
            "host": "127.0.0.1", "port": free_port(), "jwt_secret": f"key-{secrets.token_hex(24)}", **given,
        }  # fmt: skip
        self.settings = Settings(**self._given)
        self.log = folder / f"{secrets.token_hex(4)}.log"
        self.log.touch()
        self._arguments = arguments
        self._open_files = open_files
        self._is_log_unread = is_log_unread
        self._preload = dict(preload or {})
        self._process: subprocess.Popen[bytes] | None = None
        self.api = Api(self.settings.port)
        """The REST API, called by nobody in particular."""

    @property
    def port(self) -> int:
        return self.settings.port

    @property
    def pid(self) -> int:
        return self._running.pid

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    async def start(self) -> float:
        """Start it, wait until it is ready, and return the seconds that took. Raises CannotRun."""
        began = time.monotonic()
        self._launch()
        while time.monotonic() - began < START_SECONDS:
            if not self.is_running:
                raise CannotRun(f"the server exited during startup: {self._last_lines()}")
            if await self.is_ready():
                return time.monotonic() - began
            await asyncio.sleep(0.02)
        raise CannotRun(f"the server was not ready within {START_SECONDS:.0f} s: {self._last_lines()}")

    def kill(self) -> None:
        """End it as `kill -9` does."""
        self.send_signal(signal.SIGKILL)
        self._running.wait()
        self.api.close()

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._running.send_signal(number)

    async def ended(self) -> int:
        """Its exit status, once it has ended."""
        return await asyncio.to_thread(self._running.wait, STOP_SECONDS)

    def end(self) -> None:
        """Make sure that it is no longer running. Its data is discarded, so there is nothing to wait for."""
        if self._process is not None:
            if self.is_running:
                self.kill()
            if self._process.stderr is not None:
                self._process.stderr.close()
        self.api.close()

    async def metrics(self) -> str:
        """All metrics as text."""
        answer: Answer = await self.api.get("/metrics")
        return str(answer.body)

    async def metric(self, name: str, *labels: str) -> float:
        """The sum of a metric over its labels, or over those lines that have all of some text."""
        return sum_of(await self.metrics(), name, *labels)

    async def is_saved(self) -> bool:
        """Whether everything that is saved in the background has reached the store."""
        return await self.metric("rollcall_unsaved_users") == 0

    def resident_bytes(self) -> int:
        """Memory it holds now."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def processor_seconds(self) -> float:
        """CPU time it has used so far."""
        return processor_seconds(self.pid)

    def open_files(self) -> int:
        """Files and sockets it has open now."""
        return sum(1 for _ in Path(f"/proc/{self.pid}/fd").iterdir())

    def most_resident_bytes(self) -> int:
        """Its peak memory since it started."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024

    def log_lines(self) -> int:
        """How many lines it has logged so far."""
        with self.log.open("rb") as log:
            return sum(chunk.count(b"\n") for chunk in iter(lambda: log.read(2**20), b""))

    def complaints(self) -> int:
        """How many of its log lines report an internal error."""
        with self.log.open("rb") as log:
            return sum(any(each in line for each in COMPLAINTS) for line in log)

    def _launch(self) -> None:
        if self._process is not None and self._process.stderr is not None:
            self._process.stderr.close()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, str(ROOT / "server.py"), *self._arguments],
                cwd=ROOT,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL if self._is_log_unread else log,
                stderr=subprocess.PIPE if self._is_log_unread else log,
                preexec_fn=self._limit_files if self._open_files else None,
            )

    def _environment(self) -> dict[str, str]:
        """Defaults for everything that is not given, whatever the shell that the run was started from has set."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("ROLLCALL_", "MONGODB_"))}
        given = {variable(name): _as_text(value) for name, value in self._given.items()}
        return kept | given | self._preload

    def _limit_files(self) -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (self._open_files, self._open_files))

    async def is_ready(self) -> bool:
        """Whether it answers and reaches its store."""
        try:
            return (await self.api.get("/readyz")).status == 200
        except OSError:  # TimeoutError is one
            return False

    def _last_lines(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return " ".join(lines[-3:]) or "it logged nothing"

    @property
    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "the server was not started"
        return self._process


def sum_of(metrics: str, name: str, *labels: str) -> float:
    """The sum of a metric, in Prometheus' text, over those lines that have all of some text in their labels."""
    lines = [line for line in metrics.splitlines() if line.partition("{")[0].partition(" ")[0] == name]
    return sum(float(line.rpartition(" ")[2]) for line in lines if all(label in line for label in labels))


async def until(condition: Callable[[], Any], *, seconds: float, every: float = 0.02) -> float:
    """Wait for a condition, which may be awaitable and is checked `every` so many seconds.

    Returns the seconds it took, or infinity if it never held.
    """
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        holds = condition()
        if await holds if asyncio.iscoroutine(holds) else holds:
            return time.monotonic() - began
        await asyncio.sleep(every)
    return float("inf")


def _as_text(value: Any) -> str:
    """A setting's value as its variable has it."""
    return ",".join(value) if isinstance(value, tuple) else str(value)
