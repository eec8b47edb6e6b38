"""Benchmark how soon and how evenly a thousand static/rollcall.js clients, run in Node, return after a restart."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from benchmarks.child import Child, TalkingChild
from benchmarks.cores import Cores, allow_open_files, choose_cores
from benchmarks.failure import BenchmarkError
from benchmarks.rollcall import await_ready, make_users, server_environment
from chaos.ports import free_port

_SOCKETS_PER_USER = 4
"""By default, the server allows a user 10 sockets and 20 commands at once; each client begins with two commands."""

_MOVERS = 10
"""Users without a client who change their status after the restart, so that clients with old statuses are wrong."""

_LONGEST_SECONDS = 10.0
_STEEPEST = 3.0
"""The most connects allowed in one second, as a multiple of the mean while the clients return."""

_PATIENCE_SECONDS = 60.0
_HOLD_SECONDS = 45.0
"""The server's default: users who have not come back by then are announced as offline."""

_ROOT = Path(__file__).parents[1]
_CLIENTS = _ROOT / "tests" / "node" / "rollcall_clients.mjs"


class Clients:
    """All the clients, in one Node process that evaluates JavaScript expressions on the object `driven`."""

    def __init__(self, child: TalkingChild, url: str, tokens: list[str]) -> None:
        self._child = child
        child.say(json.dumps({"url": url, "tokens": tokens}))

    def ask(self, expression: str) -> Any:
        """Return the value of a JavaScript expression."""
        self._child.say(json.dumps({"id": 0, "expression": expression}))
        return self._child.hear("answer")["value"]

    def wrong(self, statuses: list[dict[str, Any]]) -> int:
        """Return how many clients have statuses other than these."""
        count: int = self.ask(f"driven.wrong({json.dumps(statuses)})")
        return count


class RestartableServer:
    """A server that can be restarted on the same store."""

    def __init__(self, stack: ExitStack, cores: Cores, environment: dict[str, str], port: int, scratch: Path) -> None:
        self._stack, self._cores, self._environment, self._scratch = stack, cores, environment, scratch
        self.port = port
        self.server = self._start()

    def restart(self, meanwhile: Callable[[], None]) -> None:
        """Send SIGTERM, wait until the server has stopped, call `meanwhile`, and start it again."""
        os.kill(self.server.pid, signal.SIGTERM)
        _wait("the server to stop", lambda: not self.server.is_alive)
        meanwhile()
        self.server = self._start()

    def ask(self, method: str, path: str, token: str, body: Any = None) -> Any:
        """Send a request and return the JSON of the response. Raises BenchmarkError if the status isn't 200."""
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_PATIENCE_SECONDS)
        try:
            link.request(method, path, body and json.dumps(body), {"Authorization": f"Bearer {token}"})
            response = link.getresponse()
            answer = response.read()
        finally:
            link.close()
        if response.status != 200:
            raise self.server.failure(f"{method} {path}: {response.status} {answer[:200].decode(errors='replace')}")
        return json.loads(answer)

    def everyone(self, token: str) -> list[dict[str, Any]]:
        """Return the users from all pages of GET /feed/users."""
        statuses: list[dict[str, Any]] = []
        while True:
            answer = self.ask("GET", f"/feed/users?per_page=100&page={1 + len(statuses) // 100}", token)
            statuses += answer["items"]
            if not answer["has_next"]:
                return statuses

    def _start(self) -> Child:
        child = Child(
            [sys.executable, str(_ROOT / "server.py")],
            core=self._cores.server,
            log=self._scratch / "server.log",
            environment=self._environment,
        )
        self._stack.enter_context(child)
        await_ready(child, self.port)
        return child


@dataclass(frozen=True)
class Return:
    """How the clients came back. Times are Unix times, so that they can be compared with Node's."""

    clients: int
    users: int
    """How many users the clients belong to. They have the first user ids; the next id is of the user who stays away."""
    began: float
    ready: float
    wrong: int


@click.command()
@click.option("--clients", default=1_000, show_default=True, type=click.IntRange(min=50))
def main(clients: int) -> None:
    """Restart a server with many clients; check that they return soon, evenly and with the right statuses."""
    try:
        failed = _measure(clients, Console())
    except BenchmarkError as error:
        Console(stderr=True).print(f"No result. {error}", markup=False, highlight=False, soft_wrap=True)
        sys.exit(1)
    sys.exit(1 if failed else 0)


