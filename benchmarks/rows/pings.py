"""Pings: how fast a server answers its sockets, compared with one that only returns what it receives."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from benchmarks.lab import Lab
from benchmarks.peers.peer import NODE, TORNADO, start_peers
from benchmarks.row import OURS, Bound, Figure, Reading, Round, Row
from benchmarks.sink import Sink

_SOCKETS = 32
_SECONDS = 3.0
_TURNS = 2
_PING = '{"type":"ping","timestamp":1}'

PINGS = Figure(
    name="ping → pong",
    unit="messages/s",
    counts="commands answered per second on 32 sockets, one at a time on each. Rollcall: `ping`, answered by `pong`, by"
    " 32 users. Tornado and Node return the same text",
    bounds=(Bound(against=TORNADO, factor=0.8),),
)
TIME = Figure(
    name="ping → pong p99",
    unit="ms",
    counts="99th percentile of the time from sending such a command to its answer",
    less_is_better=True,
)


@contextmanager
def _opened(lab: Lab) -> Iterator[Round]:
    with ExitStack() as stack:
        ours = lab.rollcall(stack, _SOCKETS)
        paths = [f"/ws/feed?token={token}" for token in ours.tokens]
        sinks: dict[str, Sink] = {OURS: lab.sink(stack, ours, paths, first_frames=2)}
        for peer in start_peers(lab, stack, (TORNADO, NODE)):
            sinks[peer.name] = peer.connect(lab, stack, _SOCKETS)
        for sink in sinks.values():
            sink.settle()

        def measure() -> list[Reading]:
            rates: dict[str, list[float]] = {name: [] for name in sinks}
            times: dict[str, list[float]] = {name: [] for name in sinks}
            for _ in range(_TURNS):
                for name, sink in sinks.items():
                    sink.start_pings(sockets=_SOCKETS, every_ms=0, seconds=_SECONDS / _TURNS, text=_PING)
                    pings = sink.pings()
                    rates[name].append(pings.count / (_SECONDS / _TURNS))
                    times[name].append(1e3 * pings.p99_seconds)
            return [
                *(Reading(PINGS.name, name, sum(rates[name]) / _TURNS) for name in sinks),
                *(Reading(TIME.name, name, sum(times[name]) / _TURNS) for name in sinks),
            ]

        yield measure


PING_ROW = Row("pings", "commands and answers over sockets", 40, (PINGS, TIME), _opened)
