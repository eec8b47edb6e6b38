"""Growing: whether the cost stays the same when only something grows that it shouldn't depend on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.lab import Lab
from benchmarks.load import Load, heartbeat_cost_us, measure_load
from benchmarks.row import OURS, Bound, Figure, Reading, Round, Row

_SECONDS = 6.0
_FEW, _MANY = 10, 10_000
_USERS, _WATCHERS, _CHANGES = 5_000, 500, 50

USERS = Figure(
    name="cost of twice the users",
    unit="×",
    counts="CPU time of the server per change with 10,000 users, divided by the same with 5,000; 500 sockets watch, and"
    " 50 users make 50 changes per second",
    less_is_better=True,
    bounds=(Bound(factor=1.1),),
)
HEARTBEAT = Figure(
    name="heartbeat with 10,000 watching",
    unit="×",
    counts="CPU time of the server per heartbeat of a user who is online, with 10,000 sockets watching, divided by the"
    " same with 10",
    less_is_better=True,
    bounds=(Bound(factor=1.1),),
)


@contextmanager
def _opened(lab: Lab) -> Iterator[Round]:
    def measure() -> list[Reading]:
        few, many = (
            measure_load(lab, Load(users, _WATCHERS, _CHANGES), seconds=_SECONDS) for users in (_USERS, 2 * _USERS)
        )
        alone, watched = (heartbeat_cost_us(lab, watchers=count, seconds=_SECONDS / 2) for count in (_FEW, _MANY))
        return [
            Reading(USERS.name, OURS, many.per_change_us / few.per_change_us),
            Reading(HEARTBEAT.name, OURS, watched / alone),
        ]

    yield measure


GROWING = Row("growing", "cost as users and watchers grow", 180, (USERS, HEARTBEAT), _opened)
