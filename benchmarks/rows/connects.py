"""Connects: how fast users who are online already get their sockets back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import cycle, islice

from benchmarks.cores import cpu_seconds
from benchmarks.lab import Lab, Served, await_quiet, heartbeat_lines
from benchmarks.peers.peer import TORNADO, Peer, start_limit_with_first_frames, start_peers
from benchmarks.row import LIMIT, OURS, Bound, Figure, Reading, Round, Row

_SOCKETS = 2_000
_FIRST_FRAMES = 2
_HEARTBEAT_CONNECTIONS = 100

RATE = Figure(
    name="connects",
    unit="sockets/s",
    counts="sockets per second, from the first connect until the last socket has both first messages, 128 connecting at"
    " a time. Rollcall: 2,000 users who are online already, each with a token. The others check no token and send two"
    " messages of the same size; centrifuge sends one, its reply to the connect command, and nchan none. The C"
    " program takes one connection after another",
    bounds=(Bound(against=LIMIT, factor=0.4), Bound(against=TORNADO, factor=1.0)),
)
CPU = Figure(
    name="CPU per connect",
    unit="µs",
    counts="CPU time of the server process per connected socket",
    less_is_better=True,
)


@contextmanager
def _opened(lab: Lab) -> Iterator[Round]:
    with ExitStack() as stack:
        ours = lab.rollcall(stack, _SOCKETS)
        peers = start_peers(lab, stack)

        def measure() -> list[Reading]:
            readings = _of_ours(lab, ours)
            with ExitStack() as limit_stack:
                if lab.wants(LIMIT):
                    readings += _of_peer(lab, start_limit_with_first_frames(lab, limit_stack, _SOCKETS))
            for peer in peers:
                readings += _of_peer(lab, peer)
            return readings

        yield measure


def bring_online(lab: Lab, served: Served) -> None:
    """Send a heartbeat for each user, which keeps them online for 90 s, whatever their sockets do."""
    tokens = served.tokens
    for start in range(0, len(tokens), _HEARTBEAT_CONNECTIONS):
        # So short that each connection sends only one request or a few.
        lab.ask(served, heartbeat_lines(tokens[start : start + _HEARTBEAT_CONNECTIONS]), seconds=0.001)


def _of_ours(lab: Lab, ours: Served) -> list[Reading]:
    bring_online(lab, ours)
    await_quiet(ours.pid)
    paths = [f"/ws/feed?token={token}" for token in islice(cycle(ours.tokens), _SOCKETS)]
    before = cpu_seconds(ours.pid)
    with ExitStack() as stack:
        sink = lab.sink(stack, ours, paths, first_frames=_FIRST_FRAMES)
        return _readings(OURS, sink.connect_seconds, cpu_seconds(ours.pid) - before)


def _of_peer(lab: Lab, peer: Peer) -> list[Reading]:
    await_quiet(peer.served.pid)
    before = cpu_seconds(peer.served.pid)
    with ExitStack() as stack:
        sink = peer.connect(lab, stack, _SOCKETS)
        return _readings(peer.name, sink.connect_seconds, cpu_seconds(peer.served.pid) - before)


def _readings(subject: str, seconds: float, cpu: float) -> list[Reading]:
    return [
        Reading(RATE.name, subject, _SOCKETS / seconds),
        Reading(CPU.name, subject, 1e6 * cpu / _SOCKETS),
    ]


CONNECTS = Row("connects", "users who are online already get their sockets back", 60, (RATE, CPU), _opened)
