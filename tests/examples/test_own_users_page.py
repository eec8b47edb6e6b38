"""The commands of docs/your-own-users.md do what the page says, in a shell, with each of the two backends.

Only `make test-packages` runs these tests.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos.ports import free_port
from tests.program import ROOT

pytestmark = [pytest.mark.packages, pytest.mark.slow]

PATIENCE_SECONDS = 180
_STEP = re.compile(r"<!-- own users: ([a-z ]+) -->\n```sh\n(.*?)```\n", re.DOTALL)
COPIED = ("server.py", "settings.py", "models", "realtime", "handlers", "operation", "static", "templates", "docs")


def steps(name: str) -> str:
    """Return the page's commands with this mark."""
    page = (ROOT / "docs" / "your-own-users.md").read_text(encoding="utf-8")
    found = [commands for mark, commands in _STEP.findall(page) if mark == name]
    assert found, name
    return "".join(found)


class Reader:
    """Somebody who follows the page, in a copy of the repository and on other ports."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ports = {"localhost:8000": f"localhost:{free_port()}", "9000": str(free_port())}
        self._running: list[subprocess.Popen[bytes]] = []
        for name in (*COPIED, "examples/fastapi", "examples/express"):
            source, target = ROOT / name, folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
        (folder / ".venv").symlink_to(Path(sys.executable).parent.parent)

    def run(self, commands: str) -> str:
        """Run commands in a terminal, and return what they print."""
        done = subprocess.run(
            ["bash", "-c", f"set -m\n{self._on_other_ports(commands)}"],
            cwd=self._folder, env=self._environment(), capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def leave_running(self, commands: str, until: str) -> None:
        """Run commands in another terminal until its output contains a text, and leave them running."""
        output = self._folder / f"terminal-{len(self._running)}"
        with output.open("wb") as file:
            self._running.append(
                subprocess.Popen(
                    ["bash", "-c", self._on_other_ports(commands)],
                    cwd=self._folder, env=self._environment(), stdin=subprocess.DEVNULL, stdout=file, stderr=file,
                    start_new_session=True,
                )
            )  # fmt: skip
        deadline = time.monotonic() + PATIENCE_SECONDS
        while until not in output.read_text():
            assert self._running[-1].poll() is None, output.read_text()
            assert time.monotonic() < deadline, output.read_text()
            time.sleep(0.1)

    def leave(self) -> None:
        """End everything that runs."""
        for each in reversed(self._running):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(each.pid, signal.SIGTERM)
            each.wait(15)

    def _on_other_ports(self, commands: str) -> str:
        for old, new in self._ports.items():
            commands = commands.replace(old, new)
        return commands

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("ROLLCALL_", "MONGODB_URL"))}
        port = self._ports["localhost:8000"].partition(":")[2]
        own_url = f"http://localhost:{self._ports['9000']}"
        server = {"ROLLCALL_PORT": port, "PRESENCE_URL": f"http://localhost:{port}", "OWN_URL": own_url}
        return {**kept, **server, "PATH": f"{Path(sys.executable).parent}:{kept['PATH']}"}


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    """Return somebody who has just opened a terminal."""
    found = Reader(tmp_path)
    yield found
    found.leave()


@pytest.mark.parametrize(("kind", "listening"), [("fastapi", "Uvicorn running"), ("express", "listening on")])
def test_the_commands_of_the_page_connect_an_app_to_rollcall(reader: Reader, kind: str, listening: str) -> None:
    reader.run(steps(f"{kind} key") + steps("secrets"))
    reader.leave_running(steps("server"), until='"event": "listening"')
    reader.leave_running(steps(kind), until=listening)
    said = reader.run(steps("use").replace("sleep 2", "sleep 10"))  # other tests may keep this machine busy
    assert re.search("available +ada +connected", said)
    assert re.search(r'"name": ?"ada", ?"is_available": ?true', said)
    assert re.search(r'"is_busy": ?true', said)
