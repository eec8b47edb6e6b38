"""Peers: starts the servers that Rollcall is compared with, which all understand the same few commands."""

from __future__ import annotations

import http.client
import os
import shutil
import socket
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.child import Child, TalkingChild
from benchmarks.failure import BenchmarkError
from benchmarks.lab import Lab, Served
from benchmarks.limit import FIRST_BYTES
from benchmarks.row import LIMIT
from benchmarks.sink import Sink
from benchmarks.wave import Wave
from chaos.ports import free_port

TORNADO, NODE, GO, NCHAN = "Tornado", "Node ws", "Go centrifuge", "nginx nchan"

_HERE = Path(__file__).parent
_ROOT = _HERE.parents[1]
_MOST_AT_ONCE = 16
_LISTEN_SECONDS = 10.0


@dataclass(frozen=True)
class Peer:
    """A running server, and how clients use it."""

    name: str
    served: Served
    send: Callable[[int, int], None]
    """Sends so many messages of so many bytes to every client."""
    path: str = "/"
    """What a client asks for, with what it sends first (see sink.c)."""
    first_frames: int = 2
    update: str | None = None
    """How an update begins, if not as Rollcall's."""

    def connect(self, lab: Lab, stack: ExitStack, sockets: int) -> Sink:
        """Connect so many sockets."""
        return lab.sink(stack, self.served, [self.path] * sockets, first_frames=self.first_frames, update=self.update)


class PeerSubject:
    """A peer with connected sockets, as a subject of waves."""

    def __init__(self, peer: Peer, sink: Sink, message_bytes: int) -> None:
        self._peer = peer
        self._bytes = message_bytes
        self.sink = sink

    @property
    def pid(self) -> int:
        return self._peer.served.pid

    def cause(self, wave: Wave) -> None:
        for changes in filter(None, (wave.ahead, wave.changes)):
            self._peer.send(changes, self._bytes)


def missing(lab: Lab) -> dict[str, str]:
    """Return why the peers that can't run can't, by name."""
    needs = {
        NODE: lab.peers / "node" / "node_modules" / "ws",
        GO: lab.peers / "go" / "centrifuge",
        NCHAN: lab.peers / "nchan" / "root" / "usr" / "lib" / "nginx" / "modules" / "ngx_nchan_module.so",
    }
    return {
        name: f"{path} is missing; `make bench-peers` installs it" for name, path in needs.items() if not path.exists()
    }


def start_peers(lab: Lab, stack: ExitStack, names: tuple[str, ...] = (TORNADO, NODE, GO, NCHAN)) -> list[Peer]:
    """Start those of the peers that were selected and are installed; `stack` stops them."""
    absent = missing(lab)
    return [_STARTS[name](lab, stack) for name in names if lab.wants(name) and name not in absent]


def start_limit_with_first_frames(lab: Lab, stack: ExitStack, sockets: int) -> Peer:
    """Start limit.c, which sends two messages to each new client. It accepts exactly so many."""
    argv = [str(lab.program("limit")), str(sockets), str(FIRST_BYTES), str(FIRST_BYTES)]
    return _talking(lab, stack, LIMIT, argv)


def start_tornado(lab: Lab, stack: ExitStack, secret: str = "") -> Peer:
    """Start the server that only has Tornado's handlers. `secret` is the key of the tokens that it checks."""
    argv = [sys.executable, "-m", "benchmarks.peers.tornado_server", str(FIRST_BYTES)]
    environment = os.environ | {"PYTHONPATH": str(_ROOT), "BENCHMARK_SECRET": secret}
    return _talking(lab, stack, TORNADO, argv, environment, path="/ws")


def _start_node(lab: Lab, stack: ExitStack) -> Peer:
    node = shutil.which("node")
    if node is None:
        raise BenchmarkError("node is not on the path")
    return _talking(lab, stack, NODE, [node, str(_HERE / "node_server.mjs"), str(lab.peers / "node"), str(FIRST_BYTES)])


def _start_go(lab: Lab, stack: ExitStack) -> Peer:
    environment = os.environ | {"GOMAXPROCS": "1"}
    return _talking(
        lab, stack, GO, [str(lab.peers / "go" / "centrifuge")], environment,
        path='/\t{"id":1,"connect":{}}', first_frames=1, update='{"push":',
    )  # fmt: skip


def _talking(
    lab: Lab,
    stack: ExitStack,
    name: str,
    argv: list[str],
    environment: dict[str, str] | None = None,
    *,
    path: str = "/",
    first_frames: int = 2,
    update: str | None = None,
) -> Peer:
    log = lab.folder("peer") / f"{name.replace(' ', '-')}.log"
    child = stack.enter_context(TalkingChild(argv, core=lab.cores.server, log=log, environment=environment))

    def send(count: int, size: int) -> None:
        child.say(f"send {count} {size}")
        child.hear("sent")

    port: int = child.hear("listening")["port"]
    return Peer(name, Served(child, port), send, path, first_frames, update)


def _start_nchan(lab: Lab, stack: ExitStack) -> Peer:
    scratch, port = lab.folder("nchan"), free_port()
    folder = lab.peers / "nchan"
    written = (_HERE / "nchan.conf").read_text().format(folder=folder, scratch=scratch, port=port)
    (scratch / "nchan.conf").write_text(written)
    argv = [str(folder / "root" / "usr" / "sbin" / "nginx"), "-c", str(scratch / "nchan.conf"), "-p", str(scratch)]
    child = stack.enter_context(Child(argv, core=lab.cores.server, log=scratch / "output.log"))
    _await_listening(child, port)
    return Peer(NCHAN, Served(child, port), _Publisher(child, port).send, "/sub", 0)


def _await_listening(server: Child, port: int) -> None:
    deadline = time.monotonic() + _LISTEN_SECONDS
    while time.monotonic() < deadline and server.is_alive:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise server.failure(f"it did not listen on port {port}")


class _Publisher:
    """Publishes through nchan, with a request for each message, as Rollcall's users do."""

    def __init__(self, server: Child, port: int) -> None:
        self._server = server
        self._links = [http.client.HTTPConnection("127.0.0.1", port, timeout=10) for _ in range(_MOST_AT_ONCE)]

    def send(self, count: int, size: int) -> None:
        """Publish all messages at once."""
        beginning, end = '{"type":"user_status_update","padding":"', '"}'
        body = beginning + "x" * (size - len(beginning) - len(end)) + end
        try:
            for link in self._links[:count]:
                link.request("POST", "/pub", body)
            for link in self._links[:count]:
                answer = link.getresponse()
                answer.read()
                if answer.status not in (200, 201, 202):
                    raise self._server.failure(f"POST /pub: {answer.status}")
        except (OSError, http.client.HTTPException) as error:
            raise self._server.failure(f"POST /pub: {error!r}") from None


_STARTS: dict[str, Callable[[Lab, ExitStack], Peer]] = {
    TORNADO: start_tornado,
    NODE: _start_node,
    GO: _start_go,
    NCHAN: _start_nchan,
}
