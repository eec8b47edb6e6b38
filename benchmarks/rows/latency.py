"""Latency: how long one change takes inside the server, without the store, compared with the loop in C."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import cycle, islice
from pathlib import Path
from statistics import median

from benchmarks.child import TalkingChild
from benchmarks.failure import BenchmarkError
from benchmarks.lab import UNLIMITED, Lab, Served
from benchmarks.limit import start_limit
from benchmarks.rollcall import Rollcall, await_ready, make_users, server_environment
from benchmarks.row import LIMIT, OURS, Bound, Figure, Reading, Round, Row
from benchmarks.wave import SINGLE
from chaos.ports import free_port

_SOCKETS = 1_000
_SOCKETS_PER_USER = 8
_CHANGES = 200
_PAUSE_SECONDS = 0.045
"""Linux delays acknowledgements by 40 ms. After this pause, those of one change no longer affect the next."""

_TRACED = Path(__file__).parents[1] / "traced.py"

P50 = Figure(
    name="one change to 1,000, p50",
    unit="ms",
    counts="median time inside the server from a request's arrival until the last of 1,000 sockets has been sent the"
    " change, without the time that the store takes. C: the loop over as many sockets",
    less_is_better=True,
    bounds=(Bound(against=LIMIT, factor=1.2),),
)
P99 = Figure(
    name="one change to 1,000, p99",
    unit="ms",
    counts="99th percentile of the same times",
    less_is_better=True,
    bounds=(Bound(against=LIMIT, factor=3),),
)


@contextmanager
def _opened(lab: Lab) -> Iterator[Round]:
    with ExitStack() as stack:
        child, ours = _traced(lab, stack)
        ours.sink.arm(SINGLE)
        ours.cause(SINGLE)
        frame_bytes = ours.sink.arrival().frame_bytes
        limit = start_limit(
            stack,
            (lab.program("limit"), lab.program("sink")),
            lab.cores,
            sockets=_SOCKETS,
            frame_bytes=frame_bytes,
            scratch=lab.folder("limit"),
        )

        def measure() -> list[Reading]:
            _times(child)  # drops those of the warm-up
            loops: list[float] = []
            for _ in range(_CHANGES):
                for subject in (ours, limit):
                    subject.sink.arm(SINGLE)
                    subject.cause(SINGLE)
                    subject.sink.arrival()
                    time.sleep(_PAUSE_SECONDS)
                loops.append(limit.sent_ns * 1e-9)
            return [*_readings(OURS, _times(child)), *_readings(LIMIT, loops)]

        yield measure


def _traced(lab: Lab, stack: ExitStack) -> tuple[TalkingChild, Rollcall]:
    folder, port = lab.folder("traced"), free_port()
    environment = server_environment(port, folder / "store") | UNLIMITED | {"PYTHONPATH": str(lab.server.parent)}
    tokens = make_users(lab.server, environment, -(-_SOCKETS // _SOCKETS_PER_USER), folder)
    child = TalkingChild(
        # -P: modules come from the folder of the server that is measured, not from that of the program.
        [sys.executable, "-P", str(_TRACED)],
        core=lab.cores.server,
        log=folder / "server.log",
        environment=environment,
    )
    stack.enter_context(child)
    await_ready(child, port)
    served = Served(child, port, tokens)
    paths = [f"/ws/feed?token={token}" for token in islice(cycle(tokens), _SOCKETS)]
    sink = lab.sink(stack, served, paths, first_frames=2)
    sink.settle()
    return child, Rollcall(child, sink, port, tokens)


def _times(child: TalkingChild) -> list[float]:
    child.say("take")
    times: list[float] = child.hear("traced")["seconds"]
    return times


def _readings(subject: str, times: list[float]) -> list[Reading]:
    if len(times) < _CHANGES:
        raise BenchmarkError(f"{subject} sent only {len(times)} of {_CHANGES} changes")
    ordered = sorted(times)
    return [
        Reading(P50.name, subject, 1e3 * median(ordered)),
        Reading(P99.name, subject, 1e3 * ordered[len(ordered) * 99 // 100]),
    ]


LATENCY = Row("latency", "one change to 1,000 sockets, without the store", 75, (P50, P99), _opened)
