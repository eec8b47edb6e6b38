"""One run of `python -m benchmarks`: what it measured, as it is saved and shown."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import msgspec

from benchmarks.row import OURS, Figure, Judgement, Reading, judge


class Spread(msgspec.Struct, frozen=True):
    """The values of one figure of one subject over the rounds."""

    figure: str
    subject: str
    minimum: float
    median: float
    maximum: float


class RowResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a row gave: its figures, or why there are none."""

    row: str
    what: str
    figures: list[Figure]
    seconds: float = 0.0
    rounds: list[list[Reading]] = []
    failure: str = ""

    def spreads(self, figure: Figure) -> list[Spread]:
        """Return the values of every subject, Rollcall first."""
        subjects = dict.fromkeys(reading.subject for readings in self.rounds for reading in readings)
        ordered = sorted(subjects, key=lambda subject: subject != OURS)
        return [spread for subject in ordered if (spread := self._spread(figure.name, subject)) is not None]

    def judgements(self) -> list[Judgement]:
        """Return how Rollcall stands to every bound that could be judged."""
        return [judged for figure in self.figures for judged in judge(figure, self.rounds)]

    @property
    def holds(self) -> bool:
        return not self.failure and all(judged.holds for judged in self.judgements())

    def _spread(self, figure: str, subject: str) -> Spread | None:
        values = [
            reading.value
            for readings in self.rounds
            for reading in readings
            if (reading.figure, reading.subject) == (figure, subject)
        ]
        return Spread(figure, subject, min(values), median(values), max(values)) if values else None


class Machine(msgspec.Struct, frozen=True):
    """What the figures depend on."""

    system: str
    processor: str
    cores: int
    python: str


class Run(msgspec.Struct, frozen=True):
    """A whole run."""

    command: str
    began: datetime
    seconds: float
    rounds: int
    machine: Machine
    missing: dict[str, str]
    """Why a peer that could have been compared wasn't, by name."""
    others_share: float
    """The share of the two cores that processes other than the benchmark's used during the run."""
    rows: list[RowResult]


def this_machine() -> Machine:
    """Describe the machine without its name."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    processor = models[0] if models else platform.machine()
    return Machine(platform.platform(), processor, os.cpu_count() or 1, platform.python_version())


def now() -> datetime:
    """Return the time to the second."""
    return datetime.now(UTC).replace(microsecond=0)


def write_run(run: Run, file: Path) -> None:
    """Save a run as JSON."""
    file.write_bytes(msgspec.json.format(msgspec.json.encode(run)) + b"\n")


def read_run(file: Path) -> Run:
    """Read what `write_run` saved."""
    return msgspec.json.decode(file.read_bytes(), type=Run)


def short(number: float) -> str:
    """Write a number with three digits or so."""
    return f"{number:,.0f}" if number >= 100 else f"{number:.1f}" if number >= 10 else f"{number:.2f}"


def all_hold(results: Sequence[RowResult]) -> bool:
    """Return whether every row gave figures, and all of them are within their bounds."""
    return all(result.holds for result in results)
