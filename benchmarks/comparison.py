"""Comparison of Rollcall with the limit, wave by wave in turns, because a machine's noise comes in stretches."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median

from benchmarks.cores import Place, cpu_seconds
from benchmarks.failure import BenchmarkError
from benchmarks.subject import Subject
from benchmarks.wave import Wave

_PAUSE_SECONDS = 0.05
"""Linux delays acknowledgements by 40 ms. After this pause, those of one wave no longer affect the next, and a server
that was stopped has done what had become due."""

CALM_WAVES = 30
"""The least number of undisturbed waves of each subject that a judged figure needs."""

_DISTURBED = 0.03
"""A wave is left out if other processes had one of the two cores for more than this share of its duration."""


@dataclass(frozen=True, slots=True)
class Passage:
    """One wave that has reached every socket."""

    frames: int
    """The update frames that count: one for each socket and change."""
    span_seconds: float
    """The time from the arrival of the first of these frames to that of the last."""
    delay_seconds: float
    """The time from the request for the wave to the arrival of the last frame."""
    sink_seconds: float
    """How much of the span the sink was busy receiving. If it is nearly all, the sink is what is measured."""
    kept_waiting_seconds: float
    """The time that other processes took, on whichever core they took more."""

    @property
    def frames_per_second(self) -> float:
        # The first frame starts the clock, so it isn't one of the frames received during the span.
        return (self.frames - 1) / self.span_seconds

    @property
    def is_disturbed(self) -> bool:
        return self.kept_waiting_seconds > _DISTURBED * self.span_seconds


@dataclass(frozen=True, slots=True)
class Series:
    """The waves of one subject, in order."""

    passages: list[Passage]
    cpu_seconds_per_frame: float
    """The CPU time of the server during the whole comparison, divided by all its update frames."""

    @property
    def calm(self) -> list[Passage]:
        """The waves that no other process disturbed."""
        return [passage for passage in self.passages if not passage.is_disturbed]

    def median(self, figure: Callable[[Passage], float]) -> float:
        """Return the median of `figure` over the calm waves, or over all waves if none was calm."""
        return median(map(figure, self.calm or self.passages))


@dataclass(frozen=True, slots=True)
class Comparison:
    """The waves of both subjects, measured over the same period."""

    ours: Series
    limit: Series

    def counted(self) -> tuple[int, int]:
        """Return how many waves were calm, and how many there were."""
        both = (self.ours, self.limit)
        return sum(len(series.calm) for series in both), sum(len(series.passages) for series in both)


def compare(ours: Subject, limit: Subject, wave: Wave, *, seconds: float, step: Callable[[float], None]) -> Comparison:
    """Cause `wave` on both subjects in turns for `seconds`, or up to half as long again if too few waves are calm.

    Calls `step` after each turn with the number of seconds it took.
    """
    return Comparison(*take_turns((ours, limit), wave, seconds=seconds, step=step))


def take_turns(
    subjects: Sequence[Subject], wave: Wave, *, seconds: float, step: Callable[[float], None]
) -> list[Series]:
    """Cause `wave` on all subjects in turns, as `compare` does; return the waves of each."""
    passages: dict[Subject, list[Passage]] = {subject: [] for subject in subjects}
    before = [cpu_seconds(subject.pid) for subject in subjects]
    began = time.monotonic()
    while (started := time.monotonic()) < began + seconds * (1 if _are_enough(passages) else 1.5):
        for subject in subjects:
            with _halted([other.pid for other in subjects if other is not subject]):
                time.sleep(_PAUSE_SECONDS)
                passages[subject].append(_pass(subject, wave))
        step(time.monotonic() - started)
    series: list[Series] = []
    for subject, was in zip(subjects, before, strict=True):
        frames = subject.sink.sockets * (wave.ahead + wave.changes) * len(passages[subject])
        series.append(Series(passages[subject], (cpu_seconds(subject.pid) - was) / frames))
    return series


@contextmanager
def _halted(pids: Sequence[int]) -> Iterator[None]:
    """Stop the other servers meanwhile: they share the core, and some of them are never quite idle."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def _are_enough(passages: dict[Subject, list[Passage]]) -> bool:
    return all(sum(not one.is_disturbed for one in theirs) >= CALM_WAVES for theirs in passages.values())


def _pass(subject: Subject, wave: Wave) -> Passage:
    """Cause one wave and wait until every socket has it."""
    places = (Place(subject.pid), Place(subject.sink.pid, (os.getpid(),)))
    before = [place.kept_waiting() for place in places]
    stray = subject.sink.arm(wave)
    if stray:
        raise BenchmarkError(f"a socket received {stray} unexpected updates, so the counts are meaningless")
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
