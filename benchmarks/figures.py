"""Figures: what the rounds come to, each beside the limit's, with what it counts."""

from __future__ import annotations

import msgspec

from benchmarks.comparison import Comparison, Passage
from benchmarks.subject import Subject
from benchmarks.wave import Wave


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the table."""

    what: str
    ours: float
    limit: float
    unit: str
    counts: str
    """What exactly is counted, in one sentence."""
    less_is_better: bool = False
    floor: float | None = None
    """The ratio below which a run fails; None: reported, not judged."""

    @property
    def ratio(self) -> float:
        """Ours as a share of the limit, whichever way is better: 1 is as good as the limit, less is worse."""
        return self.limit / self.ours if self.less_is_better else self.ours / self.limit

    @property
    def holds(self) -> bool:
        return self.floor is None or self.ratio >= self.floor


def single_figures(single: Comparison, floor: float) -> list[Figure]:
    """What one change at a time shows; `floor` is the least ratio of its rate."""
    return [
        Figure(
            what="one change at a time",
            ours=single.ours.median(_rate),
            limit=single.limit.median(_rate),
            unit="frames/s",
            counts="update frames received, from the first socket that heard of a change to the last",
            floor=floor,
        ),
        Figure(
            what="change to last socket",
            ours=1e3 * single.ours.median(_delay),
            limit=1e3 * single.limit.median(_delay),
            unit="ms",
            counts="from asking (ours: a PUT, authorised, on disk) until the last socket has the change",
            less_is_better=True,
        ),
        Figure(
            what="CPU per frame",
            ours=1e6 * single.ours.cpu_seconds_per_frame,
            limit=1e6 * single.limit.cpu_seconds_per_frame,
            unit="µs",
            counts="all CPU time of the server (ours: requests, store, stats and all), over the update frames received",
            less_is_better=True,
        ),
    ]


def waiting_figure(waiting: Comparison, single: Comparison, wave: Wave) -> Figure:
    """What changes that wait together show; the sentence also compares with the limit of single frames."""
    rate, single_limit = waiting.ours.median(_rate), single.limit.median(_rate)
    return Figure(
        what=f"{wave.changes} changes waiting",
        ours=rate,
        limit=waiting.limit.median(_rate),
        unit="messages/s",
        counts=f"the same, of changes that were asked for together with one before them; the limit puts all"
        f" {wave.changes} into one send a socket (ours is {rate / single_limit:.2f} of the limit of single frames)",
    )


def connect_figure(ours: Subject, limit: Subject) -> Figure:
    """How fast the sockets came in, once."""
    return Figure(
        what="connects",
        ours=ours.sink.sockets / ours.sink.connect_seconds,
        limit=limit.sink.sockets / limit.sink.connect_seconds,
        unit="sockets/s",
        counts="from the first connect to the last socket ready (ours: authorised, with its first messages)",
    )


def _rate(passage: Passage) -> float:
    return passage.frames_per_second


def _delay(passage: Passage) -> float:
    return passage.delay_seconds
