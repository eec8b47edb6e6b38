"""Alert kinds: the kinds of issues of which a browser can tell, and from which amount on the server reports each."""

from __future__ import annotations

import math
from dataclasses import dataclass

from realtime.dashboard.open_issues import due_seconds
from realtime.dashboard.rows import ISSUE_LABELS, IssueKind
from settings import Settings

MINUTE = 60

MOST = 99_999
"""In the page's unit: beyond two months in minutes, nobody waits to be told."""


@dataclass(frozen=True)
class AlertKind:
    """One kind. `limit` is in seconds, or in changes of state; a browser may ask for more, not for less."""

    kind: IssueKind
    label: str
    limit: float
    unit: int
    """How many of these are one on the page."""
    unit_label: str

    @property
    def shown(self) -> str:
        """The limit in the page's unit, as a number without needless digits."""
        return f"{self.limit / self.unit:.12g}"

    @property
    def most(self) -> int:
        """The largest amount that a browser may ask for, in the page's unit."""
        return max(MOST, math.ceil(self.limit / self.unit))


def alert_kinds(settings: Settings) -> list[AlertKind]:
    """All kinds, the one that most needs an explanation of its number last."""
    limits = {
        **due_seconds(settings),
        "long_call": settings.long_call_seconds,
        "silent_socket": settings.silent_socket_seconds,
    }
    kinds = [_of_time(kind, ISSUE_LABELS[kind], limit) for kind, limit in limits.items() if kind != "flapping"]
    within = f"changes in {settings.flapping_seconds:g} s"
    return [*kinds, AlertKind("flapping", ISSUE_LABELS["flapping"], settings.flapping_changes, 1, within)]


def _of_time(kind: IssueKind, label: str, limit: float) -> AlertKind:
    is_minutes = limit >= MINUTE and limit % MINUTE == 0
    return AlertKind(kind, label, limit, MINUTE if is_minutes else 1, "min" if is_minutes else "s")
