"""Scenario: what is done to a server, what must hold, and what was measured."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from chaos.check import Check, StoreKind
from chaos.lab import Lab

Section = Literal["Faults and floods", "One client", "Ending", "Several servers"]
STRANGERS = "other programs' CPU, %"
"""The name of the figure that says how much CPU other programs used during the scenario."""

STRANGERS_PERCENT = 10.0
"""Above this, the measured times may be too long."""


@dataclass(frozen=True)
class Scenario:
    """One scenario. The docstring of `run` says in one sentence what is done and what must hold."""

    name: str
    section: Section
    run: Callable[[Lab], Awaitable[list[Check]]]
    stores: tuple[StoreKind, ...]
    """The stores it runs on: only one where the store makes no difference."""
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
        """After how many seconds it is abandoned."""
        return 60 + 2 * self.expected_seconds(is_long=is_long)


@dataclass(frozen=True)
class Outcome:
    """The outcome of one scenario on one store. If `reason` is set, it could not run and has no values."""

    scenario: Scenario
    store: StoreKind
    checks: tuple[Check, ...] = ()
    figures: Mapping[str, float] = field(default_factory=dict)
    """What else was measured."""
    remarks: tuple[str, ...] = ()
    """Details that help to find the cause of a failure."""
    seconds: float = 0.0
    reason: str = ""

    @property
    def passed(self) -> bool:
        """Whether it ran and everything held."""
        return not self.reason and bool(self.checks) and all(check.holds for check in self.checks)

    @property
    def failed_checks(self) -> list[Check]:
        """The checks that did not hold."""
        return [check for check in self.checks if not check.holds]
