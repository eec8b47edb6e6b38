"""Curves: how Rollcall's cost grows, as `python -m benchmarks.growth` saves it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import msgspec

from benchmarks.run import Machine


class Point(msgspec.Struct, frozen=True):
    """One measurement of a curve: at `x`, so many µs per delivered message or change, and so much of a core."""

    x: int
    per_message_us: float | None
    per_change_us: float | None
    core_share: float


class Curve(msgspec.Struct, frozen=True):
    """How the cost grows with one quantity while everything else stays the same."""

    grows: str
    """The quantity, and what stays the same."""
    points: list[Point]


class Growth(msgspec.Struct, frozen=True):
    """All curves of a run."""

    began: datetime
    machine: Machine
    seconds: float
    """How long each point was measured."""
    curves: list[Curve]


def write_growth(growth: Growth, file: Path) -> None:
    """Save the curves as JSON."""
    file.write_bytes(msgspec.json.format(msgspec.json.encode(growth)) + b"\n")


def read_growth(file: Path) -> Growth:
    """Read what `write_growth` saved."""
    return msgspec.json.decode(file.read_bytes(), type=Growth)
