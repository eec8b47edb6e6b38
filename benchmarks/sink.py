"""Sink: the sockets that listen, and when the last of them has heard of a change (sink.c does the work)."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.child import Child, TalkingChild
from benchmarks.failure import BenchmarkError
from benchmarks.wave import Wave

_DEADLINE_MILLISECONDS = 5_000
_PAUSE_MILLISECONDS = 300


@dataclass(frozen=True, slots=True)
class WaveArrival:
    """How one wave came to the sockets; times as `time.monotonic_ns()`, taken by the sink."""

    first_ns: int
    """When the first socket heard of a change that counts."""
    last_ns: int
    """When the last socket had all of them."""
    busy_ns: int
    """Time that the sink was receiving, not waiting."""
    frame_bytes: int
    """Of the last update, its header included."""


class Sink:
    """Many WebSockets to one server, in one process on one core."""

    def __init__(self, child: TalkingChild, server: Child, sockets: int) -> None:
        self._child = child
        self._server = server
        self.sockets = sockets
        self.connect_seconds: float = self._hear("connected")["seconds"]
        """From the first connect until the last socket was ready."""

    @property
    def pid(self) -> int:
        return self._child.pid

    def settle(self) -> None:
        """Wait until the server has nothing more to tell by itself."""
        self._child.say(f"quiet {_PAUSE_MILLISECONDS} {_DEADLINE_MILLISECONDS}")
        self._hear("quiet")

    def arm(self, wave: Wave) -> int:
        """Count until each socket has all of `wave`; return how many updates came before that nobody expected."""
        self._child.say(f"arm {wave.ahead + wave.changes} {wave.ahead} {_DEADLINE_MILLISECONDS}")
        stray: int = self._hear("armed")["stray"]
        return stray

    def arrival(self) -> WaveArrival:
        """Wait until every socket has what it was armed for."""
        heard = self._hear("complete")
        del heard["event"]
        return WaveArrival(**heard)

    def _hear(self, event: str) -> dict[str, Any]:
        """As the child says it. When it fails, the server's log is more likely to know why."""
        try:
            return self._child.hear(event)
        except BenchmarkError as error:
            raise self._server.failure(str(error)) from None


def connect_sink(
    stack: ExitStack,
    program: Path,
    server: Child,
    *,
    port: int,
    paths: Sequence[str],
    first_frames: int,
    core: int,
    log: Path,
) -> Sink:
    """Connect to `server`: a socket for each of `paths`; return when each of them got its `first_frames`."""
    child = stack.enter_context(
        TalkingChild([str(program), "127.0.0.1", str(port), str(first_frames)], core=core, log=log)
    )
    # Paths hold tokens: by a pipe they are on no disk and in no process list.
    child.say("\n".join(paths) + "\n")
    return Sink(child, server, len(paths))
