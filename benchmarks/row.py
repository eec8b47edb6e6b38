"""Rows: what `python -m benchmarks` measures, and the bounds that Rollcall's figures are judged by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from statistics import median

import msgspec

from benchmarks.lab import Lab

OURS = "Rollcall"
LIMIT = "C"


class Reading(msgspec.Struct, frozen=True):
    """What one round of a row measured: one figure of one subject."""

    figure: str
    subject: str
    value: float


class Bound(msgspec.Struct, frozen=True, kw_only=True):
    """What Rollcall's value is compared with: `factor` times another subject's value of the same round, or a number."""

    against: str = ""
    """The other subject. Empty if `factor` is the bound itself."""
    factor: float
    figure: str = ""
    """The figure of the other subject, if it is another one than that which is judged."""


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One quantity, measured for Rollcall and for others."""

    name: str
    unit: str
    counts: str
    """What exactly is measured, in one sentence."""
    less_is_better: bool = False
    bounds: tuple[Bound, ...] = ()

    def describe(self, bound: Bound) -> str:
        """Return the bound in words, such as `≥ 0.4 × C`."""
        sign = "≤" if self.less_is_better else "≥"
        if not bound.against:
            return f"{sign} {bound.factor:,g} {self.unit}".rstrip()
        other = f"{bound.against} ({bound.figure})" if bound.figure else bound.against
        return f"{sign} {bound.factor:g} × {other}"


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """How Rollcall stands to one bound of a figure."""

    figure: str
    bound: str
    value: float
    """The median over the rounds of the ratio to the other subject, or of the value itself."""
    holds: bool


Round = Callable[[], list[Reading]]
"""Measures one round: every subject once, in turns."""


@dataclass(frozen=True)
class Row:
    """A row that can be selected. `open` starts what it needs; `seconds` is about how long three rounds take."""

    name: str
    what: str
    seconds: float
    figures: tuple[Figure, ...]
    open: Callable[[Lab], AbstractContextManager[Round]]


def judge(figure: Figure, rounds: Sequence[Sequence[Reading]]) -> list[Judgement]:
    """Compare Rollcall with each bound of `figure` whose other subject was measured."""
    return [judged for bound in figure.bounds if (judged := _judge(figure, bound, rounds)) is not None]


def _judge(figure: Figure, bound: Bound, rounds: Sequence[Sequence[Reading]]) -> Judgement | None:
    values: list[float] = []
    for readings in rounds:
        found = {(reading.figure, reading.subject): reading.value for reading in readings}
        ours = found.get((figure.name, OURS))
        other = found.get((bound.figure or figure.name, bound.against)) if bound.against else 1.0
        if ours is None or other is None:
            return None
        values.append(ours / other)
    if not values:
        return None
    value = median(values)
    holds = value <= bound.factor if figure.less_is_better else value >= bound.factor
    return Judgement(figure=figure.name, bound=figure.describe(bound), value=value, holds=holds)
