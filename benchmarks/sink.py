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


@dataclass(frozen=True, slots=True)
class Pings:
    """How many texts were answered, and how long the answers took."""

    count: int
    p50_seconds: float
    p99_seconds: float
    max_seconds: float


class Sink:
    """Many WebSockets connected to one server, in one process on one core."""

    def __init__(self, child: TalkingChild, server: Child, sockets: int) -> None:
        self._child = child
        self._server = server
        self.sockets = sockets
        heard = self._hear("connected")
        self.connect_seconds: float = heard["seconds"]
        """The time from the first connect until the last socket was ready."""
        self.connect_p99_seconds: float = heard["p99_us"] * 1e-6
        """The 99th percentile of the time from a socket's own connect until it was ready."""

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

    def start_pings(self, *, sockets: int, every_ms: int, seconds: float, text: str) -> None:
        """Let so many sockets send `text` for `seconds`: every so often, or if `every_ms` is 0, after each answer."""
        self._child.say(f"ping {sockets} {every_ms} {round(seconds * 1000)} {text}")
        self._hear("pinging")

    def stop_pings(self) -> None:
        """End what `start_pings` began before its time."""
        self._child.say("stop")

    def pings(self) -> Pings:
        """Wait for the end of what `start_pings` began."""
        heard = self._hear("pinged")
        return Pings(heard["pings"], heard["p50_us"] * 1e-6, heard["p99_us"] * 1e-6, heard["max_us"] * 1e-6)

    def track(self, first_user: int, users: int) -> None:
        """Remember from now on which of these users each socket was told are busy."""
        self._child.say(f"track {first_user} {users}")
        self._hear("tracking")

    def not_busy(self) -> int:
        """Return how many of the tracked statuses are not “busy”, over all sockets."""
        self._child.say("states")
        count: int = self._hear("states")["not_busy"]
        return count

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
    options: Sequence[str] = (),
) -> Sink:
    """Connect one socket to `server` for each of `paths`; return when each has received `first_frames` frames.

    `options` are further arguments of sink.c.
    """
    argv = [str(program), "127.0.0.1", str(port), str(first_frames), *options]
    child = stack.enter_context(TalkingChild(argv, core=core, log=log))
    # Paths contain tokens. Sent through a pipe, they don't end up on disk or in the process list.
    child.say("\n".join(paths) + "\n")
    return Sink(child, server, len(paths))
