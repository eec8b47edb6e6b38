"""Pauses: the times in which no server was running, from those in which one was."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from realtime.dashboard.day_spans import Pause

SHORTEST = 1000
"""Milliseconds. Nobody misses a shorter time, and servers note their times only so precisely."""


class RunningTime(msgspec.Struct, frozen=True):
    """A time in which a server was running and saved all events. Times are milliseconds since 1970."""

    start: int
    end: int
    server: str


def pauses_of(times: Iterable[RunningTime]) -> list[Pause]:
    """The gaps between the times of all servers. In a gap between two times of one server, events were lost."""
    pauses: list[Pause] = []
    last: RunningTime | None = None
    for time in sorted(times, key=lambda time: time.start):
        if last is not None and time.start - last.end >= SHORTEST:
            pauses.append(Pause(last.end, time.start, "unknown" if time.server == last.server else "stopped"))
        if last is None or time.end >= last.end:
            last = time
    return pauses
