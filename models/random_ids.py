"""Random ids: texts that nobody can guess, and that are never the same twice."""

from __future__ import annotations

import os

POOL_BYTES = 4096
"""Random bytes that are asked of the kernel at a time. A crowd needs an id or two for each socket."""


class RandomIds:
    """Ids of so many random bytes, as hexadecimal digits."""

    def __init__(self, size: int) -> None:
        self._length = 2 * size
        self._pool = ""
        self._used = 0

    def __call__(self) -> str:
        """A new id."""
        start = self._used
        self._used += self._length
        if self._used > len(self._pool):
            self._pool, start, self._used = os.urandom(POOL_BYTES).hex(), 0, self._length
        return self._pool[start : self._used]
