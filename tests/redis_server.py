"""RedisServer: a redis-server for tests, on a Unix socket or a port, with a folder of its own."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from chaos.ports import free_port

PROGRAM = "redis-server"
START_SECONDS = 20.0
STOP_SECONDS = 10.0


def missing_redis() -> str:
    """Return the reason why the tests of a real Redis cannot run, or nothing."""
    if shutil.which(PROGRAM):
        return ""
    return f"The tests of several servers on Redis were not run. They need {PROGRAM}, which `make redis` installs."


class RedisServer:
    """A Redis that can be killed and started again with the same address and data.

    It listens on a Unix socket, and also on a port if `on_port` or `tls_folder` is given. `options` are those of
    redis-server. `replica_of` is another server that it copies. `password` is the one that it asks for.
    """

    def __init__(
        self,
        folder: Path,
        *options: str,
        on_port: bool = False,
        tls_folder: Path | None = None,
        replica_of: RedisServer | None = None,
        password: str | None = None,
    ) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port() if on_port or tls_folder else 0
        self.path = str(folder / "s")
        self._options = options
        self._tls_folder = tls_folder
        self._replica_of = replica_of
        self._password = password
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process, if it runs."""
        return None if self._process is None else self._process.pid

    @property
    def url(self) -> str:
        """The URL, without user and password."""
        scheme = "rediss" if self._tls_folder else "redis"
        return f"{scheme}://127.0.0.1:{self.port}" if self.port else f"unix://{self.path}"

    def start(self) -> None:
        """Start, and wait until it answers."""
        with (self.folder / "log").open("ab") as log:
            # In a session of its own, so that Ctrl-C in a terminal does not end it before those that use it.
            self._process = subprocess.Popen(
                self._command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        self.wait_until(lambda: self.ask("PING") in (b"PONG", True))

    def stop(self) -> None:
        """End the server, as its service does."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Kill the server."""
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """Pause the server: connections stay open, and nothing is answered."""
        self._send(signal.SIGSTOP)

    def resume(self) -> None:
        """Continue after `pause`."""
        self._send(signal.SIGCONT)

    def ask(self, *command: str) -> Any:
        """Run a command on a connection of its own."""
        with Redis(unix_socket_path=self.path, password=self._password, protocol=2) as client:
            return client.execute_command(*command)

    def wait_until(self, condition: Callable[[], object]) -> None:
        """Wait until a condition holds, which may raise the errors of Redis before."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            with contextlib.suppress(RedisError):
                if condition():
                    return
            assert time.monotonic() < deadline, (self.folder / "log").read_text()
            time.sleep(0.01)

    def _command(self) -> list[str]:
        command = [PROGRAM, "--dir", str(self.folder), "--save", "", "--enable-debug-command", "yes"]
        command += ["--bind", "127.0.0.1", "--unixsocket", self.path, "--repl-diskless-sync-delay", "0"]
        if self._tls_folder:
            certificate, key = str(self._tls_folder / "certificate.pem"), str(self._tls_folder / "key.pem")
            command += ["--port", "0", "--tls-port", str(self.port), "--tls-auth-clients", "no"]
            command += ["--tls-cert-file", certificate, "--tls-key-file", key, "--tls-ca-cert-file", certificate]
        else:
            command += ["--port", str(self.port)]
        if self._replica_of:
            command += ["--replicaof", "127.0.0.1", str(self._replica_of.port)]
        return [*command, *self._options]

    def _end(self, signal_number: signal.Signals) -> None:
        if self._process is None:
            return
        self._send(signal_number)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _send(self, signal_number: signal.Signals) -> None:
        assert self._process is not None, "it runs"
        self._process.send_signal(signal_number)
