"""Check: a measured value and its limit, and the kinds of stores that are measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

StoreKind = Literal["embedded", "mongodb"]

BOTH: tuple[StoreKind, ...] = ("embedded", "mongodb")
EMBEDDED: tuple[StoreKind, ...] = ("embedded",)
MONGODB: tuple[StoreKind, ...] = ("mongodb",)


class CannotRun(Exception):
    """Explains why a scenario has no result, to the person who started the run."""


@dataclass(frozen=True)
class Check:
    """One measured value and its limit."""

    what: str
    value: float
    relation: Literal["≤", "≥", "="]
    limit: float
    unit: str = ""

    @property
    def holds(self) -> bool:
        """Whether the value is within the limit. NaN never is."""
        match self.relation:
            case "≤":
                return self.value <= self.limit
            case "≥":
                return self.value >= self.limit
            case "=":
                return self.value == self.limit


def at_most(what: str, value: float, limit: float, unit: str = "") -> Check:
    """The value must not exceed the limit."""
    return Check(what, value, "≤", limit, unit)


def at_least(what: str, value: float, limit: float, unit: str = "") -> Check:
    """The value must reach the limit."""
    return Check(what, value, "≥", limit, unit)


def exactly(what: str, value: float, limit: float, unit: str = "") -> Check:
    """The value must equal the limit."""
    return Check(what, value, "=", limit, unit)


def none(what: str, value: float) -> Check:
    """There must be none of these."""
    return exactly(what, value, 0)
