"""The figures of a run: each is shown next to the limit's, with a sentence that says what it measures."""

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
    """What exactly the figure measures, in one sentence."""
    less_is_better: bool = False
    floor: float | None = None
    """The run fails if the ratio is below this. None if the figure is only reported."""

    @property
    def ratio(self) -> float:
        """How Rollcall compares with the limit: 1 is as good, less is worse, even where lower values are better."""
        return self.limit / self.ours if self.less_is_better else self.ours / self.limit

    @property
    def holds(self) -> bool:
        return self.floor is None or self.ratio >= self.floor


def single_figures(single: Comparison, floor: float) -> list[Figure]:
    """Return the figures for one change at a time; `floor` is the lowest acceptable ratio of the rates."""
    return [
        Figure(
            what="one change at a time",
            ours=single.ours.median(_rate),
            limit=single.limit.median(_rate),
            unit="frames/s",
            counts="update frames received per second, from the first socket that receives a change to the last",
            floor=floor,
        ),
        Figure(
            what="change to last socket",
            ours=1e3 * single.ours.median(_delay),
            limit=1e3 * single.limit.median(_delay),
            unit="ms",
            counts="time from the request (Rollcall: a PUT, authorised and saved) until the last socket has the change",
            less_is_better=True,
        ),
        Figure(
            what="CPU per frame",
            ours=1e6 * single.ours.cpu_seconds_per_frame,
            limit=1e6 * single.limit.cpu_seconds_per_frame,
            unit="µs",
            counts="CPU time of the server process (Rollcall: including requests, store and stats) per update frame",
            less_is_better=True,
        ),
    ]


def waiting_figure(waiting: Comparison, single: Comparison, wave: Wave, floor: float) -> Figure:
    """Return the figure for changes that wait together; its text also compares it with the limit for single frames."""
    rate, single_limit = waiting.ours.median(_rate), single.limit.median(_rate)
    return Figure(
        what=f"{wave.changes} changes waiting",
        ours=rate,
        limit=waiting.limit.median(_rate),
        unit="messages/s",
        counts=f"messages received per second when changes wait behind an earlier one; the limit puts all"
        f" {wave.changes} into one send() per socket (Rollcall reaches {rate / single_limit:.2f} × the limit's rate for"
        " single frames)",
        floor=floor,
    )


def connect_figure(ours: Subject, limit: Subject, floor: float) -> Figure:
    """Return how fast the sockets connected, which is measured only once."""
    return Figure(
        what="connects",
        ours=ours.sink.sockets / ours.sink.connect_seconds,
        limit=limit.sink.sockets / limit.sink.connect_seconds,
        unit="sockets/s",
        counts="sockets per second, until the last one has its two first messages (Rollcall: also authorised)",
        floor=floor,
    )


def _rate(passage: Passage) -> float:
    return passage.frames_per_second


def _delay(passage: Passage) -> float:
    return passage.delay_seconds
