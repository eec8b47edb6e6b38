"""Scenario: what is done to a server, what must hold, and what was measured."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from chaos.check import Check, StoreKind
from chaos.lab import Lab

Section = Literal["Faults and floods", "One client", "Ending"]
STRANGERS = "other programs' CPU, %"
"""The figure of how busy others kept the machine meanwhile."""

STRANGERS_PERCENT = 10.0
"""Beyond this, times are longer than they have to be."""


@dataclass(frozen=True)
class Scenario:
    """One scenario. The docstring of `run` says in one sentence what is done and what must hold."""

    name: str
    section: Section
    run: Callable[[Lab], Awaitable[list[Check]]]
    stores: tuple[StoreKind, ...]
    """The stores it runs on: one, where the store makes no difference."""
    usual_seconds: float
    long_seconds: float = 0.0
    """How long it takes in a long run, if that differs."""

    @property
    def summary(self) -> str:
        """What is done and what must hold."""
        return " ".join((self.run.__doc__ or "").split())

    def expected_seconds(self, *, is_long: bool) -> float:
        """About how long it takes."""
        return self.long_seconds if is_long and self.long_seconds else self.usual_seconds

    def time_limit_seconds(self, *, is_long: bool) -> float:
        """When it is given up."""
        return 60 + 2 * self.expected_seconds(is_long=is_long)


@dataclass(frozen=True)
class Outcome:
    """What came of one scenario on one store. With a `reason` it could not run, and there is no value."""

    scenario: Scenario
    store: StoreKind
    checks: tuple[Check, ...] = ()
    figures: Mapping[str, float] = field(default_factory=dict)
    """What else was measured."""
    remarks: tuple[str, ...] = ()
    """What a person needs to know who looks for the cause of a failure."""
    seconds: float = 0.0
    reason: str = ""

    @property
    def passed(self) -> bool:
        """Whether it ran and everything held."""
        return not self.reason and bool(self.checks) and all(check.holds for check in self.checks)

    @property
    def failed_checks(self) -> list[Check]:
        """What did not hold."""
        return [check for check in self.checks if not check.holds]
