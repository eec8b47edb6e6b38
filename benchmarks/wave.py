"""Waves of changes that are requested at once. The next wave begins only when every socket has the previous one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wave:
    """`changes` is how many changes count; `ahead` is how many more are sent before them, which they wait for."""

    changes: int
    ahead: int = 0


SINGLE = Wave(changes=1)

TEN_WAITING = Wave(changes=10, ahead=1)
