"""Comeback: a thousand clients of static/rollcall.js in Node, on one server that is restarted. How soon, how evenly."""

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
from benchmarks.rollcall import await_ready, free_port, make_users, server_environment

_SOCKETS_PER_USER = 4
"""The server's default allows 10, and 20 commands at once: each client begins with two."""

_MOVERS = 10
"""Users without a client whose status changes while the clients are away, so that an old picture is a wrong one."""

_LONGEST_SECONDS = 10.0
_STEEPEST = 3.0
"""Most connects in a second, as a multiple of the mean of the window they came in."""

_PATIENCE_SECONDS = 60.0
_HOLD_SECONDS = 45.0
"""The server's default: after this, who has not come back is announced offline."""

_ROOT = Path(__file__).parents[1]
_CLIENTS = _ROOT / "tests" / "node" / "rollcall_clients.mjs"


class Clients:
    """All clients, in one process of Node, by expressions on `driven`."""

    def __init__(self, child: TalkingChild, url: str, tokens: list[str]) -> None:
        self._child = child
        child.say(json.dumps({"url": url, "tokens": tokens}))

    def ask(self, expression: str) -> Any:
        """What an expression in JavaScript comes to."""
        self._child.say(json.dumps({"id": 0, "expression": expression}))
        return self._child.hear("answer")["value"]

    def wrong(self, statuses: list[dict[str, Any]]) -> int:
        """How many have another picture than this."""
        count: int = self.ask(f"driven.wrong({json.dumps(statuses)})")
        return count


class RestartableServer:
    """A server that can be restarted over the same store."""

    def __init__(self, stack: ExitStack, cores: Cores, environment: dict[str, str], port: int, scratch: Path) -> None:
        self._stack, self._cores, self._environment, self._scratch = stack, cores, environment, scratch
        self.port = port
        self.server = self._start()

    def restart(self, meanwhile: Callable[[], None]) -> None:
        """SIGTERM, wait for its end, and start it again; `meanwhile` happens in between."""
        os.kill(self.server.pid, signal.SIGTERM)
        _wait("the server to end", lambda: not self.server.is_alive)
        meanwhile()
        self.server = self._start()

    def ask(self, method: str, path: str, token: str, body: Any = None) -> Any:
        """The JSON that a request is answered with. Raises BenchmarkError."""
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
        """All pages of GET /feed/users."""
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
    """How the clients came back. Times are the clock's, which Node has too."""

    clients: int
    users: int
    """Theirs are the first user ids; the next one belongs to who stays away."""
    began: float
    ready: float
    wrong: int


@click.command()
@click.option("--clients", default=1_000, show_default=True, type=click.IntRange(min=50))
def main(clients: int) -> None:
    """Restart a server under many clients; see that they come back soon, evenly, and to the right picture."""
    try:
        failed = _measure(clients, Console())
    except BenchmarkError as error:
        Console(stderr=True).print(f"No result. {error}", markup=False, highlight=False, soft_wrap=True)
        sys.exit(1)
    sys.exit(1 if failed else 0)


def _measure(count: int, console: Console) -> bool:
    """Print the figures, and whether one of them is not what it has to be."""
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
        _wait("everyone's right picture", lambda: _are_right(clients, place, crowd[0], count + 1))
        clients.ask("driven.changes.length = driven.states.length = driven.dialled.length = 0")

        began = time.time()
        place.restart(lambda: clients.ask(f"driven.clients[{count}].close()"))
        ready = time.time()
        for token in movers:
            place.ask("PUT", "/users/me/status", token, {"is_busy": True})
        _wait("everyone's return", lambda: clients.ask("driven.live()") == count)
        _wait("everyone's right picture", lambda: _are_right(clients, place, crowd[0], count), or_go_on=True)
        wrong = clients.wrong(place.everyone(crowd[0]))
        return _report(console, place, clients, crowd[0], Return(count, users, began, ready, wrong))


def _report(console: Console, place: RestartableServer, clients: Clients, token: str, seen: Return) -> bool:
    """Print the figures; whether one is out of bounds."""
    arrivals = sorted(
        at / 1000 for at in clients.ask("driven.states.filter((s) => s.after === 'live').map((s) => s.at)")
    )
    last = arrivals[-1] - seen.began
    span = max(arrivals[-1] - arrivals[0], 1.0)
    seconds = Counter(int(at - arrivals[0]) for at in arrivals)
    steepness = max(seconds.values()) / (len(arrivals) / span)
    console.print(f"waiting for the hold of {_HOLD_SECONDS:.0f} s to end …", style="dim")
    gone = f"driven.changes.filter((c) => c.userId === {seen.users + 1} && c.reason === 'timed_out').length"
    _wait("the end of the hold", lambda: clients.ask(gone) == seen.clients)
    announced = clients.ask(f"driven.changes.filter((c) => c.userId <= {seen.users}).length")
    each = len(place.everyone(token))
    rows = [
        (f"{last:.1f} s", "from SIGTERM to the last client live", last <= _LONGEST_SECONDS),
        (f"{seen.ready - seen.began:.1f} s", "of these the server was not ready", True),
        (f"{steepness:.2f} ×", f"the mean of {span:.1f} s in the busiest second: "
         f"{', '.join(str(seconds[second]) for second in range(max(seconds) + 1))} connects", steepness <= _STEEPEST),
        (f"{seen.wrong}", f"wrong pictures of {seen.clients:,}, each of {each} users", seen.wrong == 0),
        (f"{announced}", f"announcements of anyone of the {seen.users} users who came back, up to the hold's end",
         announced == 0),
        (f"{clients.ask('driven.dialled.length'):,}", "attempts to connect, those to a closed door included", True),
    ]  # fmt: skip
    console.print(f"{seen.clients:,} clients of {seen.users} users, and a restart under them", style="bold")
    for figure, what, holds in rows:
        console.print(f"{figure:>8}  {what}", style="" if holds else "bold red", highlight=False, soft_wrap=True)
    return not all(holds for *_, holds in rows)


def _start_clients(stack: ExitStack, cores: Cores, port: int, tokens: list[str], scratch: Path) -> Clients:
    node = shutil.which("node")
    if node is None or not (_CLIENTS.parent / "node_modules" / "ws").is_dir():
        raise BenchmarkError("the clients need Node and its package ws: run `make node` first")
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
