"""The limit: a C program that only sends, on the server's core, the same number of bytes to as many sockets."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from benchmarks.child import TalkingChild
from benchmarks.cores import Cores
from benchmarks.sink import Sink, connect_sink
from benchmarks.wave import Wave

FIRST_BYTES = 270
"""The size of the two messages that a server sends first: about the mean of Rollcall's."""


class Limit:
    """The subject that Rollcall is compared with."""

    def __init__(self, server: TalkingChild, sink: Sink) -> None:
        self._server = server
        self.sink = sink
        self.sent_ns = 0
        """How long the loop over the sockets took the last time."""

    @property
    def pid(self) -> int:
        return self._server.pid

    def cause(self, wave: Wave) -> None:
        for changes in filter(None, (wave.ahead, wave.changes)):
            self._server.say(f"send {changes}")
            self.sent_ns = self._server.hear("sent")["ns"]


def start_limit(
    stack: ExitStack,
    programs: tuple[Path, Path],
    cores: Cores,
    *,
    sockets: int,
    frame_bytes: int,
    scratch: Path,
) -> Limit:
    """Start limit.c and its sink (`programs`, in this order) and connect them; `stack` stops both."""
    limit, sink = programs
    argv = [str(limit), str(sockets), str(frame_bytes), str(FIRST_BYTES)]
    server = stack.enter_context(TalkingChild(argv, core=cores.server, log=scratch / "limit.log"))
    listeners = connect_sink(
        stack,
        sink,
        server,
        port=server.hear("listening")["port"],
        paths=["/"] * sockets,
        first_frames=2,
        core=cores.clients,
        log=scratch / "limit-sink.log",
    )
    server.hear("ready")
    listeners.settle()
    return Limit(server, listeners)
