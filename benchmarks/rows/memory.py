"""Memory: what an idle socket costs, and what is still held after it has closed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from benchmarks.lab import Lab, Served, await_quiet, resident_bytes
from benchmarks.peers.peer import start_peers
from benchmarks.row import OURS, Bound, Figure, Reading, Round, Row
from benchmarks.rows.connects import bring_online
from benchmarks.sink import Sink

_SOCKETS = 10_000
_USERS = 2_000
_SOCKETS_PER_USER = 5
_FIRST_FRAMES = 2
_LEFT_SECONDS = 40.0

IDLE = Figure(
    name="memory per idle socket",
    unit="KB",
    counts="growth of the server's resident memory by 10,000 open sockets, divided by their number, once the server is"
    " quiet. Rollcall: five sockets each of 2,000 users who are online already; what a user costs is not included",
    less_is_better=True,
    bounds=(Bound(factor=16),),
)
HELD = Figure(
    name="memory held after closing",
    unit="KB",
    counts="the part of this growth that is left 40 s after all the sockets have closed",
    less_is_better=True,
    bounds=(Bound(factor=4),),
)


@contextmanager
def _opened(lab: Lab) -> Iterator[Round]:
    def measure() -> list[Reading]:
        with ExitStack() as stack:
            return _measure(lab, stack)

    yield measure


def _measure(lab: Lab, stack: ExitStack) -> list[Reading]:
    """Start every server anew, because a process reuses the memory of the round before."""
    readings: list[Reading] = []
    before: dict[str, int] = {}
    ours = lab.rollcall(stack, _USERS)
    peers = start_peers(lab, stack)
    with ExitStack() as sockets:
        bring_online(lab, ours)
        before[OURS] = _quiet_bytes(ours)
        readings.append(_idle(OURS, ours, before[OURS], _sink_of_ours(lab, sockets, ours)))
        for peer in peers:
            lab.say(f"memory of {peer.name}")
            before[peer.name] = _quiet_bytes(peer.served)
            sink = peer.connect(lab, sockets, _SOCKETS)
            readings.append(_idle(peer.name, peer.served, before[peer.name], sink))
    lab.say(f"waiting for {_LEFT_SECONDS:.0f} s after all sockets have closed")
    time.sleep(_LEFT_SECONDS)
    for name, served in ((OURS, ours), *((peer.name, peer.served) for peer in peers)):
        readings.append(Reading(HELD.name, name, (resident_bytes(served.pid) - before[name]) / _SOCKETS / 1024))
    return readings


def _sink_of_ours(lab: Lab, stack: ExitStack, ours: Served) -> Sink:
    paths = [f"/ws/feed?token={token}" for token in ours.tokens for _ in range(_SOCKETS_PER_USER)]
    return lab.sink(stack, ours, paths, first_frames=_FIRST_FRAMES)


def _quiet_bytes(served: Served) -> int:
    await_quiet(served.pid)
    return resident_bytes(served.pid)


def _idle(name: str, served: Served, before: int, sink: Sink) -> Reading:
    return Reading(IDLE.name, name, (_quiet_bytes(served) - before) / sink.sockets / 1024)


MEMORY = Row("memory", "10,000 idle sockets", 330, (IDLE, HELD), _opened)
