"""Touched: the users of whom something may look different to operators since the last look."""

from __future__ import annotations


class Touched:
    """Two sets that the core adds to on its hot path and the overview empties. At most every user is in them."""

    def __init__(self) -> None:
        self.users: set[int] = set()
        """Something that a row shows may have changed."""
        self.heard: set[int] = set()
        """There was a sign of life."""
