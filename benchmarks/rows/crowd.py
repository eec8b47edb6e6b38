"""Crowd: 5,000 users who were offline connect at once, while others stay connected."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from benchmarks.lab import Lab, await_quiet
from benchmarks.row import OURS, Bound, Figure, Reading, Round, Row

_USERS = 5_000
_BEFORE = 50
_PING_MS = 100
_LONGEST_SECONDS = 100.0
_FIRST_FRAMES = 2
_PING = '{"type":"ping","timestamp":1}'

ALL = Figure(
    name="5,000 at once",
    unit="s",
    counts="time until 5,000 users who were offline have connected, all at the same moment, and each has both first"
    " messages. Everyone is told of everyone",
    less_is_better=True,
    bounds=(Bound(factor=8),),
)
ONE = Figure(
    name="5,000 at once, p99 of one",
    unit="s",
    counts="99th percentile of the time from such a socket's own connect until it has both first messages",
    less_is_better=True,
    bounds=(Bound(factor=4),),
)
PING = Figure(
    name="ping meanwhile, p99",
    unit="ms",
    counts="99th percentile of the time until `ping` was answered on 50 sockets that were connected before, each"
    " sending one every 100 ms during the storm",
    less_is_better=True,
    bounds=(Bound(factor=100),),
)


@contextmanager
def _opened(lab: Lab) -> Iterator[Round]:
    def measure() -> list[Reading]:
        # A server of its own for each round, because its users are offline only once.
        with ExitStack() as stack:
            ours = lab.rollcall(stack, _USERS + _BEFORE)
            paths = [f"/ws/feed?token={token}" for token in ours.tokens]
            before = lab.sink(stack, ours, paths[:_BEFORE], first_frames=_FIRST_FRAMES)
            before.settle()
            await_quiet(ours.pid)
            before.start_pings(sockets=_BEFORE, every_ms=_PING_MS, seconds=_LONGEST_SECONDS, text=_PING)
            crowd = lab.sink(stack, ours, paths[_BEFORE:], first_frames=_FIRST_FRAMES, at_once=_USERS)
            before.stop_pings()
            pings = before.pings()
            return [
                Reading(ALL.name, OURS, crowd.connect_seconds),
                Reading(ONE.name, OURS, crowd.connect_p99_seconds),
                Reading(PING.name, OURS, 1e3 * pings.p99_seconds),
            ]

    yield measure


CROWD = Row("crowd", "5,000 users come online at once", 60, (ALL, ONE, PING), _opened)
