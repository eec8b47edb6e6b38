"""Wave: changes that are caused at once; the next wave begins when every socket has the last."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wave:
    """`changes` that count, with `ahead` more before them, for which they have to wait."""

    changes: int
    ahead: int = 0


SINGLE = Wave(changes=1)

TEN_WAITING = Wave(changes=10, ahead=1)