def _measure(count: int, console: Console) -> bool:
    """Run the benchmark and print its figures; return whether any of them is out of bounds."""
    cores = choose_cores()
    allow_open_files(2 * count + 500)
    users = -(-count // _SOCKETS_PER_USER)
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rollcall-bench-")))
        port = free_port()
        environment = server_environment(port, scratch / "store")
        tokens = make_users(_ROOT / "server.py", environment, users + 1 + _MOVERS, scratch)
        crowd, leaver, movers = tokens[:users], tokens[users], tokens[users + 1 :]
        place = RestartableServer(stack, cores, environment, port, scratch)
        clients = _start_clients(stack, cores, port, [*(crowd * _SOCKETS_PER_USER)[:count], leaver], scratch)
        _wait("all clients to have the right statuses", lambda: _are_right(clients, place, crowd[0], count + 1))
        clients.ask("driven.changes.length = driven.states.length = driven.dialled.length = 0")

        began = time.time()
        place.restart(lambda: clients.ask(f"driven.clients[{count}].close()"))
        ready = time.time()
        for token in movers:
            place.ask("PUT", "/users/me/status", token, {"is_busy": True})
        _wait("all clients to come back", lambda: clients.ask("driven.live()") == count)
        _wait("the right statuses", lambda: _are_right(clients, place, crowd[0], count), or_go_on=True)
        wrong = clients.wrong(place.everyone(crowd[0]))
        return _report(console, place, clients, crowd[0], Return(count, users, began, ready, wrong))


def _report(console: Console, place: RestartableServer, clients: Clients, token: str, seen: Return) -> bool:
    """Print the figures; return whether any of them is out of bounds."""
    arrivals = sorted(
        at / 1000 for at in clients.ask("driven.states.filter((s) => s.after === 'live').map((s) => s.at)")
    )
    last = arrivals[-1] - seen.began
    span = max(arrivals[-1] - arrivals[0], 1.0)
    seconds = Counter(int(at - arrivals[0]) for at in arrivals)
    steepness = max(seconds.values()) / (len(arrivals) / span)
    console.print(
        f"waiting until the server no longer holds absent users online ({_HOLD_SECONDS:.0f} s) …", style="dim"
    )
    gone = f"driven.changes.filter((c) => c.userId === {seen.users + 1} && c.reason === 'timed_out').length"
    _wait("the server to stop holding users online", lambda: clients.ask(gone) == seen.clients)
    announced = clients.ask(f"driven.changes.filter((c) => c.userId <= {seen.users}).length")
    each = len(place.everyone(token))
    rows = [
        (f"{last:.1f} s", "from SIGTERM until the last client was live", last <= _LONGEST_SECONDS),
        (f"{seen.ready - seen.began:.1f} s", "of that, until the server was ready again", True),
        (f"{steepness:.2f} ×", f"the mean rate over {span:.1f} s in the busiest second; connects per second: "
         f"{', '.join(str(seconds[second]) for second in range(max(seconds) + 1))}", steepness <= _STEEPEST),
        (f"{seen.wrong}", f"of {seen.clients:,} clients with wrong statuses; each lists {each} users", seen.wrong == 0),
        (f"{announced}", f"status changes announced of the {seen.users} users who came back, until the wait ended",
         announced == 0),
        (f"{clients.ask('driven.dialled.length'):,}", "connection attempts, including failed ones", True),
    ]  # fmt: skip
    console.print(f"Restart of a server with {seen.clients:,} clients of {seen.users} users", style="bold")
    for figure, what, holds in rows:
        console.print(f"{figure:>8}  {what}", style="" if holds else "bold red", highlight=False, soft_wrap=True)
    return not all(holds for *_, holds in rows)


def _start_clients(stack: ExitStack, cores: Cores, port: int, tokens: list[str], scratch: Path) -> Clients:
    node = shutil.which("node")
    if node is None or not (_CLIENTS.parent / "node_modules" / "ws").is_dir():
        raise BenchmarkError("the clients need Node and its ws package: run `make node` first")
    child = TalkingChild([node, str(_CLIENTS)], core=cores.clients, log=scratch / "clients.log")
    stack.enter_context(child)
    clients = Clients(child, f"http://localhost:{port}", tokens)
    clients.ask("driven.connect()")
    return clients


def _are_right(clients: Clients, place: RestartableServer, token: str, count: int) -> bool:
    return clients.ask("driven.live()") == count and clients.wrong(place.everyone(token)) == 0


def _wait(what: str, holds: Callable[[], bool], *, or_go_on: bool = False) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            if or_go_on:
                return
            raise BenchmarkError(f"waited {_PATIENCE_SECONDS:.0f} s for {what}")
        time.sleep(0.1)


if __name__ == "__main__":
    main()
