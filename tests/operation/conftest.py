"""Fixtures: a folder with a store, the command line on it, and servers as separate processes."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import secrets
import select
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from chaos.ports import free_port
from tests.secrets_seen import SecretsSeen

ROOT = Path(__file__).resolve().parent.parent.parent

WAIT_SECONDS = 20.0
"""Only a failing test waits this long."""

CHEAP = {
    "ROLLCALL_ARGON2_MEMORY_KIB": "8",
    "ROLLCALL_ARGON2_PASSES": "1",
    "ROLLCALL_STORE_DEADLINE_SECONDS": "10",
    "ROLLCALL_INSPECT_INTERVAL_SECONDS": "11",
    "ROLLCALL_RECONNECT_SPREAD_SECONDS": "0.1",
    "ROLLCALL_NOTICE_INTERVAL_SECONDS": "0.1",
    "ROLLCALL_REQUESTS_PER_SECOND": "1000",
}


class Program:
    """A program that runs during the test, and its output."""

    def __init__(self, arguments: Sequence[str], environment: dict[str, str], output: Path, stdin: str = "") -> None:
        self.output = output
        with output.open("wb") as file:
            self.process = subprocess.Popen(
                [sys.executable, "server.py", *arguments],
                cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=file, stderr=subprocess.STDOUT,
            )  # fmt: skip
        assert self.process.stdin is not None
        self.process.stdin.write(stdin.encode())
        self.process.stdin.close()

    def text(self) -> str:
        """Return the output so far."""
        return self.output.read_text(errors="replace")

    def wait_for(self, words: str, *, times: int = 1) -> str:
        """Wait until it has printed the words. Returns all output."""
        wait_until(lambda: self.text().count(words) >= times, self.text)
        return self.text()

    def wait(self) -> int:
        """Wait for its end. Returns the exit code."""
        return self.process.wait(WAIT_SECONDS)

    def stop(self) -> int:
        """Terminate it. Returns the exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        return self.wait()


class Terminal:
    """Runs `python server.py …` on one data directory and one port."""

    def __init__(self, folder: Path, port: int, seen: SecretsSeen) -> None:
        self.folder = folder
        self.port = port
        self._seen = seen
        self.environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("ROLLCALL_", "MONGODB_URL"))
        }
        self.environment |= {**CHEAP, "ROLLCALL_DATA_DIR": str(folder / "data"), "ROLLCALL_PORT": str(port)}
        self.programs: list[Program] = []

    def run(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command to completion."""
        return subprocess.run(
            [sys.executable, "server.py", *arguments],
            cwd=ROOT, env=self.environment, input=stdin, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    def lines(self, *arguments: str, stdin: str = "") -> list[str]:
        """Run a command that must succeed. Returns the lines of its output."""
        done = self.run(*arguments, stdin=stdin)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    def shown(self, *arguments: str) -> str:
        """Run a command that must succeed. Returns what it shows on a terminal of 90 columns."""
        ours, theirs = pty.openpty()
        environment = {**self.environment, "TERM": "xterm", "COLUMNS": "90", "LINES": "30"}
        with subprocess.Popen(
            [sys.executable, "server.py", *arguments],
            cwd=ROOT, env=environment, stdin=theirs, stdout=theirs, stderr=theirs,
        ) as program:  # fmt: skip
            os.close(theirs)
            pieces: list[bytes] = []
            with contextlib.suppress(OSError):  # Linux reports in this way that the other side is closed
                while piece := os.read(ours, 65536):
                    pieces.append(piece)
            os.close(ours)
            assert program.wait(WAIT_SECONDS) == 0, pieces
        return b"".join(pieces).decode()

    def start(self, *arguments: str, stdin: str = "") -> Program:
        """Start a program that keeps running."""
        return self._start(arguments, self.folder / f"program-{len(self.programs)}.txt", stdin)

    def serve(self) -> Program:
        """Start a server and wait until it listens. Its output is a log, which must not contain secrets."""
        server = self._start((), self._seen.folder / f"{secrets.token_hex(6)}.log")
        server.wait_for('"listening"')
        return server

    def _start(self, arguments: Sequence[str], output: Path, stdin: str = "") -> Program:
        program = Program(arguments, self.environment, output, stdin)
        self.programs.append(program)
        return program

    def tokens(self) -> dict[int, str]:
        """Return an access token for every user."""
        tokens = {int(line.split()[0]): line.split()[1] for line in self.lines("user", "tokens")}
        for token in tokens.values():
            self._seen.note(token)
        return tokens

    def import_users(self, *names: str) -> None:
        """Import users without passwords."""
        self.lines("user", "import", "-", stdin="".join(json.dumps({"username": name}) + "\n" for name in names))

    def ask(self, method: str, path: str, token: str = "", body: Any = None) -> tuple[int, Any]:
        """Send a request to the server. Returns the status and the body."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {token}"} if token else {},
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, _read(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, _read(error.read())


def wait_until(condition: Callable[[], bool], say: Callable[[], str] = str) -> None:
    """Wait until the condition is true. `say` returns the error message."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, say()
        time.sleep(0.02)


@pytest.fixture
def terminal(tmp_path: Path, secrets_seen: SecretsSeen) -> Iterator[Terminal]:
    """A terminal with an empty data directory. Programs still running at the end are stopped."""
    opened = Terminal(tmp_path, free_port(), secrets_seen)
    yield opened
    for program in reversed(opened.programs):
        program.stop()


def _read(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode()


def answered(terminal: Terminal, arguments: Sequence[str], answers: Sequence[str]) -> tuple[int, str]:
    """Answer a command's prompts on a terminal. Returns its exit code and all that the terminal showed."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "server.py", *arguments],
        cwd=ROOT, env=terminal.environment, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
    ) as program:  # fmt: skip
        os.close(theirs)
        seen, left = "", list(answers)
        while select.select([ours], [], [], WAIT_SECONDS)[0]:
            try:
                seen += os.read(ours, 65536).decode()
            except OSError:  # Linux reports in this way that the other side is closed
                break
            if left and seen.endswith(": "):
                os.write(ours, (left.pop(0) + "\n").encode())
        os.close(ours)
        return program.wait(WAIT_SECONDS), seen
