"""MongoServer: the MongoDB for the tests, from MONGODB_TEST_URL, a mongod, or tests/mongo_server."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from chaos.ports import free_port

CARRIED_SERVER = Path(__file__).parent / "mongo_server" / "run"

# The first start of the bundled server downloads its libraries.
START_SECONDS = 240.0
STOP_SECONDS = 10.0


@dataclass(frozen=True)
class MongoMeans:
    """How to get a MongoDB: the URL of a running one, or a program to start; otherwise the reason why there is none."""

    url: str = ""
    program: str = ""
    reason: str = ""

    @property
    def is_there(self) -> bool:
        return bool(self.url or self.program)


def find_mongo(*, to_kill: bool = False, variable: str = "MONGODB_TEST_URL") -> MongoMeans:
    """Find the first of the URL in `variable`, a `mongod` on the PATH, or java with mvn for the one in mongo_server.

    With `to_kill`, only those that a test starts itself.
    """
    url = os.environ.get(variable, "")
    if url and not to_kill:
        return MongoMeans(url=url)
    if mongod := shutil.which("mongod"):
        return MongoMeans(program=mongod)
    missing = [program for program in ("java", "javac", "mvn") if not shutil.which(program)]
    if not missing:
        return MongoMeans(program=str(CARRIED_SERVER))
    return MongoMeans(
        reason="The Motor half was not run. It needs MONGODB_TEST_URL, or mongod on the PATH, "
        f"or java and javac 17+ with mvn (missing: {', '.join(missing)})."
    )


def _has_stopped(pid: int) -> bool:
    """Whether every thread of a process has stopped. Without /proc, as on macOS, nobody knows."""
    threads = Path(f"/proc/{pid}/task").glob("*/stat")
    return all(each.read_text().rpartition(") ")[2].startswith("T") for each in threads)


class MongoServer:
    """A MongoDB for tests. If it was started here, it can be killed and restarted with the same port and data.

    `folder` holds its data and its log. With `in_memory`, it writes no data if it can, which is faster.
    """

    def __init__(self, means: MongoMeans, folder: Path, *, in_memory: bool = False) -> None:
        assert means.is_there, means.reason
        self._means = means
        self._folder = folder
        self._in_memory = in_memory
        self._process: subprocess.Popen[bytes] | None = None
        self._databases: list[str] = []
        self._port = 0 if means.url else free_port()
        self.url = means.url or f"mongodb://127.0.0.1:{self._port}/"

    @property
    def pid(self) -> int | None:
        """The process that was started here, if it runs."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start the server, unless it runs elsewhere, and wait until it answers."""
        if self._means.program:
            with (self._folder / "log").open("ab") as log:
                self._process = subprocess.Popen(
                    self._command(), stdin=subprocess.DEVNULL, stdout=log, start_new_session=True
                )
        self._wait_until_it_answers()

    def kill(self) -> None:
        """Kill the server, as `kill -9` does."""
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """Pause the server: connections stay open, and nothing is answered until `resume`."""
        self._send(signal.SIGSTOP)
        assert self._process is not None
        while not _has_stopped(self._process.pid):  # on a busy machine, its threads stop one after another
            time.sleep(0.001)

    def resume(self) -> None:
        """Continue after `pause`."""
        self._send(signal.SIGCONT)

    def stop(self) -> None:
        """Drop the databases of these tests, and end the server if it was started here."""
        # If a test has killed the server, there is nothing to drop.
        with contextlib.suppress(PyMongoError), self._client(seconds=2.0) as client:
            for name in self._databases:
                client.drop_database(name)
        self._end(signal.SIGTERM)

    def fresh_database(self, label: str) -> str:
        """Return a database name that no other test has, even in parallel runs. `stop` drops the database."""
        name = f"rollcall_test_{label[:24]}_{uuid.uuid4().hex[:12]}"
        self._databases.append(name)
        return name

    def _command(self) -> list[str]:
        if self._means.program == str(CARRIED_SERVER):
            kept = [] if self._in_memory else [str(self._folder / "mongo.mv")]
            return [self._means.program, str(self._port), *kept]
        dbpath = self._folder / "db"
        dbpath.mkdir(exist_ok=True)
        return [self._means.program, "--bind_ip", "127.0.0.1", "--port", str(self._port), "--dbpath", str(dbpath)]

    def _client(self, *, seconds: float) -> MongoClient[dict[str, Any]]:
        return MongoClient(self.url, serverSelectionTimeoutMS=round(seconds * 1000))

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        with self._client(seconds=0.6) as client:
            while True:
                try:
                    client.admin.command("ping")
                except PyMongoError:
                    ended = self._process is not None and self._process.poll() is not None
                    if ended or not self._process or time.monotonic() > deadline:
                        raise
                else:
                    return

    def _end(self, signal_number: signal.Signals) -> None:
        if self._process is None:
            return
        self._send(signal_number)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._send(signal.SIGKILL)
            self._process.wait()
        self._process = None

    def _send(self, signal_number: signal.Signals) -> None:
        assert self._process is not None, "only a server that was started here takes signals"
        # Signal the whole session: while the bundled server is being built, its shell has children.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal_number)
