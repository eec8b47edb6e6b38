"""The sockets that receive changes, and when the last of them has received one (sink.c does the work)."""

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
    """How one wave reached the sockets. The sink takes the times, which compare with `time.monotonic_ns()`."""

    first_ns: int
    """When the first socket received a change that counts."""
    last_ns: int
    """When the last socket had received all the changes."""
    busy_ns: int
    """How long the sink was receiving rather than waiting."""
    frame_bytes: int
    """The size of the last update, including its frame header."""


class Sink:
    """Many WebSockets connected to one server, in one process on one core."""

    def __init__(self, child: TalkingChild, server: Child, sockets: int) -> None:
        self._child = child
        self._server = server
        self.sockets = sockets
        self.connect_seconds: float = self._hear("connected")["seconds"]
        """The time from the first connect until the last socket was ready."""

    @property
    def pid(self) -> int:
        return self._child.pid

    def settle(self) -> None:
        """Wait until the server no longer sends anything of its own accord."""
        self._child.say(f"quiet {_PAUSE_MILLISECONDS} {_DEADLINE_MILLISECONDS}")
        self._hear("quiet")

    def arm(self, wave: Wave) -> int:
        """Start to count until each socket has all of `wave`; return how many unexpected updates came before."""
        self._child.say(f"arm {wave.ahead + wave.changes} {wave.ahead} {_DEADLINE_MILLISECONDS}")
        stray: int = self._hear("armed")["stray"]
        return stray

    def arrival(self) -> WaveArrival:
        """Wait until every socket has the wave that the sink was armed for."""
        heard = self._hear("complete")
        del heard["event"]
        return WaveArrival(**heard)

    def _hear(self, event: str) -> dict[str, Any]:
        """Read an event from the child. On failure, report the server's log, which is more likely to say why."""
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
    """Connect one socket to `server` for each of `paths`; return when each has received `first_frames` frames."""
    child = stack.enter_context(
        TalkingChild([str(program), "127.0.0.1", str(port), str(first_frames)], core=core, log=log)
    )
    # Paths contain tokens. Sent through a pipe, they don't end up on disk or in the process list.
    child.say("\n".join(paths) + "\n")
    return Sink(child, server, len(paths))
