"""Transport: the sending side of one connection: over a stream of Tornado's, or in memory for tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Transport(Protocol):
    """The sending side of one connection. `take` and `is_busy` are bound once and called for every frame."""

    def take(self, data: bytes, /) -> int:
        """Hand bytes to the kernel and return how many it took. Raises BlockingIOError for none, OSError if lost."""
        ...

    def is_busy(self) -> bool:
        """Whether bytes given to `buffer` are still waiting. While they are, `take` would overtake them."""
        ...

    def buffer(self, data: bytes, drained: Callable[[], None]) -> None:
        """Keep bytes until the peer reads them, then call `drained`. Empty bytes wait for those already kept."""
        ...

    def close(self, code: int, reason: str) -> None:
        """Send a close frame and end the connection."""
        ...
