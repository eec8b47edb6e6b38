"""An operator at the dashboard of a real server that counts what operators cost it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser

from benchmarks.browser import BrowserOperator
from benchmarks.child import TalkingChild
from benchmarks.cores import choose_cores
from benchmarks.failure import BenchmarkError
from benchmarks.rollcall import await_ready, make_users, server_environment
from benchmarks.timed import Counted
from chaos.ports import free_port

_ROOT = Path(__file__).parents[1]

_NAME, _PASSWORD = "maya", "only for this benchmark"


@dataclass(frozen=True)
class Seat:
    """The server, its users and the operator."""

    server: TalkingChild
    port: int
    tokens: list[str]
    operator: BrowserOperator

    def counted(self) -> Counted:
        """Return what operators have cost the server since the previous call."""
        self.server.say("take")
        answer = self.server.hear("counted")
        return Counted(**{field: answer[field] for field in Counted.__struct_fields__})


@contextmanager
def seated(browser: Browser, users: int) -> Iterator[Seat]:
    """Start a server with `users` users on an embedded store, with default settings, on a core of its own."""
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rollcall-bench-")))
        port = free_port()
        environment = server_environment(port, scratch / "store")
        tokens = make_users(_ROOT / "server.py", environment, users, scratch)
        _add_operator(environment)
        server = TalkingChild(
            [sys.executable, "-m", "benchmarks.timed"],
            core=choose_cores().server,
            log=scratch / "server.log",
            environment=environment | {"PYTHONPATH": str(_ROOT)},
        )
        stack.enter_context(server)
        await_ready(server, port)
        yield Seat(server, port, tokens, BrowserOperator(browser, f"http://localhost:{port}", _NAME, _PASSWORD))


def _add_operator(environment: dict[str, str]) -> None:
    words = ["operator", "add", _NAME, "--role", "operator", "--password-stdin"]
    done = subprocess.run(
        [sys.executable, str(_ROOT / "server.py"), *words],
        env=environment,
        input=_PASSWORD,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise BenchmarkError(f"`server.py {' '.join(words)}` exited with code {done.returncode}\n{done.stderr}")
