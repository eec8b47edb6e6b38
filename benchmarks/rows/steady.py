"""Steady: 5,000 sockets and ten changes a second: how late the event loop is, and whether every last state arrives."""

from __future__ import annotations

import http.client
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from benchmarks.changes import Changes, ask, bring_online
from benchmarks.failure import BenchmarkError
from benchmarks.lab import Lab, Served, await_quiet
from benchmarks.row import OURS, Bound, Figure, Reading, Round, Row

_SOCKETS = 5_000
_SOCKETS_PER_USER = 5
_MOVERS = 40
_CHANGES_PER_SECOND = 10.0
_SECONDS = 12.0
_LAG = re.compile(r'^rollcall_loop_lag_seconds_bucket\{le="([^"]+)"\} (\S+)$', re.MULTILINE)

LAG = Figure(
    name="loop lag p99",
    unit="ms",
    counts="99th percentile of the delay of the event loop's callbacks, from the server's own histogram: the upper end"
    " of the bucket that it is in; with 5,000 sockets and 10 changes per second",
    less_is_better=True,
    bounds=(Bound(factor=30),),
)
LOST = Figure(
    name="lost last states",
    unit="",
    counts="statuses of the 40 users who changed, over all 5,000 sockets, whose last update isn't the user's last"
    " change",
    less_is_better=True,
    bounds=(Bound(factor=0),),
)


@contextmanager
def _opened(lab: Lab) -> Iterator[Round]:
    with ExitStack() as stack:
        watchers = _SOCKETS // _SOCKETS_PER_USER
        ours = lab.rollcall(stack, watchers + _MOVERS)
        movers = ours.tokens[watchers:]
        paths = [f"/ws/feed?token={token}" for token in ours.tokens[:watchers] for _ in range(_SOCKETS_PER_USER)]
        sink = lab.sink(stack, ours, paths, first_frames=2)
        sink.track(watchers + 1, _MOVERS)

        def measure() -> list[Reading]:
            bring_online(ours.port, movers)
            await_quiet(ours.pid)
            before = _buckets(ours)
            with Changes(ours.port, movers, _CHANGES_PER_SECOND) as changes:
                time.sleep(_SECONDS)
                changes.rate()
            after = _buckets(ours)
            _end_busy(ours, movers)
            sink.settle()
            return [Reading(LAG.name, OURS, 1e3 * _p99(before, after)), Reading(LOST.name, OURS, sink.not_busy())]

        yield measure


def _end_busy(served: Served, tokens: list[str]) -> None:
    """Make every user busy as the last change; a user who is busy already first becomes free."""
    link = http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)
    for is_busy in (False, True):
        for token in tokens:
            ask(link, "PUT", "/users/me/status", token, {"is_busy": is_busy})
        time.sleep(1.0)  # a user's announcements per second are limited, and the latest comes last
    link.close()


def _buckets(served: Served) -> dict[float, float]:
    """Return the counts of the histogram of the loop's lag, by the upper end of each bucket."""
    link = http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)
    link.request("GET", "/metrics")
    text = link.getresponse().read().decode()
    link.close()
    return {float(end): float(count) for end, count in _LAG.findall(text)}


def _p99(before: dict[float, float], after: dict[float, float]) -> float:
    counts = {end: after[end] - before.get(end, 0.0) for end in sorted(after)}
    total = counts[float("inf")]
    if not total:
        raise BenchmarkError("the server did not measure the lag of its loop")
    return next(end for end, count in counts.items() if count >= 0.99 * total)


STEADY = Row("steady", "5,000 sockets, 10 changes a second", 80, (LAG, LOST), _opened)
