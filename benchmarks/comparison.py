"""Comparison: a wave of ours, a wave of the limit's, by turns, because a machine's noise comes in stretches."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from benchmarks.cores import Place, cpu_seconds
from benchmarks.failure import BenchmarkError
from benchmarks.subject import Subject
from benchmarks.wave import Wave

_PAUSE_SECONDS = 0.05
"""Linux delays acknowledgements by 40 ms. After this pause those of one wave cost nothing in the next one."""

CALM_WAVES = 30
"""Fewer of a subject's waves are no basis for a figure that is judged."""

_DISTURBED = 0.03
"""A wave is left out when strangers held one of the two cores for more than this share of it."""


@dataclass(frozen=True, slots=True)
class Passage:
    """One wave that has come to every socket."""

    frames: int
    """Update frames that count, one more for each socket and change."""
    span_seconds: float
    """From the first of them at a socket to the last."""
    delay_seconds: float
    """From the moment the wave was asked for to the last."""
    sink_seconds: float
    """What the sink needed of the span for receiving; near the span, it is the sink that is measured."""
    kept_waiting_seconds: float
    """What strangers took, on the core where they took more."""

    @property
    def frames_per_second(self) -> float:
        # The first frame starts the clock, so it is not among those that took the time.
        return (self.frames - 1) / self.span_seconds

    @property
    def is_disturbed(self) -> bool:
        return self.kept_waiting_seconds > _DISTURBED * self.span_seconds


@dataclass(frozen=True, slots=True)
class Series:
    """The waves of one subject, in order."""

    passages: list[Passage]
    cpu_seconds_per_frame: float
    """All CPU time of the server while both were measured, over all its update frames."""

    @property
    def calm(self) -> list[Passage]:
        """The waves that nobody disturbed."""
        return [passage for passage in self.passages if not passage.is_disturbed]

    def median(self, figure: Callable[[Passage], float]) -> float:
        """The median of `figure` over the calm waves; over all when there is none."""
        return median(map(figure, self.calm or self.passages))


@dataclass(frozen=True, slots=True)
class Comparison:
    """Both, over the same time."""

    ours: Series
    limit: Series

    def counted(self) -> tuple[int, int]:
        """How many of the waves count, and how many there were."""
        both = (self.ours, self.limit)
        return sum(len(series.calm) for series in both), sum(len(series.passages) for series in both)


def compare(ours: Subject, limit: Subject, wave: Wave, *, seconds: float, step: Callable[[float], None]) -> Comparison:
    """Cause `wave` at both by turns for `seconds`, or half as long again when few waves are calm.

    Calls `step` after each turn with the seconds that it took.
    """
    subjects = (ours, limit)
    passages: dict[Subject, list[Passage]] = {ours: [], limit: []}
    before = [cpu_seconds(subject.pid) for subject in subjects]
    began = time.monotonic()
    while (started := time.monotonic()) < began + seconds * (1 if _are_enough(passages) else 1.5):
        for subject in subjects:
            passages[subject].append(_pass(subject, wave))
            time.sleep(_PAUSE_SECONDS)
        step(time.monotonic() - started)
    series: list[Series] = []
    for subject, was in zip(subjects, before, strict=True):
        frames = subject.sink.sockets * (wave.ahead + wave.changes) * len(passages[subject])
        series.append(Series(passages[subject], (cpu_seconds(subject.pid) - was) / frames))
    return Comparison(*series)


def _are_enough(passages: dict[Subject, list[Passage]]) -> bool:
    return all(sum(not one.is_disturbed for one in theirs) >= CALM_WAVES for theirs in passages.values())


def _pass(subject: Subject, wave: Wave) -> Passage:
    """Cause one wave and wait until it has arrived."""
    places = (Place(subject.pid), Place(subject.sink.pid, (os.getpid(),)))
    before = [place.kept_waiting() for place in places]
    stray = subject.sink.arm(wave)
    if stray:
        raise BenchmarkError(f"a socket got {stray} updates that were not asked for: the counts mean nothing")
    asked_ns = time.monotonic_ns()
    subject.cause(wave)
    arrival = subject.sink.arrival()
    return Passage(
        frames=subject.sink.sockets * wave.changes,
        span_seconds=(arrival.last_ns - arrival.first_ns) * 1e-9,
        delay_seconds=(arrival.last_ns - asked_ns) * 1e-9,
        sink_seconds=arrival.busy_ns * 1e-9,
        kept_waiting_seconds=max(place.kept_waiting() - was for place, was in zip(places, before, strict=True)),
    )
