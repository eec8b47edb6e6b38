"""Starting: how long a server takes from its start until it is ready."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from benchmarks.lab import Lab
from benchmarks.rollcall import make_users, server_environment
from benchmarks.row import OURS, Bound, Figure, Reading, Round, Row
from chaos.ports import free_port

_MANY = 100_000

EMPTY = Figure(
    name="start, no users",
    unit="s",
    counts="time from starting the process until GET /readyz returns 200, with an empty embedded store",
    less_is_better=True,
    bounds=(Bound(factor=0.7),),
)
FULL = Figure(
    name="start, 100,000 users",
    unit="s",
    counts="the same, with 100,000 users in the store",
    less_is_better=True,
    bounds=(Bound(factor=2.5),),
)


@contextmanager
def _opened(lab: Lab) -> Iterator[Round]:
    folder = lab.folder("many")
    environment = server_environment(free_port(), folder / "store")
    lab.say(f"importing {_MANY:,} users")
    make_users(lab.server, environment, _MANY, folder)

    def measure() -> list[Reading]:
        readings = []
        with ExitStack() as stack:
            readings.append(Reading(EMPTY.name, OURS, lab.rollcall(stack, 0).ready_seconds))
        with ExitStack() as stack:
            port = int(environment["ROLLCALL_PORT"])
            served = lab.start(stack, folder, port, environment, [])
            readings.append(Reading(FULL.name, OURS, served.ready_seconds))
        return readings

    yield measure


STARTING = Row("start", "from starting the process until it is ready", 60, (EMPTY, FULL), _opened)
