"""Requests: heartbeats, compared with a handler that only checks the token, and changes of status by many users."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from benchmarks.cores import cpu_seconds
from benchmarks.lab import Lab, Served, heartbeat_lines, status_lines
from benchmarks.peers.peer import TORNADO, start_tornado
from benchmarks.row import OURS, Bound, Figure, Reading, Round, Row

_CONNECTIONS = 32
_HEARTBEAT_SECONDS = 4.0
_TURNS = 2
"""Turns within a round, in which the subjects alternate."""

_USERS = 500
_STATUS_SECONDS = 6.0
_SECRET_BYTES = 48

HEARTBEATS = Figure(
    name="heartbeats",
    unit="requests/s",
    counts="POST /users/me/heartbeat of 32 users over 32 connections, one request at a time on each. Tornado: a handler"
    " that checks the same claims of the same tokens with PyJWT and answers JSON of the same size",
    bounds=(Bound(against=TORNADO, factor=0.85),),
)
HEARTBEAT_CPU = Figure(
    name="CPU per heartbeat",
    unit="µs",
    counts="CPU time of the server process per heartbeat, including what it saves",
    less_is_better=True,
)
STATUSES = Figure(
    name="PUT status",
    unit="requests/s",
    counts="PUT /users/me/status of 500 users over 500 connections, one request at a time on each, on the embedded"
    " store. Every answer comes after the change is on disk",
    bounds=(Bound(factor=2_500),),
)
STATUS_TIME = Figure(
    name="PUT status p99",
    unit="ms",
    counts="99th percentile of the time from sending such a request to its answer",
    less_is_better=True,
)


@contextmanager
def _heartbeats(lab: Lab) -> Iterator[Round]:
    with ExitStack() as stack:
        ours = lab.rollcall(stack, _CONNECTIONS, ROLLCALL_JWT_SECRET=(secret := "k" * _SECRET_BYTES))
        bare = start_tornado(lab, stack, secret).served if lab.wants(TORNADO) else None
        lines = {OURS: heartbeat_lines(ours.tokens), TORNADO: heartbeat_lines(ours.tokens, "/heartbeat")}
        subjects = [(OURS, ours), *([(TORNADO, bare)] if bare else [])]

        def measure() -> list[Reading]:
            rates: dict[str, list[float]] = {name: [] for name, _ in subjects}
            costs: dict[str, list[float]] = {name: [] for name, _ in subjects}
            for _ in range(_TURNS):
                for name, served in subjects:
                    rate, cost = _asked(lab, served, lines[name], _HEARTBEAT_SECONDS / _TURNS)
                    rates[name].append(rate)
                    costs[name].append(cost)
            return [
                *(Reading(HEARTBEATS.name, name, sum(rates[name]) / _TURNS) for name in rates),
                *(Reading(HEARTBEAT_CPU.name, name, sum(costs[name]) / _TURNS) for name in costs),
            ]

        yield measure


def _asked(lab: Lab, served: Served, lines: Sequence[str], seconds: float) -> tuple[float, float]:
    """Return the requests per second and the CPU time of the server per request in µs."""
    before = cpu_seconds(served.pid)
    done = lab.ask(served, lines, seconds=seconds)
    requests = done["requests"]
    return requests / done["seconds"], 1e6 * (cpu_seconds(served.pid) - before) / requests


@contextmanager
def _statuses(lab: Lab) -> Iterator[Round]:
    with ExitStack() as stack:
        ours = lab.rollcall(stack, _USERS)
        lines = status_lines(ours.tokens)

        def measure() -> list[Reading]:
            done = lab.ask(ours, lines, seconds=_STATUS_SECONDS)
            return [
                Reading(STATUSES.name, OURS, done["requests"] / done["seconds"]),
                Reading(STATUS_TIME.name, OURS, 1e-3 * done["p99_us"]),
            ]

        yield measure


HEARTBEAT_ROW = Row("heartbeats", "heartbeats over HTTP", 35, (HEARTBEATS, HEARTBEAT_CPU), _heartbeats)
STATUS_ROW = Row("put", "500 users change their status", 25, (STATUSES, STATUS_TIME), _statuses)
