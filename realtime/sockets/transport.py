"""Transport: how a session writes. The handlers give one over Tornado's stream, the tests one in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Transport(Protocol):
    """One connection's way out. `take` and `is_busy` are bound once and called for every frame of a fan-out."""

    def take(self, data: bytes, /) -> int:
        """Hand bytes to the kernel; how many it took. Raises BlockingIOError for none, OSError at a lost peer."""
        ...

    def is_busy(self) -> bool:
        """Whether bytes given to `buffer` still wait. While they do, `take` would overtake them."""
        ...

    def buffer(self, data: bytes, drained: Callable[[], None]) -> None:
        """Keep bytes and write them when the peer reads; then call `drained`. Empty bytes wait for those before."""
        ...

    def close(self, code: int, reason: str) -> None:
        """Send a close frame and end the connection."""
        ...
