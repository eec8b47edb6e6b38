"""`make cluster`: three servers behave as one, and Ctrl-C ends everything that was started for them."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from operation.demo.demo_users import NAMES
from tests.mongo import find_mongo
from tests.operation.conftest import ROOT, wait_until
from tests.redis_server import missing_redis

pytestmark = pytest.mark.slow

START_SECONDS = 90.0

NODE = re.compile(r"^  (node-\d)  (http://localhost:\d+)/admin  process (\d+),", re.MULTILINE)


class Cluster:
    """The program, in a process group of its own as in a terminal."""

    def __init__(self, output: Path, environment: dict[str, str]) -> None:
        self._output = output
        with output.open("wb") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.cluster"],
                cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True,
            )  # fmt: skip

    def text(self) -> str:
        """Return the output so far."""
        return self._output.read_text()

    def interrupt(self) -> int:
        """Press Ctrl-C, which reaches all processes in the terminal. Returns the exit code."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(30)


@pytest.fixture
def environment() -> dict[str, str]:
    """The variables of a shell in which none of ours are set."""
    if reason := missing_redis() or find_mongo(to_kill=True).reason:
        pytest.skip(reason)
    ours = ("ROLLCALL_", "MONGODB_URL")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


@pytest.fixture
def cluster(tmp_path: Path, environment: dict[str, str]) -> Iterator[Cluster]:
    """The cluster, once it runs."""
    started = Cluster(tmp_path / "output.txt", environment)
    try:
        deadline = time.monotonic() + START_SECONDS
        while "Ctrl-C ends all of it." not in started.text() and started.process.poll() is None:
            assert time.monotonic() < deadline, started.text()
            time.sleep(0.05)
        yield started
    finally:
        if started.process.poll() is None:
            started.interrupt()


def asked(url: str) -> Any:
    """Return the JSON that a server answers."""
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)


def has_ended(process_id: int) -> bool:
    """Return whether a process has ended."""
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return True
    return False


def test_three_servers_show_one_demo_until_ctrl_c_ends_everything(cluster: Cluster) -> None:
    nodes = NODE.findall(cluster.text())
    assert [name for name, _, _ in nodes] == ["node-1", "node-2", "node-3"], cluster.text()
    assert re.search(r"^  password  \S+$", cluster.text(), re.MULTILINE)
    assert [asked(f"{url}/readyz") for _, url, _ in nodes] == [{"status": "ready"}] * 3

    def counts() -> list[int]:
        pages = [urllib.request.urlopen(f"{url}/metrics", timeout=10).read().decode() for _, url, _ in nodes]
        return [int(float(re.findall(r"^rollcall_users (\S+)$", page, re.MULTILINE)[0])) for page in pages]

    wait_until(lambda: counts() == [len(NAMES) + 1] * 3, lambda: str(counts()))
    processes = [int(each) for each in re.findall(r"process (\d+)", cluster.text())]
    assert len(processes) == 5
    folder = re.findall(r"log (\S+)/\w+\.log", cluster.text())[0]
    assert cluster.interrupt() == 0
    assert [each for each in processes if not has_ended(each)] == []
    assert not Path(folder).exists()
    assert "Traceback" not in cluster.text()


def test_without_redis_it_says_what_to_install(tmp_path: Path, environment: dict[str, str]) -> None:
    refused = Cluster(tmp_path / "output.txt", {**environment, "PATH": str(tmp_path)})
    assert refused.process.wait(30) == 1
    assert refused.text() == "Error: there is no redis-server; `make redis` installs it on Debian\n"


def test_a_mongodb_that_does_not_answer_is_reported_and_nothing_stays(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    url = "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=100"
    refused = Cluster(tmp_path / "output.txt", {**environment, "MONGODB_URL": url})
    assert refused.process.wait(30) == 1
    assert "Error: MongoDB does not answer: " in refused.text()
    assert "Traceback" not in refused.text()
